# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes the parts of changes in a store; who writes the next number first has won."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import Parts, from_body
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, Record
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects


@dataclass(frozen=True)
class PartsLog:
    """The log of the parts: its newest record says everything."""

    objects: Objects

    def read(self) -> Parts:
        """The parts."""
        newest = self._log.newest()
        return Parts() if newest is None else from_body(newest.number, newest.body, self.objects.where)

    def write(self, plan: Callable[[Parts], Parts], deadline: Deadline) -> Parts:
        """Plan on what is there and write what follows, until no other writer is first."""

        def attempt() -> Parts | None:
            following = plan(self.read())
            return following if self._log.append(Record(following.number, following.as_body())) else None

        return deadline.wait(attempt, f"the turn to write into the parts in the {self.objects.where}", interval=0.1)

    @property
    def _log(self) -> Log:
        return Log(self.objects, "parts")
