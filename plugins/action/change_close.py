# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Close a change on the controller: compare what was begun with what is proven, record it, release its lease."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import WRITE_SECONDS, open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import CHANGE, STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import (
    is_done,
    plan_close,
    table,
    unfinished,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import LostError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_close."""

    OPTIONS = {
        "store": STORE,
        "change": CHANGE,
        "facts": {"type": "dict", "default": {}},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Compare what was planned with what is proven, record it, and fail unless all is done."""
        if call.check_mode:
            return Outcome(facts={"table": []})
        change, deadline = call.params["change"], Deadline(WRITE_SECONDS)
        store = open_store(call.params["store"])
        lost = _lost(store, change["lease"])
        parts = PartsLog(store).read().of(change["id"])
        done = is_done(parts) and not lost
        states = {"parts": {part.name: part.state for part in parts}} if parts else {}
        entry = Ledger(store).record(
            store.now(),
            change,
            "closed" if done else "unfinished",
            {**call.params["facts"], **states, **({"lost": lost} if lost else {})},
            deadline,
        )
        PartsLog(store).write(lambda seen: plan_close(seen, change["id"]), deadline)
        if change["lease"] and not lost:
            Register(store).release(change["lease"], deadline)
        return Outcome(
            facts={"sequence": entry.sequence, "hash": entry.hash, "table": table(parts)},
            failure="" if done else unfinished(change["id"], change["kind"], parts, lost),
        )


def _lost(store: Objects, number: int) -> str:
    """What became of the lease of a change that does not hold it any more."""
    try:
        Register(store).require(number)
    except LostError as error:
        return str(error)
    return ""
