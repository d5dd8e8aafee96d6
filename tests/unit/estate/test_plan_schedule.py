# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units that run playbooks: what systemd reads back is what was declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.filter.schedule_units import schedule_units
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import TIERS
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._estate.plan_schedule import (
    _quoted,
    left_over,
    parse_jobs,
    parse_runner,
    plan_units,
)

ROLE = Path(__file__).parents[3] / "roles/estate"
RUNNER = {
    "command": ["/usr/bin/ansible-playbook"],
    "inventory": "/srv/estate/hosts.yml",
    "user": "gantry",
    "directory": "/srv/estate",
}
JOB = {"name": "tier1", "playbook": "gantry.odoo.backup", "calendar": "*:0/10"}


def units(job: dict[str, Any] | None = None, **runner: Any) -> dict[str, list[str]]:
    files = plan_units(parse_jobs([{**JOB, **(job or {})}]), parse_runner({**RUNNER, **runner}))
    return {one["path"].rsplit("/", 1)[1]: one["content"].splitlines() for one in files}


def unquoted(word: str) -> str:
    """A word as systemd.syntax says that it is read: quotes, backslashes, specifiers and variables."""
    inner = word[1:-1] if word.startswith('"') else word
    return inner.replace("%%", "%").replace("$$", "$").replace('\\"', '"').replace("\\\\", "\\")


def test_a_job_is_a_service_and_a_timer() -> None:
    found = units({"inputs": {"tier": 1}, "delay_s": 60, "timeout_s": 3600}, on_failure=["alert"])
    service, timer = found["gantry-schedule-tier1.service"], found["gantry-schedule-tier1.timer"]
    assert (
        'ExecStart=/usr/bin/ansible-playbook -i /srv/estate/hosts.yml gantry.odoo.backup -e "{\\"tier\\": 1}"'
        in service
    )
    assert {"User=gantry", "Type=oneshot", "TimeoutStartSec=3600", "OnFailure=alert"} <= set(service)
    assert {"OnCalendar=*:0/10", "Persistent=true", "RandomizedDelaySec=60", "FixedRandomDelay=true"} <= set(timer)
    assert "WantedBy=timers.target" in timer


def test_the_password_of_the_vault_is_no_argument() -> None:
    service = units(vault_password_file="/etc/gantry/vault")["gantry-schedule-tier1.service"]
    assert "LoadCredential=vault:/etc/gantry/vault" in service
    (start,) = [line for line in service if line.startswith("ExecStart=")]
    assert start.endswith("--vault-password-file %d/vault")
    assert "/etc/gantry/vault" not in start


@given(st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=30))
def test_a_word_is_read_back_as_it_was(word: str) -> None:
    assert unquoted(_quoted(word)) == word


def test_units_that_are_not_scheduled_any_more_are_named_timers_first() -> None:
    found = ["gantry-old.service", "gantry-old.timer", "gantry-schedule-tier1.timer"]
    assert left_over(found, parse_jobs([JOB])) == ["gantry-old.timer", "gantry-old.service"]
    told = schedule_units([], found, **RUNNER)
    assert (told["files"], told["timers"], len(told["left_over"])) == ([], [], 3)


def test_a_job_follows_others_whatever_became_of_them() -> None:
    copy = {"name": "copy", "playbook": "gantry.odoo.backup_copy", "calendar": "daily", "after": ["tier1", "tier2"]}
    jobs = parse_jobs([JOB, {**JOB, "name": "tier2"}, copy])
    for failed in ([], ["alert"]):
        files = plan_units(jobs, parse_runner({**RUNNER, "on_failure": failed}))
        found = {one["path"].rsplit("/", 1)[1]: one["content"].splitlines() for one in files}
        for name in ("tier1", "tier2"):
            service = found[f"gantry-schedule-{name}.service"]
            assert "OnSuccess=gantry-schedule-copy.service" in service
            assert f"OnFailure={' '.join([*failed, 'gantry-schedule-copy.service'])}" in service
        assert not [line for line in found["gantry-schedule-copy.service"] if line.startswith("OnSuccess")]
    for wrong in ("tier3", "copy"):
        with pytest.raises(InputError, match=f"job copy follows {wrong}, which is no other job"):
            parse_jobs([JOB, {**copy, "after": [wrong]}])
    with pytest.raises(InputError, match="after 'tier1' is no list of names of jobs"):
        parse_jobs([JOB, {**copy, "after": "tier1"}])


