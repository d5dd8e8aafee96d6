# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a catalog with what is known from elsewhere: the newest backup in the ledger, and the manifests. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import kept_by
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Entry, Hold
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import ManifestName, data_prefix
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import lacking, with_entries

SHOWN = 3


def rolled_back(seen: Catalog, known: int, where: str) -> str:
    """What a catalog lacks, as a clause; empty where it has the backup with the number `known`, or has removed it.

    known: 0 where none is known.
    """
    if not known or not lacking(seen, [known]):
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
    strange = sorted(lacking(seen, (one.number for one in manifests)))
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


def still_kept(
    seen: Catalog, absent: Sequence[Entry], policy: Policy | None, holds: Sequence[Hold], now: datetime
) -> tuple[Entry, ...]:
    """Those of the backups that are not in a catalog that would be kept if they were. policy: None keeps all."""
    if not absent:
        return ()
    numbers = {one.number for one in absent}
    together = with_entries(seen, absent)
    found = tuple(one for one in together.entries if one.number in numbers)
    if policy is None:
        return found
    kept = {one.backup_id for one in kept_by(policy, together, now, holds) if one.kept}
    return tuple(one for one in found if one.name in kept)


def unexplained(kept: Sequence[Entry], unread: Sequence[str], where: str) -> str:
    """Why a catalog is not believed that lacks backups with manifests, as a sentence; empty where none is lacking.

    kept: those that are to stay, and that no record of the catalog has removed. unread: why other manifests that it
    does not name cannot be read: those may be of backups that are to stay as well.
    """
    if not kept and not unread:
        return ""
    names = ", ".join(f"{one.name} ({one.manifest.key})" for one in kept[:SHOWN])
    shown = [f"{len(kept)} backups that are to be kept have manifests there, such as {names}"] if kept else []
    shown += [f"{len(unread)} manifests there cannot be read, such as {unread[0]}"] if unread else []
    ways = []
    if kept:
        ways.append(
            "take a backup, which lists the last one where that was interrupted at its end, or bring the newest state "
            "of the catalog back, or remove all below catalog/ and run odoo_backup_check with rebuild: true"
        )
    if unread:
        ways.append(
            "bring what cannot be read back from its versions or the second repository, with the keys that open it, or "
            "remove it where it is no backup of yours"
        )
    return (
        f"the catalog in the {where} is not believed: {', and '.join(shown)}, and it neither lists nor has removed "
        f"them, so it was rolled back, or a backup was interrupted at its end; {'; '.join(ways)}"
    )


def foreign(name: ManifestName, why: str) -> str:
    """What is said of an object in the place of a manifest that cannot be one of a backup. why: it cannot be read."""
    return (
        f"{why}; nothing is below {data_prefix(name.number)}, so it is no backup; see who has written it, and remove it"
    )
