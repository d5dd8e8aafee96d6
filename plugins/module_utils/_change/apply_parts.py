# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes the parts of changes in a store."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import Parts, from_body
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Record, StateLog


@dataclass(frozen=True)
class PartsLog(StateLog[Parts]):
    """The log of the parts."""

    NAME = "parts"

    def parsed(self, record: Record | None) -> Parts:
        """The parts that a record holds."""
        return Parts() if record is None else from_body(record.number, record.body, self.objects.where)
