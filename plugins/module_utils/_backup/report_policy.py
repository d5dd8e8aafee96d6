# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What backup_policy returns: the steps, the diff with the deletions foretold, the reasons for what is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import (
    LifecycleRule,
    Plan,
    Repository,
    Request,
    forecast,
    record,
    rule_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_retention import judge
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step

Unused = Mapping[str, Mapping[str, int]]


def report(request: Request, plan: Plan, seen: Repository, unused: Unused, prefix: str) -> Outcome:
    """The module's outcome. unused: for each tenant the keys of the files to remove, with sizes in bytes."""
    steps = plan.steps + [
        Step("remove_files", tenant, f"no backup refers to {len(keys)} stored files, {sum(keys.values())} bytes")
        for tenant, keys in unused.items()
    ]
    wanted = seen.versioning if plan.versioning is None else plan.versioning
    return Outcome(
        steps,
        {"versioning": seen.versioning, "tenants": _before(seen, unused)},
        {"versioning": wanted, "tenants": _after(request, plan, seen, prefix)},
        {
            "policies": [record(item) for item in request.policies],
            "forecast": {
                item.tenant: [
                    {"backup": verdict.backup_id, "reasons": list(verdict.reasons)}
                    for verdict in judge(seen.tenants[item.tenant].backups, item.keep, seen.now)
                ]
                for item in request.policies
            },
            "removed": {
                "backups": sum(len(names) for names in plan.expire.values()),
                "leftovers": sum(len(names) for names in plan.leftovers.values()),
                "files": sum(len(keys) for keys in unused.values()),
                "bytes": sum(sum(keys.values()) for keys in unused.values()),
            },
        },
    )


def _before(seen: Repository, unused: Unused) -> dict[str, Any]:
    return {
        tenant: _view(item.recorded, item.rule, item.backups, item.leftovers, len(unused.get(tenant, ())), seen)
        for tenant, item in seen.tenants.items()
    }


def _after(request: Request, plan: Plan, seen: Repository, prefix: str) -> dict[str, Any]:
    views = {}
    for policy in request.policies:
        item = seen.tenants[policy.tenant]
        left = [name for name in item.backups if name not in plan.expire.get(policy.tenant, ())]
        leftovers = () if policy.tenant in plan.leftovers else item.leftovers
        views[policy.tenant] = _view(record(policy), rule_of(policy, prefix), left, leftovers, 0, seen)
    for tenant in request.absent:
        views[tenant] = _view(None, None, seen.tenants[tenant].backups, seen.tenants[tenant].leftovers, 0, seen)
    return views


def _view(
    recorded: Mapping[str, Any] | None,
    rule: LifecycleRule | None,
    backups: Iterable[str],
    leftovers: Iterable[str],
    unused_files: int,
    seen: Repository,
) -> dict[str, Any]:
    listed = sorted(backups)
    return {
        "policy": recorded,
        "lifecycle": asdict(rule) if rule else None,
        "backups": listed,
        "policy_expires": sorted(forecast(recorded, listed, seen.now)),
        "leftovers": sorted(leftovers),
        "unused_files": unused_files,
    }
