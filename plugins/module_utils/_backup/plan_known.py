# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a catalog with what is known from elsewhere: the newest backup in the ledger, and the manifests. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import ManifestName
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import lacks


def rolled_back(seen: Catalog, known: int, where: str) -> str:
    """What a catalog lacks, as a clause; empty where it has the backup with the number `known`, or has removed it.

    known: 0 where none is known.
    """
    if not known or not lacks(seen, known):
        return ""
    newest = max(seen.entries, key=lambda one: one.number, default=None)
    shown = f"its newest one is {newest.name}, number {newest.number}" if newest else "it has none"
    return (
        f"the {where} lacks the backup with number {known}, which was complete and which no expiry has removed "
        f"({shown}), so it was rolled back, or another repository is in its place"
    )


def refuse_rolled_back(seen: Catalog, known: int, where: str, warn: Callable[[str], None] | None = None) -> None:
    """Raises RefusedError where a catalog lacks the backup with the number `known`.

    warn: is given the sentence instead, where that was accepted.
    """
    found = rolled_back(seen, known, where)
    if not found:
        return
    if warn is None:
        raise RefusedError(f"{found}; bring its newest state back, or accept the older one with rolled_back: accept")
    warn(f"{found}, which was accepted")


def unlisted(seen: Catalog, manifests: Iterable[ManifestName], where: str) -> str:
    """What manifests say that the catalog does not, as a sentence; empty where it may be the newest one.

    A run has its number in the catalog before it writes a manifest. So a later manifest shows that the newest records
    are gone, or that a copy is under way here. An empty catalog with a manifest may have been rolled back to its first
    record, or its only backup was interrupted at its end.
    """
    listed = {one.number for one in seen.entries}
    strange = sorted(one.number for one in manifests if one.number not in listed and one.number > seen.given_up)
    later = [number for number in strange if number > seen.fence]
    if later:
        return (
            f"the {where} has a manifest of backup {later[-1]}, which is later than all that its catalog knows, so the "
            "catalog was rolled back, or a copy to it has not ended; bring its newest state back, or copy again"
        )
    if strange and not seen.entries:
        return (
            f"the {where} has a manifest of backup {strange[-1]} and no backup in its catalog, so the catalog was "
            "rolled back, or its first backup was interrupted; bring its newest state back, or take a backup"
        )
    return ""
