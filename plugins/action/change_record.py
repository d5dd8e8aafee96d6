# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Append to the ledger in the change store, from the controller."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_events import bring
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import WRITE_SECONDS, require_lease
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import Event, event
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import CHANGE, STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_parts import unwitnessed
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._repository.options import REPOSITORY, name_of
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction

# The event that comes before the estate is touched; all others say what has happened, which is recorded in any case.
BEGUN = "begun"


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_record."""

    OPTIONS = {
        "store": STORE,
        "change": CHANGE,
        "event": {"type": "str", "required": True},
        "facts": {"type": "dict", "default": {}},
        "repository": REPOSITORY,
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Append the entry. It is no change: `changed` speaks of the estate."""
        if call.check_mode:
            return Outcome()
        params = call.params
        if params["event"] == BEGUN:
            require_lease(params)
        repository = name_of(params["repository"])
        facts = {**params["facts"], "repository": repository} if repository else params["facts"]

        def make(now: datetime, late: bool) -> Event:
            return event(params["change"], params["event"], facts, now, None, late)

        brought = bring(params["store"], make, Deadline(WRITE_SECONDS))
        if params["event"] == BEGUN:
            # what was written may have taken longer than the lease lasts
            require_lease(params)
        if brought.why or brought.entry is None:
            call.warn(f"the event {params['event']} is not in the change store yet: {brought.why}")
            return Outcome()
        if brought.unwitnessed:
            call.warn(unwitnessed(brought.unwitnessed))
        return Outcome(facts={"sequence": brought.entry.sequence, "hash": brought.entry.hash})
