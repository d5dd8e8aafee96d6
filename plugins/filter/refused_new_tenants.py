# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why tenants without a database do not get an empty one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_recover import not_new


def refused_new_tenants(backups: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each tenant that has backups, or of which that cannot be told."""
    return not_new(backups)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"refused_new_tenants": refused_new_tenants}
