# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resolve the estate on the controller: what the inventory declares and the servers hold, as the roles take it."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError
from ansible_collections.gantry.odoo.plugins.module_utils._estate.resolve import resolve


class ActionModule(ActionBase):
    """Action behind gantry.odoo.estate_info; it connects to nothing."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        outcome = super().run(tmp, task_vars)
        _spec, args = self.validate_argument_spec(
            argument_spec={
                "tenants": {"type": "list", "elements": "raw", "required": True},
                "runtime_groups": {"type": "list", "elements": "str", "default": []},
                "require_groups": {"type": "list", "elements": "str", "default": []},
                "placement": {"type": "dict", "default": {}},
                "drained": {"type": "list", "elements": "str", "default": []},
                "maintenance": {"type": "list", "elements": "str", "default": []},
                "tenant": {"type": "str"},
                "destination": {"type": "str"},
                "allow_new": {"type": "bool", "default": True},
                "assume": {"type": "dict", "default": {}},
            }
        )
        known = task_vars or {}
        try:
            outcome["estate"] = resolve(args, known["groups"], known["hostvars"])
        except GantryError as error:
            outcome.update(failed=True, msg=str(error))
        outcome["changed"] = False
        return outcome
