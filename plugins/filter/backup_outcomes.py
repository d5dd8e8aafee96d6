# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of each tenant's backup, good and failed, in the shape of restore drills."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any


def backup_outcomes(result: Mapping[str, Any], databases: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One entry for each of the databases, from the registered result of gantry.odoo.odoo_backup."""
    taken = {entry["tenant"]: entry for entry in result.get("backups", ())}
    errors = {failure["tenant"]: failure["error"] for failure in result.get("failures", ())}
    # what ended the module before it began with one
    unsaid = str(result.get("msg") or "the backup failed without a message")
    entries = []
    for database in databases:
        tenant = database["tenant"]
        error = "" if tenant in taken else errors.get(tenant, unsaid)
        entries.append({"tenant": tenant, "ok": tenant in taken, "error": error, **taken.get(tenant, {})})
    return entries


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"backup_outcomes": backup_outcomes}
