#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_policy
short_description: Manage backup policies and expire old backups
version_added: 0.1.0
description:
  - Records the policy of each tenant beside its backups, and has the bucket keep versions and clean up as it says.
  - Shows in the diff which backups a policy would expire before anything is expired.
  - Records legal holds in the catalog of the backups. A hold that a later call does not name goes on, and is named in a
    warning. It ends by O(policies[].holds[].state=released) or by its last day.
  - Where O(policies[].immutability=lock), extends the locks of everything that the kept backups need. That happens in
    epochs. While the last one suffices, only the objects of new backups are locked.
  - Expires backups only when asked to by O(expire). An expired backup is marked, and can still be restored. A later run
    removes it when O(grace_s) has ended. When the policy keeps it again before that, the mark is taken away.
  - When one tenant fails, the policies of the others are still carried out, and the module fails in the end.
author:
  - Gantry contributors (@gantry-odoo)
extends_documentation_fragment:
  - gantry.odoo.repository
  - gantry.odoo.known_backups
  - gantry.odoo.copy
  - gantry.odoo.attributes
options:
  policies:
    description:
      - The policies, one for each tenant. Options that are left out follow from the tier.
    type: list
    elements: dict
    required: true
    suboptions:
      tenant:
        description: Name of the tenant, its directory below the repository's prefix.
        type: str
        required: true
      tier:
        description:
          - Recovery tier, which sets the defaults of all other options.
          - V(1) is core finance, payroll and procurement. V(2) is acceptance and release validation.
            V(3) is training and temporary work.
        type: int
        choices: [1, 2, 3]
        default: 2
      rpo_s:
        description:
          - Recovery point objective, the age in seconds that the newest backup may reach.
          - By default 900 in tier 1, 86400 in tier 2 and 604800 in tier 3.
        type: int
      rto_s:
        description:
          - Recovery time objective, the seconds that a restore may take.
          - By default 3600 in tier 1, 14400 in tier 2 and 86400 in tier 3.
        type: int
      keep:
        description:
          - Which backups are kept. A backup that any rule keeps is kept.
          - Periods are natural ones in UTC, weeks are ISO weeks, and of each period the newest backup is kept.
            Periods without a backup do not count, and the oldest backup is kept while a count remains. V(-1) is all.
          - A backup that is dated in the future is kept, and counts for nothing.
          - When given, it replaces the tier's rules as a whole.
        type: dict
        suboptions: &keep
          last:
            description: The newest ones, this many.
            type: int
          hourly:
            description: One for each of this many hours.
            type: int
          daily:
            description: One for each of this many days.
            type: int
          weekly:
            description: One for each of this many weeks.
            type: int
          monthly:
            description: One for each of this many months.
            type: int
          yearly:
            description: One for each of this many years.
            type: int
          within:
            description:
              - All in this duration before the newest one, as in V(1y5m7d2h) for years, months, days and hours.
            type: str
          within_hourly:
            description: One for each hour in this duration before the newest one.
            type: str
          within_daily:
            description: One for each day in this duration before the newest one.
            type: str
          within_weekly:
            description: One for each week in this duration before the newest one.
            type: str
          within_monthly:
            description: One for each month in this duration before the newest one.
            type: str
          within_yearly:
            description: One for each year in this duration before the newest one.
            type: str
      versioning:
        description:
          - Whether the bucket keeps the versions of its objects. Left as it is when no policy says.
          - V(false) cannot be with V(versions) or V(lock) in O(policies[].immutability).
          - By default V(true) in tier 1. It is the bucket's, so policies in one call may not contradict one another.
        type: bool
      noncurrent_days:
        description:
          - Days after which the bucket removes a version that was replaced or deleted. V(0) keeps them for ever.
          - By default 30 in tier 1, 14 in tier 2 and 7 in tier 3.
        type: int
      drill_interval_s:
        description:
          - Seconds after which the newest proven restore drill is too old. Not less than O(policies[].rpo_s).
          - By default 28 days in tier 1, 91 days in tier 2 and 364 days in tier 3.
        type: int
      immutability:
        description:
          - The protection that the objects of the newest backup need. With V(versions) the bucket keeps what is
            overwritten or deleted. With V(lock) the server refuses to delete it before a date.
          - An expiry still works. The server keeps the versions of the objects that it removes until their locks end.
          - V(lock) needs a bucket with Object Lock and a default retention, which locks new objects. The mode of that
            retention is the mode of all locks.
          - M(gantry.odoo.backup_compliance) verifies it. By default V(versions) in tier 1 and V(none) otherwise.
        type: str
        choices: [none, versions, lock]
      lock_days:
        description:
          - Days for which the objects of all kept backups are locked at least, counted from each run of this module.
            Only with O(policies[].immutability=lock).
          - O(policies[].keep) says which backups are kept, and O(policies[].lock_days) for how long a leaked key cannot
            remove those after the last run. So it needs not be as long as backups are kept. It is the time in which a
            leak, or runs that fail, have to be noticed.
          - Each epoch locks objects for half as long again, up to a midnight in UTC. The next one begins when less than
            O(policies[].lock_days) is left. So an object that no backup needs any more takes its place for that long
            and for O(policies[].noncurrent_days).
          - A lock is never shortened. A lower value counts from the next epoch on.
          - By default 30 in tier 1, 14 in tier 2 and 7 in tier 3.
        type: int
      copies:
        description:
          - The number of copies of the data, the database itself among them, V(2) or V(3).
          - M(gantry.odoo.backup_compliance) counts them.
          - By default 2. A third one is a second repository, which M(gantry.odoo.odoo_backup_copy) fills and compares.
        type: int
      copy_rpo_s:
        description:
          - Age in seconds that the newest backup in the second repository may have, and its last comparison.
            With three copies, not less than O(policies[].rpo_s).
          - By default 2 days for tier 1, 3 for tier 2 and 8 for tier 3.
        type: int
      regions:
        description: Regions in which backups may lie, as the server names them. If empty, all of them.
        type: list
        elements: str
      sizes_from:
        description:
          - Identifier of the first backup whose sizes are a measure for later ones. Give it when a database or its
            filestore was made smaller on purpose.
          - A backup with less than half of the usual size is one that has collapsed, for
            M(gantry.odoo.backup_compliance), and so are those after it, however many they are. Until the sizes fit
            again, or this option accepts them, the newest three backups from before are kept.
        type: str
      classes:
        description:
          - Retention classes, such as a claim or a warranty.
          - Their backups stay beside those that O(policies[].keep) keeps.
        type: list
        elements: dict
        suboptions:
          name:
            description: Name of the class.
            type: str
            required: true
          keep:
            description: Rules as in O(policies[].keep).
            type: dict
            suboptions: *keep
          backups:
            description: Identifiers of backups that are kept for O(policies[].classes[].period).
            type: list
            elements: str
          period:
            description: Duration from the snapshot of each of O(policies[].classes[].backups), such as V(10y).
            type: str
      holds:
        description:
          - Legal holds. No backup that a hold covers is marked to be removed or removed while it stands.
        type: list
        elements: dict
        suboptions:
          name:
            description: Name of the hold, such as V(claim-4711).
            type: str
            required: true
          reason:
            description: The reason, which the diff shows for each backup. Required unless it is released.
            type: str
          until:
            description:
              - The last day of the hold in UTC, such as V(2031-12-31). Without it the hold has no end.
              - A new hold whose last day has passed is refused.
            type: str
          backups:
            description:
              - Identifiers of the backups that it covers.
              - If empty, all backups of the tenant, future ones included.
            type: list
            elements: str
          state:
            description: V(released) ends the hold.
            type: str
            choices: [present, released]
            default: present
      state:
        description:
          - V(absent) removes the policy and the bucket's rule for the tenant. Its backups stay.
          - V(kept) has the recorded policy go on, for a tenant that is not declared in full any more. Where none is
            recorded, the other options count.
        type: str
        choices: [present, kept, absent]
        default: present
  expire:
    description:
      - Mark the backups that their policy does not keep, and remove those that were marked O(grace_s) ago, with what
        interrupted backups left and no backup needs any more.
    type: bool
    default: false
  grace_s:
    description:
      - Seconds from the run that marks a backup to one that removes it, and the age at which leftovers of interrupted
        backups are removed.
    type: int
    default: 86400
  rotate_keys:
    description:
      - Whether the first of O(repository.keys) for a tenant is to open its backups alone. The keys of its contents are
        wrapped by it anew, which rewrites no backup, and what is written from then on gets a new one.
      - Put the new key before the former one everywhere first, since a host that does not have it can neither back up
        nor restore from then on.
      - With O(copy), the wrapped keys of the second repository are replaced too, and each of the two is then opened by
        the new key alone. A tenant whose copy does not answer is a failure, and its copy may need the former key still.
      - Take the former one out when a call with O(copy) has succeeded for all tenants.
    type: bool
    default: false
  rolled_back:
    description:
      - What to do about a tenant whose repository lacks the backup that O(known_backups) names.
      - V(fail) changes nothing of it, since an expiry would remove what the lost catalog still had. V(accept) warns.
    type: str
    choices: [fail, accept]
    default: fail
  lock_timeout:
    description:
      - Seconds to wait for a backup of the same tenant to end, where O(expire) is set.
    type: int
    default: 300
