# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenants that a recovery is asked for, what it does about each, and those that are to be recovered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup import plan_recover


def recover_asked(
    estate: Mapping[str, Any], variables: Mapping[str, Mapping[str, Any]], inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """The tenants that are lost and those that are there. variables: of each host. inputs: of the playbook."""
    servers = {name: variables[name].get("postgresql_databases") for name in estate["servers"]}
    tier, names, given_up = (inputs[f"recover_{name}"] for name in ("tier", "tenants", "lost_servers"))
    return plan_recover.asked(estate["tenants"], servers, tier, names, given_up)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {
            "recover_asked": recover_asked,
            "recover_plan": plan_recover.parts,
            "recover_undeclared": plan_recover.undeclared,
            "refused_new_tenants": plan_recover.not_new,
        }
