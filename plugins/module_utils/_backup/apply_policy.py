# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out a plan of policies: on the bucket, and in the repository of each tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_holds import HoldWish
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import (
    LifecycleRule,
    Plan,
    marked_after,
    record,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import require_conditions
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Keeping
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    RECORD_S,
    Repository,
    Turn,
    rotate,
    write_document,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Below, Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import sweep
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Sweep
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import POLICY
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import plan_expire, plan_hold


def apply(stores: Stores, repositories: Mapping[str, Repository], plan: Plan) -> None:
    """Carry out a plan but for its removals; each action alone leaves a state that the next run understands."""
    for tenant, wish in plan.holds.items():
        _record_holds(repositories[tenant], wish)
    if isinstance(stores.contents, Keeping):
        _manage_bucket(stores, stores.contents, plan)
    for policy in plan.write:
        write_document(repositories[policy.tenant], POLICY, record(policy))
    for tenant in plan.remove:
        repositories[tenant].store.delete([POLICY])


def rotated(repositories: Mapping[str, Repository], plan: Plan, masters: Sequence[MasterKey]) -> dict[str, Repository]:
    """The repositories once the keys of the plan open them: what is written next is for those alone."""
    return {
        tenant: rotate(repository, masters) if tenant in plan.rotate else repository
        for tenant, repository in repositories.items()
    }


def expire(turn: Turn, plan: Plan, grace_s: int) -> Sweep:
    """Mark the backups of a tenant as planned, then remove what is due."""
    repository = turn.repository
    now = repository.store.now()
    marked = marked_after(plan, repository.tenant, turn.catalog)
    catalog = repository.catalog.write(lambda seen: plan_expire(seen, marked, now), Deadline(RECORD_S))
    if {one.name for one in catalog.entries} != {one.name for one in turn.catalog.entries}:
        raise StateError(f"the backups in the {repository.where} changed meanwhile; run again")
    return sweep(turn.after(catalog), grace_s)


def _record_holds(repository: Repository, wish: HoldWish) -> None:
    """Record holds where removals are decided, so that one that has been planned already is refused."""
    repository.catalog.write(lambda seen: plan_hold(seen, wish.placed, wish.released), Deadline(RECORD_S))


def _manage_bucket(stores: Stores, bucket: Keeping, plan: Plan) -> None:
    if plan.versioning is not None:
        bucket.set_versioning(plan.versioning)
    if plan.versioning and stores.together:
        try:
            require_conditions(Below(stores.records, f"{stores.prefix}/" if stores.prefix else ""))
        except StateError as error:
            bucket.set_versioning(False)
            raise StateError(
                f"the {stores.contents.where} does not refuse a second object of one key while it keeps versions, so "
                "it keeps none again; give repository.records_bucket, a bucket without versions, or versioning: false"
            ) from error
    if plan.rules or plan.drop_rules:
        ours = {rule.name for rule in plan.rules} | set(plan.drop_rules)
        foreign = [rule for rule in bucket.lifecycle() if rule.get("ID") not in ours]
        bucket.set_lifecycle(foreign + [_as_s3(rule) for rule in plan.rules])


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
