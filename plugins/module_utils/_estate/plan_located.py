# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an estate declares, and where its tenants are. Every fault of the declaration is found here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._estate import (
    model,
    model_declaration,
    model_inventory,
    plan_homes,
    plan_inputs,
    plan_leaving,
    plan_network,
    plan_record,
)
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_record import GONE, EstateRecord
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_lent_role import RESTORE_USER, WRITE_USER


@dataclass(frozen=True)
class Declared:
    """What is declared, together with what is recorded of it.

    every: the tenants, in whichever state. present: those that stay. removed: those that are recorded and not declared
    any more. unmade: the hosts that gantry.odoo.site has not made. ports: by instance. waiting: the former names of
    tenants that go by them until they are renamed, by the new ones. https: the port of HTTPS of each audience.
    """

    every: Sequence[model.Tenant]
    present: Sequence[model.Tenant]
    removed: Sequence[model.Tenant]
    runtimes: Mapping[str, model.Group]
    unmade: frozenset[str]
    layout: model.Layout
    ports: Mapping[str, int]
    hosts: Sequence[str]
    record: EstateRecord
    waiting: Mapping[str, str]
    https: Mapping[str, int]

    @property
    def servers(self) -> list[str]:
        """The database servers of the groups that run Odoo."""
        return _servers(self.runtimes)

    @property
    def kept(self) -> list[model.Tenant]:
        """The declared tenants of which more is left than backups."""
        return _kept(self.every, self.record)

    @property
    def drained(self) -> list[str]:
        """The hosts that are declared to get no users."""
        return [host.name for group in self.runtimes.values() for host in group.hosts if host.drained]

    @property
    def canaries(self) -> list[str]:
        """The hosts that are declared to get a part of the users only."""
        hosts = (host for group in self.runtimes.values() for host in group.hosts)
        return [host.name for host in hosts if host.canary and not host.drained]


@dataclass(frozen=True)
class Located:
    """Where the tenants are.

    unknown: the servers that were asked and did not answer. refused: those of them without which nothing is resolved.
    seen: the databases of the others. recorded: the group of a tenant that could not be seen, or is in doubt.
    settled: the homes of declared tenants. others: what is left of tenants that are not managed. doubts: why the home
    of a tenant is in doubt. unrecorded: notes of an estate without a record.
    """

    unknown: frozenset[str]
    refused: frozenset[str]
    seen: plan_homes.Placement
    recorded: Mapping[str, str]
    settled: Sequence[plan_homes.Home]
    others: Sequence[plan_leaving.Beyond]
    doubts: Mapping[str, str]
    unrecorded: Sequence[str]

    @property
    def serving(self) -> list[plan_homes.Home]:
        """The homes whose databases users may have."""
        return [*self.settled, *(one.home for one in self.others if one.home.exists and not one.phase)]


def declare(
    args: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    hostvars: Mapping[str, Mapping[str, Any]],
    record: EstateRecord,
) -> Declared:
    """Read what is declared. Raises GantryError with every fault of it."""
    model_inventory.require_groups(args["require_groups"], groups)
    every = plan_leaving.as_recorded(model_declaration.tenants_from(args["tenants"]), record)
    plan_record.require_released(record, args["released_groups"], groups, [tenant.name for tenant in every])
    record = plan_record.without_groups(record, args["released_groups"])
    removed = plan_leaving.removed(record, every)
    runtimes = model_inventory.read_groups(
        every, args["runtime_groups"], groups, hostvars, {place.group: name for name, place in record.homes.items()}
    )
    waiting: Mapping[str, str] = {}
    if not args["rename"]:
        seen = model_inventory.read_placement(_asked(args, _servers(runtimes), hostvars))
        every, waiting = plan_leaving.until_renamed(every, record, seen)
        _require_no_new_name(args["tenant"], waiting)
    present = [tenant for tenant in every if tenant.state == model.PRESENT]
    plan_network.require_private([host for group in runtimes.values() for host in group.hosts], hostvars)
    unmade = plan_record.not_made(record, runtimes, ())
    runtimes = {name: _with_made(group, unmade) for name, group in runtimes.items()}
    layout = model.Layout(args["config_dir"].rstrip("/"), args["login"])
    _require_known(args, [*every, *removed], runtimes)
    _require_roles([*every, *removed], layout)
    plan_leaving.require_staying(present, record)
    plan_record.require_instances(present, record)
    ports = plan_record.ports(_kept(every, record), record.ports)
    hosts = _hosts(runtimes, groups)
    plan_record.require_roster(record, hosts, args["released"], {host for named in groups.values() for host in named})
    _require_present(args["present"], hosts)
    https = model_inventory.read_ports(groups.get("edge", ()), hostvars)
    return Declared(every, present, removed, runtimes, unmade, layout, ports, hosts, record, waiting, https)


