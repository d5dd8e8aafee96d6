# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the properties of events, values by the library icalendar. What programs read in two ways is refused."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import UTC
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model_event import (
    DAY,
    FIXED,
    FLOATING,
    Event,
    Moment,
)
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.plan_lines import Block, Content
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.plan_rule import rule_faults
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.read_zones import Zones
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, InputError, excerpt

try:
    from icalendar.parser import Contentline
    from icalendar.prop import vDDDTypes, vRecur, vText
except ImportError:
    IMPORT_ERROR: str | None = traceback.format_exc()
else:
    IMPORT_ERROR = None

# Years in which an event may begin; a rule that begins in another one is a mistake, and long to count.
FIRST_YEAR, LAST_YEAR = 1970, 2199
MOST_DAYS = 366
_LONGEST = 200
_SEVERAL = ("RDATE", "EXDATE")
_FIRST, _LAST = datetime(FIRST_YEAR - 1, 1, 1), datetime(LAST_YEAR + 1, 12, 31)


@dataclass(frozen=True)
class _Property:
    """A content line. where: names it in a sentence."""

    params: Mapping[str, Any]
    value: str
    where: str


def events_of(content: Content, zone: str, zones: Zones, where: str) -> list[Event]:
    """The events of a file. Raises InputError, naming `where`.

    zone: for times that state none, where the file does not.
    """
    return [_Reader(block, content.zone or zone, zones, where).event() for block in content.blocks]