def test_the_copy_follows_each_backup_of_the_default_schedule() -> None:
    schedule = yaml.safe_load((ROLE / "defaults/main.yml").read_text())["estate_schedule"]
    files = {one["path"].rsplit("/", 1)[1]: one["content"] for one in schedule_units(schedule, [], **RUNNER)["files"]}
    taking = [one["name"] for one in schedule if one["playbook"] == "gantry.odoo.backup"]
    following = [
        name for name in taking if "OnSuccess=gantry-schedule-copy" in files[f"gantry-schedule-{name}.service"]
    ]
    assert following == taking != []
    alone = schedule_units([*schedule, {**JOB, "name": "more", "after": ["copy"]}], [], copies=False, **RUNNER)
    assert not [one for one in alone["files"] if "copy" in one["content"]]


def test_nothing_is_copied_on_a_schedule_where_there_is_no_second_repository() -> None:
    copying = {**JOB, "name": "copy", "playbook": "gantry.odoo.backup_copy"}
    found = ["gantry-schedule-copy.timer"]
    there = schedule_units([JOB, copying], found, copies=True, **RUNNER)
    assert (there["timers"], there["left_over"]) == (["gantry-schedule-tier1.timer", "gantry-schedule-copy.timer"], [])
    gone = schedule_units([JOB, copying], found, copies=False, **RUNNER)
    assert (gone["timers"], gone["left_over"]) == (["gantry-schedule-tier1.timer"], found)


def test_certificates_are_renewed_where_there_are_edges() -> None:
    schedule = yaml.safe_load((ROLE / "defaults/main.yml").read_text())["estate_schedule"]
    there = schedule_units(schedule, [], edges=True, **RUNNER)["timers"]
    without = schedule_units(schedule, [], edges=False, **RUNNER)["timers"]
    assert set(there) - set(without) == {"gantry-schedule-renewal.timer"}


@pytest.mark.parametrize(
    ("job", "told"),
    [
        ({"name": "Tier 1"}, r"schedule\[0\]: name 'Tier 1' cannot be used"),
        ({"playbook": "x; rm -r"}, "playbook 'x; rm -r' cannot be used"),
        ({"calendar": ""}, "no time of systemd"),
        ({"calendar": "daily\nUnit=other"}, "no time of systemd"),
        ({"delay_s": -1}, "delay_s -1 is no number of seconds"),
        ({"timeout_s": True}, "timeout_s True is no number"),
        ({"inputs": ["tier"]}, "is no dictionary"),
        ({"when": "now"}, "there is no option when"),
    ],
)
def test_a_bad_job_is_one_sentence(job: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        units(job)


@pytest.mark.parametrize(
    ("runner", "told"),
    [
        ({"command": []}, "the command is empty"),
        ({"command": ["ansible-playbook"]}, "command 'ansible-playbook' is not an absolute path"),
        ({"inventory": "hosts.yml"}, "inventory 'hosts.yml'"),
        ({"user": "a b"}, "user 'a b' is not a name"),
        ({"on_failure": ["x\ny"]}, "on_failure"),
        ({"vault_password_file": "vault"}, "vault_password_file 'vault'"),
    ],
)
def test_a_bad_runner_is_one_sentence(runner: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        units(**runner)


def test_two_jobs_have_two_names() -> None:
    with pytest.raises(InputError, match="two jobs are called tier1"):
        parse_jobs([JOB, JOB])


def test_the_default_schedule_backs_up_every_tier() -> None:
    schedule = yaml.safe_load((ROLE / "defaults/main.yml").read_text())["estate_schedule"]
    jobs = parse_jobs(schedule)
    assert {job.inputs["tier"] for job in jobs if job.playbook == "gantry.odoo.backup"} == set(TIERS)
    known = {path.stem for path in (ROLE.parents[1] / "playbooks/inputs").glob("*.yml")}
    for job in jobs:
        name = job.playbook.removeprefix("gantry.odoo.")
        assert name in known
        inputs = yaml.safe_load((ROLE.parents[1] / f"playbooks/inputs/{name}.yml").read_text())["options"]
        assert set(job.inputs) <= set(inputs)
