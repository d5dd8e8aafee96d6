# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of an Ansible inventory that an estate is made of, read once and checked before anything is touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import address_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import convert
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_playbook import listed_input
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import Database, Group, Host, Tenant
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model_entry_points

KINDS = ("systemd", "docker")
# The groups of hosts that all tenants share.
SHARED_GROUPS = ("edge", "cache")
# The groups that playbooks make of the hosts which they act on.
MADE_GROUPS = (
    "decommission_leader",
    "estate_odoo",
    "estate_postgresql",
    "migrate_destination",
    "migrate_source",
    "patch_odoo",
    "patch_redis",
    "patch_redis_primaries",
    "patch_redis_replicas",
    "platform_edges",
    "platform_edges_to_restart",
    "platform_hosts_to_filter",
    "restore_leader",
    "resume_again",
    "resume_out",
    "resume_serving",
)
_TEXT = {"type": "str", "default": ""}
_FLAG = {"type": "bool", "default": False}
_DATABASES: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": {
        "name": {"type": "str", "required": True},
        "owner": {"type": "str"},
        "open": {"type": "bool", "required": True},
        "home": {
            "type": "dict",
            "options": {"number": {"type": "int", "required": True}, "group": {"type": "str", "required": True}},
        },
    },
}


def read_groups(
    tenants: Sequence[Tenant],
    runtime_groups: Sequence[str],
    inventory: Mapping[str, Sequence[str]],
    hostvars: Mapping[str, Mapping[str, Any]],
    lived_in: Mapping[str, str],
) -> dict[str, Group]:
    """The groups that run Odoo: those that are named, those that tenants are declared on, and those they live in.

    lived_in: a tenant that is recorded in a group, by group.
    """
    faults: list[str] = []
    groups: dict[str, Group] = {}
    reasons = dict.fromkeys(runtime_groups, "odoo_runtime_groups names")
    reasons |= {name: f"tenant {tenant} is recorded to live on" for name, tenant in lived_in.items()}
    reasons |= {tenant.group: f"tenant {tenant.name} runs on" for tenant in tenants}
    for name, why in sorted(reasons.items()):
        if not inventory.get(name):
            state = "has no hosts" if name in inventory else "is not in the inventory"
            way_out = "add a host to it or choose another group" if name not in lived_in else _released(name)
            faults.append(f"{why} group {name}, which {state}; {way_out}")
            continue
        try:
            groups[name] = _group(name, inventory[name], hostvars)
        except InputError as error:
            faults.append(str(error))
    faults += _overlaps(groups)
    if faults:
        raise InputError("; ".join(faults))
    return groups


def _released(name: str) -> str:
    site, resume, recover = (
        listed_input(f"{playbook}_released_groups", [name]) for playbook in ("site", "resume", "recover")
    )
    return (
        f"put it back, or, where it is gone for good, run gantry.odoo.site with {site}, or first gantry.odoo.resume "
        f"with {resume} where a change was interrupted, or gantry.odoo.recover with {recover} to restore its tenants "
        "elsewhere"
    )


def _overlaps(groups: Mapping[str, Group]) -> list[str]:
    """A host that runs the instances of two groups would have two of one name and port."""
    of: dict[str, list[str]] = {}
    for name, group in groups.items():
        for host in group.hosts:
            of.setdefault(host.name, []).append(name)
    return [
        f"host {host} is in the groups {' and '.join(names)}, which both run Odoo; leave it in one of them"
        for host, names in sorted(of.items())
        if len(names) > 1
    ]


