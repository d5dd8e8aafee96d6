# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are wrong, or made to harm: each is one sentence that names the place, and a bounded time."""

from __future__ import annotations

import contextlib
import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._calendar import read, read_files, read_spans
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import Calendar
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from tests.unit.calendar.ics import HOUR, PAYROLL, SINCE, UNTIL, event, file_of, spans_in

START = "DTSTART:20260105T200000Z"
HOURLY = f"DTSTART:20260101T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))}"


def refusal(content: bytes) -> str:
    """The sentence with which a file is refused, quickly."""
    begun = time.process_time()
    with pytest.raises(InputError) as caught:
        spans_in(content)
    assert time.process_time() - begun < 5
    said = str(caught.value)
    assert said.startswith("calendar payroll, /inventory/payroll.ics")
    assert "\n" not in said
    assert len(said) < 600
    return said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HOUR}\nRRULE:FREQ=SECONDLY", "event of line 4 (one): RRULE FREQ=SECONDLY recurs by FREQ=SECONDLY; windows"),
        (f"{HOUR}\nRRULE:FREQ=DAILY;COUNT=1000000000", "has COUNT=1000000000; 1 to 100000 is accepted"),
        (f"{HOUR}\nRRULE:FREQ=DAILY;COUNT=0", "has COUNT=0; 1 to 100000 is accepted"),
        (f"{HOUR}\nRRULE:FREQ=DAILY;INTERVAL=0", "has INTERVAL=0; 1 to 1000 is accepted"),
        (f"{HOUR}\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "does not let the event begin at its DTSTART"),
        (f"{HOUR}\nRRULE:FREQ=WEEKLY;BYDAY=TU", "begin the event with its first occurrence"),
        (f"{HOUR}\nRRULE:FREQ=WEEKLY;BYDAY=1MO", "numbers the weekdays in BYDAY"),
        (f"{HOUR}\nRRULE:FREQ=WEEKLY;BYMONTHDAY=5", "has BYMONTHDAY with FREQ=WEEKLY, which RFC 5545 forbids"),
        (f"{HOUR}\nRRULE:FREQ=DAILY;BYSECOND={','.join(map(str, range(30)))}", "begins 30 times a day"),
        (f"{HOUR}\nRRULE:FREQ=DAILY;BYHOUR=24", "has 24 in BYHOUR; 0 to 23 is accepted"),
        (f"{HOUR}\nRRULE:FREQ=MONTHLY;BYSETPOS=1", "has BYSETPOS and no other part"),
        (f"{HOUR}\nRRULE:FREQ=MONTHLY;BYDAY=6MO", "has a weekday in BYDAY that there is not"),
        (f"{HOUR}\nRRULE:FREQ=MONTHLY;BYMONTHDAY=0", "has 0 in BYMONTHDAY; 1 to 31 or -1 to -31 is accepted"),
        (f"{HOUR}\nRRULE:FREQ=DAILY;FREQ=WEEKLY", "has FREQ twice"),
        (f"{HOUR}\nRRULE:FREQ=WEEKLY;WKST=WE", "has WKST=WE, and programs count such weeks differently"),
        (f"{HOUR}\nRRULE:FREQ=DAILY;COUNT=2;UNTIL=20270101T000000Z", "has COUNT and UNTIL"),
        (f"{HOUR}\nRRULE:FREQ=DAILY;RSCALE=HEBREW", "has the part RSCALE, which is not read"),
        (f"{HOUR}\nRRULE:FREQ=DAILY;COUNT=x", "RRULE FREQ=DAILY;COUNT=x cannot be read"),
        (f"{HOUR}\nRRULE:", "recurs by FREQ=;"),
        (f"{HOUR}\nRRULE:FREQ=DAILY;UNTIL=20270101", "needs a time in UTC in UNTIL, as DTSTART is a time with a zone"),
        (f"{HOUR}\nRRULE:FREQ=DAILY;UNTIL=20250101T000000Z", "ends before DTSTART"),
        (f"{HOUR}\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY", "has 2 of RRULE; leave one"),
        (f"{HOUR}\nEXRULE:FREQ=DAILY", "has an EXRULE, which RFC 5545 has dropped"),
        (f"{HOUR}\nEXDATE:20260230T000000Z", "EXDATE 20260230T000000Z cannot be read"),
        (f"{HOUR}\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260105T200000Z", "replaces one occurrence and has a RANGE"),
        (f"{HOUR}\nRECURRENCE-ID:20260105T200000Z\nRRULE:FREQ=DAILY", "replaces one occurrence and has RRULE"),
        (f"{HOUR}\nDURATION:PT1H", "has DTEND and DURATION; leave one"),
        (f"{START}\nDTEND:20260105T190000Z", "DTEND 20260105T190000Z does not lie after DTSTART"),
        (f"{START}\nDTEND;VALUE=DATE:20260106", "is a date, and neither the file"),
        (f"{START}\nDURATION:P99999999999999W", "DURATION P99999999999999W cannot be read"),
        (f"{START}\nDURATION:P9999W", "DURATION P9999W makes it longer than 366 days"),
        (f"{START}\nDURATION:-PT1H", "DURATION -PT1H does not lie after DTSTART"),
        (f"{START}\nDURATION:P", "DURATION P does not lie after DTSTART"),
        (f"{START}\nDURATION:20260106", "DURATION 20260106 is no duration, such as PT4H"),
        (START, "has no DTEND and no DURATION, so it holds no time"),
        ("DURATION:PT1H", "has no DTSTART"),
        ("DTSTART:00010101T000000Z\nDURATION:PT1H", "is no date or time of the years 1970 to 2199"),
        ("DTSTART:tomorrow\nDURATION:PT1H", "DTSTART tomorrow cannot be read"),
        ("DTSTART:20260105\nDURATION:P1D", "DTSTART 20260105 needs VALUE=DATE for a date"),
        ("DTSTART;TZID=Europe/Berlin:20260105T200000Z\nDURATION:PT1H", "20260105T200000Z cannot have a TZID"),
        (
            "DTSTART;TZID=Mars/Olympus:20260105T200000\nDURATION:PT1H",
            "the time zone 'Mars/Olympus' is unknown; use an IANA",
        ),
        ("DTSTART;TZID=../../etc/passwd:20260105T200000\nDURATION:PT1H", "the time zone '../../etc/passwd' is unknown"),
        ("DTSTART;TZID=Europe:20260105T200000\nDURATION:PT1H", "the time zone 'Europe' is unknown"),
        (f"{HOUR}\nUID:another", "has 2 of UID; leave one"),
    ],
)
def test_an_event_that_cannot_be_meant_is_one_sentence(text: str, said: str) -> None:
    assert said in refusal(file_of(event(text)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no complete calendar: END:VCALENDAR is missing"),
        (file_of(event(HOUR))[:-15], "is no complete calendar"),
        (b"\xff\xfeB\x00", "is not in UTF-8: byte 0 is 0xff; save it in UTF-8"),
        (file_of(event(f"{HOUR}\nSUMMARY:Caf\xe9")).replace("é".encode(), b"\xe9"), "is not in UTF-8"),
        (file_of(event(f"{HOUR}\nSUMMARY:a\0b")), "has a NUL in line 9"),
        (b"<html>not found</html>", "line 1 is no property of iCalendar: <html>"),
        (file_of(event(HOUR)) * 2, "BEGIN:VCALENDAR, where one VCALENDAR was expected"),
        (file_of(event("END:VCALENDAR")), "where VEVENT had to end"),
        (file_of(front="BEGIN:X\n" * 100_000), "begins a component in 8 others"),
        (file_of(front="METHOD:CANCEL\n"), "is a message (METHOD:CANCEL) and no published calendar"),
        (file_of(front="CALSCALE:JULIAN\n"), "counts by the calendar JULIAN"),
        (file_of(event(HOUR), event(HOUR)), "event of line 10 (one) has the UID of"),
        (
            file_of(*[event(f"{HOUR}\nRECURRENCE-ID:20260105T200000Z")] * 2),
            "(one) has the UID and RECURRENCE-ID of",
        ),
        (
            file_of(
                event("DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY"),
                event(f"{HOUR}\nRECURRENCE-ID:20260105T200000Z"),
                front="X-WR-TIMEZONE:UTC\n",
            ),
            "is a time with a zone, and",
        ),
        (file_of(event(f"{HOUR}\nEXDATE:20260112T200000"), front="X-WR-TIMEZONE:UTC\n"), "state both alike"),
        (file_of(*(event(HOUR, str(number)) for number in range(5001))), "has more than 5000 events"),
        (
            file_of(*(event(f"{HOURLY}\nSUMMARY:{number}", str(number)) for number in range(4))),
            "has more than 50000 spans from 2026-01-01 to 2028-01-01",
        ),
    ],
)
def test_a_file_that_is_no_calendar_is_one_sentence(content: bytes, said: str) -> None:
    assert said in refusal(content)


