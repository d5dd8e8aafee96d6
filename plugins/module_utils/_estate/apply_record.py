# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes the estate record in a change store."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_record import EstateRecord, from_body
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Record, StateLog


@dataclass(frozen=True)
class EstateLog(StateLog[EstateRecord]):
    """The log of the estate."""

    NAME = "estate"

    def parsed(self, record: Record | None) -> EstateRecord:
        """The estate record; an empty one where nothing was recorded."""
        return EstateRecord() if record is None else from_body(record.number, record.body, self.objects.where)
