# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what a change store holds, on the controller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import STORE
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_info."""

    OPTIONS = {
        "store": STORE,
        "after": {"type": "int", "default": 0},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Read and verify the ledger; tell who holds what."""
        store = open_store(call.params["store"])
        now = store.now()
        entries = Ledger(store).entries(call.params["after"])
        return Outcome(
            facts={
                "entries": [
                    {"sequence": one.sequence, "previous": one.previous, "hash": one.hash, **one.body}
                    for one in entries
                ],
                "leases": [
                    {"number": one.number, "change": one.change, "covers": list(one.covers), "words": one.words}
                    for one in Register(store).read().held
                    if one.until > now
                ],
            }
        )
