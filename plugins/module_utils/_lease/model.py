# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases: the right to change a part of the estate, for a time, with a number that only rises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError, excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import items, moment, number, text, texts

# Who holds it holds everything but what begins with ASIDE: a backup reads, and must not wait for a change.
ESTATE, ASIDE = "estate", "backup:"
# Former leases are kept so long that who lost one can be told why.
KEPT = 20


@dataclass(frozen=True)
class Holder:
    """Who holds a lease: the kind of change, the person, and the controller with the process that works on it."""

    kind: str
    who: str
    where: str


@dataclass(frozen=True)
class Lease:
    """A right that is held.

    number: higher than that of every lease before in this store. fencing_number: also higher than those of former
    stores, and than those that this store has forgotten; it is kept with what is written under the lease, and tells the
    lease from all others. covers: what nobody else may change, such as `estate`, `group:app` or
    `tenant:harbour`. since, until: by the clock of the store.
    """

    number: int
    fencing_number: int
    covers: tuple[str, ...]
    holder: Holder
    since: datetime
    until: datetime

    @property
    def change(self) -> str:
        """The name of the change, by which people speak of it and resume it."""
        return f"{self.holder.kind}-{self.number}"

    @property
    def words(self) -> str:
        """The lease as a sentence to another operator names it."""
        holder, covers = self.holder, ", ".join(self.covers)
        return (
            f"{excerpt(holder.who)} holds {covers} for {self.change} on {holder.where} "
            f"since {self.since:%Y-%m-%d %H:%M:%S} UTC, at least until {self.until:%H:%M:%S}"
        )


@dataclass(frozen=True)
class Former:
    """A lease that was ended by somebody else, or by nobody. why: a clause such as `was broken by mara: disk full`."""

    number: int
    fencing_number: int
    why: str


@dataclass(frozen=True)
class Leases:
    """All leases of an estate: the newest record of the log says all of it.

    base: what the fencing number of the newest lease is above its number. It rises so that each fencing number is at
    least the seconds from 1970 until then: a store that is made anew, or put back to an older copy, gives higher ones
    than those that are known from before.
    """

    number: int = 0
    base: int = 0
    held: tuple[Lease, ...] = ()
    former: tuple[Former, ...] = ()

    def as_body(self) -> dict[str, Any]:
        """The record's body."""
        held = [{**asdict(one), "since": one.since.isoformat(), "until": one.until.isoformat()} for one in self.held]
        return {"base": self.base, "held": held, "former": [asdict(one) for one in self.former]}


def from_body(record: int, body: Mapping[str, Any], where: str) -> Leases:
    """The leases that a record holds. record: its number. Raises StateError where it is none of ours."""
    try:
        held = tuple(
            Lease(
                number(one["number"]),
                number(one["fencing_number"]),
                texts(one["covers"]),
                Holder(**{name: text(said) for name, said in one["holder"].items()}),
                moment(one["since"]),
                moment(one["until"]),
            )
            for one in items(body["held"])
        )
        former = tuple(
            Former(number(one["number"]), number(one.get("fencing_number", 0)), text(one["why"]))
            for one in items(body["former"])
        )
        return Leases(record, number(body["base"]), held, former)
    except BAD_VALUES as error:
        raise StateError(f"record {record} of the leases in the {where} cannot be read: {error!r}") from error
