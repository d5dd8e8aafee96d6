# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record on the controller what a change has made of the estate: under its lease, and before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import WRITE_SECONDS, open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import CHANGE, STORE
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._estate.apply_record import EstateLog
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import TIERS
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_record import PHASES, Leaving, Place, known_from
from ansible_collections.gantry.odoo.plugins.module_utils._estate.plan_record import Entry, differences, plan_entry
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction

_LEAVING: dict[str, Any] = {
    "type": "dict",
    "options": {
        "tenant": {"type": "str", "required": True},
        "phase": {"type": "str", "required": True, "choices": list(PHASES)},
        "tier": {"type": "int", "required": True, "choices": list(TIERS)},
        "backup": {"type": "str", "default": ""},
        "was_open": {"type": "bool", "default": True},
    },
}


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.estate_record."""

    OPTIONS = {
        "store": STORE,
        "change": CHANGE,
        "homes": {"type": "dict", "default": {}},
        "tenants": {"type": "dict", "default": {}},
        "ports": {"type": "dict", "default": {}},
        "roster": {"type": "list", "elements": "str"},
        "renamed": {"type": "dict", "default": {}},
        "leaving": _LEAVING,
        "stays": {"type": "list", "elements": "str", "default": []},
        "gone": {"type": "list", "elements": "str", "default": []},
        "made_hosts": {"type": "list", "elements": "str", "default": []},
        "made_tenants": {"type": "list", "elements": "str", "default": []},
        "released_groups": {"type": "list", "elements": "str", "default": []},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Write the record that follows. It is no change: `changed` speaks of the estate."""
        change, store = call.params["change"], open_store(call.params["store"])
        log = EstateLog(store)
        entry = _entry(call.params, store.now())
        before = log.read()
        after = plan_entry(before, entry)
        if not call.check_mode and after != before:
            Register(store).require(change["fencing_number"])
            after = log.write(lambda seen: plan_entry(seen, entry), Deadline(WRITE_SECONDS))
            # what was written may have taken longer than the lease lasts
            Register(store).require(change["fencing_number"])
        return Outcome(facts={"number": after.number, "differences": differences(before, after)})


def _entry(params: Mapping[str, Any], now: datetime) -> Entry:
    """The options as an entry. Raises InputError for values that estate_info does not return."""
    change, roster = params["change"], params["roster"]
    try:
        leaving = {}
        if params["leaving"]:
            given = params["leaving"]
            since = now.date().isoformat()
            one = Leaving(given["phase"], given["tier"], given["backup"], change["id"], since, given["was_open"])
            leaving = {given["tenant"]: one}
        return Entry(
            change["fencing_number"],
            {name: Place(str(one["group"]), int(one["number"])) for name, one in params["homes"].items()},
            {name: known_from(one) for name, one in params["tenants"].items()},
            {name: int(port) for name, port in params["ports"].items()},
            None if roster is None else tuple(roster),
            leaving,
            dict(params["renamed"]),
            tuple(params["stays"]),
            tuple(params["gone"]),
            tuple(params["made_hosts"]),
            tuple(params["made_tenants"]),
            tuple(params["released_groups"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"homes, tenants and ports are those that gantry.odoo.estate_info returns, and cannot be read: {error!r}"
        ) from error
