# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a change may begin: which calendars concern it, what holds, what comes next, and how much time is left."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._calendar import plan
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import (
    Calendar,
    Span,
    Subject,
    Timeline,
    calendar_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)
HARBOUR, SOUTH = Subject("harbour", ("app", "cron")), Subject("south", ("other",))


def timeline(kind: str, concerns: str, *hours: tuple[float, float], name: str = "", summary: str = "") -> Timeline:
    """A calendar with spans that begin and end so many hours after now."""
    spans = tuple(Span(NOW + timedelta(hours=first), NOW + timedelta(hours=last), summary) for first, last in hours)
    calendar = Calendar(name or f"{kind}s", kind, concerns, "/inventory/some.ics")
    return Timeline(calendar, NOW, NOW + timedelta(days=300), spans)


@pytest.mark.parametrize("concerns", ["estate", "tenant:harbour", "group:app", "group:cron"])
def test_a_freeze_of_the_estate_a_group_or_the_tenant_forbids_standard_and_normal_changes(concerns: str) -> None:
    held = [timeline("freeze", concerns, (-1, 6), name="payroll", summary="Payroll run")]
    for classification in ("standard", "normal"):
        assert plan.denials(held, [SOUTH, HARBOUR], classification, NOW) == [
            f"the freeze calendar payroll ({concerns}) forbids changes until 2026-11-30 18:00 UTC (Payroll run); "
            "begin then"
        ]
    assert plan.time_left(held, [HARBOUR], "standard", NOW) == timedelta()


@pytest.mark.parametrize("concerns", ["tenant:south", "group:other", "tenant:harbou", "group:harbour"])
def test_a_freeze_of_others_forbids_nothing(concerns: str) -> None:
    assert plan.denials([timeline("freeze", concerns, (-1, 6))], [HARBOUR], "normal", NOW) == []


def test_a_freeze_says_the_end_of_all_that_follows_at_once() -> None:
    held = [timeline("freeze", "estate", (-1, 1), (1, 3), (4, 5))]
    (said,) = plan.denials(held, [HARBOUR], "standard", NOW)
    assert "until 2026-11-30 15:00 UTC" in said


def test_without_window_calendars_no_window_is_asked_for() -> None:
    assert plan.denials([], [HARBOUR], "normal", NOW) == []
    assert plan.denials([timeline("window", "tenant:south", (9, 10))], [HARBOUR], "normal", NOW) == []


def test_a_normal_change_needs_a_window_and_a_standard_one_does_not() -> None:
    windows = [timeline("window", "estate", (10, 14), name="nights", summary="Maintenance")]
    assert plan.denials(windows, [HARBOUR], "standard", NOW) == []
    assert plan.denials(windows, [HARBOUR, SOUTH], "normal", NOW) == [
        "harbour, south may be changed within a window alone (nights), and none is open; begin at 2026-11-30 22:00 "
        "UTC, when the next one opens (Maintenance)"
    ]
    assert plan.denials(windows, [HARBOUR], "normal", NOW + timedelta(hours=10)) == []
    assert plan.denials(windows, [HARBOUR], "normal", NOW + timedelta(hours=14)) != []


def test_each_tenant_needs_a_window_and_one_of_several_calendars_is_enough() -> None:
    windows = [timeline("window", "estate", (5, 6)), timeline("window", "tenant:harbour", (-1, 2), name="own")]
    assert plan.denials(windows, [HARBOUR], "normal", NOW) == []
    (said,) = plan.denials(windows, [HARBOUR, SOUTH], "normal", NOW)
    assert said.startswith("south may be changed")
    assert plan.time_left(windows, [HARBOUR], "normal", NOW) == timedelta(hours=2)


def test_an_emergency_is_told_what_it_overrides() -> None:
    held = [timeline("freeze", "estate", (-1, 6)), timeline("window", "estate", (9, 10))]
    assert len(plan.denials(held, [HARBOUR], "emergency", NOW)) == 2


