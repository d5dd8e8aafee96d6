# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of each tenant's backup, check or copy, good and failed, in the shape of restore drills."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any


def backup_outcomes(result: Mapping[str, Any], tenants: Iterable[str]) -> list[dict[str, Any]]:
    """One entry for each tenant, from the registered result of odoo_backup, odoo_backup_check or odoo_backup_copy."""
    done = {entry["tenant"]: entry for key in ("backups", "checks", "copies") for entry in result.get(key, ())}
    errors = {failure["tenant"]: failure["error"] for failure in result.get("failures", ())}
    # what ended the module before it began with one
    unsaid = str(result.get("msg") or "the module failed without a message")
    entries = []
    for tenant in tenants:
        # one that was taken beside a repository that was rolled back is a backup, and no proof
        error = errors.get(tenant, "" if tenant in done else unsaid)
        entries.append({**done.get(tenant, {}), "tenant": tenant, "ok": not error, "error": error})
    return entries


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"backup_outcomes": backup_outcomes}
