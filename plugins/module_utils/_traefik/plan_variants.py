# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests of a route that need middlewares of their own: those with a body, and those that come by a proxy. Pure.

No request is of two variants, so that they share the priority of their route.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import Route
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import in_address
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import Matcher, Not, Rule, some
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_bodies import KINDS, UNTYPED

_IPV6_SUBNET = 64
# Parts of the names of middlewares and routers.
HOST, PROXIED = "host", "proxied"


@dataclass(frozen=True)
class Variant:
    """Some of the requests of a route. suffix: of the names of their routers. rules: which requests they are.

    body: their kind, where Traefik tells by their bodies how they pass; empty otherwise. proxied: the host
    that they are for, where a trusted proxy has sent them, whose word on the client's address counts; empty otherwise.
    """

    suffix: str = ""
    rules: tuple[Rule, ...] = ()
    body: str = ""
    proxied: str = ""


def variants(one: Route) -> list[Variant]:
    """All requests of a route, each in one variant."""
    direct = [Variant()]
    if one.max_body_mb and one.mode == "serve":
        direct = [Variant("" if kind == UNTYPED else f"-{kind}", (rule,), kind) for kind, rule in KINDS.items()]
    return _by_proxy(one, direct)


def upgrades(one: Route) -> list[Variant]:
    """All connections of websockets, each in one variant."""
    return _by_proxy(one, [Variant()])


def _by_proxy(one: Route, direct: Sequence[Variant]) -> list[Variant]:
    if not one.points.proxies:
        return list(direct)
    # The address of the connection, which no header can change.
    proxy = some(Matcher("ClientIP", (network,)) for network in one.points.proxies)
    return [
        *(replace(each, rules=(*each.rules, Not(proxy))) for each in direct),
        *(
            replace(
                each,
                suffix=each.suffix + proxied_suffix(one, host),
                rules=(*each.rules, proxy, *_of_host(one, host)),
                proxied=host,
            )
            for each in direct
            for host in one.hosts
        ),
    ]


def _of_host(one: Route, host: str) -> list[Rule]:
    """What tells the requests of one host from those of the others of its route."""
    return [Matcher("Host", (host,))] if one.hosts[1:] else []


def proxied_suffix(one: Route, host: str) -> str:
    """The end of the names of what is for requests to a host by a proxy."""
    number = one.hosts.index(host)
    return f"-{PROXIED}-{number}" if number else f"-{PROXIED}"


def forwarded(one: Route, host: str) -> dict[str, Any]:
    """The middleware that says in the place of a proxy which host is meant, as proxies pass on what clients say."""
    said = {"X-Forwarded-Host": host}
    # without TLS here, a proxy has ended it or not
    if one.tls:
        said = {"X-Forwarded-Host": in_address(host, one.points.port), "X-Forwarded-Proto": "https"}
    return {"headers": {"customRequestHeaders": said}}


def by_proxy(one: Route) -> dict[str, Any]:
    """The setting of a middleware that takes the address from a proxy: the last one that no proxy of ours has."""
    return {"ipStrategy": {"excludedIPs": list(one.points.proxies)}}


def by_connection() -> dict[str, Any]:
    """The setting of a limit that takes the address of the connection: of IPv6 the network, as a client has all of it.

    Traefik has no such setting for the address that a proxy names.
    """
    return {"ipStrategy": {"ipv6Subnet": _IPV6_SUBNET}}
