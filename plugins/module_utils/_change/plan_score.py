# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The score of a change: what is known of its risk, in points that say why, and the approvals it asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import BROKEN, CLOSED, UNFINISHED
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import READING
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration

# The points of one part, at most.
MOST = 3
# How many changes of the past count.
LAST_CHANGES = 10
_TIER_POINTS = {1: 3, 2: 2}
# More hosts, or more tenants, than these are a point each.
_SIZES = ((1, 10), (5, 50), (20, 200))
_FREEZES = ((timedelta(hours=1), 3), (timedelta(hours=4), 2), (timedelta(hours=24), 1))


@dataclass(frozen=True)
class Age:
    """How old the oldest evidence of one kind may be, and is among the tenants that need it.

    lacking: a tenant without any. asked: whether a tenant needs it.
    """

    limit: timedelta
    oldest: timedelta = timedelta()
    lacking: str = ""
    asked: bool = True


@dataclass(frozen=True)
class Facts:
    """What is known of a change.

    tiers: of the tenants that it touches. hosts: the parts that it works at. failures: of the last changes, None where
    they are not known. next_freeze: the time until a freeze begins, None where none is known.
    """

    tiers: tuple[int, ...]
    backup: Age
    drill: Age
    failures: int | None = 0
    hosts: int = 0
    next_freeze: timedelta | None = None


@dataclass(frozen=True)
class Part:
    """One part of the score. why: in words."""

    name: str
    points: int
    why: str


@dataclass(frozen=True)
class Threshold:
    """The approvals that a change with a score, or a higher one, needs in all."""

    score: int
    approvals: int


@dataclass(frozen=True)
class Score:
    """The score of a change, with its parts. approvals: that it asks for in all, 0 for none."""

    parts: tuple[Part, ...]
    approvals: int = 0

    @property
    def total(self) -> int:
        """The sum of all points."""
        return sum(part.points for part in self.parts)

    def as_body(self) -> dict[str, Any]:
        """The score as a result and the ledger have it."""
        parts = [{"name": part.name, "points": part.points, "why": part.why} for part in self.parts]
        return {"total": self.total, "approvals": self.approvals, "parts": parts}

    def lines(self) -> list[str]:
        """The score as a task shows it."""
        asks = f", which asks for {_count(self.approvals, 'approval')}" if self.approvals else ""
        head = f"the score is {self.total} of {MOST * len(self.parts)}{asks}"
        return [head, *(f"{part.points} {part.name}: {part.why}" for part in self.parts)]


def thresholds_from(declared: Any) -> tuple[Threshold, ...]:
    """The thresholds that an inventory declares. Raises InputError for one that cannot be meant."""
    if not isinstance(declared, (list, tuple)) or not all(isinstance(one, Mapping) for one in declared):
        raise InputError("change_score_thresholds must be a list of mappings with score and approvals")
    return tuple(Threshold(*(_number(one, key) for key in ("score", "approvals"))) for one in declared)


def score(facts: Facts, thresholds: Sequence[Threshold] = ()) -> Score:
    """The score of a change, and the approvals that the highest threshold it reaches asks for."""
    parts = (
        _tiers(facts.tiers),
        _age("backup", facts.backup),
        _age("restore drill", facts.drill),
        _failures(facts.failures),
        _size(facts.hosts, len(facts.tiers)),
        _freeze(facts.next_freeze),
    )
    total = sum(part.points for part in parts)
    return Score(parts, max((one.approvals for one in thresholds if total >= one.score), default=0))


def lacking_approvals(found: Score, approvers: Sequence[str]) -> list[str]:
    """A sentence where a score asks for more approvals than there are."""
    if len(approvers) >= found.approvals:
        return []
    why = ", ".join(f"{part.name} {part.points}" for part in found.parts if part.points)
    there = f"{len(approvers)} ({', '.join(approvers)})" if approvers else "none"
    return [
        f"the score of {found.total} ({why}) asks for {_count(found.approvals, 'approval')}, and there is {there}; set "
        "change_approver to the approvers, separated by commas"
    ]


def failures(entries: Iterable[Mapping[str, Any]]) -> int:
    """How many of the last changes were not done. entries: the bodies of the ledger's last ones, in their order."""
    ends: dict[str, bool] = {}
    for body in entries:
        change = body.get("change")
        if isinstance(change, Mapping) and change.get("kind") not in READING:
            name, event = str(change.get("id")), body.get("event")
            if event in (CLOSED, UNFINISHED, BROKEN):
                ends.pop(name, None)
                ends[name] = event != CLOSED
    return sum(list(ends.values())[-LAST_CHANGES:])


def _tiers(tiers: Sequence[int]) -> Part:
    if not tiers:
        return Part("tiers", 0, "no tenant is named")
    highest = min(tiers)
    return Part(
        "tiers", _TIER_POINTS.get(highest, 1), f"tier {highest} is the highest of {_count(len(tiers), 'tenant')}"
    )


def _age(name: str, age: Age) -> Part:
    if not age.asked:
        return Part(name, 0, "no tenant that needs one is touched")
    if age.lacking:
        return Part(name, MOST, f"none of {age.lacking} is known")
    old, most = (duration(one.total_seconds()) for one in (age.oldest, age.limit))
    points = MOST if age.oldest > age.limit else int(age.oldest * 2 > age.limit)
    return Part(name, points, f"the oldest is {old} old and may be {most}")


def _failures(count: int | None) -> Part:
    if count is None:
        return Part("failures", MOST, "the last changes are not known")
    return Part("failures", min(count, MOST), f"{count} of the last {LAST_CHANGES} changes were not done")


def _size(hosts: int, tenants: int) -> Part:
    points = sum(hosts > most_hosts or tenants > most_tenants for most_hosts, most_tenants in _SIZES)
    return Part("size", points, f"{_count(hosts, 'part')} and {_count(tenants, 'tenant')}")


def _freeze(until: timedelta | None) -> Part:
    if until is None:
        return Part("freeze", 0, "none is known ahead")
    points = next((points for most, points in _FREEZES if until <= most), 0)
    return Part("freeze", points, f"the next one begins in {duration(until.total_seconds())}")


def _number(declared: Mapping[str, Any], key: str) -> int:
    value = declared.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"change_score_thresholds: {key} must be a number above 0, not {value!r}")
    return value


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
