# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folds a ledger into an audit in one pass. What is held grows with tenants, hosts and people. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import (
    DENIED,
    DONE,
    RUNNING,
    Break,
    Change,
    Filters,
    Happening,
    words,
)
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_changes import (
    BROKEN,
    OPENED,
    Changes,
    break_in,
)
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_proofs import Proofs
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_witness import (
    UNWITNESSED,
    WITNESS_AWAY,
    WITNESS_BEFORE,
    WITNESS_NEW,
    WITNESS_REFUSES,
)

NOBODY = "not recorded"
# So many breaks and remarks are kept, beside their number.
MOST = 200
# Columns of the timeline.
BUCKETS = 96
_REMARKS = {
    WITNESS_NEW: "began a new witness, which took the ledger as it was",
    WITNESS_BEFORE: "replaced the witness that the ledger had before",
    WITNESS_AWAY: "began without the witness, which did not answer",
    WITNESS_REFUSES: "resumed service although the witness contradicted the ledger",
    UNWITNESSED: "found entries that the witness did not know",
}


@dataclass(frozen=True)
class Tally:
    """How many changes have something in common, and how they ended."""

    name: str
    changes: int = 0
    done: int = 0
    denied: int = 0
    emergencies: int = 0

    @property
    def others(self) -> int:
        """Those that neither came to a good end nor were denied."""
        return self.changes - self.done - self.denied

    def with_change(self, change: Change) -> Tally:
        """With one change more."""
        return replace(
            self,
            changes=self.changes + 1,
            done=self.done + (change.outcome == DONE),
            denied=self.denied + (change.outcome == DENIED),
            emergencies=self.emergencies + change.breaks_glass,
        )


@dataclass(frozen=True)
class Lane:
    """The changes of one kind along the timeline: how many of each bucket are done, and how many are not."""

    kind: str
    done: tuple[int, ...]
    failed: tuple[int, ...]


@dataclass(frozen=True)
class Timeline:
    """The time of the report in BUCKETS equal parts. marks: how often something out of the ordinary was."""

    since: datetime
    until: datetime
    lanes: tuple[Lane, ...]
    marks: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Summary:
    """What the audit counts. entries: by event. tallies: of changes, by what they have in common."""

    entries: int
    events: Mapping[str, int]
    tallies: Mapping[str, tuple[Tally, ...]]
    outcomes: Mapping[str, int]
    resumed: int
    late: int
    breaks: tuple[Break, ...]
    break_count: int
    remarks: tuple[str, ...]
    timeline: Timeline | None


def settled_time(change: Change) -> datetime | None:
    """The moment by which a change counts for the time of the report."""
    return change.opened or change.ended


def concerns(change: Change, filters: Filters) -> bool:
    """Whether a change belongs to the report: by its tenants, and where a part of it lies in the time of the report."""
    if not filters.concerns(change.tenants):
        return False
    begin, end = settled_time(change), change.ended
    if begin is not None and not filters.has(begin):
        return False
    return not (filters.since and end and end < filters.since)


def narrowed(change: Change, filters: Filters) -> Change:
    """The change without the names of other tenants than the one that is reported."""
    if not filters.tenant:
        return change
    others = [one for one in change.failures if not one.startswith(f"{filters.tenant}: ")]
    mine = tuple(one for one in change.failures if one not in others)
    named = tuple(one for one in change.tenants if one == filters.tenant)
    return replace(change, tenants=named, failures=mine)


@dataclass
class _Times:
    """Changes by bucket."""

    since: datetime
    until: datetime
    lanes: dict[str, tuple[list[int], list[int]]] = field(default_factory=dict)
    marks: dict[str, list[int]] = field(default_factory=dict)

    def place(self, moment: datetime) -> int:
        """The bucket of a moment; what lies outside is in the first or the last one."""
        length = (self.until - self.since).total_seconds() or 1.0
        return max(0, min(BUCKETS - 1, int((moment - self.since).total_seconds() / length * BUCKETS)))

    def add(self, change: Change) -> None:
        """Count a change."""
        moment = settled_time(change)
        if moment is None:
            return
        lane = self.lanes.setdefault(change.kind or NOBODY, ([0] * BUCKETS, [0] * BUCKETS))
        lane[change.outcome not in (DONE, RUNNING)][self.place(moment)] += 1
        if change.breaks_glass:
            self.mark("break-glass", moment)
        if change.outcome == DENIED:
            self.mark("denied", moment)

    def mark(self, name: str, moment: datetime | None) -> None:
        """Count what the timeline shows beside the changes."""
        if moment is not None:
            self.marks.setdefault(name, [0] * BUCKETS)[self.place(moment)] += 1


