# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What calendars mean: exceptions, replaced occurrences, lengths, zones, and the clock that changes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._calendar import read_events, read_spans
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import Calendar
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.read import read_timelines, timeline_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, LibraryError
from tests.unit.calendar.ics import HOUR, PAYROLL, SINCE, UNTIL, UTC, event, file_of, spans_in, starts_in

BERLIN = "DTSTART;TZID=Europe/Berlin:{0}\nDTEND;TZID=Europe/Berlin:{1}\n"


def lengths(text: str, zone: str = "Europe/Berlin") -> list[timedelta]:
    calendar = Calendar("payroll", "freeze", "estate", "/inventory/payroll.ics", zone)
    return [end - start for start, end in spans_in(file_of(event(text)), calendar)]


def test_an_exception_hits_the_occurrence_that_it_names_and_no_other() -> None:
    # recurring-ical-events 3.8.2 takes 18:00 away as well, which is 20:00 in Berlin by its number alone
    text = BERLIN.format("20260701T180000", "20260701T190000") + "RRULE:FREQ=DAILY;BYHOUR=18,20;COUNT=4\n"
    assert starts_in(text + "EXDATE;TZID=Europe/Berlin:20260702T200000") == [
        "2026-07-01 16:00",
        "2026-07-01 18:00",
        "2026-07-02 16:00",
    ]


def test_the_last_week_of_a_year_may_end_in_the_next_one() -> None:
    text = "DTSTART:20210101T200000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR"
    found = spans_in(
        file_of(event(text)), since=datetime(2020, 1, 1, tzinfo=UTC), until=datetime(2030, 1, 1, tzinfo=UTC)
    )
    assert [f"{start:%Y-%m-%d}" for start, _end in found] == ["2021-01-01", "2027-01-01"]


def test_an_exception_may_name_its_time_in_another_zone() -> None:
    text = BERLIN.format("20260701T180000", "20260701T190000") + "RRULE:FREQ=DAILY;COUNT=3\n"
    stated = "EXDATE:20260702T160000Z\nEXDATE;TZID=America/St_Johns:20260703T133000"
    assert starts_in(text + stated) == ["2026-07-01 16:00"]


def test_added_times_count_and_periods_have_ends_of_their_own() -> None:
    text = f"{HOUR}\nRDATE:20260301T000000Z\nRDATE;VALUE=PERIOD:20260201T000000Z/PT2H,20260401T000000Z/20260401T050000Z"
    assert lengths(text) == [timedelta(hours=hours) for hours in (1, 2, 1, 5)]


def test_a_replaced_occurrence_is_where_it_was_moved_and_a_cancelled_one_is_gone() -> None:
    series = event(f"{HOUR}\nRRULE:FREQ=WEEKLY;COUNT=4")
    moved = event("RECURRENCE-ID:20260112T200000Z\nDTSTART:20260113T080000Z\nDURATION:PT3H")
    gone = event(f"RECURRENCE-ID:20260119T200000Z\nSTATUS:CANCELLED\n{HOUR.replace('0105', '0119')}")
    found = spans_in(file_of(moved, series, gone))
    assert [f"{start:%m-%d %H:%M}" for start, _end in found] == ["01-05 20:00", "01-13 08:00", "01-26 20:00"]
    assert found[1][1] - found[1][0] == timedelta(hours=3)


def test_an_occurrence_that_was_moved_into_the_horizon_is_seen() -> None:
    series = event("DTSTART:20200106T200000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=2")
    moved = event("RECURRENCE-ID:20200113T200000Z\nDTSTART:20260113T080000Z\nDURATION:PT3H")
    assert len(spans_in(file_of(series, moved))) == 1


def test_a_cancelled_event_holds_nothing() -> None:
    assert starts_in(f"{HOUR}\nSTATUS:CANCELLED\nRRULE:FREQ=DAILY") == []


def test_the_summary_is_one_line() -> None:
    content = file_of(event(f"{HOUR}\nSUMMARY:Payroll\\, part 1\\nof two"))
    assert [span.summary for span in timeline_of(PAYROLL, content, SINCE, UNTIL).spans] == ["Payroll, part 1 of two"]


@pytest.mark.parametrize(
    ("start", "rule", "expected"),
    [
        # the clock of Berlin skips 02:30 on 29 March, and shows it twice on 25 October
        ("20260328T023000", "COUNT=3", ["2026-03-28 01:30", "2026-03-29 01:30", "2026-03-30 00:30"]),
        ("20261024T023000", "COUNT=3", ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]),
    ],
)
def test_a_time_that_the_clock_skips_or_repeats_counts_by_the_offset_before(start, rule, expected) -> None:
    assert starts_in(f"DTSTART;TZID=Europe/Berlin:{start}\nDURATION:PT1H\nRRULE:FREQ=DAILY;{rule}") == expected


