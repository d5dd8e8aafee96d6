# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An event of an iCal file, as its properties state it: nothing is expanded yet. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import UTC

# how a time is stated: a date, a time of no zone, a time of a zone
DAY, FLOATING, FIXED = "a date", "a time without a zone", "a time with a zone"


@dataclass(frozen=True)
class Moment:
    """A time as its calendar states it: on the clock of a zone."""

    kind: str
    wall: datetime
    zone: tzinfo

    @property
    def instant(self) -> datetime:
        """The time in UTC."""
        return instant_of(self.wall, self.zone)


@dataclass(frozen=True)
class Event:
    """One VEVENT. where: names it in a sentence.

    days, seconds: its length, days on the clock and an exact time after them.
    rule: RRULE without UNTIL; empty for none. until: the last moment at which an occurrence may begin.
    added: RDATE, with the end where a period states one. excluded: EXDATE. replaces: RECURRENCE-ID.
    """

    where: str
    uid: str
    summary: str
    start: Moment
    days: int
    seconds: int
    rule: str = ""
    until: datetime | None = None
    added: tuple[tuple[datetime, datetime | None], ...] = ()
    excluded: frozenset[datetime] = frozenset()
    replaces: datetime | None = None
    cancelled: bool = False

    def end_of(self, start: datetime) -> datetime:
        """When the occurrence ends that begins at an instant.

        By RFC 5545 the days of a length are those of the clock, and hours, minutes and seconds are exact.
        """
        if self.days:
            wall = start.astimezone(self.start.zone).replace(tzinfo=None)
            if self.start.kind == DAY:
                # the clock may skip the midnight at which the day begins
                wall = wall.replace(hour=0, minute=0, second=0)
            start = instant_of(wall + timedelta(days=self.days), self.start.zone)
        return start + timedelta(seconds=self.seconds)


def instant_of(wall: datetime, zone: tzinfo) -> datetime:
    """A time on the clock of a zone, in UTC.

    By RFC 5545 a time that the clock skips counts by the offset before, and of one that it shows twice the first holds.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
