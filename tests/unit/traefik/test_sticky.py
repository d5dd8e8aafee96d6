# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A browser stays with its server, also while that is drained, and goes on to another one where it is dead."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import (
    model,
    model_sticky,
    plan_document,
    plan_ownership,
    plan_routes,
)

from .builders import route, service_of, unshared

APP1, APP2, APP3 = "http://app1:8069", "http://app2:8069", "http://app3:8069"
STICKY = {"cookie": "gantry-harbour"}
DRAINED = [{"url": APP1, "drained": True}, {"url": APP2}]
VALUE = "dbd34b7de405d0c0"
KEPT = f"gantry.harbour.kept-{VALUE}"


def http(*routes: model.Route) -> dict[str, Any]:
    made = plan_document.document("gantry", routes)["http"]
    return unshared(made) if len(routes) == 1 else made


def pool(service: dict[str, Any]) -> list[str]:
    return [server["url"] for server in service["loadBalancer"]["servers"]]


def test_the_cookie_has_what_traefik_writes_into_it() -> None:
    # seen in the answers of Traefik 3.7.15
    written = {"http://127.0.0.1:18001": "ce73baa54a05997d", "http://127.0.0.1:18002": "02bdc2a80ab7aabf", APP1: VALUE}
    assert {url: model_sticky.cookie_value(url) for url in written} == written


def test_the_cookie_is_for_this_site_and_no_script() -> None:
    made = http(route(sticky={**STICKY, "same_site": "strict"}))
    cookie = {"name": "gantry-harbour", "secure": True, "httpOnly": True, "sameSite": "strict"}
    assert service_of(made, "harbour.http")["loadBalancer"]["sticky"] == {"cookie": cookie}
    assert "sticky" not in service_of(made, "harbour.websocket")["loadBalancer"]
    plain = service_of(http(route(sticky=STICKY, tls=False)), "harbour.http")
    # Traefik would leave out what is false, and what it has is compared
    del cookie["secure"]
    assert plain["loadBalancer"]["sticky"]["cookie"] == {**cookie, "sameSite": "lax"}


def test_a_drained_server_keeps_those_who_have_its_cookie() -> None:
    made = http(route(sticky=STICKY, servers=DRAINED))
    web, kept = made["routers"]["gantry.harbour.http"], made["routers"][KEPT]
    assert pool(service_of(made, "harbour.http")) == [APP2]
    assert kept["rule"] == (
        "Host(`erp.harbour.example`) && !(Path(`/websocket`) || PathPrefix(`/longpolling/`)) && "
        f"HeaderRegexp(`Cookie`, `(^|; ?)gantry-harbour={VALUE}(;|$)`)"
    )
    assert kept["priority"] > web["priority"]
    assert kept["middlewares"] == web["middlewares"]
    assert kept["service"] != web["service"]


def test_a_kept_user_of_a_dead_server_gets_another_one() -> None:
    made = http(route(sticky=STICKY, servers=DRAINED, health_interval=3))
    service = made["services"][made["routers"][KEPT]["service"]]
    balancer = service["loadBalancer"]
    assert pool(service) == [APP1, APP2]
    assert balancer["healthCheck"]["interval"] == "3s"
    # each attempt takes 72 ms in the mean, and meets the dead server until a health check has found it
    assert made["middlewares"]["gantry.harbour.retry"]["retry"]["attempts"] * 0.072 > 3
    assert "gantry.harbour.retry@file" in made["routers"][KEPT]["middlewares"]


def test_each_drained_server_keeps_its_own() -> None:
    servers = [{"url": APP1, "drained": True}, {"url": APP2, "drained": True}, {"url": APP3}]
    made = http(route(sticky=STICKY, servers=servers, websocket_servers=[]))
    kept = [pool(made["services"][one["service"]]) for name, one in made["routers"].items() if ".kept-" in name]
    assert sorted(kept) == [[APP1, APP3], [APP2, APP3]]
    assert all("websocket" not in router["rule"] for router in made["routers"].values())


@pytest.mark.parametrize(
    "changes",
    [
        {"servers": [{**DRAINED[0], "keeps_users": False}, DRAINED[1]], "sticky": STICKY},
        {"servers": DRAINED},
        {"servers": DRAINED, "sticky": STICKY, "mode": "maintenance"},
        {"servers": [{"url": APP1}, {"url": APP2}], "sticky": STICKY},
    ],
)
def test_no_user_is_kept(changes: dict[str, Any]) -> None:
    made = http(route(**changes))
    assert not [name for name in made["routers"] if ".kept-" in name]
    assert len(made["services"]) == (1 if changes.get("mode") else 2)


@pytest.mark.parametrize(
    ("cookies", "is_kept"),
    [
        (f"gantry-harbour={VALUE}", True),
        (f"session_id=x; gantry-harbour={VALUE}; tz=UTC", True),
        (f"session_id=x;gantry-harbour={VALUE}", True),
        (f"not-gantry-harbour={VALUE}", False),
        (f"gantry-harbour={VALUE}0", False),
        (f"other=gantry-harbour={VALUE}", False),
    ],
)
def test_a_cookie_is_found_whole(cookies: str, is_kept: bool) -> None:
    found = model_sticky.Sticky("gantry-harbour", "lax").rule(APP1)
    assert bool(re.search(found.values[1], cookies)) == is_kept  # type: ignore[union-attr]


def test_a_drain_says_whether_users_stay() -> None:
    def steps(had: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> list[tuple[str, str]]:
        before, after = (route(sticky=STICKY, servers=servers) for servers in (had, wanted))
        current = plan_document.read_routes(plan_document.routes_text("gantry", [before]), "x.yml")
        return [(step.action, step.why) for step in plan_routes.plan("gantry", current, [after], True)]

    serving, left = [{"url": APP1}, {"url": APP2}], [{**DRAINED[0], "keeps_users": False}, DRAINED[1]]
    assert steps(serving, DRAINED) == [("drain", "gets no new request")]
    assert steps(DRAINED, left) == [("drain", "keeps no users")]
    assert steps(left, DRAINED) == [("drain", "keeps its users")]
    assert steps(left, serving) == [("undrain", "joins the pool again")]
    # one that serves keeps users in any case
    assert steps(serving, [{"url": APP1, "keeps_users": False}, {"url": APP2}]) == []


def test_a_route_that_a_drain_would_mix_up_with_another_is_refused() -> None:
    sticky = route(sticky=STICKY, priority=1000, websocket_servers=[])
    other = route(name="other", priority=1001, websocket_servers=[])
    with pytest.raises(InputError, match="neither is asked first for certain"):
        plan_ownership.check_collisions("gantry", [sticky, other])
    plan_ownership.check_collisions("gantry", [route(priority=1000, websocket_servers=[]), other])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cookie": "a b"}, "sticky.cookie is 'a b'; accepted are up to 64"),
        ({"cookie": ""}, "sticky.cookie is ''"),
        ({"cookie": "a", "same_site": "never"}, "sticky.same_site is 'never'; accepted are lax, strict, none"),
    ],
)
def test_a_cookie_that_no_browser_takes(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=f"route harbour: {words}"):
        route(sticky=given)


def test_a_cookie_of_all_sites_needs_tls() -> None:
    with pytest.raises(InputError, match=r"route harbour: sticky\.same_site is none, which browsers take with TLS"):
        route(sticky={"cookie": "a", "same_site": "none"}, tls=False)


def test_a_sticky_route_reads_back() -> None:
    made = route(sticky=STICKY, servers=DRAINED)
    assert plan_document.read_routes(plan_document.routes_text("gantry", [made]), "x.yml").routes == {"harbour": made}
