# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check returns of each tenant."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_check import Check, Finding, Found
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import stamp


def entry(check: Check) -> dict[str, Any]:
    """The entry of a tenant."""
    return {
        "tenant": check.tenant,
        "ok": not any(one.left for one in check.found),
        "replaced": list(check.mended),
        "part": check.part.number + 1,
        "parts": check.part.parts,
        "objects_read": check.objects,
        "bytes_read": check.bytes,
        "backups": [_backup(one) for one in check.found],
    }


def before(check: Check) -> dict[str, Any]:
    """What the catalog said, for the diff."""
    if check.rebuilt:
        return {"backups": {}, "damaged": [], "intact_in_copy": list(check.mended)}
    backups = {one.entry.name: one.entry.restorable for one in check.found}
    return {
        "backups": backups,
        "damaged": [str(name) for name in check.catalog.damaged],
        "intact_in_copy": list(check.mended),
    }


def after(check: Check) -> dict[str, Any]:
    """What the catalog says after the check, for the diff."""
    backups = {one.entry.name: one.healed for one in check.found}
    return {"backups": backups, "damaged": [str(name) for name in sorted(check.damaged_after)], "intact_in_copy": []}


def _backup(one: Found) -> dict[str, Any]:
    return {
        "id": one.entry.name,
        "snapshot_time": stamp(one.entry.snapshot),
        "expired": one.entry.expired is not None,
        "result": "damaged" if one.left or one.lost else ("healed" if one.findings else "ok"),
        "restorable": one.healed,
        "files_missing": len(one.lost),
        "files_damaged": sum(finding.files - finding.copies for finding in one.findings),
        "findings": [_finding(finding) for finding in one.findings],
    }


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "object": found.key,
        "kind": found.kind,
        "why": found.why,
        "files": found.files,
        "files_healed": found.copies,
        "names": list(found.names),
    }
