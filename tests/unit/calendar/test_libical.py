# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendars against libical: ten years, three zones with clocks that change at different times and by different steps.

What libical leaves to its callers is tested by RFC 5545 in test_spans.py: RECURRENCE-ID, and days of 23 or 25 hours.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._calendar.plan_rule import WEEK_STARTS
from tests.unit.calendar.ics import UTC, event, file_of, spans_in
from tests.unit.calendar.libical import instant_by_libical, walls_by_libical

SINCE, UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# Nights on which a clock of the three zones changes.
NIGHTS = (
    datetime(2021, 3, 28), datetime(2024, 10, 27), datetime(2022, 3, 13), datetime(2025, 11, 2), datetime(2023, 10, 1),
    datetime(2026, 4, 5), datetime(2024, 2, 29), datetime(2020, 12, 31),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """An event in the words of a calendar."""

    zone: str
    start: datetime
    minutes: int
    rule: str
    until: datetime | None = None
    excluded: tuple[datetime, ...] = ()
    added: tuple[datetime, ...] = ()

    def text(self) -> str:
        """The lines of the event in its zone, with UNTIL in UTC."""
        zone = ZoneInfo(self.zone)
        until = f"{self.until.replace(tzinfo=zone).astimezone(UTC):%Y%m%dT%H%M%SZ}" if self.until else ""
        end = self.start.replace(tzinfo=zone).astimezone(UTC) + timedelta(minutes=self.minutes)
        return self._lines(f";TZID={self.zone}", f"DTEND:{end:%Y%m%dT%H%M%SZ}", until)

    def text_on_the_clock(self) -> str:
        """The lines of the event without a zone."""
        return self._lines("", f"DURATION:PT{self.minutes}M", f"{self.until:%Y%m%dT%H%M%S}" if self.until else "")

    def _lines(self, zone: str, end: str, until: str) -> str:
        lines = [f"DTSTART{zone}:{self.start:%Y%m%dT%H%M%S}", end, f"RRULE:{self.rule}{until and f';UNTIL={until}'}"]
        lines += [f"EXDATE{zone}:{one:%Y%m%dT%H%M%S}" for one in self.excluded]
        lines += [f"RDATE{zone}:{one:%Y%m%dT%H%M%S}" for one in self.added]
        return "\n".join(lines)


@st.composite
def cases(draw) -> Case:
    """Events whose rule lets them begin at their DTSTART: its parts are made from that."""
    night = draw(st.sampled_from(NIGHTS)) + timedelta(days=draw(st.integers(-40, 400)))
    start = night.replace(
        hour=draw(st.integers(0, 23) | st.integers(0, 3)), minute=draw(st.sampled_from((0, 15, 30, 45)))
    )
    frequency, parts = draw(st.sampled_from(RULES))(draw, start)
    rule = [f"FREQ={frequency}", *parts]
    step = draw(st.integers(1, 13) if frequency != "YEARLY" else st.integers(1, 3))
    rule += [f"INTERVAL={step}"] if step > 1 else []
    if "WKST=MO" not in parts:
        rule += draw(st.sampled_from(([], [f"WKST={draw(st.sampled_from(WEEK_STARTS))}"])))
    ending = draw(st.sampled_from(("never", "count", "until")))
    rule += [f"COUNT={draw(st.integers(1, 300))}"] if ending == "count" else []
    unit = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 30, "YEARLY": 365}[frequency] * step
    near = st.integers(0, min(60, 3650 // unit)).map(lambda number: start + timedelta(days=unit * number))
    apart = st.builds(lambda day, hours: day + timedelta(hours=hours), near, st.integers(-3, 5))
    return Case(
        draw(st.sampled_from(ZONES)),
        start,
        draw(st.sampled_from((15, 240, 480, 2880))),
        ";".join(rule),
        draw(near) if ending == "until" else None,
        tuple(draw(st.lists(near | apart, max_size=3, unique=True))),
        tuple(draw(st.lists(apart, max_size=2, unique=True))),
    )


def daily(draw, start):
    hours = sorted({start.hour, *draw(st.lists(st.integers(0, 23), max_size=2))})
    return "DAILY", draw(
        st.sampled_from(([], [f"BYHOUR={','.join(map(str, hours))}"], [f"BYDAY={','.join(days(draw, start))}"]))
    )


def weekly(draw, start):
    return "WEEKLY", [f"BYDAY={','.join(days(draw, start))}"]


def monthly(draw, start):
    last, place = calendar.monthrange(start.year, start.month)[1], (start.day - 1) // 7 + 1
    name = WEEKDAYS[start.weekday()]
    return "MONTHLY", draw(
        st.sampled_from(
            (
                [],
                [f"BYMONTHDAY={start.day},{draw(st.integers(1, 31))}"],
                [f"BYMONTHDAY={start.day - last - 1}"],
                [f"BYDAY={place}{name}"],
                [f"BYDAY=-{(last - start.day) // 7 + 1}{name}"],
                [f"BYDAY={name}", f"BYSETPOS={place}"],
                [
                    f"BYDAY={name}",
                    f"BYMONTHDAY={','.join(str(day) for day in range(max(1, start.day - 3), start.day + 1))}",
                ],
            )
        )
    )


def yearly(draw, start):
    months = sorted({start.month, *draw(st.lists(st.integers(1, 12), max_size=2))})
    name, place, week = WEEKDAYS[start.weekday()], (start.day - 1) // 7 + 1, start.isocalendar()
    parts = [
        [],
        [f"BYMONTH={','.join(map(str, months))}", f"BYMONTHDAY={start.day}"],
        [f"BYMONTH={','.join(map(str, months))}", f"BYDAY={place}{name}"],
        [f"BYYEARDAY={start.timetuple().tm_yday}"],
    ]
    # libical 3.0.16 looks from the year of DTSTART on, and misses one in the last week of the year before.
    if week.year >= start.year:
        parts.append([f"BYWEEKNO={week.week}", f"BYDAY={name}", "WKST=MO"])
    return "YEARLY", draw(st.sampled_from(parts))


def days(draw, start):
    return sorted(
        {WEEKDAYS[start.weekday()], *draw(st.lists(st.sampled_from(WEEKDAYS), max_size=3))}, key=WEEKDAYS.index
    )


RULES = (daily, weekly, monthly, yearly)


def compare(case: Case) -> None:
    """Fails where the two libraries see other spans begin in the ten years, or last for another time."""
    margin = timedelta(days=3)
    first, last = ((one + side).replace(tzinfo=None) for one, side in ((SINCE, -margin), (UNTIL, margin)))
    walls = walls_by_libical(file_of(event(case.text_on_the_clock())), first, last)
    theirs = {(instant_by_libical(wall, case.zone), lasts) for wall, lasts in walls}
    ours = {(start, end - start) for start, end in spans_in(file_of(event(case.text())), since=SINCE, until=UNTIL)}
    within = [{(start, lasts) for start, lasts in found if SINCE <= start < UNTIL} for found in (ours, theirs)]
    assert within[0] == within[1], case.text()


@given(cases())
@settings(max_examples=60, deadline=None)
@example(Case("Europe/Berlin", datetime(2026, 3, 26, 2, 30), 120, "FREQ=DAILY;COUNT=6"))
@example(
    Case(
        "Australia/Lord_Howe",
        datetime(2026, 10, 2, 2, 15),
        60,
        "FREQ=DAILY;COUNT=6",
        None,
        (datetime(2026, 10, 3, 2, 15),),
    )
)
def test_spans_are_those_of_libical(case: Case) -> None:
    compare(case)


@pytest.mark.deep
@given(cases())
@settings(max_examples=1500, deadline=None)
def test_spans_of_many_events_are_those_of_libical(case: Case) -> None:
    compare(case)