seealso:
  - module: gantry.odoo.odoo_backup
  - module: gantry.odoo.odoo_restore
"""

EXAMPLES = r"""
- name: Manage the policies of an estate, and show the backups that they would expire
  gantry.odoo.backup_policy:
    repository: "{{ backup_repository }}"
    policies:
      - tenant: harbour
        tier: 1
      - tenant: north
        tier: 2
        keep: {last: 3, daily: 14, monthly: 6}
        classes:
          - {name: warranty, keep: {within_monthly: 5y}}
          - {name: claim, backups: [20261122T103000Z], period: 10y}
        holds:
          - {name: claim-4711, reason: "claim 4711, asked for by counsel", until: "2031-12-31"}
  check_mode: true
  diff: true

- name: Remove the backups that the policies do not keep
  gantry.odoo.backup_policy:
    repository: "{{ backup_repository }}"
    policies:
      - tenant: harbour
        tier: 1
    expire: true

- name: Lock the backups for six weeks at least, in a bucket with Object Lock
  gantry.odoo.backup_policy:
    repository: "{{ backup_repository }}"
    policies:
      - tenant: harbour
        tier: 1
        immutability: lock
        lock_days: 42

- name: Rotate the key of the backups, which repository.keys lists before the former one
  gantry.odoo.backup_policy:
    repository: "{{ backup_repository }}"
    policies:
      - tenant: harbour
        tier: 1
    rotate_keys: true
