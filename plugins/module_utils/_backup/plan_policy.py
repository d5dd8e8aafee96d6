# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what was asked for and what the bucket shows to the steps between: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep, Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_retention import Verdict, check, judge
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import FULL, NONE, Catalog
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import tenant_root

ABORT_DAYS = 2
MINUTE, HOUR, DAY = 60, 3600, 86400
TIERS: dict[int, dict[str, Any]] = {
    1: {
        "rpo_s": 15 * MINUTE,
        "rto_s": HOUR,
        "keep": {"last": 8, "hourly": 48, "daily": 14, "weekly": 8, "monthly": 12, "yearly": 7},
        "versioning": True,
        "noncurrent_days": 30,
    },
    2: {
        "rpo_s": DAY,
        "rto_s": 4 * HOUR,
        "keep": {"last": 2, "daily": 7, "weekly": 4, "monthly": 3},
        "noncurrent_days": 14,
    },
    3: {"rpo_s": 7 * DAY, "rto_s": DAY, "keep": {"last": 1, "weekly": 4}, "noncurrent_days": 7},
}


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
        return f"gantry-{self.prefix.strip('/').replace('/', '-')}"


@dataclass(frozen=True)
class Observed:
    """What the repository shows of one tenant."""

    recorded: Mapping[str, Any] | None = None
    rule: LifecycleRule | None = None
    catalog: Catalog = Catalog()


@dataclass(frozen=True)
class Seen:
    """What the store shows. versioning: None where it keeps no versions and no lifecycle. now: the store's time."""

    versioning: bool | None
    now: datetime
    tenants: Mapping[str, Observed]


@dataclass(frozen=True)
class Plan:
    """What is to be done; the client carries it out in this order."""

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
        steps = []
        if self.versioning is not None:
            steps.append(Step("set_versioning", "bucket", "enabled" if self.versioning else "suspended"))
        steps += [Step("set_lifecycle", rule.name, "differs from the policy") for rule in self.rules]
        steps += [Step("remove_lifecycle", name, "the policy is absent") for name in self.drop_rules]
        steps += [Step("write_policy", policy.tenant, "differs from the recorded request") for policy in self.write]
        steps += [Step("remove_policy", tenant, "state is absent") for tenant in self.remove]
        for tenant, names in self.expire.items():
            steps += [Step("expire", f"{tenant}/{name}", "no rule of the policy keeps it") for name in names]
        for tenant, names in self.keep.items():
            steps += [Step("keep", f"{tenant}/{name}", "it was expired, and a rule keeps it again") for name in names]
        return steps


@dataclass(frozen=True)
class Request:
    """The whole of what a call asks for."""

    policies: tuple[Policy, ...]
    absent: tuple[str, ...]
    expire: bool

    @property
    def tenants(self) -> list[str]:
        """All tenants that the request names."""
        return [policy.tenant for policy in self.policies] + list(self.absent)

    @property
    def versioning(self) -> bool | None:
        """What the bucket's versioning shall be, None when no policy minds."""
        return next((policy.versioning for policy in self.policies if policy.versioning is not None), None)


def parse_request(items: Sequence[Mapping[str, Any]], expire: bool) -> Request:
    """The request in a module's parameters. Raises InputError for what cannot be meant."""
    names = [item["tenant"] for item in items]
    for name in names:
        tenant_root("", name)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"policies: tenant {twice[0]} is listed twice; give each tenant one policy")
    absent = tuple(item["tenant"] for item in items if item["state"] == "absent")
    policies = tuple(_policy(item) for item in items if item["state"] == "present")
    wanted = {policy.versioning: policy.tenant for policy in policies if policy.versioning is not None}
    if len(wanted) > 1:
        raise InputError(
            f"policies: tenant {wanted[True]} wants versioning and tenant {wanted[False]} refuses it, but it is the "
            "bucket's; give both the same value, or a bucket each"
        )
    return Request(policies, absent, expire)


