# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What odoo_restore returns, and what a drill leaves beside the backups."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import FORMAT, stamp
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_restore import Fetch, Survey, Wish
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import mark, recovered
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import RECYCLED, shown

# What a drill measures, in its record and in the results of the role.
MEASURED = ("backup", "snapshot_time", "rto_s", "rpo_s", "counts", "timings", "served", "postgresql", "left_out")
# A record has a few thousand bytes: so much of what was left out is in it.
SHOWN = 50


def report(wish: Wish, seen: Survey, begun: datetime, measured: Mapping[str, Any] | None = None) -> Outcome:
    """The module's outcome. begun: when the module started. measured: what only a restore that was done can tell."""
    manifest, target = seen.manifest, seen.target
    stands = recovered(target)
    actions = {step.action for step in seen.steps}
    fetched = seen.fetch if "fetch_files" in actions else Fetch()
    before = _view(target.database, target.comment, target.blocked)
    after = _view(stands.database, stands.comment, stands.blocked)
    if actions & {"publish", "replace"}:
        after = _view(True, f"restored from {mark(manifest, wish)}", wish.blocked)
        if "recycle_old_files" in actions:
            after["former_files"] = f"filestore/{RECYCLED}, until removed by hand"
    elif actions & {"block", "open"} and not wish.drill:
        after = _view(True, stands.comment, wish.blocked)
    facts = {
        "restored": "restore_database" in actions,
        "backup": manifest.name,
        "database": wish.database,
        "snapshot_time": stamp(manifest.snapshot_time),
        "postgresql": {"scratch": wish.scratch, "version": seen.server.version},
        "rpo_s": round((begun - manifest.snapshot_time).total_seconds(), 3),
        "counts": {
            "tables": len(manifest.database.tables),
            "rows": sum(manifest.database.tables.values()),
            "modules": len(manifest.database.modules),
            "files": manifest.filestore.files,
            "files_bytes": manifest.filestore.bytes,
            "files_fetched": fetched.files,
            "files_missing": len(manifest.filestore.missing),
            "bytes_fetched": fetched.bytes,
            "dump_bytes": manifest.dump.size,
        },
        **(measured or {}),
    }
    return Outcome(seen.steps, before, after, facts)


def unproven(tenant: str, facts: Mapping[str, Any]) -> str:
    """Why a drill that came to its end proves nothing; empty where it does. facts: those of the restore."""
    files = facts.get("files_left_out") or []
    if not files:
        return ""
    return (
        f"the drill of tenant {tenant} proves nothing, as {len(files)} files of backup {facts['backup']} are missing "
        f"or damaged, such as {shown(files[0])}; run gantry.odoo.backup, which sends those in the filestore again"
    )


def drill_record(tenant: str, begun: datetime, facts: Mapping[str, Any], error: str) -> bytes:
    """The record of a drill, good or failed. facts: those that are known. error: empty when it went well.

    What is not known, as it failed before, is null. So is what was left out of one that failed.
    """
    left_out, files = facts.get("left_out"), facts.get("files_left_out")
    document = {
        "format": FORMAT,
        "tenant": tenant,
        "begun": stamp(begun),
        "ok": not error,
        "error": error,
        **{key: facts.get(key) for key in MEASURED},
        "backup": facts.get("backup", ""),
        "left_out": None if left_out is None else left_out[:SHOWN],
        "left_out_count": None if left_out is None else len(left_out),
        "files_left_out": None if files is None else files[:SHOWN],
        "files_left_out_count": None if files is None else len(files),
    }
    return json.dumps(document, sort_keys=True, indent=1).encode()


def _view(there: bool, origin_text: str, blocked: bool) -> dict[str, Any]:
    if not there:
        return {"state": "absent"}
    return {"state": "present", "origin": origin_text.replace("gantry.odoo.odoo_restore: ", ""), "blocked": blocked}