class _Reader:
    """Reads one event."""

    def __init__(self, block: Block, zone: str, zones: Zones, where: str) -> None:
        self._zone, self._zones = zone, zones
        self._where = f"{where}, event of line {block.number}"
        parsed: dict[str, list[_Property]] = {}
        for line in block.lines:
            name, params, value = self._parsed(Contentline(line).parts, line)
            parsed.setdefault(name.upper(), []).append(_Property(params, value, ""))
        self._title = excerpt(
            (parsed.get("UID") or parsed.get("SUMMARY") or [_Property({}, "", "")])[0].value[:_LONGEST]
        )
        self._where += f" ({self._title})" if self._title else ""
        self._found = {
            name: [_Property(one.params, one.value, f"{self._where}: {name}") for one in several]
            for name, several in parsed.items()
        }

    def event(self) -> Event:
        """The event. Raises InputError for one that cannot be meant."""
        self._judge_names()
        start = self._moment(self._found["DTSTART"][0])
        days, seconds = self._length(start)
        rule, until = self._rule(start)
        replaced = self._all("RECURRENCE-ID", start.kind, periods=False)
        return Event(
            where=self._where,
            uid=self._found["UID"][0].value,
            summary=self._summary(),
            start=start,
            days=days,
            seconds=seconds,
            rule=rule,
            until=until,
            added=tuple(self._all("RDATE", start.kind, periods=True)),
            excluded=frozenset(moment for moment, _end in self._all("EXDATE", start.kind, periods=False)),
            replaces=replaced[0][0] if replaced else None,
            cancelled=self._value("STATUS").upper() == "CANCELLED",
        )

    def _judge_names(self) -> None:
        for name in ("UID", "DTSTART"):
            if not self._value(name):
                raise InputError(f"{self._where} has no {name}; export the calendar again")
        for name, several in self._found.items():
            if len(several) > 1 and name not in _SEVERAL:
                raise InputError(f"{self._where} has {len(several)} of {name}; leave one")
        if "EXRULE" in self._found:
            raise InputError(f"{self._where} has an EXRULE, which RFC 5545 has dropped; name the times in EXDATE")
        if "RECURRENCE-ID" in self._found:
            extra = [name for name in ("RRULE", *_SEVERAL) if name in self._found]
            ranged = "RANGE" in self._found["RECURRENCE-ID"][0].params
            if extra or ranged:
                raise InputError(
                    f"{self._where} replaces one occurrence and has {'a RANGE' if ranged else extra[0]}; end the "
                    "series there, and begin another event"
                )

    def _value(self, name: str) -> str:
        return self._found[name][0].value.strip() if name in self._found else ""

    def _summary(self) -> str:
        return excerpt(self._parsed(lambda: str(vText.from_ical(self._value("SUMMARY")[:_LONGEST])), "SUMMARY"))

    def _all(self, name: str, kind: str, periods: bool) -> list[tuple[datetime, datetime | None]]:
        """The times of a property, stated as the event's own are. periods: whether each may have an end."""
        times = []
        for one in self._found.get(name, ()):
            for text in one.value.split(","):
                begins, _slash, ends = text.partition("/")
                moment = self._moment(_Property(one.params, begins, one.where))
                if moment.kind != kind or (ends and not periods):
                    stated = "a period" if ends else moment.kind
                    raise InputError(
                        f"{one.where} {excerpt(text[:80])} is {stated}, and DTSTART is {kind}; state both alike"
                    )
                times.append((moment.instant, self._end_of_period(one, moment, ends) if ends else None))
        return times

    def _end_of_period(self, one: _Property, begins: Moment, ends: str) -> datetime:
        if ends[:1] in "+-P":
            days, seconds = self._duration(_Property(one.params, ends, one.where))
            return Event("", "", "", begins, days, seconds).end_of(begins.instant)
        end = self._moment(_Property(one.params, ends, one.where))
        self._bounded((end.instant - begins.instant).total_seconds(), one)
        return end.instant

    def _moment(self, one: _Property) -> Moment:
        """A time as its line states it, in the zone that it counts by."""
        value = self._parsed(lambda: vDDDTypes.from_ical(one.value), one.where, one.value)
        named, zulu = str(one.params.get("TZID") or ""), one.value.strip().upper().endswith("Z")
        if not isinstance(value, date) or not FIRST_YEAR <= value.year <= LAST_YEAR:
            raise InputError(
                f"{one.where} {excerpt(one.value[:80])} is no date or time of the years {FIRST_YEAR} to {LAST_YEAR}; "
                "correct it"
            )
        is_day = not isinstance(value, datetime)
        if is_day != (str(one.params.get("VALUE", "")).upper() == "DATE"):
            raise InputError(
                f"{one.where} {excerpt(one.value[:80])} needs VALUE=DATE for a date, and for no time; correct it"
            )
        if named and (zulu or is_day):
            raise InputError(
                f"{one.where} {excerpt(one.value[:80])} cannot have a TZID; drop it, or state a local time"
            )
        wall = datetime(*value.timetuple()[:6])
        if zulu:
            return Moment(FIXED, wall, UTC)
        if named:
            return Moment(FIXED, wall, self._zones.zone(named, one.where))
        kind = DAY if is_day else FLOATING
        if not self._zone:
            raise InputError(
                f"{one.where} {excerpt(one.value[:80])} is {kind}, and neither the file (X-WR-TIMEZONE) nor the "
                "calendar's declaration (zone) states a zone; add one"
            )
        return Moment(kind, wall, self._zones.zone(self._zone, one.where))

    def _length(self, start: Moment) -> tuple[int, int]:
        """Days on the clock, and seconds after them."""
        end, lasts = self._found.get("DTEND"), self._found.get("DURATION")
        if end and lasts:
            raise InputError(f"{self._where} has DTEND and DURATION; leave one")
        if lasts:
            days, seconds = self._duration(lasts[0])
            if start.kind == DAY and seconds:
                raise InputError(
                    f"{lasts[0].where} {excerpt(lasts[0].value)} of an all-day event must be of days; correct it"
                )
            return days, seconds
        if not end:
            if start.kind == DAY:
                return 1, 0
            raise InputError(f"{self._where} has no DTEND and no DURATION, so it holds no time; add one")
        stop = self._moment(end[0])
        if (stop.kind == DAY) != (start.kind == DAY) or (stop.kind == FLOATING) != (start.kind == FLOATING):
            raise InputError(f"{end[0].where} is {stop.kind}, and DTSTART is {start.kind}; state both alike")
        if start.kind == DAY:
            days = (stop.wall - start.wall).days
            self._bounded(days * 86400, end[0])
            return days, 0
        seconds = int((stop.instant - start.instant).total_seconds())
        self._bounded(seconds, end[0])
        return 0, seconds

    def _duration(self, one: _Property) -> tuple[int, int]:
        """A duration in days on the clock and exact seconds, which the library's own value does not tell apart."""
        nominal, clock, exact = one.value.strip().upper().partition("T")
        sign = -1 if nominal.startswith("-") else 1
        days = self._lasting(nominal, one).days if nominal.strip("+-") != "P" else 0
        seconds = sign * int(self._lasting(f"P{clock}{exact}", one).total_seconds()) if clock else 0
        self._bounded(days * 86400 + seconds, one)
        return days, seconds

    def _lasting(self, text: str, one: _Property) -> timedelta:
        value = self._parsed(lambda: vDDDTypes.from_ical(text), one.where, one.value)
        if not isinstance(value, timedelta):
            raise InputError(f"{one.where} {excerpt(one.value[:80])} is no duration, such as PT4H; correct it")
        return value

    def _bounded(self, seconds: float, one: _Property) -> None:
        if seconds <= 0:
            raise InputError(f"{one.where} {excerpt(one.value[:80])} does not lie after DTSTART; correct it")
        if seconds > MOST_DAYS * 86400:
            raise InputError(
                f"{one.where} {excerpt(one.value[:80])} makes it longer than {MOST_DAYS} days; shorten it, or repeat it"
            )

    def _rule(self, start: Moment) -> tuple[str, datetime | None]:
        """The rule without its UNTIL, and the last moment at which an occurrence may begin."""
        if "RRULE" not in self._found:
            return "", None
        one = self._found["RRULE"][0]
        parts = [part for part in one.value.upper().split(";") if part]
        rule = self._parsed(lambda: vRecur.from_ical(one.value), one.where, one.value)
        names = [part.partition("=")[0] for part in parts]
        faults = rule_faults({name.upper(): list(value) for name, value in rule.items()}, names)
        if faults:
            raise InputError(f"{one.where} {excerpt(one.value)} {faults[0]}")
        until = self._until(rule["UNTIL"][0], start, one) if "UNTIL" in rule else None
        if until is not None and until < start.instant:
            raise InputError(f"{one.where} {excerpt(one.value)} ends before DTSTART; correct it")
        return ";".join(part for part in parts if not part.startswith("UNTIL=")), until

    def _until(self, value: date | datetime, start: Moment, one: _Property) -> datetime:
        """UNTIL in UTC. By RFC 5545 it is a date, a local time or one in UTC as DTSTART is."""
        is_day, zulu = not isinstance(value, datetime), getattr(value, "tzinfo", None) is not None
        if (start.kind == DAY) != is_day or (start.kind == FIXED) != zulu:
            needed = {DAY: "a date", FLOATING: "a local time", FIXED: "a time in UTC"}[start.kind]
            raise InputError(
                f"{one.where} {excerpt(one.value)} needs {needed} in UNTIL, as DTSTART is {start.kind}; correct it"
            )
        wall = datetime(*value.timetuple()[:6])
        if zulu:
            return wall.replace(tzinfo=UTC)
        # "for ever" is often written as the last day that datetime knows, which has no UTC in each zone
        return Moment(start.kind, min(max(wall, _FIRST), _LAST), start.zone).instant

    def _parsed(self, parse: Callable[[], Any], where: str, value: str = "") -> Any:
        try:
            return parse()
        except BAD_VALUES as error:
            said = excerpt(f"{where} {value[:80]}".strip())
            named = said if said.startswith(self._where) else f"{self._where}: {said[:200]}"
            raise InputError(f"{named} cannot be read, so correct it: {excerpt(str(error)[:200])}") from error
