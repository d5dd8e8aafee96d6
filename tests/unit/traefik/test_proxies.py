# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Behind a proxy that is trusted, its word on the client's address decides; nobody else's does."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model, plan_clients, plan_document
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import EntryPoints

from .builders import route, unshared

OFFICE: dict[str, Any] = {"name": "office", "audience": "internal", "allow": ["10.0.0.0/8"]}


def behind(*trusted: str, **changes: Any) -> model.Route:
    """A route on an entry point that trusts proxies."""
    points = {
        "web": {"address": ":80", "forwardedHeaders": {}},
        "websecure": {"address": ":443", "forwardedHeaders": {"trustedIPs": list(trusted)}},
    }
    return plan_clients.served([route(**changes)], points)[0]


def http_of(one: model.Route, name: str = "harbour") -> dict[str, Any]:
    return unshared(plan_document.document("gantry", [one])["http"], name)


def test_requests_by_a_proxy_are_told_apart_by_the_connection() -> None:
    made = http_of(behind("10.0.0.7", "fe80::1/10", **OFFICE, rate_limit={"average": 5}), "office")
    routers = {name.partition("office.")[2]: one for name, one in made["routers"].items()}
    assert sorted(routers) == ["http", "http-proxied", "redirect", "websocket", "websocket-proxied"]
    proxy = "ClientIP(`10.0.0.7/32`) || ClientIP(`fe80::/10`)"
    assert routers["http-proxied"]["rule"] == f"Host(`erp.harbour.example`) && ({proxy})"
    assert routers["http"]["rule"] == f"Host(`erp.harbour.example`) && !({proxy})"
    assert len({routers[name]["priority"] for name in ("http", "http-proxied")}) == 1
    gates = [f"gantry.office.{kind}-proxied@file" for kind in ("allow", "limit")]
    assert routers["http-proxied"]["middlewares"][:2] == gates
    assert routers["websocket-proxied"]["middlewares"][:2] == gates
    strategy = {"ipStrategy": {"excludedIPs": ["10.0.0.7/32", "fe80::/10"]}}
    middlewares = made["middlewares"]
    assert middlewares["gantry.office.allow-proxied"]["ipAllowList"] == {"sourceRange": ["10.0.0.0/8"], **strategy}
    assert middlewares["gantry.office.limit-proxied"]["rateLimit"]["sourceCriterion"] == strategy
    # a client that comes by itself is judged by its own address
    assert middlewares["gantry.office.allow"]["ipAllowList"] == {"sourceRange": ["10.0.0.0/8"]}
    # of IPv6, a client has all addresses of a network
    assert middlewares["gantry.office.limit"]["rateLimit"]["sourceCriterion"] == {"ipStrategy": {"ipv6Subnet": 64}}


def test_bodies_and_proxies_together_make_eight_routers() -> None:
    made = http_of(behind("10.0.0.7", **OFFICE, max_body_mb=64), "office")["routers"]
    rules = {one["rule"] for name, one in made.items() if ".http" in name}
    assert len(rules) == 8
    assert "gantry.office.body@file" in made["gantry.office.http-body-proxied"]["middlewares"]


def test_the_host_of_a_request_by_a_proxy_is_said_by_its_route() -> None:
    """Proxies pass on an X-Forwarded-Host of a client, by which Odoo would choose another tenant's database."""
    hosts = ["erp.harbour.example", "harbour.example"]
    made = http_of(behind("10.0.0.7", hosts=hosts))
    for kind in ("http", "websocket"):
        for host, suffix in zip(hosts, ("proxied", "proxied-1")):
            router = made["routers"][f"gantry.harbour.{kind}-{suffix}"]
            assert router["rule"].endswith(f"&& ClientIP(`10.0.0.7/32`) && Host(`{host}`)")
            assert f"gantry.harbour.host-{suffix}@file" in router["middlewares"]
            said = made["middlewares"][f"gantry.harbour.host-{suffix}"]["headers"]["customRequestHeaders"]
            assert said == {"X-Forwarded-Host": host, "X-Forwarded-Proto": "https"}
        assert not any(".host-" in one for one in made["routers"][f"gantry.harbour.{kind}"]["middlewares"])


def test_plain_http_may_trust_others() -> None:
    assert behind("10.0.0.7", **OFFICE, tls=False).points == EntryPoints()


def test_a_route_behind_proxies_is_read_back() -> None:
    one = behind("10.0.0.7", **OFFICE)
    text = plan_document.routes_text("gantry", [one])
    assert plan_document.read_routes(text, "x").routes == {"office": one}


def test_a_proxy_among_the_clients_is_no_client() -> None:
    plan_clients.require_clients([behind("10.0.0.7", **OFFICE)])
    plan_clients.require_clients([behind("192.0.2.7", **OFFICE)])


@pytest.mark.parametrize("trusted", ["10.0.0.0/8", "0.0.0.0/0"])
def test_clients_that_are_all_proxies_are_refused(trusted: str) -> None:
    with pytest.raises(
        RefusedError, match=r"office allows 10\.0\.0\.0/8, all of which entry point websecure trusts as prox"
    ):
        plan_clients.require_clients([behind(trusted, **OFFICE)])


def test_two_audiences_of_one_host_behind_a_proxy_that_is_a_client_too_are_refused() -> None:
    office, public = behind("10.0.0.7", **OFFICE), behind("10.0.0.7")
    plan_clients.require_clients([behind("10.0.0.7", **{**OFFICE, "hosts": ["other.example"]}), public])
    with pytest.raises(
        RefusedError, match=r"with the proxy 10\.0\.0\.7/32 and shares a host with route harbour\. Traefik"
    ):
        plan_clients.require_clients([office, public])
    # the proxy is no client: strangers go to the public route
    plan_clients.require_clients([behind("192.0.2.7", **OFFICE), behind("192.0.2.7")])
