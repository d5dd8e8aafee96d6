# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take the lease of a change away, from the controller, and record why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.vars import load_extra_vars

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import open_ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import WRITE_SECONDS, open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import BROKEN
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import BREAK
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.options_approval import IDENTITIES, identities_of
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_identity import identity_of, require_may
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_parts import unwitnessed
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.plugin_utils import login
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_break."""

    OPTIONS = {
        "store": STORE,
        "change": {"type": "str", "required": True},
        "requester": {"type": "str", "default": ""},
        "reason": {"type": "str", "required": True},
        **IDENTITIES,
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Break the lease first: what is recorded was done."""
        name, reason = (call.params[option] for option in ("change", "reason"))
        who = self._breaker(call.params)
        store = open_store(call.params["store"])
        leases = Register(store)
        held = {lease.change: lease for lease in leases.read().held}
        if name not in held:
            raise InputError(f"change: {name} holds no lease; those that do are {', '.join(sorted(held)) or 'none'}")
        number = held[name].number
        if not call.check_mode:
            leases.take_away(held[name].fencing_number, who, reason, Deadline(WRITE_SECONDS))
            ledger = open_ledger(call.params["store"], store)
            ledger.record(
                store.now(),
                {"id": name},
                BROKEN,
                {"by": who, "reason": reason, "lease": number},
                Deadline(WRITE_SECONDS),
            )
            if ledger.witness is not None and ledger.witness.waits:
                call.warn(unwitnessed(ledger.witness.waits))
        return Outcome(facts={"changed": True, "lease": number, "words": held[name].words})

    def _breaker(self, params: Mapping[str, Any]) -> str:
        """Who takes the lease away. Raises RefusedError for an identity that may not."""
        identities, typed = identities_of(params), str(params["requester"])
        if not identities.listed and typed:
            return typed
        if identities.listed and typed:
            raise InputError(login.TYPED)
        launched = login.launcher(load_extra_vars(self._loader))
        if not identities.listed:
            return launched.name
        breaker = identity_of(identities, launched.source, launched.name)
        require_may(breaker, BREAK)
        return breaker.name
