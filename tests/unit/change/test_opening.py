# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate says when a change is opened, asked by the actions themselves, and what the ledger keeps of it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.action import (
    change_close,
    change_gate,
    change_info,
    change_step,
)
from ansible_collections.gantry.odoo.plugins.plugin_utils import login
from tests.unit.change.actions import Actions

PAPERS = {"reason": "a fault in Redis", "approver": "tom"}


def test_the_class_is_that_of_the_kind(act: Actions) -> None:
    opened = act.open("backup", covers=["backup:harbour"])
    assert opened["change"]["class"] == "standard"
    refused = act.open()
    assert refused["msg"] == (
        "the gate is closed: a change of class normal needs a reason; set change_reason; "
        "a change of class normal needs an approver; set change_approver"
    )
    assert act.open(**PAPERS)["change"]["class"] == "normal"
    assert act.entries("opened")[-1]["change"]["class"] == "normal"


def test_the_table_of_the_inventory_counts(act: Actions) -> None:
    assert act.open(classes={"patch_redis": "standard"})["change"]["class"] == "standard"


@pytest.mark.parametrize("check", [True, False])
def test_a_class_is_not_lowered(act: Actions, check: bool) -> None:
    found = act.open(check=check, **PAPERS, **{"class": "standard"})
    assert "patch_redis is a normal change by the table" in found["refused" if check else "msg"]
    assert act(change_info, gather=["leases"])["leases"] == []
    assert [one["facts"]["allowed"] for one in act.entries("gate")] == ([] if check else [False])


def test_a_denial_is_an_entry_and_a_task_that_is_repeated_adds_none(act: Actions, tmp_path: Path) -> None:
    for _attempt in range(3):
        assert act.open()["failed"]
    (entry,) = act.entries()
    assert (entry["event"], entry["change"]["id"]) == ("gate", "patch_redis-1")
    assert entry["facts"]["allowed"] is False
    assert len(entry["facts"]["denials"]) == 2
    # another run is another attempt
    for file in (tmp_path / "run").iterdir():
        file.unlink()
    assert act.open()["failed"]
    assert len(act.entries("gate")) == 2


def test_a_change_that_another_one_keeps_out_is_an_entry(act: Actions) -> None:
    act.open("site")
    for _attempt in range(2):
        assert "mara holds estate for site-1" in act.open("patch", requester="tom")["msg"]
    (entry,) = act.entries("refused")
    assert (entry["change"]["id"], entry["change"]["requester"]) == ("patch-refused", "tom")
    assert "mara holds estate for site-1" in entry["facts"]["denials"][0]


def test_who_launches_is_the_login_where_no_caller_says_it(act: Actions) -> None:
    assert act.open("site", requester="")["change"]["requester"] == login.login()


def test_what_was_decided_is_no_work_on_the_estate(act: Actions) -> None:
    """A run that has read the estate before another one was denied goes on."""
    assert act.open()["failed"]
    assert "failed" not in act.open("site", read=0)


def test_every_decision_of_the_gate_is_an_entry_with_what_was_overridden(act: Actions) -> None:
    opened = act.open("patch", **PAPERS, **{"class": "emergency"})
    harbour = [{"name": "harbour", "tier": 1}]
    for _attempt in range(2):
        gate = act(change_gate, change=opened["change"], tenants=harbour, serving_after=0)
        assert gate["allowed"]
    (entry,) = act.entries("gate")
    assert (entry["facts"]["allowed"], len(entry["facts"]["overridden"])) == (True, 3)
    act(change_close, change=opened["change"])
    opened = act.open("patch")
    assert act(change_gate, change=opened["change"], tenants=harbour)["failed"]
    denied = act.entries("gate")[-1]
    assert (denied["change"]["id"], denied["facts"]["allowed"]) == (opened["change"]["id"], False)
    assert len(denied["facts"]["denials"]) == 2


def calendar(path: Path, begins: datetime, ends: datetime, **declared: str) -> dict[str, str]:
    """A calendar with one event, as an inventory declares it: by default a freeze of the estate."""
    times = (f"DT{name}:{when:%Y%m%dT%H%M%SZ}" for name, when in (("START", begins), ("END", ends)))
    lines = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test", "BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z")
    text = "\r\n".join([*lines, *times, "SUMMARY:Payroll", "END:VEVENT", "END:VCALENDAR", ""])
    path.write_text(text, encoding="utf-8")
    return {"name": "payroll", "kind": "freeze", "concerns": "estate", "source": str(path), **declared}


HOUR = timedelta(hours=1)
HARBOUR = {"name": "harbour", "tier": 3, "groups": ["app"]}


@pytest.fixture
def freeze(tmp_path: Path) -> dict[str, str]:
    """A freeze of the estate that holds."""
    now = datetime.now(timezone.utc)
    return calendar(tmp_path / "freeze.ics", now - HOUR, now + HOUR)


