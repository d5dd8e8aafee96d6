# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From declared tenants and what was seen on the database servers to what each host and role is to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import (
    FIRST_HTTP_PORT,
    INCOMING,
    RETIRED,
    SHARED_INSTANCE,
    WEBSOCKET_OFFSET,
    Database,
    Group,
    Tenant,
)

# What each PostgreSQL server holds; a server that was not asked is missing.
Placement = Mapping[str, Sequence[Database]]


@dataclass(frozen=True)
class Home:
    """Where a tenant lives now."""

    tenant: Tenant
    group: Group
    exists: bool

    @property
    def note(self) -> str | None:
        """A sentence where the estate differs from the declaration, else None."""
        if self.group.name == self.tenant.group:
            return None
        return (
            f"tenant {self.tenant.name} is declared on {self.tenant.group} and lives on {self.group.name}: "
            "declare it there, or move it with gantry.odoo.migrate"
        )


def homes(
    tenants: Sequence[Tenant],
    groups: Mapping[str, Group],
    placement: Placement,
    assume: Mapping[str, str] | None = None,
) -> tuple[Home, ...]:
    """The home of each tenant: where its open database stands, else where it is declared.

    assume: homes to take for granted, group by tenant, as a move does for the estate that it is about to make; the
    database is not there yet.
    """
    settled = []
    for tenant in tenants:
        home = _home(tenant, groups, placement)
        group = (assume or {}).get(tenant.name)
        settled.append(home if group is None else replace(home, group=groups[group], exists=False))
    return tuple(settled)


def _home(tenant: Tenant, groups: Mapping[str, Group], placement: Placement) -> Home:
    held = {
        server: database
        for server, databases in placement.items()
        for database in databases
        if database.name == tenant.name
    }
    opened = sorted(server for server, database in held.items() if database.open)
    if len(opened) > 1:
        raise StateError(
            f"tenant {tenant.name} has an open database on {' and '.join(opened)}: block the stale one with "
            "gantry.odoo.odoo_database (access: blocked) before anything else is done"
        )
    declared = groups[tenant.group]
    if not held:
        _refuse_to_recreate(tenant, placement)
        return Home(tenant, declared, exists=False)
    if not opened and len(held) > 1:
        # An interrupted move blocks the source first; the declared side is then the one that never moved.
        opened = [declared.database_server] if declared.database_server in held else []
    server = opened[0] if opened else sorted(held)[0]
    if declared.database_server == server:
        return Home(tenant, declared, exists=True)
    beside = sorted(name for name, group in groups.items() if group.database_server == server)
    if not beside:
        raise StateError(
            f"tenant {tenant.name} has its database on {server}, which serves no declared group; "
            f"move it to the server of {tenant.group} or declare a group there"
        )
    return Home(tenant, groups[beside[0]], exists=True)


def _refuse_to_recreate(tenant: Tenant, placement: Placement) -> None:
    for server, databases in sorted(placement.items()):
        for database in databases:
            if database.name in (tenant.name + RETIRED, tenant.name + INCOMING):
                raise StateError(
                    f"tenant {tenant.name} has no database, but {server} holds {database.name}: rename or drop that "
                    "one with gantry.odoo.odoo_database, so that no empty tenant takes its place"
                )


def require_databases(settled: Sequence[Home]) -> None:
    """Raise StateError for tenants that have no database yet, for what can only be done to those that have one."""
    missing = [f"{home.tenant.name} on {home.group.database_server}" for home in settled if not home.exists]
    if missing:
        raise StateError(f"no database was found for {', '.join(missing)}; make it with gantry.odoo.site first")


def ports(tenants: Sequence[Tenant]) -> dict[str, int]:
    """The HTTP port of each instance: stated, or by the order of declaration. The websocket port is 3 above."""
    taken: dict[str, int] = {SHARED_INSTANCE: FIRST_HTTP_PORT}
    place = 0
    for tenant in tenants:
        if tenant.tenancy != "dedicated":
            continue
        place += 1
        taken[tenant.name] = tenant.http_port or FIRST_HTTP_PORT + 100 * place
    used: dict[int, str] = {}
    for name, port in taken.items():
        for each in (port, port + WEBSOCKET_OFFSET):
            if each in used:
                raise InputError(f"instances {used[each]} and {name} both need port {each}; state another http_port")
            used[each] = name
    return taken


