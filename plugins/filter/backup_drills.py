# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of restore drills, good and failed, in one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_restore import MEASURED


def backup_drills(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One entry for each result of a loop over gantry.odoo.odoo_restore whose items name a tenant."""
    entries = []
    for result in results:
        if "item" not in result:
            raise AnsibleFilterError("backup_drills: give the results of a loop over the databases")
        entry = {key: result[key] for key in ("database", *MEASURED) if key in result}
        failed = bool(result.get("failed"))
        error = str(result.get("msg", "the drill failed without a word")) if failed else ""
        entries.append({"tenant": result["item"]["tenant"], "ok": not failed, "error": error, **entry})
    return entries


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"backup_drills": backup_drills}
