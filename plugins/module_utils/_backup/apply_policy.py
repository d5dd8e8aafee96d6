# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out a plan of policies on the bucket, and removes backups."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_layout import Layout, layout_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import LifecycleRule, Plan, record
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket import Bucket


def remove_backup(bucket: Bucket, layout: Layout, identifier: str) -> None:
    """Remove one backup, its manifest first: what an interruption leaves does not look complete."""
    manifest = layout.manifest(identifier)
    bucket.delete([manifest])
    bucket.delete(sorted(set(bucket.objects(layout.backup(identifier))) - {manifest}))


def apply(bucket: Bucket, prefix: str, plan: Plan) -> None:
    """Carry out a plan; each action alone leaves the repository in a state that the next run understands."""
    if plan.versioning is not None:
        bucket.set_versioning(plan.versioning)
    if plan.rules or plan.drop_rules:
        ours = {rule.name for rule in plan.rules} | set(plan.drop_rules)
        foreign = [rule for rule in bucket.lifecycle() if rule.get("ID") not in ours]
        bucket.set_lifecycle(foreign + [_as_s3(rule) for rule in plan.rules])
    for policy in plan.write:
        document = json.dumps(record(policy), sort_keys=True, indent=1)
        bucket.put(layout_of(prefix, policy.tenant).policy, document.encode())
    for tenant in plan.remove:
        bucket.delete([layout_of(prefix, tenant).policy])
    for batch in (plan.expire, plan.leftovers):
        for tenant, identifiers in batch.items():
            for identifier in identifiers:
                remove_backup(bucket, layout_of(prefix, tenant), identifier)


def _as_s3(rule: LifecycleRule) -> dict[str, Any]:
    document: dict[str, Any] = {
        "ID": rule.name,
        "Status": "Enabled",
        "Filter": {"Prefix": rule.prefix},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": rule.abort_days},
    }
    if rule.noncurrent_days is not None:
        document["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule.noncurrent_days}
        document["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    return document
