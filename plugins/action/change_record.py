# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Append to the ledger on the controller."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change import apply_ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import CHANGE
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction

_LOCK_SECONDS = 30


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_record."""

    OPTIONS = {
        "ledger": {"type": "path", "required": True},
        "change": CHANGE,
        "event": {"type": "str", "required": True},
        "facts": {"type": "dict", "default": {}},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Append the line. It is no change: `changed` speaks of the estate."""
        if call.check_mode:
            return Outcome()
        body = {
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "change": call.params["change"],
            "event": call.params["event"],
            "facts": call.params["facts"],
        }
        entry = apply_ledger.append(Path(call.params["ledger"]), body, Deadline(_LOCK_SECONDS))
        return Outcome(facts={"sequence": entry.sequence, "hash": entry.hash})
