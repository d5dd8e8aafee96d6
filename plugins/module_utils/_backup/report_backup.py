# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return value of odoo_backup for each database: pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import stamp
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import Survey, Taken


def foreseen(tenant: str, database: str, found: Survey) -> dict[str, Any]:
    """An entry for a backup that is not, or not yet, taken."""
    return {
        "tenant": tenant,
        "database": database,
        "id": found.fresh.name if found.fresh else "",
        **({"number": found.fresh.number} if found.fresh else {}),
        "taken": found.fresh is None,
    }


def entry(taken: Taken) -> dict[str, Any]:
    """An entry for a backup that was taken."""
    manifest = taken.manifest
    return {
        "tenant": manifest.tenant,
        "database": manifest.database.name,
        "id": manifest.name,
        "number": manifest.number,
        "taken": True,
        "snapshot_time": stamp(manifest.snapshot_time),
        "bytes_sent": taken.bytes_sent,
        "dump_bytes": manifest.dump.size,
        "files_total": manifest.filestore.files,
        "files_sent": taken.files_sent,
        "files_missing": len(manifest.filestore.missing),
        "files_kept": len(manifest.filestore.kept),
        "files_orphaned": manifest.filestore.orphans,
        "rows": sum(manifest.database.tables.values()),
        "duration_s": round(taken.duration_s, 3),
    }