class Audit:
    """An audit that is given the entries one after the other. now: the moment that ages count to."""

    def __init__(self, filters: Filters, now: datetime) -> None:
        self._filters = filters
        self.now = min(filter(None, (filters.until, now)))
        self._changes = Changes()
        self.proofs = Proofs(filters)
        self._events: Counter[str] = Counter()
        self._tallies: dict[str, dict[str, Tally]] = {"class": {}, "requester": {}, "approver": {}, "kind": {}}
        self._outcomes: Counter[str] = Counter()
        self._times: _Times | None = None
        self._breaks: list[Break] = []
        self._remarks: list[str] = []
        self._resumed = self._late = self._broken = 0

    @property
    def since(self) -> datetime | None:
        """The beginning of the report: that of its filter, or the first entry."""
        return self._times.since if self._times else self._filters.since

    def add(self, seen: Happening) -> Iterator[Change]:
        """Take an entry; the changes that have ended with it and belong to the report."""
        if not self._filters.has(seen.time):
            return
        within = self._filters.within(seen.time)
        if self._times is None and seen.time is not None:
            since = self._filters.since or seen.time
            self._times = _Times(since, max(self.now, since))
        self.proofs.add(seen)
        if within:
            self._count(seen)
        for change in self._changes.add(seen):
            yield from self._taken(change)

    def rest(self, held: Collection[str]) -> Iterator[Change]:
        """The changes that have not ended. held: those that are under way."""
        for change in self._changes.rest(held):
            yield from self._taken(change)

    def completed(self, change: Change) -> Change:
        """A change with all that was said of it after its end."""
        return self._changes.completed(change)

    def count(self, change: Change) -> None:
        """Count a change that is complete."""
        self._outcomes[change.outcome] += 1
        self._resumed += bool(change.resumed_by)
        groups: dict[str, tuple[str, ...]] = {
            "class": (change.classification,),
            "requester": (change.requester,),
            "approver": change.approvers or ("",),
            "kind": (change.kind,),
        }
        for group, names in groups.items():
            for name in names:
                shown = name or ("none" if group == "approver" else NOBODY)
                tally = self._tallies[group].get(shown, Tally(shown))
                self._tallies[group][shown] = tally.with_change(change)
        if self._times:
            self._times.add(change)

    def summary(self) -> Summary:
        """What was counted."""
        return Summary(
            sum(self._events.values()),
            dict(sorted(self._events.items())),
            {name: _by_number(found) for name, found in self._tallies.items()},
            dict(self._outcomes),
            self._resumed,
            self._late,
            tuple(self._breaks),
            self._broken,
            tuple(self._remarks),
            _timeline(self._times) if self._times else None,
        )

    def _taken(self, change: Change) -> Iterator[Change]:
        if concerns(change, self._filters):
            yield narrowed(change, self._filters)

    def _count(self, seen: Happening) -> None:
        self._events[seen.event or NOBODY] += 1
        self._late += seen.late
        if seen.event == BROKEN:
            self._broken += 1
            if self._times:
                self._times.mark("lease broken", seen.time)
            if len(self._breaks) < MOST:
                self._breaks.append(break_in(seen))
        if seen.event == OPENED and len(self._remarks) < MOST:
            self._remarks += _remarks(seen.number, seen.change, seen.facts)


def _remarks(number: int, change: str, facts: Mapping[str, Any]) -> list[str]:
    """What the entry that opens a change says of the witness."""
    found = []
    for name, said in _REMARKS.items():
        if facts.get(name):
            detail = words(facts[name])
            found.append(f"entry {number}: {change} {said}" + (f": {detail}" if detail else ""))
    return found


def _by_number(found: Mapping[str, Tally]) -> tuple[Tally, ...]:
    return tuple(sorted(found.values(), key=lambda one: (-one.changes, one.name)))


def _timeline(times: _Times) -> Timeline:
    lanes = (Lane(kind, tuple(done), tuple(failed)) for kind, (done, failed) in sorted(times.lanes.items()))
    return Timeline(times.since, times.until, tuple(lanes), {name: tuple(one) for name, one in times.marks.items()})
