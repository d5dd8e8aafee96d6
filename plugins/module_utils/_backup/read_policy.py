# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the repositories show of policies, and what their removals would take away. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Optional

from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_interrupted import with_interrupted
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_locks import Extension
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_holds import HoldWish
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_locks import kept
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import (
    OURS,
    LifecycleRule,
    Observed,
    Plan,
    Request,
    Seen,
    marked_after,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_locks import read_extension, read_locks
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Keeping
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    require_catalog,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import foresee
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import is_at_work
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Entry, Sweep
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import tenant_root
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import added, plan_expire, plan_hold

READERS = 8

Repositories = Mapping[str, Optional[Repository]]


def opened(
    tenants: Iterable[str], opening: Callable[[str], Repository | None]
) -> tuple[dict[str, Repository | None], dict[str, str]]:
    """The repository of each tenant, None where it has none yet; and why those of others cannot be opened."""
    names = list(tenants)
    with ThreadPoolExecutor(READERS) as pool:
        found = dict(zip(names, pool.map(partial(_opened, opening), names)))
    failures = {tenant: one for tenant, one in found.items() if isinstance(one, str)}
    return {tenant: one for tenant, one in found.items() if not isinstance(one, str)}, failures


def observe(stores: Stores, repositories: Repositories, locked: Collection[str] = ()) -> tuple[Seen, dict[str, str]]:
    """What the store shows of tenants, and why others cannot be read.

    repositories: of each, None where it has none. locked: the tenants whose backups are to be locked.
    """
    bucket = stores.contents if isinstance(stores.contents, Keeping) else None
    rules = bucket.lifecycle() if bucket else []
    with ThreadPoolExecutor(READERS) as pool:
        found = dict(zip(repositories, pool.map(partial(_observe, locked), repositories.values())))
    tenants = {
        tenant: Observed(find_rule(rules, tenant, tenant_root(stores.prefix, tenant)), *one)
        for tenant, one in found.items()
        if not isinstance(one, str)
    }
    failures = {tenant: one for tenant, one in found.items() if isinstance(one, str)}
    mode, why = _lock_mode(stores) if locked else ("", "")
    return Seen(bucket.versioning() if bucket else None, stores.contents.now(), tenants, mode, why), failures


def with_listed(
    repositories: Repositories, request: Request, seen: Seen, known: Mapping[str, int]
) -> tuple[Seen, dict[str, tuple[Entry, ...]], dict[str, str]]:
    """What the store shows once an expiry has listed interrupted backups; those, and why others are not known.

    known: as for `with_interrupted`, by tenant. A run that is at work is waited for, and what it leaves is not known.
    """
    tenants = dict(seen.tenants)
    listed: dict[str, tuple[Entry, ...]] = {}
    failures: dict[str, str] = {}
    for name in (policy.tenant for policy in request.policies if request.expire):
        repository, item = repositories[name], seen.tenants[name]
        try:
            if repository is not None and not is_at_work(repository):
                after = with_interrupted(repository, known.get(name, 0), item.catalog)
                listed[name] = added(item.catalog, after)
                tenants[name] = replace(item, catalog=after)
        except GantryError as error:
            failures[name] = str(error)
    return replace(seen, tenants=tenants), listed, failures


def removals(
    repositories: Repositories, request: Request, plan: Plan, seen: Seen, grace_s: int
) -> tuple[dict[str, Sweep], dict[str, str]]:
    """For each tenant what its removal takes away once the plan is carried out, and why that is not known of others.

    Nothing unless the request expires.
    """
    found: dict[str, Sweep] = {}
    failures: dict[str, str] = {}
    for policy in request.policies if request.expire else ():
        repository = repositories[policy.tenant]
        if repository is None:
            continue
        catalog = seen.tenants[policy.tenant].catalog
        wish = plan.holds.get(policy.tenant, HoldWish())
        try:
            held = plan_hold(catalog, wish.placed, wish.released)
            after = plan_expire(held, marked_after(plan, policy.tenant, catalog), seen.now)
            # a run that is at work has the number of the fence, and what it writes is not left over
            fence = catalog.fence if is_at_work(repository) else catalog.fence + 1
            found[policy.tenant] = foresee(repository, after, fence, grace_s, seen.now)
        except GantryError as error:
            failures[policy.tenant] = str(error)
    return found, failures


def extensions(
    repositories: Repositories, request: Request, plan: Plan, seen: Seen
) -> tuple[dict[str, Extension], dict[str, str]]:
    """For each tenant the locks to extend once the plan is carried out, and why they are not known of others."""
    found: dict[str, Extension] = {}
    failures: dict[str, str] = {}
    for policy in (one for one in request.policies if one.lock_days):
        repository, item = repositories[policy.tenant], seen.tenants[policy.tenant]
        if repository is None:
            continue
        entries = kept(item.catalog.entries, marked_after(plan, policy.tenant, item.catalog))
        keyring = item.keyring + (policy.tenant in plan.rotate)
        try:
            found[policy.tenant] = read_extension(
                repository, item.locks, item.catalog, entries, keyring, seen.now, policy.lock_days
            )
        except GantryError as error:
            failures[policy.tenant] = str(error)
    return found, failures


def prefix_of(rule: Mapping[str, Any]) -> str:
    """The prefix of the keys that a rule of a bucket's lifecycle is for."""
    return str(rule.get("Filter", {}).get("Prefix", rule.get("Prefix", "")))


def others_than(rules: Iterable[dict[str, Any]], names: Collection[str]) -> list[dict[str, Any]]:
    """The rules of a bucket's lifecycle but for those with these names, whatever an earlier version called them."""
    return [
        rule
        for rule in rules
        if rule.get("ID", "") not in names
        and not (rule.get("ID", "").startswith(OURS) and f"{OURS}{prefix_of(rule)}" in names)
    ]


def find_rule(rules: Iterable[Mapping[str, Any]], tenant: str, root: str) -> LifecycleRule | None:
    """The rule of a tenant in a bucket's lifecycle, by its prefix: identifiers of earlier versions are not unique."""
    found = next((rule for rule in rules if rule.get("ID", "").startswith(OURS) and prefix_of(rule) == root), None)
    if found is None:
        return None
    return LifecycleRule(
        tenant,
        root,
        found.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"),
        found.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation", 0),
        found.get("Status") == "Enabled",
    )


def _lock_mode(stores: Stores) -> tuple[str, str]:
    """The mode of the locks that the store gives to new objects, or why it gives none."""
    try:
        mode = stores.contents.default_lock() if isinstance(stores.contents, Keeping) else ""
    except StateError as error:
        return "", str(error)
    if mode:
        return mode, ""
    return "", (
        f"the {stores.contents.where} locks no new objects, and the policy has immutability: lock; use a bucket with "
        "Object Lock and a default retention, or another immutability"
    )


def _opened(opening: Callable[[str], Repository | None], tenant: str) -> Repository | str | None:
    """The repository of a tenant, None where it has none yet, or why it cannot be opened."""
    try:
        return opening(tenant)
    except GantryError as error:
        return str(error)


def _observe(locked: Collection[str], repository: Repository | None) -> tuple[Any, ...] | str:
    """What an Observed holds of a tenant but for the bucket's rule, or why it cannot be read."""
    if repository is None:
        return Catalog(), "", 0, None
    try:
        locks = read_locks(repository) if repository.tenant in locked else None
        catalog = repository.catalog.read()
        # a policy or a hold would be the first record in the place of one that is lost
        require_catalog(repository, catalog)
        return catalog, repository.wrapped_by, repository.keyring, locks
    except GantryError as error:
        return str(error)
