# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that a host's instances are healthy and run one release."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_runtime import Runtime
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Instance
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan import proof_gap


@dataclass(frozen=True)
class Seen:
    """What one look found. gaps: what is missing, by instance. processes: how many run the release."""

    gaps: tuple[str, ...] = ()
    processes: int = 0


@dataclass(frozen=True)
class Proof:
    """What is to be proven. address: where the instances are asked."""

    runtime: Runtime
    instances: tuple[Instance, ...]
    release: str
    address: str

    def look(self, deadline: Deadline) -> Seen:
        """What is missing now."""
        processes = self.runtime.read(self.instances, deadline)
        found = []
        for instance in self.instances:
            gap = proof_gap(instance, processes, self.release)
            # a process that is not there would only use up the time of an answer
            gap = gap or self.runtime.health(instance, self.address, deadline)
            found += [f"{instance.name}: {gap}"] if gap else []
        return Seen(tuple(found), sum(process.releases.count(self.release) for process in processes.values()))

    def wait(self, deadline: Deadline) -> Seen:
        """Look until nothing is missing. Raises DeadlineError with what is missing."""
        last = Seen()

        def proven() -> Seen | None:
            nonlocal last
            last = self.look(deadline)
            return None if last.gaps else last

        try:
            return deadline.wait(proven, "the proof", interval=1.0)
        except DeadlineError as error:
            raise DeadlineError(
                f"release {self.release} is not proven after {deadline.seconds:g} s: {'; '.join(last.gaps)}; "
                "read the log of the process named here"
            ) from error
