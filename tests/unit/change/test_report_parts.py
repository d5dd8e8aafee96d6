# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end of a run says of a change: what is where, for how long it served nobody, and what may be run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import BEGUN, PLANNED, PROVEN, Part
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_parts import (
    CommandLine,
    closing,
    parts_shown,
    planned,
    unclosed,
)

COMMAND = CommandLine("ansible-playbook -i hosts")
NOW = datetime(2026, 11, 27, 17, 30, tzinfo=timezone.utc)


def part(name: str, state: str, why: str = "", **facts: Any) -> Part:
    return Part(name, "patch-1", state, NOW, why, facts)


def test_a_change_that_is_not_done_says_what_may_be_run() -> None:
    parts = [part("app1", PROVEN, away_s=12.4), part("app10", BEGUN, "Stop: connection lost"), part("app2", PLANNED)]
    assert closing("patch-1", "patch", parts, ["app3: waits"], COMMAND, done=False) == [
        "patch-1 is not done",
        "  app1   is done and proven (12 s away)",
        "  app10  left and is not proven to serve: Stop: connection lost",
        "  app2   is untouched",
        "  app3: waits",
        "",
        "  to finish it:           ansible-playbook -i hosts gantry.odoo.resume -e change=patch-1 -e way=finish",
        "  to have all as it was:  ansible-playbook -i hosts gantry.odoo.resume -e change=patch-1 -e way=undo",
    ]


def test_what_the_printed_commands_leave_out_is_named() -> None:
    run = replace(COMMAND, withheld=["odoo_password", "other"], inputs={"patch": {"patch_release": "r2"}})
    *_others, again, last = closing("patch-1", "patch", [part("app1", PLANNED)], [], run, done=False)
    assert again.endswith("ansible-playbook -i hosts gantry.odoo.patch -e patch_release=r2")
    assert last == "  with odoo_password, other again, which -e gave this run and no screen shows"


def test_what_was_done_says_how_to_go_back() -> None:
    back = "ansible-playbook -i hosts gantry.odoo.migrate -e tenant=north -e destination=app"
    moved = part("tenant:north", PROVEN, way_back=back)
    assert closing("migrate-1", "migrate", [moved], [], COMMAND, done=True)[2:] == ["", f"  to go back:  {back}"]
    undone = part("tenant:north", PROVEN, way_back=back, way="undo")
    assert len(closing("resume-2", "resume", [undone], [], COMMAND, done=True)) == 2
    assert f"  to go back:  {back}" not in closing("migrate-1", "migrate", [moved], [], COMMAND, done=False)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"away_s": 61, "downtime_minutes": 1}, "(61 s away, longer than the 1 min that were accepted)"),
        ({"away_s": 59, "downtime_minutes": 1}, "(59 s away)"),
        ({"away_s": 61, "downtime_minutes": 0}, "(61 s away)"),
        ({"away_s": -3538}, ""),
    ],
)
def test_a_downtime_longer_than_accepted_is_told(facts: dict[str, Any], said: str) -> None:
    head, row = closing("patch-1", "patch", [part("app1", PROVEN, **facts)], [], COMMAND, done=True)
    assert (head, row) == ("patch-1 is done", f"  app1  is done and proven {said}".rstrip())


@pytest.mark.parametrize(
    ("rto_s", "rpo_s", "said"),
    [
        (53.2, 599.4, "RTO 53 s, RPO 9 min 59 s"),
        (600, 7199, "RTO 10 min, RPO 1 h 59 min"),
        (7200, 93600, "RTO 2 h, RPO 1 day 2 h"),
    ],
)
def test_a_tenant_that_was_restored_has_its_rto_and_rpo(rto_s: float, rpo_s: float, said: str) -> None:
    restored = part("tenant:harbour", PROVEN, rto_s=rto_s, rpo_s=rpo_s)
    _head, row = closing("recover-1", "recover", [restored], [], COMMAND, done=True)
    assert row == f"  tenant:harbour  is done and proven ({said})"
    undone = part("tenant:harbour", PROVEN, rto_s=rto_s, rpo_s=rpo_s, way="undo")
    assert "RTO" not in closing("resume-2", "resume", [undone], [], COMMAND, done=True)[1]


def test_what_was_undone_is_not_called_done() -> None:
    _head, row = closing("resume-2", "resume", [part("app1", PROVEN, way="undo")], [], COMMAND, done=True)
    assert row == "  app1  is as it was before, and proven"


def test_check_mode_says_what_the_change_would_be_about() -> None:
    facts = {"group": "app", "release": "r2", "hosts": ["a", "b"], "downtime_minutes": 0, "left_at": NOW.timestamp()}
    shown = parts_shown([part("app1", PLANNED, **facts)])
    assert planned("patch-check", shown, ["app3: waits"]) == [
        "patch-check: nothing was changed, as this was check mode",
        "  app1  would be taken in hand (group app, release r2, hosts a, b, left at 2026-11-27 17:30:00 UTC)",
        "  app3: waits",
    ]


def test_a_change_that_was_taken_over_offers_nothing_to_run() -> None:
    assert closing("patch-1", "patch", [], ["lease 1 was broken"], COMMAND, done=False, taken_by="resume-2 of tom") == [
        "patch-1 is not done",
        "  lease 1 was broken",
        "  resume-2 of tom goes on with it, and says at its end what is where",
    ]


def test_where_the_store_is_gone_the_screen_has_the_parts_as_the_run_has_seen_them() -> None:
    parts = [part("app1", PROVEN, away_s=12.4), part("app2", BEGUN)]
    run = replace(COMMAND, inputs={"site": {"site_new_store": True}})
    said = ["patch-1 is not closed: it is away", "run gantry.odoo.resume -e change=patch-1 -e way=finish there"]
    assert unclosed(said, parts, run) == [
        "patch-1 is not closed: it is away",
        "  as this run has seen it:",
        "    app1  is done and proven (12 s away)",
        "    app2  left and is not proven to serve",
        "  run ansible-playbook -i hosts gantry.odoo.resume -e change=patch-1 -e way=finish there",
    ]
    assert unclosed(["site-1 is not closed", "run gantry.odoo.site with the same inputs there"], [], run) == [
        "site-1 is not closed",
        "  run ansible-playbook -i hosts gantry.odoo.site -e site_new_store=true there",
    ]


def test_the_reason_of_a_part_names_the_input_of_the_playbook() -> None:
    why = "Back up what is there: the backup lacks files; restore them, or accept the loss with missing: record"
    lines = closing("restore-1", "restore", [part("tenant:harbour", BEGUN, why)], [why], COMMAND, done=False)
    said = "accept the loss with gantry.odoo.backup -e backup_record_missing=true"
    assert [line.endswith(said) for line in lines[1:3]] == [True, True]