def test_no_change_is_opened_in_a_freeze(act: Actions, freeze: dict[str, str]) -> None:
    refused = act.open("patch", calendars=[freeze])
    assert "the gate is closed: the freeze calendar payroll (estate) forbids changes until" in refused["msg"]
    assert act(change_info, gather=["leases"])["leases"] == []
    assert "forbids changes" in act.entries("gate")[0]["facts"]["denials"][0]
    assert "forbids changes" in act.open("patch", check=True, calendars=[freeze])["refused"]


def test_an_emergency_overrides_a_freeze_and_the_ledger_has_it(act: Actions, freeze: dict[str, str]) -> None:
    opened = act.open("patch", calendars=[freeze], **PAPERS, **{"class": "emergency"})
    assert "the emergency overrides the gate: the freeze" in opened["warnings"][0]
    (entry,) = act.entries("gate")
    assert entry["facts"]["allowed"] is True
    assert "forbids changes" in entry["facts"]["overridden"][0]


@pytest.mark.parametrize(
    ("concerns", "tenants", "groups", "opens"),
    [
        ("tenant:harbour", [HARBOUR], [], False),
        ("group:app", [HARBOUR], [], False),
        ("group:cache", [], ["cache"], False),
        ("tenant:quarry", [HARBOUR], ["edge"], True),
        ("group:cache", [HARBOUR], ["edge"], True),
    ],
)
def test_a_freeze_concerns_whom_the_change_touches(
    act: Actions, freeze: dict[str, str], concerns: str, tenants: list[Any], groups: list[str], opens: bool
) -> None:
    opened = act.open("patch", calendars=[{**freeze, "concerns": concerns}], tenants=tenants, groups=groups)
    assert opened.get("failed", False) != opens


def test_what_reads_or_restores_and_what_is_resumed_is_opened_in_a_freeze(act: Actions, freeze: dict[str, str]) -> None:
    for kind in ("backup", "restore"):
        opened = act.open(kind, calendars=[freeze])
        act(change_close, change=opened["change"])
    assert act.open("restore", calendars=[freeze], outside_calendars=["backup"])["failed"]