def plan(request: Request, seen: Seen, prefix: str) -> Plan:
    """The steps from what is seen to what is requested."""
    tenants, able = seen.tenants, seen.versioning is not None
    rules = [rule_of(policy, prefix) for policy in request.policies]
    marks = {item.tenant: marks_of(item, tenants[item.tenant].catalog, seen.now) for item in request.policies}
    return Plan(
        versioning=request.versioning if able and request.versioning not in (None, seen.versioning) else None,
        rules=tuple(rule for rule in rules if able and tenants[rule.tenant].rule != rule),
        drop_rules=tuple(rule.name for rule in (tenants[name].rule for name in request.absent) if rule),
        write=tuple(item for item in request.policies if tenants[item.tenant].recorded != record(item)),
        remove=tuple(name for name in request.absent if tenants[name].recorded is not None),
        expire={tenant: new for tenant, (new, _undone) in marks.items() if new and request.expire},
        keep={tenant: undone for tenant, (_new, undone) in marks.items() if undone and request.expire},
    )


def record(policy: Policy) -> dict[str, Any]:
    """The policy as it is stored, and compared the next time."""
    return asdict(policy)


def rule_of(policy: Policy, prefix: str) -> LifecycleRule:
    """The lifecycle rule that a policy asks for."""
    return LifecycleRule(policy.tenant, tenant_root(prefix, policy.tenant), policy.noncurrent_days or None)


def verdicts(catalog: Catalog, keep: Keep, now: datetime) -> list[Verdict]:
    """A verdict for each backup, newest first: a damaged one never counts instead of one that is not.

    Rules first choose among the backups that can be restored in full. What they choose where those without some files
    count as well is kept beside. One that cannot be restored is expired, unless no backup can.
    """
    usable = [one for one in catalog.entries if one.restorable != NONE] or catalog.entries
    reasons: dict[str, tuple[str, ...]] = {}
    for counted in ([one for one in usable if one.restorable == FULL], usable):
        for verdict in judge(((one.name, one.snapshot) for one in counted), keep, now):
            known = reasons.get(verdict.backup_id, ())
            reasons[verdict.backup_id] = known + tuple(one for one in verdict.reasons if one not in known)
    newest_first = sorted(catalog.entries, key=lambda one: (one.snapshot, one.name), reverse=True)
    return [Verdict(one.name, reasons.get(one.name, ())) for one in newest_first]


def marks_of(policy: Policy, catalog: Catalog, now: datetime) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The backups that a policy newly marks to be removed, and those whose mark it takes away."""
    unwanted = expired(verdicts(catalog, policy.keep, now))
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


def forecast(recorded: Mapping[str, Any] | None, catalog: Catalog, now: datetime) -> list[str]:
    """The backups that a recorded policy would expire; none without a policy."""
    if recorded is None:
        return []
    try:
        keep = Keep(**recorded["keep"])
    except (TypeError, KeyError) as error:
        raise StateError(f"the recorded policy cannot be read: {error}; update gantry.odoo, or remove it") from error
    return list(expired(verdicts(catalog, keep, now)))


def _policy(item: Mapping[str, Any]) -> Policy:
    tier = item["tier"]
    if tier not in TIERS:
        raise InputError(f"policies: tenant {item['tenant']} has tier {tier}; the tiers are 1, 2 and 3")
    chosen = {**TIERS[tier], **{key: value for key, value in item.items() if value is not None}}
    for option in ("rpo_s", "rto_s"):
        if chosen[option] < 1:
            raise InputError(f"policies: tenant {item['tenant']} has {option} {chosen[option]}; give seconds above 0")
    if chosen["noncurrent_days"] < 0:
        raise InputError(
            f"policies: tenant {item['tenant']} has noncurrent_days {chosen['noncurrent_days']}; give 0 or more"
        )
    # an option that is left out is None
    keep = {name: value for name, value in chosen["keep"].items() if value is not None}
    return Policy(
        tenant=item["tenant"],
        tier=tier,
        rpo_s=chosen["rpo_s"],
        rto_s=chosen["rto_s"],
        keep=check(Keep(**keep)),
        versioning=chosen.get("versioning"),
        noncurrent_days=chosen["noncurrent_days"],
    )