def test_a_file_gets_a_bounded_time_and_the_event_is_named() -> None:
    old = "DTSTART:19700101T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY"
    content = file_of(*(event(old, str(number)) for number in range(4000)))
    with pytest.raises(InputError, match=r"event of line \d+ \(\d+\) was reached after 0.5 s of computing"):
        read.timeline_of(PAYROLL, content, SINCE, UNTIL, read_spans.Budget(0.5))


RICH = file_of(
    event(
        "DTSTART;TZID=Europe/Berlin:20260105T200000\nDTEND;TZID=Europe/Berlin:20260105T210000\nSUMMARY:Payroll\\, one\n"
        "RRULE:FREQ=MONTHLY;BYDAY=1MO,-1FR;INTERVAL=2;UNTIL=20271231T000000Z;WKST=MO\n"
        "EXDATE;TZID=Europe/Berlin:20260302T200000,20260504T200000\nRDATE;VALUE=PERIOD:20260201T000000Z/PT2H"
    ),
    event(
        "RECURRENCE-ID;TZID=Europe/Berlin:20260706T200000\nDTSTART:20260707T080000Z\nDURATION:P1DT3H\nSTATUS:TENTATIVE"
    ),
    event("DTSTART;VALUE=DATE:20260801\nDURATION:P1W\nRRULE:FREQ=YEARLY;BYMONTH=8;COUNT=5", "two"),
    front="X-WR-TIMEZONE:America/St_Johns\nMETHOD:PUBLISH\n",
)
PIECES = st.sampled_from(
    [
        b"",
        b"\r\n",
        b" ",
        b":",
        b";",
        b",",
        b"=",
        b"-",
        b"/",
        b"0",
        b"9" * 30,
        b"T",
        b"Z",
        b"P",
        b"\xff",
        b"\0",
        b"END:VEVENT",
    ]
) | st.integers(0, len(RICH)).map(lambda at: RICH[at : at + 17])


