# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What odoo_backup_copy returns, and its diff: pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_copy import Copied
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_copy import staying, worse


def entry(done: Copied) -> dict[str, Any]:
    """The return value for one tenant."""
    kept = staying(done.catalog).entries
    check = done.check
    return {
        "tenant": done.tenant,
        "ok": check is not None and not worse(done),
        "backups": len(kept),
        "restorable": sum(one.number not in done.marks.restorable for one in kept) if check else 0,
        "newest": max(kept, key=lambda one: one.number).name if kept else "",
        "objects_sent": done.plan.objects,
        "bytes_sent": done.plan.bytes,
        "objects_removed": len(done.plan.remove),
        "healed": list(done.healed),
        "part": check.part.number + 1 if check else 0,
        "parts": check.part.parts if check else 0,
        "objects_read": check.objects if check else 0,
        "bytes_read": check.bytes if check else 0,
    }


def before(done: Copied) -> dict[str, Any]:
    """What the copy lacked, and had too much, in the order of the keys."""
    return {
        "lacks": sorted([*done.plan.contents, *done.plan.manifests]),
        "catalog_differs": done.plan.catalog,
        "documents_differ": sorted(done.documents),
        "needless": sorted(done.plan.remove),
        "damaged": sorted(done.healed),
    }


def after(_done: Copied) -> dict[str, Any]:
    """What is left of that."""
    return {"lacks": [], "catalog_differs": False, "documents_differ": [], "needless": [], "damaged": []}
