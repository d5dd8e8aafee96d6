# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estate as the playbooks read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._estate import (
    model,
    model_declaration,
    model_inventory,
    plan_homes,
    plan_inputs,
    plan_leaving,
    plan_record,
)
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_record import GONE, EstateRecord, Known
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_lent_role import RESTORE_USER, WRITE_USER


@dataclass(frozen=True)
class Resolved:
    """The estate as the playbooks read it, and what is to be recorded of it, as gantry.odoo.estate_record takes it."""

    estate: Mapping[str, Any]
    record: Mapping[str, Any]


def resolve(
    args: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    hostvars: Mapping[str, Mapping[str, Any]],
    record: EstateRecord,
) -> Resolved:
    """Resolve what is declared, recorded and seen. Raises GantryError with every fault of the declaration."""
    model_inventory.require_groups(args["require_groups"], groups)
    declared = plan_leaving.as_recorded(model_declaration.tenants_from(args["tenants"]), record)
    plan_record.require_released(record, args["released_groups"], groups, [tenant.name for tenant in declared])
    record = plan_record.without_groups(record, args["released_groups"])
    undeclared = plan_leaving.removed(record, declared)
    tenants = [tenant for tenant in declared if tenant.state == model.PRESENT]
    runtimes = model_inventory.read_groups(
        declared, args["runtime_groups"], groups, hostvars, {place.group: name for name, place in record.homes.items()}
    )
    unmade = plan_record.not_made(record, runtimes, ())
    runtimes = {name: _with_made(group, unmade) for name, group in runtimes.items()}
    layout = model.Layout(args["config_dir"].rstrip("/"), args["login"])
    _require_known(args, [*declared, *undeclared], runtimes)
    _require_roles([*declared, *undeclared], layout)
    plan_leaving.require_staying(tenants, record)
    plan_record.require_instances(tenants, record)
    with_ports = plan_record.ports([one for one in declared if not _is_gone(one, record)], record.ports)
    hosts = _hosts(runtimes, groups)
    plan_record.require_roster(record, hosts, args["released"])
    _require_present(args["present"], hosts)
    servers = _servers(runtimes)
    placement = args["placement"]
    if args["locate"]:
        placement = {name: hostvars[name].get("postgresql_databases") for name in servers}
    asked = {name: databases for name, databases in placement.items() if databases is not None}
    unknown = frozenset(servers) - frozenset(asked) if args["locate"] else frozenset()
    seen = model_inventory.read_placement(asked)
    # without a store, there is nothing that should know the estate
    unrecorded = plan_record.unknown_estate(record, seen, is_new=args["new_store"]) if args["store"] else []
    refused = frozenset() if args["allow_unknown"] else unknown
    recorded, contradictory = {}, {}
    if args["allow_unknown"]:
        recorded = plan_record.unseen_homes(record, runtimes, seen, unknown)
        told = {*recorded, *args["assume"], args["tenant"]}
        judged = [one for one in (*declared, *undeclared) if one.name not in told]
        contradictory = plan_leaving.contradictions(judged, runtimes, seen, record)
        # one tenant hides no other: it stays where the store has it
        recorded |= {
            one.name: plan_leaving.group_of(one, runtimes, record) for one in judged if one.name in contradictory
        }
    arrived = [*(name for name in recorded if name not in args["assume"]), *args["arrived"]]
    expected = {*args["assume"], *plan_leaving.made_anew(args["empty"], record)}
    settled = plan_leaving.settle(tenants, runtimes, seen, {**recorded, **args["assume"]}, refused, arrived)
    plan_leaving.require_one_step(declared, record, seen)
    others = plan_leaving.beyond(declared, undeclared, runtimes, seen, record, recorded, refused)
    plan_leaving.require_undisturbed(tenants, others)
    if args["locate"] and not unknown and not args["allow_missing"]:
        plan_leaving.require_recorded(settled, others, record, expected)
    if not args["allow_new"]:
        plan_homes.require_databases(settled)
    serving = (*settled, *(one.home for one in others if one.home.exists and not one.phase))
    asked_for = [home for home in serving if _is_asked_for(home, args)]
    doubts = {**plan_leaving.doubts(settled, others, record, expected), **contradictory}
    without = {home.tenant.name: _why_not_backed_up(home, unknown, doubts) for home in asked_for}
    # the instance of one that is not managed is left alone as it is; a shared one goes on to serve it
    run = [home for home in serving if home in settled or home.tenant.tenancy == "shared"]
    declared_drained = [host.name for group in runtimes.values() for host in group.hosts if host.drained]
    hidden = plan_record.not_made(record, runtimes, args["assume"].values()) if args["made_only"] else frozenset()
    routed = [
        home
        for home in (*settled, *(one.home for one in others if one.home.exists))
        if not args["made_only"] or home.tenant.name in args["assume"] or plan_record.is_made(home.tenant, record)
    ]
    estate: dict[str, Any] = {
        "tenants": {home.tenant.name: _tenant(home, with_ports, layout) for home in settled},
        "new": [home.tenant.name for home in settled if not (home.exists or home.former)],
        "groups": {
            name: {
                "kind": group.kind,
                "hosts": [host.name for host in group.hosts],
                "serving": [host.name for host in group.hosts if host.made and not host.drained],
                "tenants": [home.tenant.name for home in settled if home.group.name == name],
                "subjects": [
                    {"name": home.tenant.name, "tier": home.tenant.tier} for home in serving if home.group.name == name
                ],
                "database_server": group.database_server,
                "database_host": group.database_host,
                "instances": plan_inputs.instances(group, run, with_ports),
                "databases": plan_inputs.databases(group, settled, layout, args["number"]),
                "renaming": plan_inputs.renaming(group, settled),
            }
            for name, group in runtimes.items()
        },
        "leads": {group.leader: name for name, group in runtimes.items()},
        "group_of": {host.name: name for name, group in runtimes.items() for host in group.hosts},
        "routes": plan_inputs.routes(
            routed,
            with_ports,
            [*args["drained"], *declared_drained],
            [*args["maintenance"], *(one.name for one in others if one.phase), *_missing(settled, args)],
            hidden,
        ),
        "certificates": plan_inputs.certificates([home.tenant for home in routed]),
        "paths": {"config_dir": layout.config_dir, "database_ca": layout.database_ca},
        "logins": _logins(runtimes, layout),
        "roles": {
            server: _roles(server, runtimes, run, _owners(server, others, seen), with_ports, layout)
            for server in servers
        },
        "policies": _policies([home.tenant for home in settled], others, record),
        "backup_covers": [f"backup:{home.tenant.name}" for home in asked_for],
        "backups": _backups([home for home in asked_for if not without[home.tenant.name]], layout),
        "not_backed_up": {name: why for name, why in without.items() if why},
        "hosts": hosts,
        "unmade": sorted(unmade),
        "servers": sorted(servers),
        "notes": [
            *(note for home in settled if not _is_ahead(home, args) for note in home.notes),
            *(f"{name} is declared with odoo_drained, and no user is sent there" for name in declared_drained),
            *(one.note for one in others if args["locate"] and not unknown),
            *unrecorded,
            *plan_homes.strangers(
                [*(one for one in declared if not _is_gone(one, record)), *undeclared],
                seen,
                [home.former for home in settled],
            ),
        ],
    }
    if args["tenant"]:
        leaving = {
            one.name: plan_leaving.found(one, runtimes, seen, record, recorded, refused)
            for one in declared
            if one not in tenants
        }
        known = {one.name: one.home for one in others} | leaving
        found = plan_homes.find([*settled, *known.values()], args["tenant"])
        estate["tenant"] = _tenant(found, with_ports, layout)
        if found.tenant.name in leaving:
            # nothing runs any more where the instance has no port
            has_port = found.tenant.instance in with_ports
            run_there = plan_inputs.instances(found.group, [found], with_ports) if has_port else []
            estate["leaving"] = {
                **_leaving(found, record, args["today"]),
                "instance": next((one for one in run_there if one["name"] == found.tenant.instance), None),
            }
    if args["destination"]:
        estate["destination"] = plan_homes.destination(
            plan_homes.find(settled, args["tenant"] or ""), args["destination"], runtimes
        )
    recorded_next = _record(settled, others, with_ports, hosts, record)
    return Resolved(estate, {**recorded_next, "released_groups": list(args["released_groups"])})


