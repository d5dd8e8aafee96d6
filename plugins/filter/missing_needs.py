# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The passwords and variables that a playbook needs and the inventory lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._estate import plan_needs


def missing_passwords(
    estate: Mapping[str, Any],
    groups: Sequence[str],
    of_roles: Mapping[str, Any],
    of_databases: Mapping[str, Any] | None = None,
    also: Sequence[str] = (),
) -> list[str]:
    """A clause for each variable that lacks passwords which the instances of the groups need."""
    return plan_needs.passwords(estate, groups, of_roles, of_databases, also)


def missing_variables(
    needs: Mapping[str, Sequence[str]], groups: Mapping[str, Sequence[str]], hostvars: Mapping[str, Any]
) -> list[str]:
    """A clause for each variable that hosts of a group lack."""
    return plan_needs.variables(needs, groups, hostvars)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"missing_passwords": missing_passwords, "missing_variables": missing_variables}
