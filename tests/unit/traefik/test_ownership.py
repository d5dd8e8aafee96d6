# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request belongs to one route, and no other owner takes it over."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model, plan_document, plan_ownership
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_ownership import check_collisions, places

from .builders import route

HOST = "erp.harbour.example"
OFFICE = {"name": "office", "audience": "internal", "allow": ["10.0.0.0/8"]}


def rivals(ours: list[model.Route], foreign: dict[str, Any]) -> list[str]:
    """The sentences on routes of owner gantry, and routers of others."""
    claims = plan_ownership.claims_in({"routers": foreign}, lambda _section, _name: True)
    return [one.sentence for one in plan_ownership.rivals(plan_ownership.claims_of("gantry", ours), claims)]


def router(rule: str, *entry_points: str, **fields: Any) -> dict[str, Any]:
    return {"rule": rule, "entryPoints": list(entry_points or ("websecure",)), "status": "enabled", **fields}


def live(owner: str, *routes: model.Route) -> dict[str, Any]:
    """The routers of an owner as Traefik has them."""
    made = plan_document.document(owner, routes)["http"]["routers"]
    return {f"{name}@file": {**one, "status": "enabled"} for name, one in made.items()}


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"hosts": ["x.example", HOST]},
        {"tls": False},
        {"rule": "PathPrefix(`/`)"},
        # one more than the websocket router of the first one
        {"priority": 1001},
        {"audience": "internal", "allow": ["10.0.0.0/8"], "priority": 1001, "rule": "!Path(`/my`)"},
    ],
)
def test_routes_of_one_owner_that_chance_would_choose_from_are_refused(other: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=rf"harbour and other of owner gantry both answer for {HOST} \(.*of its own$"):
        check_collisions("gantry", [route(), route(**{"name": "other", **other})])


@pytest.mark.parametrize(
    "other",
    [
        {"hosts": ["x.example"]},
        {"rule": "PathPrefix(`/my`)"},
        {"hosts": [HOST, "x.example"], "rule": "PathPrefix(`/my`)"},
        {"rule": "HostRegexp(`^erp`) && Method(`GET`)"},
        {"audience": "internal", "allow": ["10.0.0.0/8"]},
        {"priority": 1010},
    ],
)
def test_routes_of_which_one_is_asked_first_share_a_host(other: dict[str, Any]) -> None:
    check_collisions("gantry", [route(), route(**{"name": "other", **other})])


def test_each_of_three_nested_routes_has_a_priority_of_its_own() -> None:
    nested = [route(), route(name="my", rule="PathPrefix(`/my`)"), route(name="orders", rule="Path(`/my/orders`)")]
    check_collisions("gantry", nested)
    assert [places(nested)[name].priority for name in ("harbour", "my", "orders")] == [1000, 1002, 1004]


def test_routes_that_share_hosts_in_turn_are_asked_in_order() -> None:
    shop = route(name="shop", hosts=["a.example", "b.example"], rule="PathPrefix(`/shop`)")
    whole, cart = (
        route(name="whole", hosts=["b.example"]),
        route(name="cart", hosts=["a.example"], rule="Path(`/shop/c`)"),
    )
    found = places([shop, whole, cart])
    assert [found[name].priority for name in ("whole", "shop", "cart")] == [1000, 1002, 1004]


def test_two_audiences_on_one_host_are_told_apart_by_address() -> None:
    office = route(**OFFICE)
    assert "ClientIP(`10.0.0.0/8`)" in str(places([route(), office])["office"].rule)
    assert "ClientIP" not in str(places([office])["office"].rule)
    assert "ClientIP" not in str(places([route(), office])["harbour"].rule)


def test_neither_of_two_rules_that_cross_is_more_specific() -> None:
    with pytest.raises(
        InputError, match=r"both answer for .* \(PathPrefix\(`/my`\) against every path\) at priorities"
    ):
        check_collisions("gantry", [route(name="a", rule="PathPrefix(`/my`)"), route(name="b", rule="Method(`GET`)")])


def test_all_collisions_are_listed() -> None:
    with pytest.raises(InputError, match=r"a and b of owner gantry .*; routes c and d of owner gantry"):
        check_collisions(
            "gantry", [route(name="a"), route(name="b"), *(route(name=name, hosts=["c.example"]) for name in "cd")]
        )


@pytest.mark.parametrize(
    "rule", ["Host(`other.example`)", "Path(`/a`) && Path(`/b`)", "!PathPrefix(`/a`) && Path(`/ab`)"]
)
def test_a_rule_that_matches_nothing_is_refused(rule: str) -> None:
    with pytest.raises(InputError, match=r"route harbour: rule is .* matches no request for its hosts"):
        check_collisions("gantry", [route(rule=rule)])


