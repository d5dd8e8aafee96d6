# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of roles: instances, databases, routes and certificates, in the form in which the roles take them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import ACME, INTERNAL
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model_authority import in_zones
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import in_url
from ansible_collections.gantry.odoo.plugins.module_utils._estate import plan_canary
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import (
    SHARED_INSTANCE,
    WEBSOCKET_OFFSET,
    Group,
    Host,
    Layout,
    Route,
    Tenant,
    cookie_name,
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


def databases(
    group: Group, settled: Sequence[Home], layout: Layout, number: int, https: Mapping[str, int]
) -> list[dict]:
    """The databases of a group, as gantry.odoo.odoo_database takes them, without those that somebody has blocked.

    number: of the change, for homes that have none yet; 0 gives none. https: the port of HTTPS of each audience.
    """
    here = [home for home in settled if home.group.name == group.name and not home.blocked]
    return [
        {
            **_database(home, layout, https),
            **({"fencing_number": number} if number else {}),
            **({"home": {"number": number, "group": group.name}} if number and not home.number else {}),
        }
        for home in here
    ]


def _database(home: Home, layout: Layout, https: Mapping[str, int]) -> dict:
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
        declared["base_url"] = tenant.routes[0].url(https)
    return declared


def routes(
    settled: Sequence[Home],
    with_ports: Mapping[str, int],
    drained: Sequence[str] = (),
    maintenance: Sequence[str] = (),
    hidden: Collection[str] = (),
    keeping: Collection[str] = (),
) -> list[dict]:
    """The routes of the estate, as gantry.odoo.traefik_route takes them.

    A tenant whose hosts are all drained is in maintenance, like those of `maintenance`. hidden: hosts to leave out.
    keeping: hosts that keep the users of sticky tenants when they are drained.
    """
    listed: list[dict] = []
    for home in settled:
        port = with_ports[home.tenant.instance]
        hosts = [host for host in home.group.hosts if host.name not in hidden]
        is_away = all(host.name in drained for host in hosts)
        silent = plan_canary.without_websockets(hosts, drained)
        for number, route in enumerate(home.tenant.routes):
            item: dict = {
                "name": f"{home.tenant.name}-{route.audience}" + (f"-{number}" if number else ""),
                "hosts": [route.host],
                "audience": route.audience,
                "mode": "maintenance" if home.tenant.name in maintenance or is_away else "serve",
                "servers": _servers(hosts, port, drained),
                "websocket_servers": _servers(hosts, port + WEBSOCKET_OFFSET, silent),
                **_wishes(route),
            }
            canary = plan_canary.option(home.tenant.canary, hosts, item["servers"])
            if canary:
                item["canary"] = canary
            if route.sticky:
                item["sticky"] = {"cookie": cookie_name(home.tenant.instance)}
                for host, server in zip(hosts, item["servers"]):
                    server["keeps_users"] = host.name in keeping
            listed.append(item)
    return listed


def _wishes(route: Route) -> dict:
    """The options of a route that are declared; others have the defaults of gantry.odoo.traefik_route."""
    declared = {
        "allow": list(route.allow),
        "maintenance_page": route.maintenance_page,
        "security_headers": route.security_headers,
        "rate_limit": dict(zip(("average", "burst"), route.rate_limit or ())),
        "middlewares": list(route.middlewares),
    }
    return {name: value for name, value in declared.items() if value}


def _servers(hosts: Sequence[Host], port: int, drained: Sequence[str]) -> list[dict]:
    return [{"url": f"http://{in_url(host.address)}:{port}", "drained": host.name in drained} for host in hosts]


def certificates(tenants: Sequence[Tenant], zones: Sequence[str] = ()) -> list[dict]:
    """One certificate for the tenants that name the same, over all their hosts, as role certificate takes them.

    zones: of the internal authority, which signs what is internal there in certificates of their own.
    """
    hosts: dict[str, set[str]] = {}
    options: dict[str, dict[str, Any]] = {}
    for tenant in tenants:
        for name, those, wanted in _certificates(tenant, zones):
            hosts.setdefault(name, set()).update(those)
            options[name] = wanted
    return [
        {"name": name, "domains": sorted(those), **options[name], **({"hosts": sorted(those)} if options[name] else {})}
        for name, those in hosts.items()
    ]


def _certificates(tenant: Tenant, zones: Sequence[str]) -> Iterator[tuple[str, set[str], dict[str, Any]]]:
    """The certificates of a tenant: name, hosts and options."""
    name, every = tenant.certificate_name, {route.host for route in tenant.routes}
    declared = {key: value for key, value in tenant.certificate.items() if key != "name" and value}
    signed = {host for host in _internal(tenant) if in_zones(host, zones)} if "issuer" not in declared else set()
    if not signed:
        parts = [(name, every, declared)]
    else:
        named = declared.pop("domains", [])
        outside, inside = ([one for one in named if in_zones(one, zones) == is_in] for is_in in (False, True))
        kept = {key: value for key, value in declared.items() if key in ("key_type", "reuse_key")}
        parts = [
            (name, every - signed, {**declared, **({"domains": outside} if outside else {})}),
            (f"{name}-internal", signed, {**kept, **({"domains": inside} if inside else {}), "issuer": INTERNAL}),
        ]
    return ((one, those, wanted) for one, those, wanted in parts if those)


def internal_names(tenants: Sequence[Tenant], zones: Sequence[str] = ()) -> list[str]:
    """The hosts that no public CA is asked for: it publishes those that it can validate, and fails for the others.

    zones: of the internal authority, which signs those in them. Others may have another issuer than an ACME server.
    """
    left = []
    for tenant in tenants:
        issuer = tenant.certificate.get("issuer")
        if issuer in (None, ACME):
            left += [host for host in _internal(tenant) if issuer == ACME or not in_zones(host, zones)]
    return sorted(left)


def _internal(tenant: Tenant) -> list[str]:
    return [route.host for route in tenant.routes if route.audience == "internal" or route.host.endswith(_PRIVATE)]