@pytest.mark.parametrize("ends", ["", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"])
def test_a_calendar_that_cannot_be_read_closes_the_gate_for_all_but_an_emergency(
    act: Actions, freeze: dict[str, str], ends: str
) -> None:
    Path(freeze["source"]).write_text(ends, encoding="utf-8")
    assert (
        "a freeze may be in a calendar that cannot be read: calendar payroll, /"
        in (act.open("patch", calendars=[freeze])["msg"])
    )
    assert "failed" not in act.open("patch", calendars=[freeze], **PAPERS, **{"class": "emergency"})


def test_a_calendar_that_cannot_be_meant_is_refused(act: Actions, freeze: dict[str, str]) -> None:
    assert "kind must be one of window, freeze" in act.open("patch", calendars=[{**freeze, "kind": "frost"}])["msg"]
    assert "payroll is declared twice" in act.open("patch", calendars=[freeze, freeze])["msg"]


def test_a_freeze_that_begins_in_the_middle_stops_behind_the_node_in_hand(act: Actions, tmp_path: Path) -> None:
    now, file = datetime.now(timezone.utc), tmp_path / "freeze.ics"
    ahead = calendar(file, now + 3 * HOUR, now + 4 * HOUR)
    opened = act.open("patch", parts=["app1", "app2"], calendars=[ahead])
    change = opened["change"]
    assert act(change_step, change=change, part="app1", state="begun")["go"]
    calendar(file, now - HOUR, now + HOUR)
    # the node in hand is done, also where it is begun once more
    assert act(change_step, change=change, part="app1", state="begun")["go"]
    assert act(change_step, change=change, part="app1", state="proven")["go"]
    for _attempt in range(2):
        stopped = act(change_step, change=change, part="app2", state="begun")
        assert not stopped["go"]
    assert stopped["stopped"].startswith("app2 is not begun, as the gate is closed: the freeze calendar payroll")
    (entry,) = act.entries("gate")
    assert (entry["facts"]["part"], entry["facts"]["allowed"]) == ("app2", False)
    assert act(change_gate, change=change)["failed"]
    closed = act(change_close, change=change)
    assert f"{change['id']} is not done: app2 is not begun, as the gate is closed: the freeze" in closed["msg"]
    assert "app1 is done and proven; app2 is untouched" in closed["msg"]
    # what serves is not taken away by a resumed change either
    resumed = act.open("resume", resumes=change["id"], calendars=[calendar(file, now - HOUR, now + HOUR)])
    assert not act(change_step, change=resumed["change"], part="app2", state="begun")["go"]


def test_what_calendars_are_asked_is_kept_for_each_change_and_unknown_once_it_is_lost(
    act: Actions, freeze: dict[str, str], tmp_path: Path
) -> None:
    opened = act.open("patch", parts=["app1", "app2"], covers=["group:app"])["change"]
    beside = act.open("backup", covers=["backup:harbour"], calendars=[freeze], outside_calendars=["backup"])["change"]
    assert "failed" not in act(change_gate, change=opened)
    assert "failed" not in act(change_gate, change=beside)
    act(change_step, change=opened, part="app1", state="begun")
    for kept in (tmp_path / "run").glob("gantry-calendars-*"):
        kept.unlink()
    assert f"what the calendars are asked of {opened['id']} is not known" in act(change_gate, change=opened)["msg"]
    assert "; resume the change" in act(change_step, change=opened, part="app2", state="begun")["stopped"]
    # one that is out is brought back all the same
    assert act(change_step, change=opened, part="app1", state="begun")["go"]


@pytest.mark.parametrize(("kind", "goes"), [("patch", False), ("recover", True)])
def test_what_is_out_comes_back_in_a_freeze(act: Actions, freeze: dict[str, str], kind: str, goes: bool) -> None:
    opened = act.open(kind, parts=["app1", "app2"])
    act(change_step, change=opened["change"], part="app1", state="begun")
    act(change_step, change=opened["change"], part="app1", state="failed", why="no answer")
    act(change_close, change=opened["change"])
    resumed = act.open("resume", resumes=opened["change"]["id"], calendars=[freeze])["change"]
    assert act(change_step, change=resumed, part="app1", state="begun")["go"]
    assert act(change_step, change=resumed, part="app2", state="begun", budget=1)["go"] == goes


def test_a_window_is_asked_for_by_the_class_also_of_what_was_interrupted(act: Actions, tmp_path: Path) -> None:
    now, file = datetime.now(timezone.utc), tmp_path / "window.ics"
    window = calendar(file, now - HOUR, now + HOUR, kind="window", name="night")
    opened = act.open(parts=["cache1", "cache2"], calendars=[window], **PAPERS)
    assert act(change_step, change=opened["change"], part="cache1", state="begun")["go"]
    act(change_step, change=opened["change"], part="cache1", state="proven")
    calendar(file, now + HOUR, now + 2 * HOUR)
    assert (
        "within a window alone (night)"
        in (act(change_step, change=opened["change"], part="cache2", state="begun")["stopped"])
    )
    act(change_close, change=opened["change"])
    assert "within a window alone" in act.open(calendars=[window], **PAPERS)["msg"]
    resumed = act.open("resume", resumes=opened["change"]["id"], calendars=[window])["change"]
    assert not act(change_step, change=resumed, part="cache2", state="begun")["go"]


def test_the_gate_shows_its_score_and_asks_for_more_approvals(act: Actions, tmp_path: Path) -> None:
    now = datetime.now(timezone.utc)
    ahead = calendar(tmp_path / "freeze.ics", now + 2 * HOUR, now + 3 * HOUR)
    change = act.open("patch", parts=["app1", "app2"], calendars=[ahead])["change"]
    asked = {"change": change, "tenants": [{"name": "harbour", "tier": 2}]}
    gate = act(change_gate, **asked)
    points = {part["name"]: part["points"] for part in gate["score"]["parts"]}
    assert points == {"tiers": 2, "backup": 0, "restore drill": 0, "failures": 0, "size": 1, "freeze": 2}
    assert gate["screen"][0] == "the score is 5 of 18"
    assert act.entries("gate")[-1]["facts"]["score"]["total"] == 5
    denied = act(change_gate, **asked, score_thresholds=[{"score": 5, "approvals": 1}])
    assert "the score of 5 (tiers 2, size 1, freeze 2) asks for 1 approval, and there is none" in denied["msg"]
    asked["change"] = {**change, "approver": "tom"}
    assert act(change_gate, **asked, score_thresholds=[{"score": 5, "approvals": 1}])["allowed"]


def test_a_change_that_was_not_done_counts_at_the_next_gate(act: Actions) -> None:
    change = act.open("patch", parts=["app1"])["change"]
    act(change_step, change=change, part="app1", state="begun")
    act(change_step, change=change, part="app1", state="failed", why="no answer")
    assert act(change_close, change=change)["failed"]
    resumed = act.open("resume", resumes=change["id"])["change"]
    assert act(change_gate, change=resumed)["screen"] == []
    act(change_step, change=resumed, part="app1", state="proven")
    assert "failed" not in act(change_close, change=resumed)
    gate = act(change_gate, change=act.open("patch")["change"])
    assert {part["name"]: part["points"] for part in gate["score"]["parts"]}["failures"] == 1