"""

RETURN = r"""
steps:
  description: The steps that were done, or would be in check mode, in order.
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: The action., type: str}
    target: {description: Name of its object., type: str}
    why: {description: The reason., type: str}
policies:
  description: The policies with the defaults of their tier filled in.
  returned: success
  type: list
  elements: dict
forecast:
  description:
    - For each tenant the backups, newest first, with the rules, classes and holds that keep them. One without a reason
      expires.
  returned: success
  type: dict
  sample: {"harbour": [{"backup": "20261122T103000Z", "reasons": ["daily", "hold claim-4711 until 2031-12-31"]}]}
failures:
  description: One entry for each tenant whose policy could not be carried out, or not all of it.
  returned: always
  type: list
  elements: dict
  contains:
    tenant: {description: Name of the tenant., type: str}
    error: {description: The reason., type: str}
removed:
  description: Counts of the objects that O(expire) removed.
  returned: success
  type: dict
  contains:
    backups: {description: Number of backups., type: int}
    objects: {description: Number of stored objects that no backup needed., type: int}
    bytes: {description: Size of those objects in bytes., type: int}
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup import (
    apply_locks,
    apply_policy,
    apply_rotation,
    plan_policy,
    read_policy,
    report_policy,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_interrupted import writing_after
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_policy import IMMUTABILITY, require_seconds
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import said_of_listed
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_holds import HoldWish
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_known import refuse_rolled_back
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_locks import foreseen
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_retention import COUNTED, WITHIN
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_copy import open_stores_of_copy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import read_doubt, read_unexplained
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_failures import with_failures
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._repository import options
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    make_repository,
    open_repository,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores, open_stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Sweep
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import keys_for
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_location import Location
from ansible_collections.gantry.odoo.plugins.module_utils._repository.sealing import require_libraries

_KEEP: dict[str, Any] = {**{name: {"type": "int"} for name in COUNTED}, **{name: {"type": "str"} for name in WITHIN}}
_CLASS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "keep": {"type": "dict", "options": _KEEP},
    "backups": {"type": "list", "elements": "str"},
    "period": {"type": "str"},
}
_HOLD: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "reason": {"type": "str"},
    "until": {"type": "str"},
    "backups": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": ["present", "released"], "default": "present"},
}
_POLICY: dict[str, Any] = {
    "tenant": {"type": "str", "required": True},
    "tier": {"type": "int", "choices": [1, 2, 3], "default": 2},
    "rpo_s": {"type": "int"},
    "rto_s": {"type": "int"},
    "keep": {"type": "dict", "options": _KEEP},
    "versioning": {"type": "bool"},
    "noncurrent_days": {"type": "int"},
    "drill_interval_s": {"type": "int"},
    "immutability": {"type": "str", "choices": list(IMMUTABILITY)},
    "lock_days": {"type": "int"},
    "copies": {"type": "int"},
    "copy_rpo_s": {"type": "int"},
    "regions": {"type": "list", "elements": "str"},
    "sizes_from": {"type": "str"},
    "classes": {"type": "list", "elements": "dict", "options": _CLASS},
    "holds": {"type": "list", "elements": "dict", "options": _HOLD},
    "state": {"type": "str", "choices": ["present", "kept", "absent"], "default": "present"},
}
OPTIONS: dict[str, Any] = {
    **options.argument_spec(),
    **options.known_spec(),
    "policies": {"type": "list", "elements": "dict", "required": True, "options": _POLICY},
    "expire": {"type": "bool", "default": False},
    "grace_s": {"type": "int", "default": 86400},
    "rotate_keys": {"type": "bool", "default": False},
    "copy": options.COPY,
    "lock_timeout": {"type": "int", "default": 300},
}


