# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what a change store holds, on the controller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger, open_ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_parts import parts_shown
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects
from ansible_collections.gantry.odoo.plugins.plugin_utils import last_seen
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction

_GATHERED = ("entries", "leases", "parts")
# read only where it is asked for: all of the ledger is compared
_WITNESS = "witness"


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_info."""

    OPTIONS = {
        "store": STORE,
        "gather": {"type": "list", "elements": "str", "choices": [*_GATHERED, _WITNESS], "default": list(_GATHERED)},
        "after": {"type": "int", "default": 0},
        "last_seen": {"type": "bool", "default": False},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Read what is asked for."""
        store = open_store(call.params["store"])
        reads = {
            "entries": lambda: _entries(store, call.params["after"]),
            "leases": lambda: _leases(store),
            "parts": lambda: _parts(call, store),
            _WITNESS: lambda: _witness(open_ledger(call.params["store"], store)),
        }
        return Outcome(facts={name: reads[name]() for name in call.params["gather"]})


def _parts(call: Call, store: Objects) -> list[dict[str, Any]]:
    return parts_shown(last_seen.read_parts(call, store, PartsLog(store).read).parts)


def _entries(store: Objects, after: int) -> list[dict[str, Any]]:
    return [
        {"sequence": one.sequence, "previous": one.previous, "hash": one.hash, **one.body}
        for one in Ledger(store).entries(after)
    ]


def _witness(ledger: Ledger) -> dict[str, Any]:
    """What the witness says of the whole ledger, which is verified."""
    witness = ledger.witness
    if witness is None:
        return {"declared": False}
    last = None
    for entry in ledger.walk():
        last = entry
    ledger.unknown()
    return {
        "declared": True,
        "where": witness.where,
        "begun": witness.begun,
        "sequence": last.sequence if last else 0,
        "hash": last.hash if last else "",
        "unwitnessed": ledger.unwitnessed(),
    }


def _leases(store: Objects) -> list[dict[str, Any]]:
    now = store.now()
    return [
        {"number": one.number, "change": one.change, "covers": list(one.covers), "words": one.words}
        for one in Register(store).read().held
        if one.until > now
    ]
