# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of changes: what each has planned, begun, proven, put back or left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError

PLANNED, BEGUN, PROVEN, RESTORED, FAILED, INTERRUPTED = STATES = (
    "planned",
    "begun",
    "proven",
    "restored",
    "failed",
    "interrupted",
)
# The parts that left and are not known to serve: they stay drained, whoever renders the routes.
OUT = (BEGUN, FAILED, INTERRUPTED)
# What the failure budget counts: also what was put back, but not what an earlier change has lost.
SPENT = (BEGUN, FAILED, RESTORED)


@dataclass(frozen=True)
class Part:
    """One node or tenant of a change. since: by the clock of the store. why: the reason of a failure."""

    name: str
    change: str
    state: str
    since: datetime
    why: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_body(self) -> dict[str, Any]:
        """The part as a record holds it."""
        return {**asdict(self), "since": self.since.isoformat()}


@dataclass(frozen=True)
class Parts:
    """The parts of all changes that are not closed, and those that closed changes left behind."""

    number: int = 0
    parts: tuple[Part, ...] = ()

    def of(self, change: str) -> tuple[Part, ...]:
        """The parts of one change, in their order."""
        return tuple(part for part in self.parts if part.change == change)

    @property
    def out(self) -> tuple[Part, ...]:
        """The parts that left and are not known to serve."""
        return tuple(part for part in self.parts if part.state in OUT)

    def as_body(self) -> dict[str, Any]:
        """The record's body."""
        return {"parts": [part.as_body() for part in self.parts]}


def part_from(body: Mapping[str, Any]) -> Part:
    """The part that a record holds. Raises one of BAD_VALUES where it is none."""
    return Part(**{**body, "since": datetime.fromisoformat(body["since"])})


def from_body(number: int, body: Mapping[str, Any], where: str) -> Parts:
    """The parts that a record holds. Raises StateError where it is none of ours."""
    try:
        parts = tuple(part_from(one) for one in body["parts"])
    except BAD_VALUES as error:
        raise StateError(f"record {number} of the parts in the {where} cannot be read: {error!r}") from error
    strange = sorted({part.state for part in parts} - set(STATES))
    if strange:
        raise StateError(f"record {number} of the parts in the {where} has the state {strange[0]!r}; see who wrote it")
    return Parts(number, parts)
