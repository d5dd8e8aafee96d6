# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Append to the ledger on the controller."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.gantry.odoo.plugins.module_utils._change import apply_ledger
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError


class ActionModule(ActionBase):
    """Action behind gantry.odoo.change_record; it connects to nothing."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        outcome = super().run(tmp, task_vars)
        _spec, args = self.validate_argument_spec(
            argument_spec={
                "ledger": {"type": "path", "required": True},
                "change": {"type": "dict", "required": True},
                "event": {"type": "str", "required": True},
                "facts": {"type": "dict", "default": {}},
            }
        )
        body = {
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "change": args["change"],
            "event": args["event"],
            "facts": args["facts"],
        }
        # The estate is what changed tells about, and writing about a change is none.
        outcome["changed"] = False
        if self._task.check_mode:
            return outcome
        try:
            entry = apply_ledger.append(Path(args["ledger"]), body, Deadline(30))
        except GantryError as error:
            outcome.update(failed=True, msg=str(error))
            return outcome
        outcome.update(sequence=entry.sequence, hash=entry.hash)
        return outcome