def _group(name: str, members: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> Group:
    kind = _agreed("odoo_runtime", name, members, hostvars)
    server = _agreed("odoo_database_server", name, members, hostvars)
    if kind not in KINDS:
        raise InputError(f"group {name}: odoo_runtime must be one of {', '.join(KINDS)}, not {kind}")
    if server not in hostvars:
        raise InputError(f"group {name}: odoo_database_server is {server}, which is not a host of the inventory")
    hosts = tuple(_host(host, hostvars[host]) for host in members)
    if all(host.canary for host in hosts):
        raise InputError(
            f"group {name}: odoo_canary is set for all of its hosts, and a canary is a part of them; remove it from one"
        )
    _refuse_old_name(name, members, hostvars)
    return Group(name, kind, hosts, server, _database_host(server, members, hostvars[server]))


def _host(name: str, variables: Mapping[str, Any]) -> Host:
    faults: list[str] = []
    drained, canary = (
        convert(variables.get(option), _FLAG, f"host {name}: {option}", faults)
        for option in ("odoo_drained", "odoo_canary")
    )
    if faults:
        raise InputError("; ".join(faults))
    return Host(name, address_of(name, variables), bool(drained), canary=bool(canary))


def _database_host(server: str, members: Sequence[str], variables: Mapping[str, Any]) -> str:
    """The server's own word, else localhost where it serves itself alone, else its name in the inventory."""
    faults: list[str] = []
    said = convert(variables.get("estate_database_host"), _TEXT, f"host {server}: estate_database_host", faults)
    if faults:
        raise InputError("; ".join(faults))
    return str(said) or ("localhost" if list(members) == [server] else server)


def _refuse_old_name(name: str, members: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> None:
    if any("odoo_db_host" in hostvars[host] for host in members):
        raise InputError(
            f"group {name}: odoo_db_host is not read from the inventory, since odoo_database_server names the server; "
            "remove it, or set estate_database_host for the server where its name differs"
        )


def _agreed(variable: str, group: str, members: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> str:
    faults: list[str] = []
    seen = {convert(hostvars[host].get(variable), _TEXT, f"host {host}: {variable}", faults) for host in members}
    if faults:
        raise InputError("; ".join(faults))
    if seen == {""}:
        raise InputError(f"group {group}: {variable} is not set for its hosts; set it in the group's variables")
    if len(seen) > 1:
        raise InputError(
            f"group {group}: {variable} differs between its hosts ({', '.join(sorted(seen))}); make it one"
        )
    return seen.pop()


def read_ports(edges: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """The port of HTTPS of each audience, which all edges have alike. Raises InputError with every fault."""
    faults: list[str] = []
    seen: dict[str, dict[str, int]] = {}
    for name in edges:
        declared = hostvars[name].get("traefik_entry_points") or model_entry_points.DEFAULT
        found = model_entry_points.faults(declared)
        faults += [f"host {name}: {fault}" for fault in found]
        if not found:
            seen[name] = model_entry_points.ports(declared)
    first = next(iter(seen), "")
    faults += [
        f"the edges {first} and {name} serve the audience {audience} at the ports {seen[first][audience]} and {port}; "
        "make it one in traefik_entry_points, since users come by one name"
        for name, ports in seen.items()
        for audience, port in ports.items()
        if port != seen[first][audience]
    ]
    if faults:
        raise InputError("; ".join(faults))
    return dict(seen.get(first, {}))


def require_groups(names: Sequence[str], inventory: Mapping[str, Sequence[str]]) -> None:
    """Raise InputError where a playbook needs a group that is missing or empty."""
    missing = [name for name in names if not inventory.get(name)]
    if missing:
        raise InputError(
            f"the inventory has no hosts in {', '.join(missing)}; this playbook needs the groups {', '.join(names)}"
        )


def require_unmade(inventory: Iterable[str]) -> None:
    """Raise InputError where a group is there that a playbook would make, and would then act on its hosts too."""
    taken = sorted(set(MADE_GROUPS).intersection(inventory))
    if taken:
        raise InputError(
            f"the inventory has {', '.join(taken)} before the playbook makes a group of that name; call groups "
            "otherwise, and run each playbook by itself, as groups stay until the run ends"
        )


def read_placement(raw: Mapping[str, Any]) -> dict[str, tuple[Database, ...]]:
    """The databases that role postgresql published as postgresql_databases, by server."""
    faults: list[str] = []
    listed = {
        server: convert(databases, _DATABASES, f"placement.{server}", faults) for server, databases in raw.items()
    }
    if faults:
        raise InputError("; ".join(faults))
    return {server: tuple(_database(item) for item in databases) for server, databases in listed.items()}


def _database(item: Mapping[str, Any]) -> Database:
    home = item["home"] or {"number": 0, "group": ""}
    return Database(item["name"], item["open"], item["owner"] or "", home["number"], home["group"])
