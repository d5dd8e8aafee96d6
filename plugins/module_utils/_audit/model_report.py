# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one report is made of, and what it shows of many changes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import (
    DONE,
    INTERRUPTED,
    UNFINISHED,
    Change,
    Filters,
    Gate,
)
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_audit import Summary
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_findings import Verification
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_months import Held, Month
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_proofs import (
    Certificate,
    Deed,
    Evidence,
    Promise,
    Tenant,
)

# The page shows so many of the newest; the file of JSON has all of them.
CHANGES, CARDS, GATES, SPANS = 500, 100, 300, 120
T = TypeVar("T")


@dataclass(frozen=True)
class Calendars:
    """The windows and freezes of the report. why: why one of them is not known. declared: whether there is any."""

    declared: bool = False
    months: Sequence[Month] = ()
    spans: Sequence[Held] = ()
    count: int = 0
    why: str = ""


@dataclass(frozen=True)
class Scan:
    """The certificates of the last scan. why: why they are not known. time: of the oldest answer."""

    time: datetime | None = None
    certificates: Sequence[Certificate] = ()
    why: str = ""


@dataclass(frozen=True)
class Beside:
    """What the report says beside the ledger. limits: ages by kind and tenant, as the repository's policies say."""

    tenants: Sequence[Tenant] = ()
    limits: Mapping[tuple[str, str], float] = field(default_factory=dict)
    promises: Sequence[Promise] = ()
    promises_why: str = ""
    scan: Scan = Scan()
    calendars: Calendars = Calendars()


@dataclass(frozen=True)
class Report:
    """An audit, complete but for its changes. remarks: what the reader has to know of how it was made."""

    now: datetime
    filters: Filters
    verification: Verification
    summary: Summary
    evidence: Sequence[Evidence]
    promises: Sequence[Promise]
    promises_why: str
    deeds: Sequence[Deed]
    scan: Scan
    calendars: Calendars
    doubted: int
    remarks: Sequence[str] = ()


def is_trouble(change: Change) -> bool:
    """Whether a change failed, was interrupted, or had to be resumed."""
    return change.outcome in (UNFINISHED, INTERRUPTED) or bool(change.resumed_by or change.resumes)


def is_open(change: Change) -> bool:
    """Whether a change left something that no other one has settled."""
    return change.outcome in (UNFINISHED, INTERRUPTED) and change.settled != DONE


class Newest(Generic[T]):
    """The newest of many, by the number of an entry. count: of all."""

    def __init__(self, most: int) -> None:
        self.count = 0
        self._most = most
        self._kept: list[tuple[int, T]] = []

    def add(self, number: int, one: T) -> None:
        """Take one more."""
        self.count += 1
        self._kept.append((number, one))
        if len(self._kept) > 2 * self._most:
            self._cut()

    def newest(self) -> list[T]:
        """Those that are kept, the newest first."""
        self._cut()
        return [one for _number, one in self._kept]

    def _cut(self) -> None:
        self._kept.sort(key=lambda pair: -pair[0])
        del self._kept[self._most :]


class Picked:
    """The changes that the page shows, the newest of each kind, and how many need a look."""

    def __init__(self) -> None:
        self.changes: Newest[Change] = Newest(CHANGES)
        self.trouble: Newest[Change] = Newest(CARDS)
        self.glass: Newest[Change] = Newest(CARDS)
        self.gates: Newest[tuple[Change, Gate]] = Newest(GATES)
        self.open_count = self.lacking = self.own_approvals = self.unsound = 0

    def add(self, change: Change) -> None:
        """Take a change that is complete."""
        self.changes.add(change.first, change)
        self.unsound += not change.sound
        self.open_count += is_open(change)
        self.own_approvals += change.own_approval
        if is_trouble(change):
            self.trouble.add(change.first, change)
        if change.breaks_glass:
            self.glass.add(change.first, change)
            self.lacking += bool(change.lacks)
        for gate in change.gates:
            self.gates.add(gate.number, (change, gate))
