# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estate as the playbooks read it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._estate import (
    model,
    plan_homes,
    plan_inputs,
    plan_leaving,
    plan_located,
    plan_network,
    plan_record,
)
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_record import EstateRecord, Known
from ansible_collections.gantry.odoo.plugins.module_utils._estate.plan_located import Declared, Located
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
    declared = plan_located.declare(args, groups, hostvars, record)
    located = plan_located.locate(args, declared, hostvars)
    estate = {
        **_places(args, declared, located),
        **_entrances(args, declared, located),
        **_backed_up(args, declared, located),
        "edges": plan_record.made_edges(record, groups.get("edge", ())),
        "edge_addresses": plan_network.edge_addresses(groups.get("edge", ()), hostvars),
        "notes": _notes(args, declared, located),
    }
    if args["tenant"]:
        estate |= _one(args, declared, located)
    if args["destination"]:
        estate["destination"] = plan_homes.destination(
            plan_homes.find(located.settled, args["tenant"] or ""), args["destination"], declared.runtimes
        )
    return Resolved(estate, {**_record(declared, located), "released_groups": list(args["released_groups"])})


def outline(estate: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an estate that says where it runs, and that no placement changes."""
    groups = {
        name: {key: group[key] for key in ("kind", "hosts", "serving", "canaries", "database_server", "database_host")}
        for name, group in estate["groups"].items()
    }
    return {
        "groups": groups,
        **{
            key: estate[key]
            for key in ("hosts", "unmade", "servers", "group_of", "leads", "logins", "paths", "internal_names", "edges")
        },
    }


def _places(args: Mapping[str, Any], declared: Declared, located: Located) -> dict[str, Any]:
    """Where tenants live, and what runs for them on which host."""
    settled, layout, ports, runtimes = located.settled, declared.layout, declared.ports, declared.runtimes
    # the instance of one that is not managed is left alone as it is; a shared one goes on to serve it
    run = [home for home in located.serving if home in settled or home.tenant.tenancy == "shared"]
    groups = {name: _group(args, group, run, declared, located) for name, group in runtimes.items()}
    return {
        "tenants": {home.tenant.name: _tenant(home, ports, layout, declared.https) for home in settled},
        "new": [home.tenant.name for home in settled if not (home.exists or home.former)],
        "groups": groups,
        "subjects": [subject for group in groups.values() for subject in group["subjects"]],
        "leads": {group.leader: name for name, group in runtimes.items()},
        "group_of": {host.name: name for name, group in runtimes.items() for host in group.hosts},
        "paths": {"config_dir": layout.config_dir, "database_ca": layout.database_ca},
        "logins": _logins(runtimes, layout),
        "roles": {server: _roles(server, run, declared, located) for server in declared.servers},
        "hosts": declared.hosts,
        "unmade": sorted(declared.unmade),
        "servers": declared.servers,
    }


def _group(
    args: Mapping[str, Any], group: model.Group, run: Sequence[plan_homes.Home], declared: Declared, located: Located
) -> dict[str, Any]:
    """A group that runs Odoo. run: the homes whose instances are managed."""
    here = [home.tenant for home in located.serving if home.group.name == group.name]
    instances = plan_inputs.instances(group, run, declared.ports)
    return {
        "kind": group.kind,
        "hosts": [host.name for host in group.hosts],
        "serving": [host.name for host in group.hosts if host.made and not host.drained],
        "canaries": [host.name for host in group.hosts if host.canary and host.made and not host.drained],
        "tenants": [home.tenant.name for home in located.settled if home.group.name == group.name],
        "subjects": [{"name": tenant.name, "tier": tenant.tier, "groups": [group.name]} for tenant in here],
        "database_server": group.database_server,
        "database_host": group.database_host,
        "instances": instances,
        "pages": plan_inputs.pages(group, located.settled, instances),
        "databases": plan_inputs.databases(group, located.settled, declared.layout, args["number"], declared.https),
        "elsewhere": _elsewhere(group, declared, located),
        "renaming": plan_inputs.renaming(group, located.settled),
        "sticky": any(route.sticky for tenant in here for route in tenant.routes),
    }


def _elsewhere(group: model.Group, declared: Declared, located: Located) -> list[dict[str, str]]:
    """The instances that are not to run on a group: their tenants live on another one, are held, or left."""
    known = {one.instance for one in (*declared.every, *declared.removed) if one.tenancy == "dedicated"}
    homes = [*located.settled, *(one.home for one in located.others if not one.phase)]
    here = {home.tenant.instance for home in homes if home.group.name == group.name}
    return [{"name": name} for name in sorted(known - here)]


def _entrances(args: Mapping[str, Any], declared: Declared, located: Located) -> dict[str, Any]:
    """The routes and certificates of the edges."""
    made_only, assumed, record = args["made_only"], args["assume"], declared.record
    hidden = plan_record.not_made(record, declared.runtimes, assumed.values()) if made_only else frozenset()
    routed = [
        home
        for home in (*located.settled, *(one.home for one in located.others if one.home.exists))
        if not made_only or home.tenant.name in assumed or plan_record.is_made(home.tenant, record)
    ]
    absent = [*(one.name for one in located.others if one.phase), *_missing(located.settled, args)]
    return {
        "routes": plan_inputs.routes(
            routed,
            declared.ports,
            [*args["drained"], *declared.drained],
            [*args["maintenance"], *absent],
            hidden,
            args["keeping"],
        ),
        "certificates": plan_inputs.certificates([home.tenant for home in routed], args["internal_zones"]),
        "internal_names": plan_inputs.internal_names([home.tenant for home in routed], args["internal_zones"]),
    }


def _backed_up(args: Mapping[str, Any], declared: Declared, located: Located) -> dict[str, Any]:
    """What is backed up, and why others are not."""
    asked_for = [home for home in located.serving if _is_asked_for(home, args)]
    without = {home.tenant.name: _why_not_backed_up(home, located) for home in asked_for}
    return {
        "policies": _policies([home.tenant for home in located.settled], located.others, declared.record),
        "backup_covers": [f"backup:{home.tenant.name}" for home in asked_for],
        "backups": _backups(
            [home for home in asked_for if not without[home.tenant.name]],
            declared.layout,
            {*located.recorded, *args["assume"]},
            args["in_hand"],
        ),
        "not_backed_up": {name: why for name, why in without.items() if why},
    }


def _notes(args: Mapping[str, Any], declared: Declared, located: Located) -> list[str]:
    """What the operator is told of the estate as it is."""
    return [
        *(note for home in located.settled if not _is_ahead(home, args) for note in home.notes(args["in_hand"])),
        *(
            f"tenant {name} is still called {former}, with its routes, until gantry.odoo.site has renamed it"
            for name, former in declared.waiting.items()
        ),
        *(f"{name} is declared with odoo_drained, and no user is sent there" for name in declared.drained),
        *(
            f"{name} is declared with odoo_canary, and gets only the users that tenants declare with canary"
            for name in declared.canaries
        ),
        *(one.note for one in located.others if args["locate"] and not located.unknown),
        *located.unrecorded,
        *plan_homes.strangers(
            [*declared.kept, *declared.removed], located.seen, [home.former for home in located.settled]
        ),
    ]


def _one(args: Mapping[str, Any], declared: Declared, located: Located) -> dict[str, Any]:
    """The tenant that is asked for, and what comes next where it leaves."""
    leaving = plan_located.leaving(declared, located)
    known = {one.name: one.home for one in located.others} | leaving
    found = plan_homes.find([*located.settled, *known.values()], args["tenant"])
    one: dict[str, Any] = {"tenant": _tenant(found, declared.ports, declared.layout, declared.https)}
    if found.tenant.name in leaving:
        # nothing runs any more where the instance has no port
        has_port = found.tenant.instance in declared.ports
        run_there = plan_inputs.instances(found.group, [found], declared.ports) if has_port else []
        one["leaving"] = {
            **_leaving(found, declared.record, args["today"]),
            "instance": next((run for run in run_there if run["name"] == found.tenant.instance), None),
        }
    return one


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


def _record(declared: Declared, located: Located) -> dict[str, Any]:
    """What is to be recorded: homes once their databases are there, and all that was declared."""
    settled, others, record = located.settled, located.others, declared.record
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
        "ports": dict(declared.ports),
        "roster": list(declared.hosts),
        "made_hosts": sorted({host.name for home in taken_on for host in home.group.hosts}),
        "renamed": {name: one for name, one in former.items() if one in record.tenants},
        # one that was gone has been restored
        "stays": [home.tenant.name for home in settled if home.exists and home.tenant.name in record.leaving],
    }


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


def _logins(runtimes: Mapping[str, model.Group], layout: model.Layout) -> dict[str, dict[str, str]]:
    """How the modules on each host reach its PostgreSQL server, without the password."""
    return {
        host.name: {"host": group.database_host, "user": layout.login, "ca_cert": layout.database_ca}
        for group in runtimes.values()
        for host in group.hosts
    }


def _roles(server: str, run: Sequence[plan_homes.Home], declared: Declared, located: Located) -> list[dict[str, Any]]:
    """The PostgreSQL roles that a server needs: one for each instance of each group it serves, and the modules' own.

    Those that restore and write have no password, as a module gives them one for a time, and are members of nothing.
    run: the homes whose instances are managed.
    """
    names = sorted(
        {
            instance["db_user"]
            for group in declared.runtimes.values()
            if group.database_server == server
            for instance in plan_inputs.instances(group, run, declared.ports)
        }
    )
    lent = (RESTORE_USER, WRITE_USER)
    # the modules keep their rights on other databases of Odoo there
    owners = _owners(server, located.others, located.seen)
    login = {"name": declared.layout.login, "createdb": True, "member_of": sorted(owners.union(names, lent))}
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


def _backups(
    settled: Sequence[plan_homes.Home], layout: model.Layout, unseen: Collection[str], in_hand: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    """The databases of each group, as role backup takes them.

    unseen: the tenants whose home was not seen. in_hand: the parts of changes, whose tenants are not backed up while
    they are blocked: the source of a move is the home until the destination is opened, and looks the same afterwards.
    """
    listed: dict[str, list[dict[str, Any]]] = {}
    for home in settled:
        name = home.tenant.name
        of_tenant: dict[str, Any] = {"tenant": name, "database": name, "config": layout.config(home.tenant.instance)}
        if name not in unseen:
            blocked = home.blocked and f"tenant:{name}" not in in_hand
            of_tenant["expected"] = {"home": home.number, "access": "blocked" if blocked else "open"}
        listed.setdefault(home.group.name, []).append(of_tenant)
    return listed


def _why_not_backed_up(home: plan_homes.Home, located: Located) -> str:
    """Why a tenant has nothing that could be backed up; empty where it has."""
    name, server, silent = home.tenant.name, home.group.database_server, " and ".join(sorted(located.unknown))
    if server in located.unknown:
        return "" if home.exists else f"tenant {name} is not known to have a database, as {server} did not answer"
    if name in located.doubts:
        return located.doubts[name]
    if not home.exists:
        return f"tenant {name} has no database on {server}; make it with gantry.odoo.site"
    if home.blocked and located.unknown:
        # an older copy is blocked, and it would count as the newest backup
        return f"tenant {name} has a blocked database on {server}, and {silent} did not answer, which may hold its home"
    return ""


def _tenant(
    home: plan_homes.Home, with_ports: Mapping[str, int], layout: model.Layout, https: Mapping[str, int]
) -> dict[str, Any]:
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
        "urls": list(dict.fromkeys(route.url(https) for route in tenant.routes)),
    }