def work(call: Call) -> Outcome:
    """Read, plan, apply."""
    require_libraries()
    location = options.location_from(call.params["repository"])
    options.known_from(call.params["known_backups"])
    request = plan_policy.parse_request(call.params["policies"], call.params["expire"])
    if call.params["rotate_keys"]:
        request = replace(request, keys={name: keys_for(name, location.keys)[0].name for name in request.tenants})
    grace_s = require_seconds("grace_s", call.params["grace_s"])
    copy = options.copy_from(call.params["copy"], location) if call.params["copy"] and request.keys else None
    stores = open_stores(location)
    copies = open_stores_of_copy(copy) if copy else None
    opening = open_repository if call.check_mode else make_repository
    repositories, failures = read_policy.opened(request.tenants, lambda name: opening(stores, name, location.keys))
    seen, unread = read_policy.observe(stores, repositories, request.locked | request.kept)
    request, unreadable = plan_policy.as_recorded(request, seen)
    refused = {**unreadable, **rolled_back(call, request, repositories, seen)}
    request = request.only(set(seen.tenants) - set(refused))
    warn_of_holds(call, request, seen)
    if call.check_mode:
        seen, unlisted = foresee_listed(call, request, repositories, seen)
        request = request.only(set(request.tenants) - set(unlisted))
        plan, unplanned = plan_policy.plan_each(request, seen, location.prefix)
        request = request.only(set(request.tenants) - set(unplanned))
        removals, unswept = read_policy.removals(repositories, request, plan, seen, grace_s)
        request = request.only(set(request.tenants) - set(unswept))
        plan, _none = plan_policy.plan_each(request, seen, location.prefix) if unswept else (plan, None)
        extensions, unknown = read_policy.extensions(repositories, request, plan, seen)
        unplanned |= {**unlisted, **unswept, **unknown, **foreseen(extensions)}
        extensions = {tenant: one for tenant, one in extensions.items() if tenant not in unplanned}
        outcome = report_policy.report(request, plan, seen, removals, extensions, location.prefix)
    else:
        outcome, unplanned = carry_out(call, stores, location, request, repositories, seen)
    failures = {**failures, **unread, **refused, **unplanned}
    if copies is not None:
        outcome, kept = with_copies(call, location, request, repositories, copies, outcome)
        failures |= {name: "; ".join(filter(None, (failures.get(name), why))) for name, why in kept.items()}
    return with_failures(outcome, dict(sorted(failures.items())))


