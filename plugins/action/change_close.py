# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Close a change on the controller: record it, and release its lease."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.action.change_record import WRITE_SECONDS, require_lease
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import CHANGE, STORE
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_close."""

    OPTIONS = {
        "store": STORE,
        "change": CHANGE,
        "facts": {"type": "dict", "default": {}},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Record first: a lease that is free lets others begin."""
        if call.check_mode:
            return Outcome()
        change = call.params["change"]
        store = open_store(call.params["store"])
        require_lease(store, change["lease"])
        entry = Ledger(store).append(
            {
                "time": store.now().isoformat(timespec="milliseconds"),
                "change": change,
                "event": "closed",
                "facts": call.params["facts"],
            },
            Deadline(WRITE_SECONDS),
        )
        if change["lease"]:
            Register(store).release(change["lease"], Deadline(WRITE_SECONDS))
        return Outcome(facts={"sequence": entry.sequence, "hash": entry.hash})
