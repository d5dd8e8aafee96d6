# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes, renews, releases and breaks leases in a log; who writes the next number first has won."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Record, StateLog


@dataclass(frozen=True)
class Register(StateLog[Leases]):
    """The leases in a store. seconds: how long one lasts without being renewed."""

    seconds: float = 0.0

    NAME = "leases"

    def parsed(self, record: Record | None) -> Leases:
        """The leases that a record holds, those included that have expired and that no other change has taken over."""
        return Leases() if record is None else from_body(record.number, record.body, self.objects.where)

    def require(self, fencing_number: int) -> None:
        """Raise LostError unless a lease is held for long enough to begin something. 0: none, which cannot be lost."""
        if fencing_number:
            require_time(self.read(), fencing_number, self.objects.now())

    def take(self, covers: Iterable[str], holder: Holder, deadline: Deadline, above: int = 0) -> Lease:
        """Take a lease. Raises HeldError where another change holds a part of it.

        above: what its fencing number has to be higher than.
        """
        wanted = tuple(covers)

        def plan(seen: Leases) -> Leases:
            return plan_take(seen, wanted, holder, self.objects.now(), self.seconds, above)

        written = self.write(plan, deadline)
        return require(written, written.base + written.number)

    def renew(self, fencing_number: int, deadline: Deadline) -> Lease:
        """Prolong a lease. Raises LostError where it is not held any more."""
        written = self.write(lambda seen: plan_renew(seen, fencing_number, self.objects.now(), self.seconds), deadline)
        return require(written, fencing_number)

    def release(self, fencing_number: int, deadline: Deadline) -> None:
        """End a lease whose work is done. Raises LostError where it was not held any more."""
        self.write(lambda seen: plan_release(seen, fencing_number), deadline)

    def take_away(self, fencing_number: int, who: str, reason: str, deadline: Deadline) -> None:
        """Break the lease of another change, which is told the reason."""
        self.write(lambda seen: plan_break(seen, fencing_number, who, reason), deadline)
