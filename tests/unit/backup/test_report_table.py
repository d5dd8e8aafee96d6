# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of backups: the worst tenant first, no line wider than the terminal, and what to do below it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from ansible_collections.gantry.odoo.plugins.action import backup_report
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import CopySeen, Evidence, Fault
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_copy import Compared
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_compliance import judge_tenant
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_compliance import entry as reported
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_table import complaint, screen
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import brief, duration

from .evidence import DAY, DRILL, HOUR, NOW, STORE, entry, evidence


def tenant(name: str, seen: Evidence, **policy: Any) -> dict[str, Any]:
    """What compliance returns of a tenant."""
    seen = replace(seen, tenant=name, policy=seen.policy and replace(seen.policy, tenant=name, **policy))
    return reported(judge_tenant(seen, STORE), NOW)


COPY = CopySeen(Compared(NOW - HOUR, 10, ok=True), NOW - HOUR)
LOCKED = {"copy": COPY, "locked_until": NOW + 30 * DAY}
ENTRIES = [
    tenant("north", evidence(), tier=2),
    tenant("harbour", evidence(entry(1, 4 * DAY), entry(2, timedelta(hours=3, minutes=20))), rpo_s=900),
    tenant("quarry", evidence(drills=()), tier=2),
    tenant("south", evidence(drills=()), tier=3),
    tenant("a-tenant-with-a-long-name-indeed", evidence(**LOCKED), immutability="lock", lock_days=30, copies=3),
    tenant("training", Evidence("training")),
    tenant("west", evidence(faults=(Fault("b10", "b" * 90),), drills=(replace(DRILL, begun=NOW - 40 * DAY),))),
    tenant("east", evidence(), tier=2, copies=3),
]


def rows(lines: list[str]) -> list[list[str]]:
    """The words of each row, of the table alone."""
    first = next(place for place, line in enumerate(lines) if line.startswith("  TENANT"))
    return [line.split() for line in lines[first + 1 : lines.index("", first)]]


def test_the_worst_tenant_is_first_and_of_equals_the_one_of_the_lower_tier() -> None:
    lines = screen(ENTRIES, 120)
    assert lines[0] == "Backups of 8 tenants: 5 violated, 1 unknown, 2 ok"
    assert [row[0] for row in rows(lines)] == [
        *("training", "west", "harbour", "quarry", "south", "east"),
        *("a-tenant-with-a-long-name-indeed", "north"),
    ]
    harbour = next(row for row in rows(lines) if row[0] == "harbour")
    assert " ".join(harbour) == "harbour 1 3 h 20 min 15 min 3 days 1 of 2 - violated: rpo"
    locked = next(row for row in rows(lines) if row[0].startswith("a-tenant"))
    assert " ".join(locked[1:]) == "1 1 h 1 day 3 days 3 of 3 2026-12-22 ok"


@pytest.mark.parametrize("width", [40, 80, 100, 120, 400])
def test_no_line_is_wider_than_the_terminal_and_no_verdict_is_cut(width: int) -> None:
    lines = screen(ENTRIES, width)
    most = min(max(width, 80), 120)
    assert [line for line in lines if len(line) > most and "b" * 90 not in line] == []
    assert [row for row in rows(lines) if not {"ok", "violated", "violated:", "unknown", "unknown:"} & set(row)] == []


def test_what_to_do_stands_below_each_fault_once_for_all_that_have_it() -> None:
    lines = screen(ENTRIES)
    assert "What is violated" in lines
    assert "What is unknown" in lines
    place = lines.index("  quarry, south: no restore drill has proven a backup")
    assert lines[place + 1] == "    do: run gantry.odoo.restore_drill -e tenant=quarry, and the same for south"
    # the drill that is missing measures the RTO as well
    assert not [line for line in lines if "measured the RTO" in line]
    # every part of a tenant without a policy says the same
    assert len([line for line in lines if line.startswith("  training: ")]) == 1


def test_an_estate_of_hundreds_shows_the_worst_and_how_many_more() -> None:
    many = [tenant(f"t{number:03}", evidence(drills=())) for number in range(100)]
    lines = screen(many)
    assert len(rows(lines)) == 41
    assert lines.count("  and 60 more, which the return value compliance has") == 1
    assert "  t000, t001, t002, t003 and 96 more: no restore drill has proven a backup" in lines


def test_the_complaint_names_the_tenants_and_is_empty_where_all_is_proven() -> None:
    assert complaint([ENTRIES[0]]) == ""
    assert complaint(ENTRIES).startswith("the backups of 6 of 8 tenants are not proven to be as their policies ask: ")
    assert "training, west, harbour, quarry and 2 more" in complaint(ENTRIES)
    assert screen([])[0] == "Backups of 0 tenants: nothing to verify"


@pytest.mark.parametrize(
    ("seconds", "long", "short"),
    [
        (0, "0 s", "0 s"),
        (59.6, "1 min", "1 min"),
        (12_000, "3 h 20 min", "3 h 20 min"),
        (86_400, "1 day", "1 day"),
        (90_000, "1 day 1 h", "1 day 1 h"),
        (12 * 86_400 + 7_200, "12 days 2 h", "12 days"),
        (12 * 86_400 + 59, "12 days", "12 days"),
    ],
)
def test_a_time_has_the_units_that_a_person_reads(seconds: float, long: str, short: str) -> None:
    assert (duration(seconds), brief(seconds)) == (long, short)


@pytest.mark.parametrize(("given", "columns", "wide"), [(None, 79, 80), (None, 131, 120), (100, 79, 100)])
def test_the_action_shows_the_table_as_wide_as_the_terminal_and_leaves_the_failure_to_the_play(
    monkeypatch: pytest.MonkeyPatch, given: int | None, columns: int, wide: int
) -> None:
    task = mock.Mock(
        args={"compliance": ENTRIES, **({"width": given} if given else {})},
        check_mode=False,
        async_val=0,
        action="gantry.odoo.backup_report",
        environment=[],
    )
    templar = mock.Mock()
    templar.template.side_effect = lambda value, **_rest: value
    action = backup_report.ActionModule(task, mock.MagicMock(), mock.Mock(), mock.Mock(), templar, mock.Mock())
    shown: list[str] = []
    monkeypatch.setattr(action, "_display", SimpleNamespace(display=shown.append, columns=columns))
    found = action.run(None, {})
    assert found["screen"] == screen(ENTRIES, wide)
    assert (found["changed"], found.get("failed", False)) == (False, False)
    assert found["complaint"] == complaint(ENTRIES)
    # the callback, which shows it at the end of the run, is not enabled here
    assert shown == ["\n".join(["", *found["screen"]])]
