# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out a plan of policies: on the bucket, and in the repository of each tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Callable

from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_holds import HoldWish
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import (
    LifecycleRule,
    Plan,
    marked_after,
    record,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_policy import others_than
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_below import Below
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import require_conditions
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Keeping
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    RECORD_S,
    Repository,
    rotate,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import sweep
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import Turn
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Sweep
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import (
    plan_expire,
    plan_hold,
    plan_policy,
    require_promises,
)


def apply(
    stores: Stores, repositories: Mapping[str, Repository], plan: Plan, masters: Sequence[MasterKey]
) -> tuple[dict[str, Repository], dict[str, str]]:
    """Carry out a plan but for its removals; each action alone leaves a state that the next run understands.

    The repositories once the keys of the plan open them, as what is written next is for those alone; and what failed,
    by tenant. Nothing more is done of that one.
    """
    made, failures = dict(repositories), {}

    def attempt(tenant: str, act: Callable[[Repository], Repository | None]) -> None:
        if tenant in failures:
            return
        try:
            made[tenant] = act(made[tenant]) or made[tenant]
        except GantryError as error:
            failures[tenant] = str(error)

    for tenant in plan.rotate:
        attempt(tenant, lambda repository: rotate(repository, masters))
    for tenant, wish in plan.holds.items():
        attempt(tenant, partial(_record_holds, wish))
    if isinstance(stores.contents, Keeping):
        _manage_bucket(stores, stores.contents, plan)
    for policy in plan.write:
        attempt(policy.tenant, partial(_record_policy, record(policy)))
    for tenant in plan.remove:
        attempt(tenant, partial(_record_policy, None))
    return made, failures


def expire(turn: Turn, plan: Plan, grace_s: int) -> Sweep:
    """Mark the backups of a tenant as planned, then remove what is due."""
    repository = turn.repository
    now = repository.store.now()
    marked = marked_after(plan, repository.tenant, turn.catalog)
    catalog = repository.catalog.write(
        lambda seen: plan_expire(require_promises(seen, turn.catalog), marked, now), Deadline(RECORD_S)
    )
    if {one.name for one in catalog.entries} != {one.name for one in turn.catalog.entries}:
        raise StateError(f"the backups in the {repository.where} changed meanwhile; run again")
    return sweep(turn.after(catalog), grace_s)


def _record_policy(policy: Mapping[str, Any] | None, repository: Repository) -> None:
    """Record a policy where removals are decided, or that there is none."""
    repository.catalog.write(lambda seen: plan_policy(seen, policy), Deadline(RECORD_S))


def _record_holds(wish: HoldWish, repository: Repository) -> None:
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
        bucket.set_lifecycle([*others_than(bucket.lifecycle(), ours), *map(_as_s3, plan.rules)])


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
