# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where clients of an audience come in, and by which proxies. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import Route
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import (
    AUDIENCES,
    EntryPoints,
    of_audience,
    proxies,
)


def served(routes: Iterable[Route], live: Mapping[str, Mapping[str, Any]]) -> list[Route]:
    """The routes on the entry points of their audiences. live: settings by name, as Traefik's API has them.

    Raises InputError for a route without TLS whose audience has no entry point for it.
    """
    addresses = {name: one.get("address") for name, one in live.items()}
    made = [replace(one, points=_points(one, addresses, live)) for one in routes]
    found = [
        f"route {one.name} is without TLS, and its audience {one.audience} has no entry point for plain HTTP; set tls, "
        f"or declare one beside {one.points.tls} in traefik_entry_points"
        for one in made
        if not one.tls and not one.points.plain
    ]
    if found:
        raise InputError("; ".join(found))
    return made


def _points(one: Route, addresses: Mapping[str, Any], live: Mapping[str, Mapping[str, Any]]) -> EntryPoints:
    found = of_audience(one.audience, addresses)
    return replace(found, proxies=proxies(live.get(found.tls if one.tls else found.plain) or {}))


def require_clients(routes: Sequence[Route]) -> None:
    """Raise RefusedError for a route whose clients cannot be told from proxies that its entry point trusts."""
    found = [fault for one in routes for network in one.allow for fault in _unknown(one, network, routes)]
    if found:
        raise RefusedError("; ".join(found))


def _unknown(one: Route, network: str, routes: Sequence[Route]) -> list[str]:
    allowed, point = ipaddress.ip_network(network), one.points.tls if one.tls else one.points.plain
    trusted = [
        (proxy, seen)
        for proxy in one.points.proxies
        for seen in [ipaddress.ip_network(proxy)]
        if allowed.overlaps(seen)
    ]
    found = [
        f"route {one.name} allows {network}, all of which entry point {point} trusts as proxies ({proxy}), so that "
        "none of these clients has an address of its own; trust the proxies alone, or take the network out of allow"
        for proxy, seen in trusted
        if allowed.prefixlen >= seen.prefixlen
    ]
    wider = [
        other.name
        for other in routes
        if AUDIENCES.index(other.audience) < AUDIENCES.index(one.audience)
        and set(other.hosts) & set(one.hosts)
        and set(other.entry_points) & set(one.entry_points)
    ]
    if trusted and wider and not found:
        found.append(
            f"route {one.name} allows {network} with the proxy {trusted[0][0]} and shares a host with route "
            f"{wider[0]}. Traefik tells their requests apart by the address of the connection, which for both is the "
            f"proxy's; give the audience {one.audience} a host or entry points of its own"
        )
    return found
