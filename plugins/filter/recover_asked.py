# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenants that a recovery is asked for, and what it does about each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup import plan_recover


def recover_asked(
    estate: Mapping[str, Any], variables: Mapping[str, Mapping[str, Any]], inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """The tenants that are lost and those that are there. variables: of each host. inputs: of the playbook."""
    servers = {name: variables[name].get("postgresql_databases") for name in estate["servers"]}
    tier, names, given_up = (inputs[f"recover_{name}"] for name in ("tier", "tenants", "lost_servers"))
    return plan_recover.asked(estate["tenants"], servers, tier, names, given_up)


def recover_plan(
    wanted: Mapping[str, Any], backups: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any], began: float
) -> dict[str, Any]:
    """The parts of the change, what is said of each tenant, and why nothing is begun."""
    return plan_recover.parts(wanted, backups, inputs, began)


def recover_undeclared(
    parts: Sequence[Mapping[str, Any]], change: str, tenants: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[str]]:
    """What becomes of the parts of an interrupted recovery whose tenants are not declared any more."""
    return plan_recover.undeclared(parts, change, tenants)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {
            "recover_asked": recover_asked,
            "recover_plan": recover_plan,
            "recover_undeclared": recover_undeclared,
        }