@pytest.mark.parametrize(
    "theirs",
    [
        route(name="twin"),
        route(name="twin", hosts=["b.example", HOST]),
        route(name="twin", rule="PathPrefix(`/my`)"),
        route(name="twin", tls=False),
        route(name="twin", audience="internal", allow=["10.0.0.0/8"]),
        route(name="twin", priority=5),
    ],
)
def test_another_owner_keeps_its_requests(theirs: model.Route) -> None:
    found = rivals([route()], live("others", theirs))
    assert len(found) == 1
    assert found[0].startswith(f"route harbour of owner gantry and route twin of owner others both answer for {HOST} (")
    assert rivals([theirs], live("others", route()))


@pytest.mark.parametrize(
    "theirs",
    [
        router(f"Host(`{HOST.upper()}.`)"),
        router("Host(`*.harbour.example`)", "web"),
        router("HostRegexp(`.*`)", priority=5000),
        router("HostRegexp(`.*harbour`)"),
        router("HostRegexp(`^(?i)x`)"),
        router("Host(`a`)", ruleSyntax="v2"),
        router("Host(`a`) && Soon(`b`)"),
        router("PathPrefix(`/web`)", priority=5000),
        router("PathPrefix(`/web`)", priority=1000),
        router(f"Host(`{HOST}`)", status="disabled"),
    ],
)
def test_what_may_answer_for_a_host_is_a_rival(theirs: dict[str, Any]) -> None:
    assert len(rivals([route()], {"theirs@docker": theirs})) == 1
    # a name that only looks like one of ours
    assert not plan_ownership.owned_by("gantry", "gantry.harbour.http@docker")


@pytest.mark.parametrize(
    "theirs",
    [
        router("Host(`other.example`)"),
        router(f"Host(`{HOST}`)", "metrics"),
        router("HostRegexp(`^shop[.]`)"),
        router("PathPrefix(`/`)"),
        router("HostRegexp(`.*`)"),
        router("HostRegexp(`^.+$`) && PathPrefix(`/web`)", priority=10),
        router("Soon(`b`)", status="disabled"),
        router("ClientIP(`10.0.0.0/8`) && !Host(`erp.harbour.example`)", priority=9000),
    ],
)
def test_what_answers_elsewhere_or_later_is_no_rival(theirs: dict[str, Any]) -> None:
    assert rivals([route()], {"theirs@docker": theirs}) == []


@pytest.mark.parametrize(
    ("theirs", "count"),
    [
        (router(f"HostSNI(`{HOST}`)", tls={}), 1),
        (router("HostSNI(`*`)", "web", priority=-1), 1),
        (router("HostSNIRegexp(`^erp`) && ClientIP(`10.0.0.0/8`)", tls={}), 1),
        (router("HostSNI(`*`) && ALPN(`h2`)", tls={}), 1),
        # after HTTP
        (router("HostSNI(`*`)", tls={}), 0),
        (router("HostSNI(`db.example`)", tls={}), 0),
        (router(f"HostSNI(`{HOST}`)", "postgres", tls={}), 0),
    ],
)
def test_a_tcp_router_is_asked_before_routes(theirs: dict[str, Any], count: int) -> None:
    claims = plan_ownership.claims_in({"tcpRouters": {"db@file": theirs}}, lambda _section, _name: True)
    found = plan_ownership.rivals(plan_ownership.claims_of("gantry", [route()]), claims)
    assert [" and TCP router db of provider file" in one.sentence for one in found] == [True] * count


def test_the_route_of_challenges_and_traefiks_own_are_no_rivals() -> None:
    everything = router("PathPrefix(`/`)", "web", priority=1000000)
    assert rivals([route()], {"gantry-acme-challenge@file": everything, "api@internal": everything}) == []


def test_a_claim_is_new_where_requests_or_priority_differ() -> None:
    had = [route(), route(name="kept", hosts=["k.example"])]
    drained = route(servers=[{"url": "http://app2:8069"}])
    assert plan_ownership.claimed(had, [drained, had[1]]) == set()
    for changed in (route(rule="Path(`/a`)"), route(priority=7), route(tls=False)):
        assert plan_ownership.claimed(had, [changed, had[1]]) == {"harbour"}


def many(count: int, of: str = "others.example") -> list[str]:
    return [f"tenant{number:05}.{of}" for number in range(count)]


def test_a_route_of_many_hosts_keeps_no_other_owner_from_its_own() -> None:
    others = live("others", route(hosts=many(500), allow=["10.0.0.0/8"], audience="internal"))
    assert min(len(one["rule"]) for one in others.values()) > 10000
    assert rivals([route()], others) == []
    assert "both answer for tenant00007.others.example" in "".join(rivals([route(hosts=many(8)[7:])], others))


def test_a_rule_that_nobody_could_compare_is_refused_where_it_is_made() -> None:
    content = plan_document.document("gantry", [route(), route(name="long", hosts=many(2000))])
    with pytest.raises(InputError, match=r"route long of owner gantry: the rule of the router .* accepted are 50000"):
        plan_ownership.require_readable(content)
    plan_ownership.require_readable(plan_document.document("gantry", [route(hosts=many(1000)), route(name="other")]))
    plan_ownership.require_readable(plan_document.document("gantry", []))
