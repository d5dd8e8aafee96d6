# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes, renews, releases and breaks leases in a log; who writes the next number first has won."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Callable

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import Holder, Lease, Leases, from_body
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import (
    plan_break,
    plan_release,
    plan_renew,
    plan_take,
    require,
    require_time,
)
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, Record
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects


@dataclass(frozen=True)
class Held:
    """A lease in the hands of this controller. valid_until: seconds of this machine's monotonic clock.

    They are counted from before the store was asked, so that they never end later than the store's own.
    """

    lease: Lease
    valid_until: float


@dataclass(frozen=True)
class Register:
    """The leases in a store. seconds: how long one lasts without being renewed."""

    objects: Objects
    seconds: float = 0.0

    def read(self) -> Leases:
        """All leases, those included that have expired and that nobody has taken over."""
        newest = self._log.newest()
        if newest is None:
            return Leases()
        return from_body(newest.number, newest.body, self.objects.where)

    def require(self, number: int) -> None:
        """Raise LostError unless a lease is held for long enough to begin something."""
        require_time(self.read(), number, self.objects.now())

    def take(self, covers: Iterable[str], holder: Holder, deadline: Deadline) -> Held:
        """Take a lease. Raises HeldError where somebody holds a part of it."""
        wanted = tuple(covers)

        def plan(seen: Leases) -> Leases:
            return plan_take(seen, wanted, holder, self.objects.now(), self.seconds)

        asked, written = self._write(plan, deadline)
        return Held(require(written, written.number), asked + self.seconds)

    def renew(self, number: int, deadline: Deadline) -> Held:
        """Prolong a lease. Raises LostError where it is not held any more."""
        asked, written = self._write(lambda seen: plan_renew(seen, number, self.objects.now(), self.seconds), deadline)
        return Held(require(written, number), asked + self.seconds)

    def release(self, number: int, deadline: Deadline) -> None:
        """End a lease whose work is done. Raises LostError where it was not held any more."""
        self._write(lambda seen: plan_release(seen, number), deadline)

    def take_away(self, number: int, who: str, reason: str, deadline: Deadline) -> None:
        """Break the lease of somebody else, who is told the reason."""
        self._write(lambda seen: plan_break(seen, number, who, reason), deadline)

    @property
    def _log(self) -> Log:
        return Log(self.objects, "leases")

    def _write(self, plan: Callable[[Leases], Leases], deadline: Deadline) -> tuple[float, Leases]:
        """Plan on what is there and write what follows, until no other writer is first; when that began, and it."""

        def attempt() -> tuple[float, Leases] | None:
            asked = time.monotonic()
            following = plan(self.read())
            won = self._log.append(Record(following.number, following.as_body()))
            return (asked, following) if won else None

        return deadline.wait(attempt, "the turn to write into the leases", interval=0.1)
