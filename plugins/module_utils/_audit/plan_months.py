# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The windows and freezes of an audit by month and day, in UTC. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import Filters
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_proofs import Tenant
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import UTC, Calendar, Subject, Timeline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import excerpt

# The calendar shows so many months before the end of the report, and so many behind it.
BEFORE, BEHIND = 11, 2
_DAY_S = 86400.0


@dataclass(frozen=True)
class Piece:
    """A part of a day, as shares of it, in which a window is open or a freeze holds."""

    kind: str
    begin: float
    end: float


@dataclass(frozen=True)
class Day:
    """A day of a month. today: whether the report ends on it."""

    date: date
    pieces: tuple[Piece, ...]
    today: bool = False


@dataclass(frozen=True)
class Month:
    """A month, with its days."""

    first: date
    days: tuple[Day, ...]


@dataclass(frozen=True)
class Held:
    """A span of a calendar, for a table."""

    calendar: str
    kind: str
    concerns: str
    begin: datetime
    end: datetime
    summary: str


def horizon(since: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """The time that the calendar shows: whole months, from the beginning of the report on, a year at most."""
    first = max(_month(now.date(), -BEFORE), since.date().replace(day=1) if since else date.min)
    first = min(first, now.date().replace(day=1))
    return _moment(first), _moment(_month(now.date(), BEHIND + 1))


def concerning(calendars: Iterable[Calendar], tenants: Iterable[Tenant], filters: Filters) -> list[Calendar]:
    """The calendars of the report: those of its tenant, where it is about one."""
    found = list(calendars)
    if not filters.tenant:
        return found
    groups = tuple(one.group for one in tenants if one.name == filters.tenant and one.group)
    scopes = Subject(filters.tenant, groups).scopes
    # the group of a tenant that is not declared is not known
    return [one for one in found if one.concerns in scopes or (not groups and one.concerns.startswith("group:"))]


def months(timelines: Sequence[Timeline], since: datetime, until: datetime, now: datetime) -> list[Month]:
    """The months from `since` until `until`, each day with its windows and freezes."""
    pieces: dict[date, list[Piece]] = {}
    for timeline in timelines:
        for span in timeline.spans:
            for day, piece in _pieces(timeline.calendar.kind, max(span.start, since), min(span.end, until)):
                pieces.setdefault(day, []).append(piece)
    found = []
    first = since.date()
    while first < until.date():
        following = _month(first, 1)
        days = (first + timedelta(days=place) for place in range((following - first).days))
        found.append(Month(first, tuple(_day(day, pieces, now.date()) for day in days)))
        first = following
    return found


def spans_listed(timelines: Iterable[Timeline], most: int) -> tuple[list[Held], int]:
    """The first spans by their beginning, freezes before windows, and how many there are."""
    found = [
        Held(
            excerpt(timeline.calendar.name),
            timeline.calendar.kind,
            excerpt(timeline.calendar.concerns),
            span.start,
            span.end,
            excerpt(span.summary),
        )
        for timeline in timelines
        for span in timeline.spans
    ]
    found.sort(key=lambda one: (one.kind, one.begin))
    return found[:most], len(found)


def _day(day: date, pieces: Mapping[date, Sequence[Piece]], today: date) -> Day:
    merged: list[Piece] = []
    for piece in sorted(pieces.get(day, ()), key=lambda one: (one.kind, one.begin)):
        if merged and merged[-1].kind == piece.kind and merged[-1].end >= piece.begin:
            merged[-1] = Piece(piece.kind, merged[-1].begin, max(merged[-1].end, piece.end))
        else:
            merged.append(piece)
    return Day(day, tuple(merged), day == today)


def _pieces(kind: str, begin: datetime, end: datetime) -> Iterator[tuple[date, Piece]]:
    while begin < end:
        midnight = _moment(begin.date())
        stop = min(end, midnight + timedelta(days=1))
        shares = ((one - midnight).total_seconds() / _DAY_S for one in (begin, stop))
        yield begin.date(), Piece(kind, *shares)
        begin = stop


def _month(day: date, months_on: int) -> date:
    """The first day of a month so many months on."""
    place = day.year * 12 + day.month - 1 + months_on
    return date(place // 12, place % 12 + 1, 1)


def _moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
