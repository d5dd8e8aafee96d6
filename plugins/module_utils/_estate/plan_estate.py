# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estate as the playbooks read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._estate import (
    model,
    model_declaration,
    model_inventory,
    plan_homes,
    plan_inputs,
)


def resolve(
    args: Mapping[str, Any], groups: Mapping[str, Sequence[str]], hostvars: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The estate as the playbooks read it; raises GantryError with every fault of the declaration."""
    model_inventory.require_groups(args["require_groups"], groups)
    tenants = model_declaration.tenants_from(args["tenants"])
    runtimes = model_inventory.read_groups(tenants, args["runtime_groups"], groups, hostvars)
    layout = model.Layout(args["config_dir"].rstrip("/"), args["login"])
    _require_known(args, tenants, runtimes)
    with_ports = plan_inputs.ports(tenants)
    _require_present(args["present"], runtimes, groups)
    servers = _servers(runtimes)
    placement = args["placement"]
    if args["locate"]:
        placement = {name: hostvars[name].get("postgresql_databases") for name in servers}
    asked = {name: databases for name, databases in placement.items() if databases is not None}
    unknown = frozenset(servers) - frozenset(asked) if args["locate"] and not args["allow_unknown"] else frozenset()
    seen = model_inventory.read_placement(asked)
    settled = plan_homes.homes(tenants, runtimes, seen, args["assume"], unknown)
    if not args["allow_new"]:
        plan_homes.require_databases(settled)
    estate: dict[str, Any] = {
        "tenants": {home.tenant.name: _tenant(home, with_ports, layout) for home in settled},
        "groups": {
            name: {
                "kind": group.kind,
                "hosts": [host.name for host in group.hosts],
                "tenants": [home.tenant.name for home in settled if home.group.name == name],
                "subjects": [
                    {"name": home.tenant.name, "tier": home.tenant.tier} for home in settled if home.group.name == name
                ],
                "database_server": group.database_server,
                "database_host": group.database_host,
                "instances": plan_inputs.instances(group, settled, with_ports),
                "databases": plan_inputs.databases(group, settled, layout, args["number"]),
            }
            for name, group in runtimes.items()
        },
        "leads": {group.hosts[0].name: name for name, group in runtimes.items()},
        "group_of": {host.name: name for name, group in runtimes.items() for host in group.hosts},
        "routes": plan_inputs.routes(settled, with_ports, args["drained"], args["maintenance"]),
        "certificates": plan_inputs.certificates(tenants),
        "paths": {"config_dir": layout.config_dir, "database_ca": layout.database_ca},
        "logins": _logins(runtimes, layout),
        "roles": {server: _roles(server, runtimes, settled, with_ports, layout) for server in _servers(runtimes)},
        "policies": [{"tenant": tenant.name, "tier": tenant.tier} for tenant in tenants],
        "backup_covers": [
            f"backup:{home.tenant.name}" for home in settled if args["tenant"] in (None, "", home.tenant.name)
        ],
        "backups": _backups(settled, args["tenant"], layout),
        "hosts": _hosts(runtimes, groups),
        "notes": [note for home in settled for note in home.notes] + plan_homes.strangers(tenants, seen),
    }
    if args["tenant"]:
        estate["tenant"] = estate["tenants"][plan_homes.find(settled, args["tenant"]).tenant.name]
    if args["destination"]:
        estate["destination"] = plan_homes.destination(
            plan_homes.find(settled, args["tenant"] or ""), args["destination"], runtimes
        )
    return estate


def _require_known(
    args: Mapping[str, Any], tenants: Sequence[model.Tenant], runtimes: Mapping[str, model.Group]
) -> None:
    """Raise InputError for a name that no declared tenant, group or host has."""
    declared = {tenant.name for tenant in tenants}
    hosts = {host.name for group in runtimes.values() for host in group.hosts}
    faults = [
        f"{option} names {name}, which is {what}"
        for option, names, known, what in (
            ("drained", args["drained"], hosts, "not a host that runs Odoo"),
            ("maintenance", args["maintenance"], declared, "not declared in odoo_tenants"),
            ("assume", args["assume"], declared, "not declared in odoo_tenants"),
            ("assume", args["assume"].values(), set(runtimes), "not a group that runs Odoo"),
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


def _require_present(
    present: Sequence[str] | None, runtimes: Mapping[str, model.Group], groups: Mapping[str, Sequence[str]]
) -> None:
    """Raise InputError where a limit or a slice hides a host of the estate; None asks for none."""
    hidden = sorted(set(_hosts(runtimes, groups)) - set(present)) if present is not None else []
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
    settled: Sequence[plan_homes.Home],
    with_ports: Mapping[str, int],
    layout: model.Layout,
) -> list[dict[str, Any]]:
    """The PostgreSQL roles that a server needs: one for each instance of each group it serves, and the modules' own."""
    names = sorted(
        {
            instance["db_user"]
            for group in runtimes.values()
            if group.database_server == server
            for instance in plan_inputs.instances(group, settled, with_ports)
        }
    )
    return [{"name": name} for name in names] + [{"name": layout.login, "createdb": True, "member_of": names}]


def _backups(
    settled: Sequence[plan_homes.Home], only: str | None, layout: model.Layout
) -> dict[str, list[dict[str, str]]]:
    """What each leading host backs up, as role backup takes it: its tenants, or the one asked for."""
    listed: dict[str, list[dict[str, str]]] = {}
    for home in settled:
        if home.exists and only in (None, "", home.tenant.name):
            listed.setdefault(home.group.hosts[0].name, []).append(
                {
                    "tenant": home.tenant.name,
                    "database": home.tenant.name,
                    "config": layout.config(home.tenant.instance),
                }
            )
    return listed


def _tenant(home: plan_homes.Home, with_ports: Mapping[str, int], layout: model.Layout) -> dict[str, Any]:
    tenant = home.tenant
    return {
        "name": tenant.name,
        "tier": tenant.tier,
        "declared": tenant.group,
        "home": home.group.name,
        "kind": home.group.kind,
        "exists": home.exists,
        "hosts": [host.name for host in home.group.hosts],
        "leader": home.group.hosts[0].name,
        "database_server": home.group.database_server,
        "database_host": home.group.database_host,
        "instance": tenant.instance,
        "config": layout.config(tenant.instance),
        "http_port": with_ports[tenant.instance],
        "urls": [f"https://{route.host}" for route in tenant.routes],
    }