def instances(group: Group, settled: Sequence[Home], with_ports: Mapping[str, int]) -> list[dict]:
    """The Odoo instances that a group's hosts run, as role odoo takes them, passwords left out."""
    wanted: dict[str, list[Tenant]] = {SHARED_INSTANCE: []}
    existing = {home.tenant.name for home in settled if home.exists}
    for home in settled:
        if home.group.name == group.name:
            wanted.setdefault(home.tenant.instance, []).append(home.tenant)
    return [
        {
            "name": name,
            "http_port": with_ports[name],
            "websocket_port": with_ports[name] + WEBSOCKET_OFFSET,
            "workers": max((tenant.workers for tenant in served), default=2),
            "cron_threads": max((tenant.cron_threads for tenant in served), default=1),
            "db_user": role_name(name),
            # A shared instance answers for the database that the first label of the host names.
            "db_filter": "^%d$" if name == SHARED_INSTANCE else f"^{name}$",
            # Odoo makes a database that it is told of and does not find; cron is told of those that are there.
            "databases": sorted(tenant.name for tenant in served if tenant.name in existing),
        }
        for name, served in sorted(wanted.items())
    ]


def role_name(instance: str) -> str:
    """The PostgreSQL role of an instance."""
    return "odoo_" + instance.replace("-", "_")


def config_path(instance: str) -> str:
    """Where role odoo keeps the configuration of an instance."""
    return f"/etc/odoo/{instance}.conf"


def databases(group: Group, settled: Sequence[Home]) -> list[dict]:
    """The databases of a group, as gantry.odoo.odoo_database takes them."""
    return [_database(home.tenant) for home in settled if home.group.name == group.name]


def _database(tenant: Tenant) -> dict:
    declared: dict = {
        "name": tenant.name,
        "config": config_path(tenant.instance),
        "owner": role_name(tenant.instance),
        "addons": list(tenant.addons),
        "language": tenant.language,
        "demo": tenant.demo,
        "parameters": dict(tenant.parameters),
        # A move that was interrupted left the database blocked; its home is open again.
        "access": "open",
    }
    if tenant.routes:
        declared["base_url"] = f"https://{tenant.routes[0].host}"
    return declared


def routes(
    settled: Sequence[Home],
    with_ports: Mapping[str, int],
    drained: Sequence[str] = (),
    maintenance: Sequence[str] = (),
) -> list[dict]:
    """The routes of the estate, as gantry.odoo.traefik_route takes them."""
    listed: list[dict] = []
    for home in settled:
        port = with_ports[home.tenant.instance]
        for number, route in enumerate(home.tenant.routes):
            item: dict = {
                "name": f"{home.tenant.name}-{route.audience}" + (f"-{number}" if number else ""),
                "hosts": [route.host],
                "audience": route.audience,
                "mode": "maintenance" if home.tenant.name in maintenance else "serve",
                "servers": _servers(home.group, port, drained),
                "websocket_servers": _servers(home.group, port + WEBSOCKET_OFFSET, drained),
            }
            if route.allow:
                item["allow"] = list(route.allow)
            listed.append(item)
    return listed


def _servers(group: Group, port: int, drained: Sequence[str]) -> list[dict]:
    return [{"url": f"http://{host.address}:{port}", "drained": host.name in drained} for host in group.hosts]


def certificates(tenants: Sequence[Tenant]) -> list[dict]:
    """One certificate a tenant, over all its hosts, as role certificate takes them."""
    return [
        {"name": tenant.name, "domains": sorted(route.host for route in tenant.routes)}
        for tenant in tenants
        if tenant.routes
    ]


def find(settled: Sequence[Home], name: str) -> Home:
    """The home of the tenant called `name`. Raises InputError where none is declared."""
    for home in settled:
        if home.tenant.name == name:
            return home
    known = ", ".join(home.tenant.name for home in settled)
    raise InputError(f"tenant {name} is not declared in odoo_tenants; declared are {known}")


def destination(home: Home, name: str, groups: Mapping[str, Group]) -> dict:
    """The group that a tenant is to move to. Raises InputError where it cannot go there."""
    if name not in groups:
        raise InputError(f"group {name} runs no Odoo; {home.tenant.name} can move to {', '.join(sorted(groups))}")
    group = groups[name]
    if name == home.group.name:
        raise InputError(f"tenant {home.tenant.name} already lives on {name}; name another group")
    if group.database_server == home.group.database_server:
        raise InputError(
            f"groups {home.group.name} and {name} share the PostgreSQL server {group.database_server}, "
            "and a move goes from one server to another"
        )
    if not home.exists:
        raise InputError(f"tenant {home.tenant.name} has no database yet; run gantry.odoo.site first")
    return {
        "group": name,
        "kind": group.kind,
        "hosts": [host.name for host in group.hosts],
        "leader": group.hosts[0].name,
        "database_server": group.database_server,
    }
