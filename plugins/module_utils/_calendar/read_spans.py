# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expands events into the spans of a horizon: rules by the library dateutil, within a bound of computing time."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import Span
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model_event import Event, instant_of
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.plan_spans import Series, series_of, spans_of
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.read_events import MOST_DAYS
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, InputError, excerpt

try:
    from dateutil.rrule import rrulestr
except ImportError:
    IMPORT_ERROR: str | None = traceback.format_exc()
else:
    IMPORT_ERROR = None

MOST_SPANS = 50_000
# Seconds of the processor, which other work on the host does not use up.
MOST_SECONDS = 20.0
# Occurrences after which the time is looked at.
_OFTEN = 500
# A clock is less than a day away from UTC, on both sides.
_ZONES = timedelta(days=1)


@dataclass
class Budget:
    """The computing time that one file may take. limit: in seconds."""

    limit: float = MOST_SECONDS
    begun: float = field(default_factory=time.process_time)

    def require(self, where: str) -> None:
        """Raises InputError, naming the event `where`, when it is used up."""
        if time.process_time() - self.begun > self.limit:
            raise InputError(
                f"{where} was reached after {self.limit:g} s of computing, which is all that a file gets; begin its "
                "endless events later, or split it"
            )


def expand(events: Sequence[Event], since: datetime, until: datetime, budget: Budget, where: str) -> tuple[Span, ...]:
    """The spans of events that end after `since` and begin before `until`, by start. Raises InputError."""
    spans: set[Span] = set()
    for series in series_of(events):
        spans.update(spans_of(series, _starts(series, since, until, budget), since, until))
        if len(spans) > MOST_SPANS:
            raise InputError(
                f"{where} has more than {MOST_SPANS} spans from {since:%Y-%m-%d} to {until:%Y-%m-%d}; write longer ones"
            )
    return tuple(sorted(spans, key=lambda span: (span.start, span.end, span.summary)))


def _starts(series: Series, since: datetime, until: datetime, budget: Budget) -> list[datetime]:
    event = series.master
    if event is None or event.cancelled:
        return []
    budget.require(event.where)
    if not event.rule:
        return [event.start.instant]
    last = until if event.until is None else min(event.until, until)
    # A span that began before the horizon may reach into it.
    first = (since - timedelta(days=MOST_DAYS) - _ZONES).replace(tzinfo=None)
    starts = []
    for wall in _counted(_walls(event), event, budget):
        if wall > last.replace(tzinfo=None) + _ZONES:
            break
        if wall < first:
            continue
        start = instant_of(wall, event.start.zone)
        if start <= last:
            starts.append(start)
        if len(starts) > MOST_SPANS:
            break
    return starts


def _walls(event: Event) -> Iterator[datetime]:
    """The times of a rule on the clock of the event's zone, without end where it has none."""
    try:
        walls = iter(rrulestr(event.rule, dtstart=event.start.wall))
        first = next(walls, None)
    except BAD_VALUES as error:
        raise InputError(
            f"{event.where}: RRULE {excerpt(event.rule)} cannot be read, so correct it: {error}"
        ) from error
    if first != event.start.wall:
        raise InputError(
            f"{event.where}: RRULE {excerpt(event.rule)} does not let the event begin at its DTSTART, "
            f"{event.start.wall}, and programs read that in different ways; begin the event with its first occurrence"
        )
    yield first
    yield from walls


def _counted(walls: Iterator[datetime], event: Event, budget: Budget) -> Iterator[datetime]:
    for number, wall in enumerate(walls, 1):
        if number % _OFTEN == 0:
            budget.require(event.where)
        yield wall