def test_the_file_to_damage_is_a_calendar() -> None:
    assert len(spans_in(RICH)) == 25


def damage(changes: list[tuple[int, int, bytes]]) -> None:
    """Read the file with pieces of it replaced: at a place, so many bytes, by others."""
    content = RICH
    for at, length, piece in changes:
        content = content[:at] + piece + content[at + length :]
    with contextlib.suppress(InputError):
        spans_in(content)


CHANGES = st.lists(st.tuples(st.integers(0, len(RICH)), st.integers(0, 20), PIECES), min_size=1, max_size=3)


@given(CHANGES)
@settings(max_examples=100, deadline=None)
def test_a_damaged_file_is_a_calendar_or_a_sentence(changes: list[tuple[int, int, bytes]]) -> None:
    damage(changes)


@pytest.mark.deep
@given(CHANGES)
@settings(max_examples=10_000, deadline=None)
def test_a_file_damaged_in_many_ways_is_a_calendar_or_a_sentence(changes: list[tuple[int, int, bytes]]) -> None:
    damage(changes)


@pytest.mark.deep
@pytest.mark.parametrize(
    "text",
    [
        f"{HOUR}\nSUMMARY{';A=b' * 1_000_000}:x",
        f"{HOUR}\nEXDATE:{','.join(['20260105T200000Z'] * 240_000)}",
        f"{HOUR}\nSUMMARY:" + "x\n " * 1_000_000,
    ],
    ids=["parameters", "exceptions", "folds"],
)
def test_the_largest_file_takes_a_bounded_time(text: str) -> None:
    begun = time.process_time()
    content = file_of(event(text))
    assert 3_900_000 < len(content) < read_files.MOST_BYTES
    spans_in(content)
    assert time.process_time() - begun < 30


@pytest.mark.deep
def test_a_rule_that_never_holds_takes_a_bounded_time() -> None:
    content = file_of(event(f"{HOUR}\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"))
    with pytest.raises(InputError, match="does not let the event begin at its DTSTART"):
        spans_in(content)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("large", "has more than 4194304 bytes; export the events of the coming years alone"),
        ("pipe", "is not a file"),
        ("directory", "cannot be read: Is a directory"),
        ("nothing", "cannot be read: No such file or directory"),
    ],
)
def test_a_source_that_is_no_small_file_is_refused_before_it_is_read(made: str, said: str, tmp_path) -> None:
    source = tmp_path / "payroll.ics"
    if made == "large":
        with source.open("wb") as stream:
            stream.truncate(100 * 1024 * 1024)
    elif made == "pipe":
        os.mkfifo(source)
    elif made == "directory":
        source.mkdir()
    with pytest.raises(InputError) as caught:
        read_files.read_source(Calendar("payroll", "freeze", "estate", str(source)))
    assert said in str(caught.value)
