# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes the estate record in a change store; who writes the next number first has won."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_record import EstateRecord, from_body
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, Record
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects

KEPT_RECORDS = 1000


@dataclass(frozen=True)
class EstateLog:
    """The log of the estate."""

    objects: Objects

    def read(self) -> EstateRecord:
        """The estate record; an empty one where nothing was recorded."""
        return self._estate(self._log.newest())

    def write(self, plan: Callable[[EstateRecord], EstateRecord], deadline: Deadline) -> EstateRecord:
        """Plan on what is there and write what follows, unless it is equal, until no other writer is first."""

        def follow(newest: Record | None) -> Record:
            seen = self._estate(newest)
            following = plan(seen)
            if newest is not None and following == seen:
                return newest
            return Record(seen.number + 1, following.as_body())

        return self._estate(self._log.write(follow, deadline))

    @property
    def _log(self) -> Log:
        return Log(self.objects, "estate", KEPT_RECORDS)

    def _estate(self, record: Record | None) -> EstateRecord:
        return EstateRecord() if record is None else from_body(record.number, record.body, self.objects.where)