def locate(args: Mapping[str, Any], declared: Declared, hostvars: Mapping[str, Mapping[str, Any]]) -> Located:
    """Find the home of each tenant. Raises GantryError where one is in doubt that has to be known."""
    record, runtimes = declared.record, declared.runtimes
    asked = _asked(args, declared.servers, hostvars)
    unknown = frozenset(declared.servers) - frozenset(asked) if args["locate"] else frozenset()
    seen = model_inventory.read_placement(asked)
    # without a store, there is nothing that should know the estate
    unrecorded = plan_record.unknown_estate(record, seen, is_new=args["new_store"]) if args["store"] else []
    refused = frozenset() if args["allow_unknown"] else unknown
    recorded, contradictory = _recorded(args, declared, seen, unknown)
    arrived = [*(name for name in recorded if name not in args["assume"]), *args["arrived"]]
    expected = {*args["assume"], *plan_leaving.made_anew(args["empty"], record)}
    settled = plan_leaving.settle(declared.present, runtimes, seen, {**recorded, **args["assume"]}, refused, arrived)
    plan_leaving.require_one_step(declared.every, record, seen)
    others = plan_leaving.beyond(declared.every, declared.removed, runtimes, seen, record, recorded, refused)
    plan_leaving.require_undisturbed(declared.present, others)
    if args["locate"] and not unknown and not args["allow_missing"]:
        plan_leaving.require_recorded(settled, others, record, expected)
    if not args["allow_new"]:
        plan_homes.require_databases(settled)
    elif not args["rename"]:
        plan_homes.require_databases([home for home in settled if home.former])
    doubts = {**plan_leaving.doubts(settled, others, record, expected), **contradictory}
    return Located(unknown, refused, seen, recorded, settled, others, doubts, unrecorded)


def leaving(declared: Declared, located: Located) -> dict[str, plan_homes.Home]:
    """The homes of the tenants that are declared to leave, by name."""
    return {
        one.name: plan_leaving.found(
            one, declared.runtimes, located.seen, declared.record, located.recorded, located.refused
        )
        for one in declared.every
        if one not in declared.present
    }