def with_copies(
    call: Call,
    location: Location,
    request: plan_policy.Request,
    repositories: read_policy.Repositories,
    copies: Stores | str,
    outcome: Outcome,
) -> tuple[Outcome, dict[str, str]]:
    """The outcome with the rotation of the keys of the copies, and why the former key is needed still."""
    names = [name for name in request.tenants if repositories.get(name) is not None]
    firsts = dict(repositories)
    lost: dict[str, str] = {}
    if not call.check_mode:
        # those keys have been rotated
        stores = open_stores(location)
        firsts, lost = read_policy.opened(names, lambda name: open_repository(stores, name, location.keys))
    wanted = {name: request.keys[name] for name in names if name not in lost}
    steps, failures = apply_rotation.rotate_copies(firsts, copies, location.keys, wanted, call.check_mode)
    return replace(outcome, steps=[*(outcome.steps or ()), *steps]), {**lost, **failures}


def rolled_back(
    call: Call, request: plan_policy.Request, repositories: read_policy.Repositories, seen: plan_policy.Seen
) -> dict[str, str]:
    """Why nothing is changed for tenants whose repositories lack a backup that is known."""
    refused = {}
    for tenant, one in seen.tenants.items():
        try:
            require_known(call, repositories[tenant], one.catalog)
            # what an expiry would give up is what the lost records have named
            require_listed(call, repositories[tenant], request, seen.tenants[tenant].catalog)
        except GantryError as error:
            refused[tenant] = str(error)
    return refused


def require_known(call: Call, repository: Repository | None, catalog: Catalog) -> None:
    """Raise RefusedError where a repository lacks a backup that is known; where that was accepted, warn."""
    if repository is None:
        return
    known = options.known_from(call.params["known_backups"]).get(repository.tenant, 0)
    accept = call.warn if call.params["rolled_back"] == "accept" else None
    refuse_rolled_back(catalog, known, repository.where, accept)


def require_listed(call: Call, repository: Repository | None, request: plan_policy.Request, catalog: Catalog) -> None:
    """Raise RefusedError where manifests say that the catalog lacks backups that stay; where accepted, warn."""
    policy = next((one for one in request.policies if repository and one.tenant == repository.tenant), None)
    if repository is None or policy is None or not request.expire:
        return
    holds = request.holds.get(policy.tenant, HoldWish()).after(catalog.holds)
    doubt = read_doubt(repository, catalog) or read_unexplained(repository, catalog, policy, holds, call.warn)
    if not doubt:
        return
    if call.params["rolled_back"] != "accept":
        raise RefusedError(f"{doubt}; or accept the older state with rolled_back: accept")
    call.warn(f"{doubt}; the older state was accepted")