def outline(estate: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an estate that says where it runs, and that no placement changes."""
    groups = {
        name: {key: group[key] for key in ("kind", "hosts", "serving", "database_server", "database_host")}
        for name, group in estate["groups"].items()
    }
    return {
        "groups": groups,
        **{key: estate[key] for key in ("hosts", "unmade", "servers", "group_of", "leads", "logins", "paths")},
    }


def _leaving(home: plan_homes.Home, record: EstateRecord, today: str) -> dict[str, Any]:
    tenant = home.tenant
    recorded = record.leaving.get(tenant.name)
    step = plan_leaving.next_step(tenant, home, record, today)
    is_over = bool(tenant.keep_backups_until) and str(tenant.keep_backups_until) < today
    return {
        "step": step,
        # of one that was there long ago, nothing is left but its declaration
        "known": bool(step or recorded or is_over),
        "phase": recorded.phase if recorded else "",
        "backup": recorded.backup if recorded else "",
        "was_open": recorded.was_open if recorded else not home.blocked,
        "hold_until": tenant.hold_until,
        "keep_backups_until": tenant.keep_backups_until or "",
    }


def _record(
    settled: Sequence[plan_homes.Home],
    others: Sequence[plan_leaving.Beyond],
    with_ports: Mapping[str, int],
    hosts: Sequence[str],
    record: EstateRecord,
) -> dict[str, Any]:
    """What is to be recorded: homes once their databases are there, and all that was declared."""
    existing = [home for home in (*settled, *(one.home for one in others)) if home.exists]
    # an estate that is older than its record has served its users before
    taken_on = [home for home in existing if not record.number]
    made = {home.tenant.name for home in existing if plan_record.is_made(home.tenant, record)}
    known = {home.tenant.name: Known.of(home.tenant, made=home.tenant.name in made) for home in settled}
    known |= {one.name: Known.of(one.home.tenant, declared=one.declared, made=one.name in made) for one in others}
    former = {home.tenant.name: home.tenant.renamed_from for home in settled if home.exists}
    return {
        "homes": {home.tenant.name: {"group": home.group.name, "number": home.number} for home in existing},
        "tenants": {name: asdict(one) for name, one in known.items()},
        "ports": dict(with_ports),
        "roster": list(hosts),
        "made_hosts": sorted({host.name for home in taken_on for host in home.group.hosts}),
        "renamed": {name: one for name, one in former.items() if one in record.tenants},
        # one that was gone has been restored
        "stays": [home.tenant.name for home in settled if home.exists and home.tenant.name in record.leaving],
    }


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


def _is_gone(tenant: model.Tenant, record: EstateRecord) -> bool:
    leaving = record.leaving.get(tenant.name)
    return tenant.state != model.PRESENT and leaving is not None and leaving.phase == GONE


def _policies(
    tenants: Sequence[model.Tenant], others: Sequence[plan_leaving.Beyond], record: EstateRecord
) -> list[dict[str, Any]]:
    """The policy of each tenant that has backups: also of one of which nothing else is left.

    What is not declared in full any more keeps the policy that is recorded beside its backups.
    """
    tiers = {name: leaving.tier for name, leaving in record.leaving.items()}
    tiers |= {one.name: one.home.tenant.tier for one in others}
    policies: dict[str, dict[str, Any]] = {
        name: {"tenant": name, "tier": tier, "state": "kept"} for name, tier in tiers.items()
    }
    policies |= {one.name: {"tenant": one.name, "tier": one.tier, **one.backup} for one in tenants}
    return list(policies.values())


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


def _logins(runtimes: Mapping[str, model.Group], layout: model.Layout) -> dict[str, dict[str, str]]:
    """How the modules on each host reach its PostgreSQL server, without the password."""
    return {
        host.name: {"host": group.database_host, "user": layout.login, "ca_cert": layout.database_ca}
        for group in runtimes.values()
        for host in group.hosts
    }


def _roles(
    server: str,
    runtimes: Mapping[str, model.Group],
    run: Sequence[plan_homes.Home],
    owners: frozenset[str],
    with_ports: Mapping[str, int],
    layout: model.Layout,
) -> list[dict[str, Any]]:
    """The PostgreSQL roles that a server needs: one for each instance of each group it serves, and the modules' own.

    Those that restore and write have no password, as a module gives them one for a time, and are members of nothing.
    owners: of other databases of Odoo there, on which the modules keep their rights.
    """
    names = sorted(
        {
            instance["db_user"]
            for group in runtimes.values()
            if group.database_server == server
            for instance in plan_inputs.instances(group, run, with_ports)
        }
    )
    lent = (RESTORE_USER, WRITE_USER)
    login = {"name": layout.login, "createdb": True, "member_of": sorted(owners.union(names, lent))}
    return [
        *({"name": name} for name in names),
        *({"name": name, "password": None, "member_of": []} for name in lent),
        login,
    ]


def _owners(server: str, others: Sequence[plan_leaving.Beyond], seen: plan_homes.Placement) -> frozenset[str]:
    """The roles of tenants on a server that are not managed, and of databases there that nobody knows."""
    recorded = [one.home.tenant for one in others if one.home.group.database_server == server]
    found = [database.owner for database in seen.get(server, ()) if database.owner.startswith(plan_inputs.ROLE)]
    return frozenset([*(plan_inputs.role_name(tenant.instance) for tenant in recorded), *found])


def _missing(settled: Sequence[plan_homes.Home], args: Mapping[str, Any]) -> list[str]:
    """The tenants that may lack their database and do; one that is about to get it here is not among them."""
    if not args["allow_missing"]:
        return []
    there = args["assume"]
    return [one.tenant.name for one in settled if not (one.exists or one.former or one.tenant.name in there)]


def _is_ahead(home: plan_homes.Home, args: Mapping[str, Any]) -> bool:
    """Whether a home is taken for granted before it is there, so that it tells nothing of the estate as it is."""
    return home.tenant.name in args["assume"] and home.tenant.name not in args["arrived"]


def _is_asked_for(home: plan_homes.Home, args: Mapping[str, Any]) -> bool:
    """Whether a tenant is the one that is asked for, and of the tier; without such inputs all are."""
    tenant = home.tenant
    return args["tenant"] in (None, "", tenant.name) and args["tier"] in (None, 0, tenant.tier)


def _backups(settled: Sequence[plan_homes.Home], layout: model.Layout) -> dict[str, list[dict[str, str]]]:
    """The databases of each group, as role backup takes them."""
    listed: dict[str, list[dict[str, str]]] = {}
    for home in settled:
        name = home.tenant.name
        of_tenant = {"tenant": name, "database": name, "config": layout.config(home.tenant.instance)}
        listed.setdefault(home.group.name, []).append(of_tenant)
    return listed


def _why_not_backed_up(home: plan_homes.Home, unknown: frozenset[str], doubts: Mapping[str, str]) -> str:
    """Why a tenant has nothing that could be backed up; empty where it has. unknown: servers that did not answer."""
    name, server, silent = home.tenant.name, home.group.database_server, " and ".join(sorted(unknown))
    if server in unknown:
        return "" if home.exists else f"tenant {name} is not known to have a database, as {server} did not answer"
    if name in doubts:
        return doubts[name]
    if not home.exists:
        return f"tenant {name} has no database on {server}; make it with gantry.odoo.site"
    if home.blocked and unknown:
        # an older copy is blocked, and it would count as the newest backup
        return f"tenant {name} has a blocked database on {server}, and {silent} did not answer, which may hold its home"
    return ""


def _tenant(home: plan_homes.Home, with_ports: Mapping[str, int], layout: model.Layout) -> dict[str, Any]:
    tenant = home.tenant
    return {
        "name": tenant.name,
        "tier": tenant.tier,
        "declared": tenant.group,
        "home": home.group.name,
        "kind": home.group.kind,
        "exists": home.exists,
        "blocked": home.blocked,
        "serves": home.group.serves,
        "hosts": [host.name for host in home.group.hosts],
        "leader": home.group.leader,
        "database_server": home.group.database_server,
        "database_host": home.group.database_host,
        "instance": tenant.instance,
        "config": layout.config(tenant.instance),
        "http_port": with_ports.get(tenant.instance, 0),
        "tenancy": tenant.tenancy,
        "urls": [f"https://{route.host}" for route in tenant.routes],
    }