def test_hours_are_exact_and_days_are_those_of_the_clock() -> None:
    night = BERLIN.format("20260328T220000", "20260329T060000")
    assert lengths(f"{night}RRULE:FREQ=DAILY;COUNT=2") == [timedelta(hours=7)] * 2
    start = "DTSTART;TZID=Europe/Berlin:20260328T220000\n"
    assert lengths(f"{start}DURATION:P1D") == [timedelta(hours=23)]
    assert lengths(f"{start}DURATION:PT24H") == [timedelta(hours=24)]
    assert lengths(f"{start}DURATION:P1DT2H") == [timedelta(hours=25)]
    assert lengths(f"{start}DURATION:P1W") == [timedelta(days=7, hours=-1)]


def test_a_day_is_from_midnight_to_midnight_in_the_zone() -> None:
    assert lengths("DTSTART;VALUE=DATE:20260328\nRRULE:FREQ=DAILY;COUNT=3") == [
        timedelta(hours=hours) for hours in (24, 23, 24)
    ]
    assert lengths("DTSTART;VALUE=DATE:20260328\nDTEND;VALUE=DATE:20260330") == [timedelta(hours=47)]
    assert lengths("DTSTART;VALUE=DATE:20260328\nDURATION:P2D") == [timedelta(hours=47)]


def test_a_day_begins_when_the_clock_skips_midnight() -> None:
    text = "DTSTART;VALUE=DATE:20260424\nRRULE:FREQ=DAILY;UNTIL=20260424"
    assert starts_in(text, zone="Africa/Cairo") == ["2026-04-23 22:00"]
    assert lengths(text, zone="Africa/Cairo") == [timedelta(hours=23)]


@pytest.mark.parametrize("text", ["DTSTART;VALUE=DATE:20260105", "DTSTART:20260105T000000\nDURATION:PT1H"])
def test_what_has_no_zone_gets_that_of_the_file_or_the_declared_one(text: str) -> None:
    assert starts_in(text, zone="Europe/Berlin") == ["2026-01-04 23:00"]
    assert starts_in(text, zone="Europe/Berlin", front="X-WR-TIMEZONE:America/St_Johns\n") == ["2026-01-05 03:30"]
    with pytest.raises(InputError, match=r"DTSTART 20260105.* nor the calendar's declaration \(zone\) states a zone"):
        starts_in(text)


def test_the_zone_of_the_host_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert starts_in("DTSTART:20260105T000000\nDURATION:PT1H", zone="UTC") == ["2026-01-05 00:00"]
    with pytest.raises(InputError, match="'localtime' is unknown"):
        starts_in("DTSTART;TZID=localtime:20260105T000000\nDURATION:PT1H")


@pytest.mark.parametrize("name", ["W. Europe Standard Time", "/freeassociation.sourceforge.net/Europe/Berlin"])
def test_zones_of_other_programs_are_known(name: str) -> None:
    assert starts_in(f"DTSTART;TZID={name}:20260105T000000\nDURATION:PT1H") == ["2026-01-04 23:00"]


def test_a_definition_in_the_file_does_not_change_a_zone() -> None:
    definition = (
        "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0900\n"
        "TZOFFSETTO:+0900\nRRULE:FREQ=SECONDLY\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    text = "DTSTART;TZID=Europe/Berlin:20260105T000000\nDURATION:PT1H"
    assert starts_in(text, front=definition) == ["2026-01-04 23:00"]


@pytest.mark.parametrize(
    ("start", "until"),
    [
        ("DTSTART;TZID=Europe/Berlin:20260105T230000\nDURATION:PT1H", "20260107T220000Z"),
        ("DTSTART:20260105T230000\nDURATION:PT1H", "20260107T230000"),
        ("DTSTART;VALUE=DATE:20260105", "20260107"),
    ],
)
def test_the_last_occurrence_begins_at_until(start: str, until: str) -> None:
    assert len(starts_in(f"{start}\nRRULE:FREQ=DAILY;UNTIL={until}", zone="Europe/Berlin")) == 3


def test_for_ever_may_be_the_last_day_of_all() -> None:
    assert len(starts_in("DTSTART:20270101T000000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY;UNTIL=99991231T235959Z")) == 1


def test_a_span_that_began_before_the_horizon_reaches_into_it() -> None:
    text = "DTSTART:20241230T000000Z\nDURATION:P3D\nRRULE:FREQ=YEARLY"
    assert starts_in(text) == ["2025-12-30 00:00", "2026-12-30 00:00", "2027-12-30 00:00"]


def test_spans_end_where_the_horizon_begins(tmp_path) -> None:
    file = tmp_path / "nights.ics"
    file.write_bytes(file_of(event("DTSTART:20251231T230000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY")))
    (timeline,) = read_timelines(
        [Calendar("nights", "window", "estate", str(file))], SINCE, SINCE + timedelta(days=2, hours=23)
    )
    assert [span.start.day for span in timeline.spans] == [1, 2]


@pytest.mark.parametrize(("room", "name"), [(read_events, "icalendar"), (read_spans, "python-dateutil")])
def test_a_missing_library_is_named(room, name, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "IMPORT_ERROR", "trace")
    with pytest.raises(LibraryError, match=f"library {name} is not on this host"):
        timeline_of(PAYROLL, b"", SINCE, datetime(2027, 1, 1, tzinfo=SINCE.tzinfo))
