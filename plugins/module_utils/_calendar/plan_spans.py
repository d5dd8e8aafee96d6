# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The spans of a calendar from its events and the times at which their rules let them begin. Pure.

Times are compared in UTC, so that an exception hits the occurrence that it names, however it states its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import Span
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model_event import DAY, Event
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError


@dataclass(frozen=True)
class Series:
    """An event with those that replace occurrences of it, by the time that they replace. The event may be missing."""

    master: Event | None
    replaced: Mapping[datetime, Event]


def series_of(events: Iterable[Event]) -> list[Series]:
    """The events by UID. Raises InputError for two that claim to be the same, as one of them would be lost."""
    masters: dict[str, Event] = {}
    replaced: dict[str, dict[datetime, Event]] = {}
    for event in events:
        of_series = replaced.setdefault(event.uid, {})
        if event.replaces is None:
            _refuse(event, masters.get(event.uid), "UID")
            masters[event.uid] = event
        else:
            _refuse(event, of_series.get(event.replaces), "UID and RECURRENCE-ID")
            of_series[event.replaces] = event
    found = [Series(masters.get(uid), several) for uid, several in replaced.items()]
    for one in found:
        for event in one.replaced.values():
            if one.master and (event.start.kind == DAY) != (one.master.start.kind == DAY):
                raise InputError(
                    f"{event.where} is {event.start.kind}, and {one.master.where} is not; state both alike"
                )
    return found


def spans_of(series: Series, starts: Sequence[datetime], since: datetime, until: datetime) -> Iterator[Span]:
    """The spans of a series that end after `since` and begin before `until`.

    starts: those of the rule, or the event's own; each once.
    """
    found = list(series.replaced.values())
    spans = [(event, event.start.instant, None) for event in found if not event.cancelled]
    if series.master and not series.master.cancelled:
        ends = dict.fromkeys(starts) | dict(series.master.added)
        gone = series.master.excluded | series.replaced.keys()
        spans += [(series.master, start, end) for start, end in ends.items() if start not in gone]
    for event, start, end in spans:
        span = Span(start, end or event.end_of(start), event.summary)
        if span.end > since and span.start < until:
            yield span


def _refuse(event: Event, other: Event | None, what: str) -> None:
    if other is not None:
        raise InputError(f"{event.where} has the {what} of {other.where}, so that one would be lost; give it another")
