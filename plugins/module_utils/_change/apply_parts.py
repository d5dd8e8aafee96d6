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

KEPT_RECORDS = 1000


@dataclass(frozen=True)
class PartsLog:
    """The log of the parts: its newest record says everything."""

    objects: Objects

    def read(self) -> Parts:
        """The parts."""
        return self._parts(self._log.newest())

    def write(self, plan: Callable[[Parts], Parts], deadline: Deadline) -> Parts:
        """Plan on what is there and write what follows, until no other writer is first."""

        def follow(newest: Record | None) -> Record:
            following = plan(self._parts(newest))
            return Record(following.number, following.as_body())

        return self._parts(self._log.write(follow, deadline))

    @property
    def _log(self) -> Log:
        return Log(self.objects, "parts", KEPT_RECORDS)

    def _parts(self, record: Record | None) -> Parts:
        return Parts() if record is None else from_body(record.number, record.body, self.objects.where)
