# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate in whole playbooks: classes, policy, and freezes that begin in the middle."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.plugin_utils.login import login
from tests.integration import change_store
from tests.integration.orchestration.rig import Rig
from tests.integration.orchestration.test_bad_nights import acted, releases
from tests.integration.orchestration.world import undrained

HOUR = timedelta(hours=1)
PAPERS = {"change_reason": "a fault in Redis", "change_approver": "tom"}


def freeze(path: Path, begins: datetime, concerns: str = "estate") -> dict[str, str]:
    """A calendar with a freeze of two hours, as an inventory declares it."""
    times = (f"DT{name}:{when:%Y%m%dT%H%M%SZ}" for name, when in (("START", begins), ("END", begins + 2 * HOUR)))
    lines = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test", "BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z")
    text = "\r\n".join([*lines, *times, "SUMMARY:Payroll", "END:VEVENT", "END:VCALENDAR", ""])
    path.write_text(text, encoding="utf-8")
    return {"name": "payroll", "kind": "freeze", "concerns": concerns, "source": str(path)}


def gates(rig: Rig) -> list[dict[str, Any]]:
    """What the gate decided, by the ledger."""
    return [entry["facts"] for entry in change_store.entries(rig.store) if entry["event"] == "gate"]


def stopped(rig: Rig, path: Path) -> tuple[str, list[dict[str, str]]]:
    """A patch that a freeze stops behind its first node: its last sentence, and the calendars."""
    now = datetime.now(timezone.utc)
    held, calendar = path / "held.ics", path / "payroll.ics"
    freeze(held, now - HOUR)
    declared = [freeze(calendar, now + 24 * HOUR, "tenant:harbour")]
    command = ["cp", str(held), str(calendar)]
    rig.change(fault={"words": "app1 odoo activate", "kind": "call before", "command": command})
    run = rig.play("patch", patch_release="r2", change_calendars=declared).expect_failure()
    rig.change(fault={})
    return run.errors[-1], declared


def test_a_freeze_that_begins_in_the_middle_stops_behind_the_node_in_hand(rig: Rig, tmp_path: Path) -> None:
    said, _calendars = stopped(rig, tmp_path)
    assert "app2 is not begun, as the gate is closed: the freeze calendar payroll (tenant:harbour)" in said
    assert "app1 is done and proven; app2 is untouched" in said
    assert releases(rig) == {"r1", "r2"}
    assert {" ".join(undrained(route)) for routes in rig.world.routes.values() for route in routes} == {"app1 app2"}
    assert [one["allowed"] for one in gates(rig)] == [True, False]
    assert (change_store.held(rig.store), rig.world.harm) == ([], [])


@pytest.mark.deep
def test_what_a_freeze_has_stopped_is_finished_in_an_emergency_alone(rig: Rig, tmp_path: Path) -> None:
    _said, calendars = stopped(rig, tmp_path)
    change = change_store.parts(rig.store)[0]["change"]
    again = rig.play("resume", change=change, way="finish", change_calendars=calendars).expect_failure()
    assert "app2 is not begun, as the gate is closed" in again.errors[-1]
    assert releases(rig) == {"r1", "r2"}
    taken = change_store.parts(rig.store)[0]["change"]
    urgent = {"change_class": "emergency", **PAPERS}
    rig.play("resume", change=taken, way="finish", change_calendars=calendars, **urgent).expect_success()
    assert releases(rig) == {"r2"}
    assert "forbids changes" in gates(rig)[-1]["overridden"][0]


def test_policy_is_no_extra_variable(rig: Rig) -> None:
    """-e '{"change_tenants": []}' let a patch of tier 1 go on without a backup."""
    for name in ("change_tenants", "change_calendar", "change_drill_max_age_days"):
        run = rig.play("patch", patch_release="r2", **{name: []}).expect_failure()
        assert f"gantry.odoo.patch: {name} is no input, and what a change is judged by comes from" in run.errors[-1]
    assert acted(rig) == []


def test_a_kind_that_is_normal_needs_papers_and_is_not_lowered(rig: Rig) -> None:
    run = rig.play("patch_redis", change_classes={}).expect_failure()
    assert "the gate is closed: a change of class normal needs a reason; set change_reason" in run.errors[-1]
    run = rig.play("patch_redis", change_classes={}, change_class="standard", **PAPERS).expect_failure()
    assert "patch_redis is a normal change by the table, and change_class lowers it to standard" in run.errors[-1]
    assert [one["allowed"] for one in gates(rig)] == [False, False]
    assert (acted(rig), change_store.held(rig.store)) == ([], [])


@pytest.mark.deep
def test_a_kind_that_is_normal_goes_on_with_its_papers(rig: Rig) -> None:
    rig.play("patch_redis", change_classes={}, **PAPERS).expect_success()
    assert [entry["change"]["class"] for entry in change_store.entries(rig.store)][-1] == "normal"


def test_a_kind_that_is_normal_is_approved_by_another_identity(rig: Rig, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    approver = {"name": "tom", "may": ["approve"], "keys": [{"key": key.with_suffix(".pub").read_text().strip()}]}
    requester = {"name": "mara", "logins": [login()], "may": ["request"]}
    declared = {"change_classes": {}, "change_identities": [requester, approver]}
    inputs = {**declared, "change_reason": PAPERS["change_reason"]}
    run = rig.play("patch_redis", change_approver="tom", **inputs).expect_failure()
    assert "so that a typed name approves nothing" in run.errors[-1]
    said = rig.play("patch_redis", **inputs).expect_failure().errors[-1]
    assert "the change needs the approval of someone else, and it has none; request 1 waits" in said
    digest = said.partition("approve_digest=")[2][:64]
    rig.play("approve", approve_digest=digest, approve_key=str(key), **declared).expect_success()
    rig.play("patch_redis", **inputs).expect_success()
    assert [one["by"] for one in gates(rig)[-1]["approvals"]] == ["tom"]


@pytest.mark.deep
def test_a_calendar_that_cannot_be_read_is_told_before_anything_and_keeps_no_backup_out(
    rig: Rig, tmp_path: Path
) -> None:
    declared = [freeze(tmp_path / "payroll.ics", datetime.now(timezone.utc))]
    (tmp_path / "payroll.ics").write_text("BEGIN:VCALENDAR\r\n", encoding="utf-8")
    for playbook, inputs in (("precheck", {}), ("patch", {"patch_release": "r2"})):
        run = rig.play(playbook, change_calendars=declared, **inputs).expect_failure()
        assert run.errors[-1].startswith("calendar payroll, ")
    assert rig.world.log == []
    rig.play("backup", change_calendars=declared).expect_success()


@pytest.mark.deep
def test_the_freeze_of_one_tenant_keeps_out_what_touches_it(rig: Rig, tmp_path: Path) -> None:
    declared = [freeze(tmp_path / "payroll.ics", datetime.now(timezone.utc) - HOUR, "tenant:quarry")]
    for playbook, inputs in (
        ("site", {}),
        ("patch_redis", {}),
        ("migrate", {"tenant": "quarry", "destination": "box"}),
    ):
        run = rig.play(playbook, change_calendars=declared, **inputs).expect_failure()
        assert "the freeze calendar payroll (tenant:quarry) forbids changes" in run.errors[-1]
    assert acted(rig) == []
    rig.play("migrate", tenant="harbour", destination="box", change_calendars=declared).expect_success()
