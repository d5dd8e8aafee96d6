# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may follow on the leases that are held: pure, with the store's clock as an argument."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError, excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import (
    ASIDE,
    ESTATE,
    KEPT,
    Former,
    Holder,
    Lease,
    Leases,
)

# What has to be left of a lease when something is begun under it.
LEAST = timedelta(seconds=5)
_AHEAD = "that has not begun yet, as the clock of the store was ahead; end it with gantry.odoo.change_break"


class HeldError(StateError):
    """Somebody else holds a part of what was asked for."""


class LostError(StateError):
    """The lease is not held any more."""


def overlap(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two sets of covered parts have one in common; the estate has all of them but what stands aside."""
    if ESTATE in one or ESTATE in other:
        return all(any(not part.startswith(ASIDE) for part in covers) for covers in (one, other))
    return bool(set(one) & set(other))


def plan_take(
    seen: Leases, covers: Iterable[str], holder: Holder, now: datetime, seconds: float, above: int = 0
) -> Leases:
    """The record that gives `holder` a lease. Raises HeldError with who, what, since when and until when.

    above: what its fencing number has to be higher than, such as one from another store that this one is a copy of.
    """
    wanted = tuple(sorted(set(covers)))
    if not wanted:
        raise InputError("a lease covers nothing; name the estate, groups or tenants that the change touches")
    alive = [one for one in seen.held if one.until > now]
    others = [one for one in alive if overlap(one.covers, wanted)]
    if others:
        ahead = any(one.since > now for one in others)
        raise HeldError("; ".join([*(one.words for one in others), _AHEAD if ahead else "run again when it has ended"]))
    expired = [Former(one.number, one.fencing_number, _expired(one)) for one in seen.held if one.until <= now]
    number = seen.number + 1
    base = max(seen.base, int(now.timestamp()) - number, above + 1 - number)
    lease = Lease(number, base + number, wanted, holder, now, now + timedelta(seconds=seconds))
    return Leases(number, base, (*alive, lease), _kept(seen, *expired))


def plan_renew(seen: Leases, fencing_number: int, now: datetime, seconds: float) -> Leases:
    """The record that prolongs a lease. One that has expired is prolonged while nobody has taken another since."""
    lease = require(seen, fencing_number)
    longer = replace(lease, until=max(lease.until, now + timedelta(seconds=seconds)))
    held = tuple(longer if one == lease else one for one in seen.held)
    return replace(seen, number=seen.number + 1, held=held)


def plan_release(seen: Leases, fencing_number: int) -> Leases:
    """The record without a lease whose work is done. Raises LostError where it is not held."""
    lease = require(seen, fencing_number)
    return replace(seen, number=seen.number + 1, held=_without(seen, lease))


def plan_break(seen: Leases, fencing_number: int, who: str, reason: str) -> Leases:
    """The record that takes a lease away from its holder. Raises InputError without a reason."""
    lease = require(seen, fencing_number)
    if not reason.strip():
        raise InputError(f"lease {lease.number} is broken only for a reason; say why its holder cannot release it")
    ended = Former(lease.number, lease.fencing_number, f"was broken by {excerpt(who)}: {excerpt(reason)}")
    return Leases(seen.number + 1, seen.base, _without(seen, lease), _kept(seen, ended))


def require(seen: Leases, fencing_number: int) -> Lease:
    """The lease with that fencing number. Raises LostError with what became of it."""
    for lease in seen.held:
        if lease.fencing_number == fencing_number:
            return lease
    for former in seen.former:
        if former.fencing_number == fencing_number:
            raise LostError(f"lease {former.number} {former.why}")
    raise LostError(f"the lease with the fencing number {fencing_number} was released, ended long ago, or is forgotten")


def require_time(seen: Leases, fencing_number: int, now: datetime) -> None:
    """Raise LostError where a lease is not held, or ends too soon to begin anything under it."""
    lease = require(seen, fencing_number)
    if lease.until - now < LEAST:
        raise LostError(f"lease {lease.number} was not renewed and ends at {lease.until:%Y-%m-%d %H:%M:%S} UTC")


def _without(seen: Leases, lease: Lease) -> tuple[Lease, ...]:
    return tuple(one for one in seen.held if one != lease)


def _kept(seen: Leases, *ended: Former) -> tuple[Former, ...]:
    return (*seen.former, *ended)[-KEPT:]


def _expired(lease: Lease) -> str:
    return f"of {excerpt(lease.holder.who)} for {lease.change} expired at {lease.until:%Y-%m-%d %H:%M:%S} UTC unrenewed"
