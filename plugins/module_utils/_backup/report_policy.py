# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What backup_policy returns: the steps, the diff with the deletions foretold, the reasons for what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_locks import Extension, Locks
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import stamp
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_holds import HoldWish, end_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_locks import record_after
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_locks import steps_of as lock_steps
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import (
    Observed,
    Plan,
    Request,
    Seen,
    expired,
    forecast,
    held_after,
    kept_by,
    record,
    rule_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Sweep

Removals = Mapping[str, Sweep]
Extensions = Mapping[str, Extension]


def steps_of(plan: Plan, removals: Removals, extensions: Extensions) -> list[Step]:
    """Everything that a call does, in order."""
    steps = list(plan.steps)
    for tenant, found in removals.items():
        steps += [Step("remove", f"{tenant}/{one.name}", "its grace has ended") for one in found.gone]
        if found.objects or found.others:
            needless = [f"{len(found.objects)} objects, {found.bytes} bytes"] if found.objects else []
            needless += [f"{len(found.others)} manifests and notes"] if found.others else []
            steps.append(Step("remove_objects", tenant, f"no backup needs {' and '.join(needless)}"))
    return steps + [step for tenant, found in extensions.items() for step in lock_steps(tenant, found)]


def report(
    request: Request, plan: Plan, seen: Seen, removals: Removals, extensions: Extensions, prefix: str
) -> Outcome:
    """The module's outcome. removals: for each tenant what is taken away. extensions: which locks are extended."""
    wanted = seen.versioning if plan.versioning is None else plan.versioning
    return Outcome(
        steps_of(plan, removals, extensions),
        {
            "versioning": seen.versioning,
            "tenants": {tenant: _view(item, seen) for tenant, item in seen.tenants.items()},
        },
        {"versioning": wanted, "tenants": _after(request, plan, seen, removals, extensions, prefix)},
        {
            "policies": [record(item) for item in request.policies],
            "forecast": {
                item.tenant: [
                    {"backup": verdict.backup_id, "reasons": list(verdict.reasons)}
                    for verdict in kept_by(
                        item, seen.tenants[item.tenant].catalog, seen.now, held_after(request, item.tenant, seen)
                    )
                ]
                for item in request.policies
            },
            "removed": {
                "backups": sum(len(found.gone) for found in removals.values()),
                "objects": sum(len(found.objects) for found in removals.values()),
                "bytes": sum(found.bytes for found in removals.values()),
            },
        },
    )


def _after(
    request: Request, plan: Plan, seen: Seen, removals: Removals, extensions: Extensions, prefix: str
) -> dict[str, Any]:
    views = {}
    for policy in request.policies:
        item = seen.tenants[policy.tenant]
        gone = {one.name for one in removals[policy.tenant].gone} if policy.tenant in removals else set()
        expired = set(plan.expire.get(policy.tenant, ()))
        kept = set(plan.keep.get(policy.tenant, ()))
        entries = tuple(
            replace(
                one, expired=None if one.name in kept else one.expired or (seen.now if one.name in expired else None)
            )
            for one in item.catalog.entries
            if one.name not in gone
        )
        holds = held_after(request, policy.tenant, seen)
        rule = rule_of(policy, prefix) if seen.versioning is not None else None
        catalog = replace(item.catalog, entries=entries, holds=holds, policy=record(policy))
        extension = extensions.get(policy.tenant)
        locks = record_after(extension, ()) if extension and extension.keys else item.locks
        views[policy.tenant] = _view(Observed(rule, catalog, _key(policy.tenant, plan, seen), locks=locks), seen)
    for tenant in request.absent:
        catalog = replace(seen.tenants[tenant].catalog, holds=held_after(request, tenant, seen), policy=None)
        views[tenant] = _view(Observed(None, catalog, _key(tenant, plan, seen)), seen)
    return views


def _key(tenant: str, plan: Plan, seen: Seen) -> str:
    return plan.rotate[tenant][1] if tenant in plan.rotate else seen.tenants[tenant].wrapped_by


def _view(item: Observed, seen: Seen) -> dict[str, Any]:
    entries = item.catalog.entries
    found = forecast(item.catalog, seen.now)
    return {
        "policy": item.catalog.policy,
        "key": item.wrapped_by or None,
        "locks": _locks(item.locks),
        "lifecycle": asdict(item.rule) if item.rule else None,
        "backups": [one.name for one in entries if not one.expired],
        "expired": [one.name for one in entries if one.expired],
        "policy_expires": sorted(expired(found)),
        "holds": {one.name: f"{one.reason}, {end_of(one)}" for one in item.catalog.holds},
        "reasons": {one.backup_id: ", ".join(one.reasons) or "none, it expires" for one in found},
    }


def _locks(locks: Locks | None) -> dict[str, Any] | None:
    if locks is None:
        return None
    return {"until": stamp(locks.until), "parts": sorted(locks.parts)}


def undeclared(request: Request, seen: Seen) -> list[str]:
    """A sentence for each recorded hold that the request does not name."""
    return [
        f"tenant {tenant}: hold {one.name} ({one.reason}, {end_of(one)}) is recorded and not declared, and goes on; "
        "declare it, or end it with state: released"
        for tenant, item in seen.tenants.items()
        for one in request.holds.get(tenant, HoldWish()).undeclared(item.catalog.holds)
    ]
