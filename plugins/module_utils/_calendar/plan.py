# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What calendars say about a change: what holds now, what comes next, and whether it may begin. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import (
    ESTATE,
    FREEZE,
    WINDOW,
    Calendar,
    Span,
    Subject,
    Timeline,
)

# Names that a sentence carries before it counts.
_NAMED = 5


@dataclass(frozen=True)
class Held:
    """A span, and the calendar that it is of."""

    calendar: Calendar
    span: Span


@dataclass(frozen=True)
class _Party:
    """Tenants with the same window calendars. An estate without tenants is one without a name."""

    tenants: tuple[str, ...]
    windows: tuple[Timeline, ...]

    @property
    def title(self) -> str:
        """The tenants as a sentence names them."""
        more = len(self.tenants) - _NAMED
        return ", ".join(self.tenants[:_NAMED]) + (f" and {more} more" if more > 0 else "") or "the estate"


def spans_held(timelines: Iterable[Timeline], subjects: Sequence[Subject], moment: datetime) -> list[Held]:
    """The windows that are open for any of the subjects at a moment, and the freezes that hold."""
    return [
        Held(timeline.calendar, span)
        for timeline in _concerning(timelines, subjects)
        for span in timeline.spans
        if span.holds(moment)
    ]


def next_span(timelines: Iterable[Timeline], subjects: Sequence[Subject], kind: str, moment: datetime) -> Held | None:
    """The next window or freeze of any of the subjects that begins after a moment; None where none is known."""
    coming = (
        Held(timeline.calendar, span)
        for timeline in _concerning(timelines, subjects, kind)
        for span in timeline.spans
        if span.start > moment
    )
    return min(coming, key=lambda held: held.span.start, default=None)


def denials(
    timelines: Sequence[Timeline], subjects: Sequence[Subject], classification: str, moment: datetime
) -> list[str]:
    """Why a change may not begin at a moment, each as a sentence. Without one, it may.

    A freeze forbids each change. A change that is not standard needs an open window for each tenant that has window
    calendars. An emergency has the reasons of a normal change; the caller lets it override them.
    """
    found = [
        f"{freeze.calendar.title} forbids changes until {reach:%Y-%m-%d %H:%M} UTC{_called(freeze.span)}; begin then"
        for freeze, reach in _freezes(timelines, subjects, moment)
    ]
    if classification == "standard":
        return found
    for party in _parties(timelines, subjects):
        spans = _merged(party.windows)
        if _reach(spans, moment) == moment:
            found.append(_outside(party, spans, moment))
    return found


def time_left(
    timelines: Sequence[Timeline], subjects: Sequence[Subject], classification: str, moment: datetime
) -> timedelta | None:
    """How long a change may go on: until a freeze begins, or a window of one that is not standard is over.

    None where neither is known. No time is left where a change may not begin.
    """
    if any(_freezes(timelines, subjects, moment)):
        return timedelta()
    freeze = next_span(timelines, subjects, FREEZE, moment)
    ends = [freeze.span.start] if freeze else []
    if classification != "standard":
        ends += [_reach(_merged(party.windows), moment) for party in _parties(timelines, subjects)]
    return min(ends) - moment if ends else None


def _freezes(
    timelines: Iterable[Timeline], subjects: Sequence[Subject], moment: datetime
) -> Iterator[tuple[Held, datetime]]:
    """The freezes that hold, one a calendar, with the end of all that follow on it at once."""
    for timeline in _concerning(timelines, subjects, FREEZE):
        holding = [span for span in timeline.spans if span.holds(moment)]
        if holding:
            yield Held(timeline.calendar, holding[0]), _reach(timeline.spans, moment)


def _outside(party: _Party, spans: Sequence[Span], moment: datetime) -> str:
    calendars = ", ".join(timeline.calendar.name for timeline in party.windows)
    known = f"{party.title} may be changed within a window alone ({calendars}), and none is open"
    coming = next((span for span in spans if span.start > moment), None)
    if coming is None:
        until = min(timeline.until for timeline in party.windows)
        return f"{known} or declared until {until:%Y-%m-%d}; add one to the calendar"
    return f"{known}; begin at {coming.start:%Y-%m-%d %H:%M} UTC, when the next one opens{_called(coming)}"


def _called(span: Span) -> str:
    return f" ({span.summary})" if span.summary else ""


def _concerning(timelines: Iterable[Timeline], subjects: Sequence[Subject], kind: str = "") -> Iterator[Timeline]:
    scopes = frozenset((ESTATE,)).union(*(subject.scopes for subject in subjects))
    for timeline in timelines:
        if timeline.calendar.concerns in scopes and kind in ("", timeline.calendar.kind):
            yield timeline


def _parties(timelines: Iterable[Timeline], subjects: Sequence[Subject]) -> list[_Party]:
    """The tenants that may be changed within windows alone. Hundreds of tenants often share the same few calendars."""
    windows = list(_concerning(timelines, subjects, WINDOW))
    found: dict[tuple[int, ...], list[str]] = {}
    for name, scopes in [(one.tenant, one.scopes) for one in subjects] or [("", frozenset((ESTATE,)))]:
        places = tuple(place for place, one in enumerate(windows) if one.calendar.concerns in scopes)
        if places:
            found.setdefault(places, []).append(name)
    return [
        _Party(tuple(sorted(filter(None, names))), tuple(windows[place] for place in places))
        for places, names in found.items()
    ]


def _merged(timelines: Iterable[Timeline]) -> list[Span]:
    return sorted((span for timeline in timelines for span in timeline.spans), key=lambda span: span.start)


def _reach(spans: Iterable[Span], moment: datetime) -> datetime:
    """The end of the spans, by start, that hold a moment and follow on each other; the moment where none holds it."""
    end = moment
    for span in spans:
        if span.start > end:
            break
        end = max(end, span.end)
    return end