def test_a_calendar_without_a_window_to_come_says_how_far_it_was_read() -> None:
    (said,) = plan.denials([timeline("window", "estate")], [], "normal", NOW)
    assert said == (
        "the estate may be changed within a window alone (windows), and none is open or declared until 2027-09-26; "
        "add one to the calendar"
    )


def test_hundreds_of_tenants_are_one_sentence() -> None:
    tenants = [Subject(f"tenant{number:03}") for number in range(200)]
    (said,) = plan.denials([timeline("window", "estate", (1, 2))], tenants, "normal", NOW)
    assert said.startswith("tenant000, tenant001, tenant002, tenant003, tenant004 and 195 more may be changed")


def test_time_left_ends_with_the_window_or_the_next_freeze() -> None:
    windows = timeline("window", "estate", (-1, 2), (2, 5))
    assert plan.time_left([windows], [HARBOUR], "normal", NOW) == timedelta(hours=5)
    assert plan.time_left([windows], [HARBOUR], "standard", NOW) is None
    freeze = timeline("freeze", "group:app", (3, 4))
    assert plan.time_left([windows, freeze], [HARBOUR], "normal", NOW) == timedelta(hours=3)
    assert plan.time_left([windows, freeze], [HARBOUR], "standard", NOW) == timedelta(hours=3)
    assert plan.time_left([windows, freeze], [SOUTH], "normal", NOW) == timedelta(hours=5)
    assert plan.time_left([windows], [HARBOUR], "normal", NOW + timedelta(hours=6)) == timedelta()


def test_what_holds_and_what_comes_next_are_those_of_the_subjects() -> None:
    timelines = [
        timeline("freeze", "tenant:harbour", (-2, -1), (-1, 1), (8, 9), name="payroll"),
        timeline("freeze", "estate", (6, 7), name="tender"),
        timeline("window", "tenant:south", (0, 2), name="south"),
    ]
    assert [held.calendar.name for held in plan.spans_held(timelines, [HARBOUR], NOW)] == ["payroll"]
    assert [held.calendar.name for held in plan.spans_held(timelines, [HARBOUR, SOUTH], NOW)] == ["payroll", "south"]
    coming = plan.next_span(timelines, [HARBOUR], "freeze", NOW)
    assert coming
    assert coming.calendar.name == "tender"
    assert plan.next_span(timelines, [HARBOUR], "window", NOW) is None


SPANS = st.lists(
    st.tuples(st.integers(-20, 20), st.integers(1, 9)).map(lambda one: (one[0], one[0] + one[1])), max_size=6
).map(sorted)


@given(SPANS, SPANS)
@settings(max_examples=50, deadline=None)
def test_a_change_that_may_begin_has_time_and_one_that_may_not_has_none(freezes, windows) -> None:
    timelines = [timeline("freeze", "estate", *freezes), timeline("window", "estate", *windows)]
    for classification in ("standard", "normal"):
        refused = plan.denials(timelines, [HARBOUR], classification, NOW)
        left = plan.time_left(timelines, [HARBOUR], classification, NOW)
        assert bool(refused) == (left == timedelta())
        if left and left > timedelta(hours=1):
            assert not plan.denials(timelines, [HARBOUR], classification, NOW + left - timedelta(hours=1))
        if left:
            assert plan.denials(timelines, [HARBOUR], classification, NOW + left)


def test_a_declared_calendar_is_validated() -> None:
    raw = {"name": "payroll", "kind": "freeze", "concerns": "tenant:harbour", "source": "/inventory/payroll.ics"}
    assert calendar_from(raw) == Calendar("payroll", "freeze", "tenant:harbour", "/inventory/payroll.ics")
    for wrong, said in (
        ({"name": None}, "a calendar without a name is declared, with the file /inventory/payroll.ics; give it a name"),
        ({"kind": "frost"}, "calendar payroll: kind must be one of window, freeze, not 'frost'"),
        ({"concerns": "harbour"}, "concerns must be estate, group:NAME or tenant:NAME, not 'harbour'"),
        ({"source": "payroll.ics"}, "source must be the absolute path of an iCal file, not 'payroll.ics'"),
    ):
        with pytest.raises(InputError) as caught:
            calendar_from(raw | wrong)
        assert said in str(caught.value)
