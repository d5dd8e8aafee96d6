# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes which backups a change store knows."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_known import Known, known_from
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Record, StateLog


@dataclass(frozen=True)
class KnownLog(StateLog[Known]):
    """The log of the newest backups."""

    NAME = "backups"
    KEPT = 100

    def parsed(self, record: Record | None) -> Known:
        """What is known; nothing before the first backup."""
        return Known() if record is None else known_from(record.number, record.body, self.objects.where)
