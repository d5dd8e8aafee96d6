# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record on the controller what becomes of one part of a change; begin none where the failure budget is spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import WRITE_SECONDS, open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import (
    BEGUN,
    FAILED,
    PROVEN,
    RESTORED,
    Part,
    Parts,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import CHANGE, STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import plan_begin, with_part
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_step."""

    OPTIONS = {
        "store": STORE,
        "change": CHANGE,
        "part": {"type": "str", "required": True},
        "state": {"type": "str", "required": True, "choices": [BEGUN, PROVEN, RESTORED, FAILED]},
        "why": {"type": "str", "default": ""},
        "facts": {"type": "dict", "default": {}},
        "budget": {"type": "int", "default": 0},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Say whether the part may be begun, or keep what became of it."""
        params = call.params
        if call.check_mode:
            return Outcome(facts={"go": True, "stopped": ""})
        if params["state"] == BEGUN:
            stopped = _begun(params)
            return Outcome(facts={"go": not stopped, "stopped": stopped})
        try:
            _write(params, with_part)
        except GantryError as error:
            # service comes before the record: the part stays out for whoever asks, until it is proven again
            call.warn(f"{params['part']} is {params['state']}, and that could not be recorded: {error}")
            return Outcome(facts={"go": True, "stopped": str(error)})
        return Outcome(facts={"go": True, "stopped": ""})


def _begun(params: Mapping[str, Any]) -> str:
    """Why the part must not be begun; no failure, as the playbook has to reach the play that closes the change."""
    try:
        Register(open_store(params["store"])).require(params["change"]["lease"])
        _write(params, lambda seen, part: plan_begin(seen, part, params["budget"]))
    except GantryError as error:
        return str(error)
    return ""


def _write(params: Mapping[str, Any], plan: Callable[[Parts, Part], Parts]) -> None:
    """Write the state of the part first, which the next batch and other operators ask for, and then the ledger."""
    store, change, deadline = open_store(params["store"]), params["change"], Deadline(WRITE_SECONDS)
    now = store.now()
    part = Part(params["part"], change["id"], params["state"], now, params["why"], params["facts"])
    PartsLog(store).write(lambda seen: plan(seen, part), deadline)
    why = {"why": part.why} if part.why else {}
    Ledger(store).record(now, change, part.state, {"part": part.name, **why, **params["facts"]}, deadline)
