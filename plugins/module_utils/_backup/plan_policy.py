# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what was asked for and what the bucket shows to the steps between: pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep, Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_locks import Locks
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_policy import (
    policy_from,
    record,
    require_consistent,
    require_days,
    require_seconds,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_holds import (
    HoldWish,
    parse_classes,
    parse_holds,
    require_ahead,
    require_backups,
    require_pinned,
    stays,
    verdicts,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_locks import lock_days_from
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_retention import Verdict, check
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_sizes import sizes_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import FULL, NONE, Catalog, Hold
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import tenant_root
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import plan_hold

ABORT_DAYS = 2
MINUTE, HOUR, DAY = 60, 3600, 86400
TIERS: dict[int, dict[str, Any]] = {
    1: {
        "rpo_s": 15 * MINUTE,
        "rto_s": HOUR,
        "keep": {"last": 8, "hourly": 48, "daily": 14, "weekly": 8, "monthly": 12, "yearly": 7},
        "versioning": True,
        "noncurrent_days": 30,
        "drill_interval_s": 28 * DAY,
        "immutability": "versions",
        "lock_days": 30,
        # a third one is in a second repository, which has to be named
        "copies": 2,
        "copy_rpo_s": 2 * DAY,
    },
    2: {
        "rpo_s": DAY,
        "rto_s": 4 * HOUR,
        "keep": {"last": 2, "daily": 7, "weekly": 4, "monthly": 3},
        "noncurrent_days": 14,
        "drill_interval_s": 91 * DAY,
        "immutability": "none",
        "lock_days": 14,
        "copies": 2,
        "copy_rpo_s": 3 * DAY,
    },
    3: {
        "rpo_s": 7 * DAY,
        "rto_s": DAY,
        "keep": {"last": 1, "weekly": 4},
        "noncurrent_days": 7,
        "drill_interval_s": 364 * DAY,
        "immutability": "none",
        "lock_days": 7,
        "copies": 2,
        "copy_rpo_s": 8 * DAY,
    },
}

# How the identifiers of our rules begin.
OURS = "gantry-"


@dataclass(frozen=True)
class LifecycleRule:
    """What the bucket does by itself below one tenant's prefix. None: versions are kept for ever."""

    tenant: str
    prefix: str
    noncurrent_days: int | None
    abort_days: int = ABORT_DAYS
    enabled: bool = True

    @property
    def name(self) -> str:
        """The identifier of the rule in the bucket's lifecycle."""
        return f"{OURS}{self.prefix}"


@dataclass(frozen=True)
class Observed:
    """What the repository shows of one tenant.

    wrapped_by: the key that opens it, empty where there is none yet. keyring: the number of the record that says so.
    locks: the record of what is locked, None before the first one, or where the request asks for no locks.
    """

    rule: LifecycleRule | None = None
    catalog: Catalog = Catalog()
    wrapped_by: str = ""
    keyring: int = 0
    locks: Locks | None = None


@dataclass(frozen=True)
class Seen:
    """What the store shows. versioning: None where it keeps no versions and no lifecycle. now: the store's time.

    lock_mode: of the locks that it gives to new objects, empty where it gives none, or where none are asked for.
    unlockable: why it gives none, in a sentence.
    """

    versioning: bool | None
    now: datetime
    tenants: Mapping[str, Observed]
    lock_mode: str = ""
    unlockable: str = ""


@dataclass(frozen=True)
class Plan:
    """What is to be done; the client carries it out in this order.

    rotate: by tenant, the keys that open its backups before and after. holds: by tenant, what has to be recorded.
    """

    rotate: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    holds: Mapping[str, HoldWish] = field(default_factory=dict)
    versioning: bool | None = None
    rules: tuple[LifecycleRule, ...] = ()
    drop_rules: tuple[str, ...] = ()
    write: tuple[Policy, ...] = ()
    remove: tuple[str, ...] = ()
    expire: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def steps(self) -> list[Step]:
        """The plan in words."""
        steps = [
            Step("rotate_key", tenant, f"key {former} opens its backups, and {key} is the first one for it")
            for tenant, (former, key) in self.rotate.items()
        ]
        steps += [step for tenant, wish in self.holds.items() for step in wish.steps(tenant)]
        if self.versioning is not None:
            steps.append(Step("set_versioning", "bucket", "enabled" if self.versioning else "suspended"))
        steps += [Step("set_lifecycle", rule.name, "differs from the policy") for rule in self.rules]
        steps += [Step("remove_lifecycle", name, "the policy is absent") for name in self.drop_rules]
        steps += [Step("write_policy", policy.tenant, "differs from the recorded request") for policy in self.write]
        steps += [Step("remove_policy", tenant, "state is absent") for tenant in self.remove]
        for tenant, names in self.expire.items():
            steps += [Step("expire", f"{tenant}/{name}", "no rule, class or hold keeps it") for name in names]
        for tenant, names in self.keep.items():
            steps += [Step("keep", f"{tenant}/{name}", "it was expired, and is to be kept again") for name in names]
        return steps


@dataclass(frozen=True)
class Request:
    """The whole of what a call asks for. holds: by tenant. keys: by tenant, what is to open its backups alone.

    kept: the tenants whose recorded policies stay as they are; what is in `policies` is for those without one.
    """

    policies: tuple[Policy, ...]
    absent: tuple[str, ...]
    expire: bool
    holds: Mapping[str, HoldWish] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()

    @property
    def tenants(self) -> list[str]:
        """All tenants that the request names."""
        return [policy.tenant for policy in self.policies] + list(self.absent)

    def only(self, tenants: Container[str]) -> Request:
        """What is asked for these tenants."""
        return Request(
            tuple(policy for policy in self.policies if policy.tenant in tenants),
            tuple(tenant for tenant in self.absent if tenant in tenants),
            self.expire,
            {tenant: wish for tenant, wish in self.holds.items() if tenant in tenants},
            {tenant: key for tenant, key in self.keys.items() if tenant in tenants},
            frozenset(tenant for tenant in self.kept if tenant in tenants),
        )

    @property
    def locked(self) -> frozenset[str]:
        """The tenants whose backups are to be locked."""
        return frozenset(policy.tenant for policy in self.policies if policy.lock_days)

    @property
    def versioning(self) -> bool | None:
        """What the bucket's versioning shall be, None when no policy minds."""
        return next((policy.versioning for policy in self.minding), None)

    @property
    def minding(self) -> tuple[Policy, ...]:
        """The policies that say what the bucket's versioning shall be; a kept one leaves that to those declared."""
        return tuple(one for one in self.policies if one.versioning is not None and one.tenant not in self.kept)


def parse_request(items: Sequence[Mapping[str, Any]], expire: bool) -> Request:
    """The request in a module's parameters. Raises InputError for what cannot be meant."""
    names = [item["tenant"] for item in items]
    for name in names:
        tenant_root("", name)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"policies: tenant {twice[0]} is listed twice; give each tenant one policy")
    absent = tuple(item["tenant"] for item in items if item["state"] == "absent")
    policies = tuple(_policy(item) for item in items if item["state"] != "absent")
    kept = frozenset(item["tenant"] for item in items if item["state"] == "kept")
    holds = {item["tenant"]: parse_holds(item["tenant"], item.get("holds") or ()) for item in items}
    request = Request(policies, absent, expire, holds, kept=kept)
    wanted = {policy.versioning: policy.tenant for policy in request.minding}
    if len(wanted) > 1:
        raise InputError(
            f"policies: tenant {wanted[True]} wants versioning and tenant {wanted[False]} refuses it, but it is the "
            "bucket's; give both the same value, or a bucket each"
        )
    return request


def as_recorded(request: Request, seen: Seen) -> tuple[Request, dict[str, str]]:
    """The request with the recorded policies of those tenants that keep theirs, and why that cannot be had of others.

    A tenant that is not declared any more would get the policy of its tier otherwise, and lose what that does not keep.
    """
    policies, failures = [], {}
    for one in request.policies:
        recorded = seen.tenants[one.tenant].catalog.policy if one.tenant in seen.tenants else None
        try:
            policies.append(policy_from(recorded) if one.tenant in request.kept and recorded is not None else one)
        except StateError as error:
            failures[one.tenant] = str(error)
    return replace(request, policies=tuple(policies)), failures


def plan(request: Request, seen: Seen, prefix: str) -> Plan:
    """The steps from what is seen to what is requested.

    Raises StateError for a backup that is named and not there, and for locks in a store that gives none.
    """
    if request.locked and not seen.lock_mode:
        raise StateError(seen.unlockable)
    tenants, able = seen.tenants, seen.versioning is not None
    rules = [rule_of(policy, prefix) for policy in request.policies]
    for item in request.policies:
        require_pinned(item.tenant, item.classes, tenants[item.tenant].catalog, seen.now)
    wishes = {name: wish.changed(tenants[name].catalog.holds) for name, wish in request.holds.items()}
    for name, wish in wishes.items():
        require_ahead(name, wish, seen.now)
        plan_hold(tenants[name].catalog, wish.placed, wish.released)
    marks = {
        item.tenant: marks_of(item, tenants[item.tenant].catalog, seen.now, held_after(request, item.tenant, seen))
        for item in request.policies
    }
    return Plan(
        rotate={
            name: (tenants[name].wrapped_by, key)
            for name, key in request.keys.items()
            if tenants[name].wrapped_by not in ("", key)
        },
        holds={name: wish for name, wish in wishes.items() if wish != HoldWish()},
        versioning=request.versioning if able and request.versioning not in (None, seen.versioning) else None,
        rules=tuple(rule for rule in rules if able and tenants[rule.tenant].rule != rule),
        drop_rules=tuple(rule.name for rule in (tenants[name].rule for name in request.absent) if rule),
        write=tuple(item for item in request.policies if tenants[item.tenant].catalog.policy != record(item)),
        remove=tuple(name for name in request.absent if tenants[name].catalog.policy is not None),
        expire={tenant: new for tenant, (new, _undone) in marks.items() if new and request.expire},
        keep={tenant: undone for tenant, (_new, undone) in marks.items() if undone and request.expire},
    )


def plan_each(request: Request, seen: Seen, prefix: str) -> tuple[Plan, dict[str, str]]:
    """The plan for the tenants that can have one, and why the others cannot."""
    failures: dict[str, str] = {}
    plans = []
    for tenant in request.tenants:
        try:
            plans.append(plan(request.only([tenant]), seen, prefix))
        except StateError as error:
            failures[tenant] = str(error)
    return reduce(together, plans, Plan()), failures


def together(one: Plan, other: Plan) -> Plan:
    """Two plans for different tenants of one bucket as one."""
    return Plan(
        rotate={**one.rotate, **other.rotate},
        holds={**one.holds, **other.holds},
        versioning=other.versioning if one.versioning is None else one.versioning,
        rules=(*one.rules, *other.rules),
        drop_rules=(*one.drop_rules, *other.drop_rules),
        write=(*one.write, *other.write),
        remove=(*one.remove, *other.remove),
        expire={**one.expire, **other.expire},
        keep={**one.keep, **other.keep},
    )


def rule_of(policy: Policy, prefix: str) -> LifecycleRule:
    """The lifecycle rule that a policy asks for."""
    return LifecycleRule(policy.tenant, tenant_root(prefix, policy.tenant), policy.noncurrent_days or None)


def kept_by(policy: Policy, catalog: Catalog, now: datetime, holds: Sequence[Hold]) -> list[Verdict]:
    """Each backup of a tenant, newest first, with the reasons to keep it: a damaged one never counts for a good one.

    Rules first choose among the backups that can be restored in full. What they choose where those without some files
    count as well is kept beside, and so are the newest ones from before a collapse that still stands. One that cannot
    be restored is expired, unless no backup can, or it is held.
    """
    usable = [one for one in catalog.entries if one.restorable != NONE] or catalog.entries
    reasons: dict[str, tuple[str, ...]] = {}
    full = [one for one in usable if one.restorable == FULL]
    # where all are good, both choices are the same
    for counted in (full, usable) if len(full) < len(usable) else (usable,):
        history = [(one.name, one.snapshot) for one in counted]
        for verdict in verdicts(history, policy.keep, policy.classes, holds, now):
            known = reasons.get(verdict.backup_id, ())
            reasons[verdict.backup_id] = known + tuple(one for one in verdict.reasons if one not in known)
    for name in sizes_of(catalog.entries, policy.sizes_from).witnesses:
        reasons[name] = (*reasons.get(name, ()), "before a collapse")
    newest_first = sorted(catalog.entries, key=lambda one: (one.snapshot, one.name), reverse=True)
    if policy.classes or holds:
        for one in (one for one in newest_first if not reasons.get(one.name)):
            reasons[one.name] = stays(one.name, one.snapshot, policy.classes, holds, now)
    return [Verdict(one.name, reasons.get(one.name, ())) for one in newest_first]


def held_after(request: Request, tenant: str, seen: Seen) -> tuple[Hold, ...]:
    """The holds on the backups of a tenant once the request is carried out."""
    return request.holds.get(tenant, HoldWish()).after(seen.tenants[tenant].catalog.holds)


def marks_of(
    policy: Policy, catalog: Catalog, now: datetime, holds: Sequence[Hold]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The backups that are newly marked to be removed, and those whose mark is taken away."""
    unwanted = expired(kept_by(policy, catalog, now, holds))
    marked = {one.name for one in catalog.entries if one.expired}
    undone = tuple(one.name for one in catalog.entries if one.expired and one.name not in unwanted)
    return tuple(name for name in unwanted if name not in marked), undone


def marked_after(plan: Plan, tenant: str, catalog: Catalog) -> set[str]:
    """The backups of a tenant that are marked to be removed once the plan is carried out."""
    marked = {one.name for one in catalog.entries if one.expired}
    return (marked | set(plan.expire.get(tenant, ()))) - set(plan.keep.get(tenant, ()))


def expired(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """The backups that no rule keeps, newest first."""
    return tuple(verdict.backup_id for verdict in verdicts if not verdict.kept)


def forecast(catalog: Catalog, now: datetime) -> list[Verdict]:
    """The verdicts of a catalog's policy and holds, newest backup first; none without a policy."""
    return [] if catalog.policy is None else kept_by(policy_from(catalog.policy), catalog, now, catalog.holds)


def _policy(item: Mapping[str, Any]) -> Policy:
    tier = item["tier"]
    if tier not in TIERS:
        raise InputError(f"policies: tenant {item['tenant']} has tier {tier}; the tiers are 1, 2 and 3")
    chosen = {**TIERS[tier], **{key: value for key, value in item.items() if value is not None}}
    lock_days = lock_days_from(
        item["tenant"],
        chosen["immutability"],
        item.get("lock_days"),
        TIERS[tier]["lock_days"],
        item.get("versioning"),
    )
    where = f"policies: tenant {item['tenant']} has"
    for option in ("rpo_s", "rto_s", "drill_interval_s", "copy_rpo_s"):
        require_seconds(f"{where} {option}", chosen[option], 1)
    require_days(f"{where} noncurrent_days", chosen["noncurrent_days"])
    require_backups(filter(None, [item.get("sizes_from")]), f"{where} sizes_from")
    # an option that is left out is None
    keep = {name: value for name, value in chosen["keep"].items() if value is not None}
    policy = Policy(
        tenant=item["tenant"],
        tier=tier,
        rpo_s=chosen["rpo_s"],
        rto_s=chosen["rto_s"],
        keep=check(Keep(**keep)),
        versioning=chosen.get("versioning"),
        noncurrent_days=chosen["noncurrent_days"],
        drill_interval_s=chosen["drill_interval_s"],
        immutability=chosen["immutability"],
        lock_days=lock_days,
        copies=chosen["copies"],
        copy_rpo_s=chosen["copy_rpo_s"],
        regions=tuple(chosen.get("regions") or ()),
        classes=parse_classes(item["tenant"], item.get("classes") or ()),
        sizes_from=item.get("sizes_from") or "",
    )
    return require_consistent(policy)
