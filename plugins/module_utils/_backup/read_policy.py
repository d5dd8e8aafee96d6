# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the repositories show of policies, and what their removals would take away. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional

from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_holds import HoldWish
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import (
    LifecycleRule,
    Observed,
    Plan,
    Request,
    Seen,
    marked_after,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Keeping
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    being_written,
    read_document,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import foresee
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Sweep
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import POLICY, tenant_root
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import plan_expire, plan_hold

READERS = 8

Repositories = Mapping[str, Optional[Repository]]


def opened(
    tenants: Iterable[str], opening: Callable[[str], Repository | None]
) -> tuple[dict[str, Repository | None], dict[str, str]]:
    """The repository of each tenant, None where it has none yet; and why those of others cannot be opened."""
    found: dict[str, Repository | None] = {}
    failures: dict[str, str] = {}
    for tenant in tenants:
        try:
            found[tenant] = opening(tenant)
        except StateError as error:
            failures[tenant] = str(error)
    return found, failures


def observe(stores: Stores, repositories: Repositories) -> tuple[Seen, dict[str, str]]:
    """What the store shows of tenants, and why others cannot be read. repositories: of each, None where it has none."""
    bucket = stores.contents if isinstance(stores.contents, Keeping) else None
    rules = bucket.lifecycle() if bucket else []
    with ThreadPoolExecutor(READERS) as pool:
        found = dict(zip(repositories, pool.map(_observe, repositories.values())))
    tenants = {
        tenant: Observed(one[0], find_rule(rules, tenant, tenant_root(stores.prefix, tenant)), *one[1:])
        for tenant, one in found.items()
        if not isinstance(one, str)
    }
    failures = {tenant: one for tenant, one in found.items() if isinstance(one, str)}
    return Seen(bucket.versioning() if bucket else None, stores.contents.now(), tenants), failures


def removals(repositories: Repositories, request: Request, plan: Plan, seen: Seen, grace_s: int) -> dict[str, Sweep]:
    """For each tenant what its removal takes away once the plan is carried out; nothing unless the request expires."""
    found = {}
    for policy in request.policies if request.expire else ():
        repository = repositories[policy.tenant]
        if repository is None:
            continue
        catalog = seen.tenants[policy.tenant].catalog
        wish = plan.holds.get(policy.tenant, HoldWish())
        held = plan_hold(catalog, wish.placed, wish.released)
        after = plan_expire(held, marked_after(plan, policy.tenant, catalog), seen.now)
        # a run that is at work has the number of the fence, and what it writes is not left over
        fence = catalog.fence if being_written(repository) else catalog.fence + 1
        found[policy.tenant] = foresee(repository, after, fence, grace_s, seen.now)
    return found


def recorded_policy(repository: Repository) -> dict[str, Any] | None:
    """The policy that was last asked for, None where there is none. Raises StateError where it is damaged."""
    return read_document(repository, POLICY)


def find_rule(rules: Iterable[Mapping[str, Any]], tenant: str, root: str) -> LifecycleRule | None:
    """The rule of a tenant in a bucket's lifecycle."""
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


def _observe(repository: Repository | None) -> tuple[dict[str, Any] | None, Catalog, str] | str:
    """The recorded policy of a tenant, its catalog and the key that opens it, or why they cannot be read."""
    if repository is None:
        return None, Catalog(), ""
    try:
        return recorded_policy(repository), repository.catalog.read(), repository.wrapped_by
    except StateError as error:
        return str(error)