def foresee_listed(
    call: Call, request: plan_policy.Request, repositories: read_policy.Repositories, seen: plan_policy.Seen
) -> tuple[plan_policy.Seen, dict[str, str]]:
    """What the store will show once interrupted backups are listed, of which it warns, and why that is not known."""
    known = {} if call.params["rolled_back"] == "accept" else options.known_from(call.params["known_backups"])
    after, listed, failures = read_policy.with_listed(repositories, request, seen, known)
    for tenant, entries in listed.items():
        for sentence in said_of_listed(entries):
            call.warn(f"tenant {tenant}: {sentence}")
    return after, failures


def carry_out(
    call: Call,
    stores: Stores,
    location: Location,
    request: plan_policy.Request,
    repositories: Mapping[str, Any],
    seen: plan_policy.Seen,
) -> tuple[Outcome, dict[str, str]]:
    """Carry the request out, and expire with the turn in one repository after the other; and what failed of whom."""
    plan, failures = plan_policy.plan_each(replace(request, expire=False), seen, location.prefix)
    repositories, unfinished = apply_policy.apply(stores, repositories, plan, location.keys)
    failures |= unfinished
    request = request.only(set(request.tenants) - set(failures))
    if unfinished:
        # what is reported was done
        plan, _failures = plan_policy.plan_each(replace(request, expire=False), seen, location.prefix)
    removals: dict[str, Sweep] = {}
    tenants = dict(seen.tenants)
    accept = call.params["rolled_back"] == "accept"
    known = {} if accept else options.known_from(call.params["known_backups"])
    for tenant in sorted(policy.tenant for policy in request.policies if request.expire):
        try:
            repository, wait_s = repositories[tenant], call.params["lock_timeout"]
            with writing_after(repository, "expiry", wait_s, known.get(tenant, 0)) as turn:
                for sentence in said_of_listed(turn.listed):
                    call.warn(f"tenant {tenant}: {sentence}")
                require_known(call, turn.repository, turn.catalog)
                require_listed(call, turn.repository, request, turn.catalog)
                now = replace(seen, tenants={tenant: replace(seen.tenants[tenant], catalog=turn.catalog)})
                marks = plan_policy.plan(request.only([tenant]), now, location.prefix)
                if marks.write:
                    raise StateError(f"the policy in the {repository.where} changed meanwhile; run again")
                removals[tenant] = apply_policy.expire(turn, marks, call.params["grace_s"])
        except GantryError as error:
            failures[tenant] = str(error)
            continue
        # the holds were recorded before the turn began
        former = seen.tenants[tenant].catalog
        shown = replace(turn.catalog, holds=former.holds, policy=former.policy)
        tenants[tenant] = replace(seen.tenants[tenant], catalog=shown)
        plan = plan_policy.together(plan, plan_policy.Plan(expire=marks.expire, keep=marks.keep))
    seen = replace(seen, tenants=tenants)
    extensions, unknown = read_policy.extensions(repositories, request, plan, seen)
    failures |= unknown
    done, unlocked = apply_locks.extend_all(stores, repositories, extensions, seen.lock_mode)
    for tenant, sentence in unlocked.items():
        failures[tenant] = "; ".join(filter(None, (failures.get(tenant), sentence)))
    return report_policy.report(request, plan, seen, removals, done, location.prefix), failures


def warn_of_holds(call: Call, request: plan_policy.Request, seen: plan_policy.Seen) -> None:
    """Warn of each recorded hold that the call does not name."""
    for sentence in report_policy.undeclared(request, seen):
        call.warn(sentence)


def main() -> None:
    run(OPTIONS, work)


if __name__ == "__main__":
    main()
