# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of roles: instances, databases, routes and certificates, in the form in which the roles take them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import (
    SHARED_INSTANCE,
    WEBSOCKET_OFFSET,
    Group,
    Host,
    Layout,
    Tenant,
)
from ansible_collections.gantry.odoo.plugins.module_utils._estate.plan_homes import Home

# Names that no public name server has: ICANN's and RFC 6762 (appendix G), RFC 8375.
_PRIVATE = (".internal", ".local", ".lan", ".home", ".corp", ".intranet", ".private", ".home.arpa")
# What the PostgreSQL roles of all instances begin with.
ROLE = "odoo_"


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
            "db_filter": "^%d$" if name == SHARED_INSTANCE else f"^{served[0].name}$",
            # Odoo makes a database that it is told of and does not find; cron is told of those that are there.
            "databases": sorted(tenant.name for tenant in served if tenant.name in existing),
        }
        for name, served in sorted(wanted.items())
    ]


def pages(group: Group, settled: Sequence[Home], run: Sequence[Mapping[str, Any]]) -> list[dict]:
    """What the users of a group's tenants ask for first, as role odoo takes it. run: the group's instances."""
    found = {one["name"]: one for one in run}
    return [
        {
            "name": home.tenant.name,
            "host": home.tenant.routes[0].host,
            "http_port": found[home.tenant.instance]["http_port"],
            "workers": found[home.tenant.instance]["workers"],
            "paths": list(home.tenant.warm_up),
        }
        for home in settled
        if home.group.name == group.name and home.exists and not home.blocked
        if home.tenant.routes and home.tenant.instance in found
    ]


def renaming(group: Group, settled: Sequence[Home]) -> list[str]:
    """The instances whose processes look for the former name of the database that they serve."""
    return sorted(
        home.tenant.instance
        for home in settled
        if home.group.name == group.name
        and home.former
        and home.tenant.instance != SHARED_INSTANCE
        and not home.blocked
    )


def role_name(instance: str) -> str:
    """The PostgreSQL role of an instance."""
    return ROLE + instance.replace("-", "_")


def databases(group: Group, settled: Sequence[Home], layout: Layout, number: int) -> list[dict]:
    """The databases of a group, as gantry.odoo.odoo_database takes them, without those that somebody has blocked.

    number: of the change, for homes that have none yet; 0 gives none.
    """
    here = [home for home in settled if home.group.name == group.name and not home.blocked]
    return [
        {
            **_database(home, layout),
            **({"fencing_number": number} if number else {}),
            **({"home": {"number": number, "group": group.name}} if number and not home.number else {}),
        }
        for home in here
    ]


def _database(home: Home, layout: Layout) -> dict:
    tenant = home.tenant
    declared: dict = {
        "name": tenant.name,
        "config": layout.config(tenant.instance),
        "owner": role_name(tenant.instance),
        "addons": list(tenant.addons),
        "language": tenant.language,
        "demo": tenant.demo,
        "parameters": dict(tenant.parameters),
    }
    if home.former:
        declared["rename_from"] = home.former
    if tenant.routes:
        declared["base_url"] = f"https://{tenant.routes[0].host}"
    return declared


def routes(
    settled: Sequence[Home],
    with_ports: Mapping[str, int],
    drained: Sequence[str] = (),
    maintenance: Sequence[str] = (),
    hidden: Collection[str] = (),
) -> list[dict]:
    """The routes of the estate, as gantry.odoo.traefik_route takes them.

    A tenant whose hosts are all drained is in maintenance, like those of `maintenance`. hidden: hosts to leave out.
    """
    listed: list[dict] = []
    for home in settled:
        port = with_ports[home.tenant.instance]
        hosts = [host for host in home.group.hosts if host.name not in hidden]
        is_away = all(host.name in drained for host in hosts)
        for number, route in enumerate(home.tenant.routes):
            item: dict = {
                "name": f"{home.tenant.name}-{route.audience}" + (f"-{number}" if number else ""),
                "hosts": [route.host],
                "audience": route.audience,
                "mode": "maintenance" if home.tenant.name in maintenance or is_away else "serve",
                "servers": _servers(hosts, port, drained),
                "websocket_servers": _servers(hosts, port + WEBSOCKET_OFFSET, drained),
            }
            if route.allow:
                item["allow"] = list(route.allow)
            listed.append(item)
    return listed


def _servers(hosts: Sequence[Host], port: int, drained: Sequence[str]) -> list[dict]:
    return [{"url": f"http://{_in_url(host.address)}:{port}", "drained": host.name in drained} for host in hosts]


def _in_url(address: str) -> str:
    """An address as it stands in a URL: that of IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def certificates(tenants: Sequence[Tenant]) -> list[dict]:
    """One certificate a tenant, over all its hosts, as role certificate takes them."""
    return [
        {"name": tenant.name, "domains": sorted({route.host for route in tenant.routes})}
        for tenant in tenants
        if tenant.routes
    ]


def internal_names(tenants: Sequence[Tenant]) -> list[str]:
    """The hosts that no public CA is asked for: it publishes those that it can validate, and fails for the others."""
    routes = [route for tenant in tenants for route in tenant.routes]
    return sorted(route.host for route in routes if route.audience == "internal" or route.host.endswith(_PRIVATE))
