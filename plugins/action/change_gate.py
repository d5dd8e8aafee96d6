# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the gate on the controller, with the ledger as its witness."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.gantry.odoo.plugins.module_utils._change import apply_ledger, plan_gate
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError


class ActionModule(ActionBase):
    """Action behind gantry.odoo.change_gate; it connects to nothing."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        outcome = super().run(tmp, task_vars)
        _spec, args = self.validate_argument_spec(
            argument_spec={
                "ledger": {"type": "path", "required": True},
                "change": {"type": "dict", "required": True},
                "tenants": {"type": "list", "elements": "dict", "default": []},
                "serving_after": {"type": "int"},
                "backup_max_age_hours": {"type": "float", "default": 24},
                "drill_max_age_days": {"type": "float", "default": 31},
                "tiers": {"type": "list", "elements": "int", "default": [1]},
            }
        )
        outcome["changed"] = False
        try:
            decision = ask(args, datetime.now(timezone.utc))
        except GantryError as error:
            outcome.update(failed=True, msg=str(error))
            return outcome
        outcome.update(allowed=decision.allowed, denials=list(decision.denials), overridden=list(decision.overridden))
        if not decision.allowed:
            outcome.update(failed=True, msg="the gate is closed: " + "; ".join(decision.denials))
        return outcome


def ask(args: Mapping[str, Any], now: datetime) -> plan_gate.Decision:
    """The decision on the change that `args` describes, at `now`."""
    raw = args["change"]
    change = plan_gate.Change(
        id=raw["id"],
        kind=raw["kind"],
        requester=raw["requester"],
        classification=raw.get("class") or "standard",
        reason=raw.get("reason") or "",
        approver=raw.get("approver") or "",
    )
    rules = plan_gate.Rules(
        backup_age=timedelta(hours=args["backup_max_age_hours"]),
        drill_age=timedelta(days=args["drill_max_age_days"]),
        tiers=tuple(args["tiers"]),
    )
    entries = apply_ledger.load(Path(args["ledger"]))
    subjects = [plan_gate.Subject(item["name"], int(item["tier"])) for item in args["tenants"]]
    return plan_gate.decide(
        change, subjects, plan_gate.proofs(entry.body for entry in entries), now, rules, args["serving_after"]
    )