def _asked(
    args: Mapping[str, Any], servers: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The databases of each server that was asked and answered."""
    placement = args["placement"]
    if args["locate"]:
        placement = {name: hostvars[name].get("postgresql_databases") for name in servers}
    return {name: databases for name, databases in placement.items() if databases is not None}


def _recorded(
    args: Mapping[str, Any], declared: Declared, seen: plan_homes.Placement, unknown: frozenset[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The group of each tenant that could not be seen or is in doubt, and why it is in doubt."""
    if not args["allow_unknown"]:
        return {}, {}
    record, runtimes = declared.record, declared.runtimes
    recorded = plan_record.unseen_homes(record, runtimes, seen, unknown)
    told = {*recorded, *args["assume"], args["tenant"]}
    every = () if args["refuse_contradictions"] else (*declared.every, *declared.removed)
    judged = [one for one in every if one.name not in told]
    contradictory = plan_leaving.contradictions(judged, runtimes, seen, record)
    # one tenant hides no other: it stays where the store has it
    stay = {one.name: plan_leaving.group_of(one, runtimes, record) for one in judged if one.name in contradictory}
    return {**recorded, **stay}, contradictory


def _require_no_new_name(asked_for: str | None, waiting: Mapping[str, str]) -> None:
    """Raise InputError where a tenant is asked for by a name that it has not got yet."""
    former = waiting.get(asked_for or "")
    if former:
        raise InputError(
            f"tenant {asked_for} is still called {former}; rename it with gantry.odoo.site first, or name {former}"
        )


def _require_known(
    args: Mapping[str, Any], tenants: Sequence[model.Tenant], runtimes: Mapping[str, model.Group]
) -> None:
    """Raise InputError for a name that no tenant, group or host has."""
    declared = {tenant.name for tenant in tenants}
    hosts = {host.name for group in runtimes.values() for host in group.hosts}
    faults = [
        f"{option} names {name}, which is {what}"
        for option, names, known, what in (
            ("drained", args["drained"], hosts, "not a host that runs Odoo"),
            ("keeping", args["keeping"], hosts, "not a host that runs Odoo"),
            ("maintenance", args["maintenance"], declared, "not declared in odoo_tenants"),
            ("assume", args["assume"], declared, "not declared in odoo_tenants"),
            ("assume", args["assume"].values(), set(runtimes), "not a group that runs Odoo"),
            ("arrived", args["arrived"], set(args["assume"]), "not a tenant of assume"),
        )
        for name in names
        if name not in known
    ]
    if faults:
        raise InputError("; ".join(faults))


def _hosts(runtimes: Mapping[str, model.Group], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """All hosts of the estate: no other host of the inventory is asked for anything."""
    named = {host.name for group in runtimes.values() for host in group.hosts} | set(_servers(runtimes))
    return sorted(named.union(*(groups.get(name, ()) for name in model_inventory.SHARED_GROUPS)))


def _require_roles(tenants: Sequence[model.Tenant], layout: model.Layout) -> None:
    """Raise InputError where two instances, or one and the modules, would log in as one role of PostgreSQL."""
    users: dict[str, set[str]] = {layout.login: {"the login of the modules"}}
    users.setdefault(RESTORE_USER, set()).add("the login of restores")
    users.setdefault(WRITE_USER, set()).add("the login that writes in databases")
    for tenant in tenants:
        name = tenant.name if tenant.tenancy == "dedicated" else tenant.instance
        users.setdefault(plan_inputs.role_name(tenant.instance), set()).add(name)
    faults = [
        f"{' and '.join(sorted(names))} would both have the PostgreSQL role {role}; rename one of them"
        for role, names in sorted(users.items())
        if len(names) > 1
    ]
    if faults:
        raise InputError("; ".join(faults))


def _with_made(group: model.Group, unmade: frozenset[str]) -> model.Group:
    return replace(group, hosts=tuple(replace(host, made=host.name not in unmade) for host in group.hosts))


def _kept(tenants: Sequence[model.Tenant], record: EstateRecord) -> list[model.Tenant]:
    gone = {name for name, leaving in record.leaving.items() if leaving.phase == GONE}
    return [one for one in tenants if one.state == model.PRESENT or one.name not in gone]


def _require_present(present: Sequence[str] | None, hosts: Sequence[str]) -> None:
    """Raise InputError where a limit or a slice hides a host of the estate; None asks for none."""
    hidden = sorted(set(hosts) - set(present)) if present is not None else []
    if hidden:
        raise InputError(
            f"the limit of this run hides {', '.join(hidden)} of the estate, and what is there would be unknown; "
            "run without --limit and without job slices, and narrow the work by the inputs of the playbook"
        )


def _servers(runtimes: Mapping[str, model.Group]) -> list[str]:
    return sorted({group.database_server for group in runtimes.values()})
