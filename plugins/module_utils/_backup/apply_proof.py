# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the mark away from a backup that a restore has read as a whole and found intact."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    RECORD_S,
    Repository,
    read_marks,
    write_marks,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import FULL, Catalog
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import plan_proven


def record_proof(repository: Repository, manifest: Manifest, before: Catalog) -> str:
    """Take the mark away from a backup whose dump and files were all read; a sentence on it, empty without a mark.

    before: the catalog that the restore began with. What another run has marked since stands.
    """
    marked = next((one for one in before.entries if one.number == manifest.number), None)
    if marked is None or marked.restorable == FULL:
        return ""
    said = f"backup {marked.name} was restored with all {manifest.index.files} files, which are intact"
    try:
        if before.copied:
            marks = read_marks(repository)
            after = plan_proven(marks.on(before), before, manifest.number, manifest.whole_objects())
            restorable = {one.number: one.restorable for one in after.entries if one.restorable != FULL}
            write_marks(repository, replace(marks, restorable=restorable, damaged=after.damaged))
        else:
            whole = manifest.whole_objects()
            after = repository.catalog.write(
                lambda seen: plan_proven(seen, before, manifest.number, whole), Deadline(RECORD_S)
            )
    except GantryError as error:
        return f"{said}; it stays marked as damaged, as that could not be recorded: {error}; run odoo_backup_check"
    now = next((one for one in after.entries if one.number == manifest.number), marked)
    return f"{said}, and is not marked as damaged any more" if now.restorable == FULL else ""
