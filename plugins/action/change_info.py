# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what a change store holds, on the controller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_parts import parts_shown
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects
from ansible_collections.gantry.odoo.plugins.plugin_utils import last_seen
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction

_GATHERED = ("entries", "leases", "parts")


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_info."""

    OPTIONS = {
        "store": STORE,
        "gather": {"type": "list", "elements": "str", "choices": list(_GATHERED), "default": list(_GATHERED)},
        "after": {"type": "int", "default": 0},
        "last_seen": {"type": "bool", "default": False},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Read what is asked for."""
        store = open_store(call.params["store"])
        try:
            return Outcome(facts=self._read(store, call.params))
        except UnreachableError as error:
            parts = last_seen.recall(store, "parts") if call.params["last_seen"] else None
            if parts is None:
                raise
            call.warn(f"{error}; so the parts of changes are those that this run has seen last")
            return Outcome(facts={"parts": parts})

    @staticmethod
    def _read(store: Objects, params: Mapping[str, Any]) -> dict[str, Any]:
        reads = {
            "entries": lambda: _entries(store, params["after"]),
            "leases": lambda: _leases(store),
            "parts": lambda: _parts(store),
        }
        return {name: reads[name]() for name in params["gather"]}


def _parts(store: Objects) -> list[dict[str, Any]]:
    parts = parts_shown(PartsLog(store).read().parts)
    last_seen.keep(store, "parts", parts)
    return parts


def _entries(store: Objects, after: int) -> list[dict[str, Any]]:
    return [
        {"sequence": one.sequence, "previous": one.previous, "hash": one.hash, **one.body}
        for one in Ledger(store).entries(after)
    ]


def _leases(store: Objects) -> list[dict[str, Any]]:
    now = store.now()
    return [
        {"number": one.number, "change": one.change, "covers": list(one.covers), "words": one.words}
        for one in Register(store).read().held
        if one.until > now
    ]
