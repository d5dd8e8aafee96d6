# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks libical, a library in C that shares no code with the ones that the project uses.

Its rules are asked for times on the clock, and its zones for each of these alone: in a walk through a series with a
zone, libical 3.0.16 counts the day after a time that the clock has skipped by the former offset.
"""

from __future__ import annotations

import ctypes
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

import pytest

UTC = timezone.utc
_VEVENT = 4


class _Time(ctypes.Structure):
    """struct icaltimetype of libical 3."""

    _fields_ = [
        *((name, ctypes.c_int) for name in ("year", "month", "day", "hour", "minute", "second", "is_date", "daylight")),
        ("zone", ctypes.c_void_p),
    ]


class _Span(ctypes.Structure):
    """struct icaltime_span."""

    _fields_ = [("start", ctypes.c_long), ("end", ctypes.c_long), ("is_busy", ctypes.c_int)]


_FOUND = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(_Span), ctypes.c_void_p)


@cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libical.so.3")
    except OSError as error:
        pytest.fail(f"libical is missing, against which calendars are tested; run tests/lab/bootstrap: {error}")
    library.icalparser_parse_string.restype = ctypes.c_void_p
    library.icalparser_parse_string.argtypes = [ctypes.c_char_p]
    library.icalcomponent_get_first_component.restype = ctypes.c_void_p
    library.icalcomponent_get_first_component.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.icaltimezone_get_utc_timezone.restype = ctypes.c_void_p
    library.icaltimezone_get_builtin_timezone.restype = ctypes.c_void_p
    library.icaltimezone_get_builtin_timezone.argtypes = [ctypes.c_char_p]
    library.icaltime_as_timet_with_zone.restype = ctypes.c_long
    library.icaltime_as_timet_with_zone.argtypes = [_Time, ctypes.c_void_p]
    library.icaltime_from_timet_with_zone.restype = _Time
    library.icaltime_from_timet_with_zone.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p]
    library.icalcomponent_foreach_recurrence.argtypes = [ctypes.c_void_p, _Time, _Time, _FOUND, ctypes.c_void_p]
    library.icalcomponent_free.argtypes = [ctypes.c_void_p]
    return library


def walls_by_libical(content: bytes, since: datetime, until: datetime) -> list[tuple[datetime, timedelta]]:
    """Start, on the clock, and length of each occurrence of a file's first event, whose times have no zone."""
    library = _library()
    calendar = library.icalparser_parse_string(content)
    component = library.icalcomponent_get_first_component(calendar, _VEVENT)
    zone = library.icaltimezone_get_utc_timezone()
    first, last = (
        library.icaltime_from_timet_with_zone(int(one.replace(tzinfo=UTC).timestamp()), 0, zone)
        for one in (since, until)
    )
    found: list[tuple[datetime, timedelta]] = []

    def keep(_component: int, span: Any, _data: int) -> None:
        start = datetime.fromtimestamp(span.contents.start, UTC).replace(tzinfo=None)
        found.append((start, timedelta(seconds=span.contents.end - span.contents.start)))

    library.icalcomponent_foreach_recurrence(component, first, last, _FOUND(keep), None)
    library.icalcomponent_free(calendar)
    return found


def instant_by_libical(wall: datetime, zone: str) -> datetime:
    """A time on the clock of a zone, in UTC, by the offsets of libical.

    RFC 5545 gives a time that the clock skips, or shows twice, the offset before, where libical takes the one after.
    """
    before = _seconds(wall - timedelta(days=1), zone) + 86400
    usual = _seconds(wall, zone)
    exists_later = _clock(usual, zone) == wall and _clock(before, zone) != wall
    return datetime.fromtimestamp(usual if exists_later else before, UTC)


def _rules(zone: str) -> int:
    return int(_library().icaltimezone_get_builtin_timezone(zone.encode()))


def _seconds(wall: datetime, zone: str) -> int:
    time = _Time(wall.year, wall.month, wall.day, wall.hour, wall.minute, wall.second, 0, 0, _rules(zone))
    return int(_library().icaltime_as_timet_with_zone(time, _rules(zone)))


def _clock(seconds: int, zone: str) -> datetime:
    time = _library().icaltime_from_timet_with_zone(seconds, 0, _rules(zone))
    return datetime(time.year, time.month, time.day, time.hour, time.minute, time.second)
