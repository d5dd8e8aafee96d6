# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a database may be given up: its newest backup is young enough, of this very database, and whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_layout import Layout, layout_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import TIERS
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_repository import (
    backups,
    read_index,
    read_manifest,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket import (
    Bucket,
    open_bucket,
)
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Settings
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import Database

PIECE_BYTES = 8 * 1024 * 1024


def require_fresh_backups(settings: Settings, tier: int, databases: Iterable[Database]) -> None:
    """Look for the backup of each of `databases`, which are called as their tenants; as require_fresh_backup."""
    bucket = open_bucket(settings)
    for database in databases:
        require_fresh_backup(bucket, database.name, tier, database.uuid)


def require_fresh_backup(bucket: Bucket, tenant: str, tier: int, uuid: str) -> str:
    """The identifier of the backup that permits to drop the tenant's database.

    tier: its RPO counts where the tenant has no policy in the repository. uuid: of the database.
    Raises RefusedError where no complete backup of it is younger than the RPO, or the newest one is not whole.
    """
    layout = layout_of(bucket.settings.prefix, tenant)
    complete, _leftovers = backups(bucket, layout)
    if not complete:
        raise RefusedError(
            f"{tenant} is of tier {tier} and has no complete backup in the {bucket.settings.where}; back it up first"
        )
    manifest = read_manifest(bucket, layout, complete[-1])
    policy = bucket.get_json(layout.policy) or {}
    rpo_s = int(policy.get("rpo_s", TIERS[tier]["rpo_s"]))
    fault = unfit(manifest, uuid, rpo_s, bucket.now()) or _damage(bucket, layout, manifest)
    if fault:
        raise RefusedError(
            f"{tenant} is of tier {tier} and its newest backup {manifest.backup_id} {fault}; back it up first"
        )
    return manifest.backup_id


def newest_backups(settings: Settings, tenants: Iterable[str]) -> dict[str, datetime]:
    """The moment of which the newest complete backup of each tenant is, by the manifests; none for one without."""
    bucket = open_bucket(settings)
    newest: dict[str, datetime] = {}
    for tenant in tenants:
        layout = layout_of(settings.prefix, tenant)
        complete, _leftovers = backups(bucket, layout)
        if complete:
            newest[tenant] = read_manifest(bucket, layout, complete[-1]).snapshot_time
    return newest


def unfit(manifest: Manifest, uuid: str, rpo_s: int, now: datetime) -> str:
    """Why a backup does not stand for the database, in words; empty where it does."""
    age = (now - manifest.snapshot_time).total_seconds()
    if manifest.database.uuid != uuid:
        return f"is of another database, with uuid {manifest.database.uuid}"
    return f"is {age:.0f} s old, and its RPO is {rpo_s} s" if age > rpo_s else ""


def _damage(bucket: Bucket, layout: Layout, manifest: Manifest) -> str:
    digest = hashlib.sha256()
    for piece in bucket.pieces(layout.dump(manifest.backup_id), PIECE_BYTES):
        digest.update(piece)
    if digest.hexdigest() != manifest.dump.sha256:
        return "is damaged: its dump is not what was written"
    stored = {layout.store_fname(key): one.size for key, one in bucket.objects(layout.filestore).items()}
    lost = [name for name, size in read_index(bucket, layout, manifest).items() if stored.get(name) != size]
    return f"is damaged: {len(lost)} of its files are missing or cut off" if lost else ""
