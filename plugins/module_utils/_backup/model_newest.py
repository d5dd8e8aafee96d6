# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup of a tenant that a restore would take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import stamp
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration


@dataclass(frozen=True)
class Newest:
    """The backup of a tenant that a restore would take, or why there is none. age_s: seconds, by the store's clock.

    backups: the number that the catalog holds, also those that are not fit; None where it cannot be read. warnings:
    sentences about backups that are passed over, and about what this one lacks.
    """

    tenant: str
    manifest: Manifest | None = None
    age_s: float = 0.0
    error: str = ""
    backups: int | None = None
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The entry that odoo_backup_info returns."""
        found = self.manifest
        return {
            "tenant": self.tenant,
            "backup": found.name if found else "",
            "snapshot_time": stamp(found.snapshot_time) if found else "",
            "age_s": round(self.age_s, 3) if found else None,
            "age": duration(self.age_s) if found else "",
            "dump_bytes": found.dump.size if found else None,
            "files_bytes": found.filestore.bytes if found else None,
            "backups": self.backups,
            "error": self.error,
            "warnings": list(self.warnings),
        }
