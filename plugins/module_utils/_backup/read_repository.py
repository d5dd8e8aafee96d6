# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the repository knows of a tenant, read and written through the bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_layout import Layout, layout_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import parse_index, parse_manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import (
    LifecycleRule,
    Observed,
    Plan,
    Repository,
    Request,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_retention import garbage
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket import Bucket


def backups(bucket: Bucket, layout: Layout) -> tuple[list[str], list[str]]:
    """The identifiers of the complete backups and of the leftovers without a manifest, each oldest first."""
    objects: dict[str, set[str]] = {}
    for key in bucket.objects(layout.backups):
        parts = layout.split(key)
        if parts:
            objects.setdefault(parts[0], set()).add(parts[1])
    complete = sorted(name for name, held in objects.items() if "manifest.json" in held)
    return complete, sorted(set(objects) - set(complete))


def read_manifest(bucket: Bucket, layout: Layout, identifier: str) -> Manifest:
    """The manifest of a complete backup. Raises StateError when it is not there or not what its key says."""
    key = layout.manifest(identifier)
    data = bucket.get(key)
    if data is None:
        raise StateError(
            f"tenant {layout.tenant} has no complete backup {identifier} in the {bucket.settings.where}; choose another"
        )
    manifest = parse_manifest(data, key)
    if (manifest.tenant, manifest.backup_id) != (layout.tenant, identifier):
        raise StateError(f"{key} is the manifest of {manifest.tenant}/{manifest.backup_id}; the bucket was rearranged")
    return manifest


def read_index(bucket: Bucket, layout: Layout, manifest: Manifest) -> dict[str, int]:
    """The files of a backup, size in bytes by name, proven by the manifest's SHA-256."""
    key = layout.index(manifest.backup_id)
    data = bucket.get(key)
    if data is None or hashlib.sha256(data).hexdigest() != manifest.index.sha256:
        seen = "is missing" if data is None else "is not what was written: its SHA-256 differs from the manifest's"
        raise StateError(
            f"{key} in the {bucket.settings.where} {seen}; backup {manifest.backup_id} is damaged, use another"
        )
    return parse_index(data, key)


def observe(bucket: Bucket, prefix: str, request: Request) -> Repository:
    """What the repository shows of the tenants that a request names."""
    rules = bucket.lifecycle()
    tenants = {}
    for tenant in [item.tenant for item in request.policies] + list(request.absent):
        layout = layout_of(prefix, tenant)
        complete, leftovers = backups(bucket, layout)
        tenants[tenant] = Observed(
            recorded=bucket.get_json(layout.policy),
            rule=_find_rule(rules, tenant, layout.root),
            backups=tuple(complete),
            leftovers=tuple(leftovers),
        )
    return Repository(bucket.versioning(), bucket.now(), tenants)


def unreferenced_after(
    bucket: Bucket, prefix: str, request: Request, plan: Plan, seen: Repository, grace_s: int
) -> dict[str, dict[str, int]]:
    """For each tenant the stored files, key and size in bytes, that no backup needs once the plan is carried out.

    Nothing unless the request expires. A manifest or an index that cannot be read ends the run, for what it may need.
    """
    found = {}
    for tenant in [item.tenant for item in request.policies if request.expire]:
        layout = layout_of(prefix, tenant)
        marked: set[str] = set()
        for identifier in sorted(set(seen.tenants[tenant].backups) - set(plan.expire.get(tenant, ()))):
            marked.update(read_index(bucket, layout, read_manifest(bucket, layout, identifier)))
        objects = {layout.store_fname(key): stored for key, stored in bucket.objects(layout.filestore).items()}
        doomed = garbage(objects, marked, seen.now, grace_s)
        found[tenant] = {layout.blob(name): objects[name].size for name in doomed}
    return {tenant: keys for tenant, keys in found.items() if keys}


def _find_rule(rules: Iterable[Mapping[str, Any]], tenant: str, root: str) -> LifecycleRule | None:
    name = LifecycleRule(tenant, root, None).name
    found = next((rule for rule in rules if rule.get("ID") == name), None)
    if found is None:
        return None
    return LifecycleRule(
        tenant,
        found.get("Filter", {}).get("Prefix", found.get("Prefix", "")),
        found.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"),
        found.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation", 0),
        found.get("Status") == "Enabled",
    )
