# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A canary gets its share and those who ask for it, and nothing that is none of its route's."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import (
    model,
    plan_canary,
    plan_document,
    plan_ownership,
    plan_request,
    plan_routes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_canary import Canary
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_request import request

from .builders import route, service_of, unshared

ONE, TWO, THREE = (f"http://app{number}:8069" for number in (1, 2, 3))
STICKY = {"cookie": "gantry-harbour"}
HEADER = {"name": "X-Canary", "value": "next"}
COOKIE = {"name": "pilot", "value": "yes"}


def trial(drained: str = "", **changes: Any) -> model.Route:
    """A route with three servers, the third of which is a canary. drained: the number of one that is drained."""
    fields = {key: changes.pop(key) for key in ("percent", "header", "cookie", "servers") if key in changes}
    servers = [{"url": url, "drained": f"app{drained}:" in url} for url in (ONE, TWO, THREE)]
    return route(**{"sticky": STICKY, "servers": servers, "canary": {"servers": [THREE], **fields}, **changes})


def objects(one: model.Route, section: str) -> dict[str, Any]:
    found = unshared(plan_document.document("gantry", [one])["http"])[section]
    return {name.removeprefix("gantry.harbour."): value for name, value in found.items()}


def service(one: model.Route, name: str = "http") -> dict[str, Any]:
    """The service of a router."""
    return service_of(plan_document.document("gantry", [one])["http"], f"harbour.{name}")


def pool(one: model.Route, name: str = "http") -> dict[str, Any]:
    """Weights by address; None where there is none."""
    servers = service(one, name)["loadBalancer"]["servers"]
    return {server["url"]: server.get("weight") for server in servers}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"percent": 10, "sticky": None}, "canary.percent is 10, and without sticky a browser would be sent to one"),
        ({"percent": 100}, "canary.percent is 100; accepted is a whole number from 0 to 99"),
        ({"percent": -1}, "canary.percent is -1"),
        ({"servers": []}, "canary.servers is empty"),
        ({"servers": ["http://app4:8069"]}, "canary.servers has http://app4:8069, which servers has not"),
        ({"servers": [ONE, TWO, THREE]}, "canary.servers has all of servers"),
        ({"servers": [ONE, ONE]}, "canary.servers has one twice"),
        ({"header": {"name": "Cookie", "value": "a"}}, "canary.header.name is 'Cookie'"),
        # an edge takes these out, or sets them
        ({"header": {"name": "X_Canary", "value": "a"}}, "canary.header.name is 'X_Canary'"),
        ({"header": {"name": "X-Forwarded-For", "value": "a"}}, "canary.header.name is 'X-Forwarded-For'"),
        ({"header": {"name": "Content-Length", "value": "1"}}, "canary.header.name is 'Content-Length'"),
        ({"header": {"name": "X A", "value": "a"}}, "canary.header.name is 'X A'"),
        ({"header": {"name": "X-A", "value": "a b"}}, "canary.header.value is 'a b'"),
        ({"cookie": {"name": "pilot", "value": "a.*"}}, "canary.cookie.value is 'a.*'"),
        ({"cookie": {"name": "gantry-harbour", "value": "a"}}, "canary.cookie.name is gantry-harbour, the cookie of"),
    ],
)
def test_what_is_no_canary_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        trial(**changes)
    assert str(refused.value).startswith("route harbour: ")
    assert said in str(refused.value)


def test_a_canary_is_the_same_when_it_is_read_back() -> None:
    one = trial(percent=10, header=HEADER, cookie=COOKIE)
    text = plan_document.routes_text("gantry", [one])
    found = plan_document.read_routes(text, "file")
    assert found.routes == {"harbour": one}
    assert plan_routes.plan("gantry", found, [one], served=True) == []


def test_the_share_is_exact_for_any_numbers_of_servers() -> None:
    for percent, ours, rest in product((1, 10, 33, 50, 99), (1, 2, 3), (1, 2, 5)):
        canary = [f"http://c{number}" for number in range(ours)]
        urls = [*canary, *(f"http://s{number}" for number in range(rest))]
        weights = Canary(tuple(canary), percent, None, None).weights(urls)
        assert Fraction(sum(weights[url] for url in canary), sum(weights.values())) == Fraction(percent, 100)
        assert len({weights[url] for url in canary}) == len({weights[url] for url in urls[ours:]}) == 1


def test_new_users_are_parted_and_the_others_stay() -> None:
    before, after = route(sticky=STICKY, servers=[{"url": url} for url in (ONE, TWO, THREE)]), trial(percent=10)
    assert pool(after) == {ONE: 9, TWO: 9, THREE: 2}
    assert pool(before) == {ONE: None, TWO: None, THREE: None}
    # the same cookie, so that Traefik finds those who are there
    assert service(after)["loadBalancer"]["sticky"] == service(before)["loadBalancer"]["sticky"]
    assert set(objects(after, "routers")) == set(objects(before, "routers"))


def test_with_nothing_for_it_a_canary_gets_nobody() -> None:
    assert pool(trial()) == {ONE: None, TWO: None}
    assert "canary" not in objects(trial(), "routers")


def test_a_drain_and_a_canary_hold_at_once() -> None:
    assert pool(trial("1", percent=10, header=HEADER)) == {TWO: 9, THREE: 1}
    kept = next(name for name in objects(trial("1", percent=10, header=HEADER), "routers") if "kept" in name)
    assert pool(trial("1", percent=10, header=HEADER), kept) == {ONE: 1, TWO: 9, THREE: 1}
    # of the canary itself
    gone = trial("3", percent=10, header=HEADER)
    assert pool(gone) == {ONE: None, TWO: None}
    assert "canary" not in objects(gone, "routers")
    # no other server is left
    last = {"sticky": STICKY, "servers": [{"url": ONE, "drained": True}, {"url": THREE}]}
    assert pool(route(**last, canary={"servers": [THREE]})) == {THREE: None}


def test_who_asks_for_the_canary_gets_it_or_the_others_where_it_is_dead() -> None:
    one = trial(header=HEADER, cookie=COOKIE)
    made = plan_document.document("gantry", [one])["http"]
    failover, routers = service(one, "canary")["failover"], objects(one, "routers")
    assert failover["fallback"] == routers["http"]["service"]
    alone = made["services"][failover["service"]]["loadBalancer"]
    assert alone["servers"] == [{"url": THREE}]
    assert alone["healthCheck"]["path"] == "/web/health"
    assert routers["canary"]["middlewares"] == routers["http"]["middlewares"]
    # as long as a dead one may be asked
    two = route(servers=[{"url": ONE}, {"url": TWO}], canary={"servers": [TWO], "header": HEADER})
    assert objects(two, "middlewares")["retry"]["retry"]["attempts"] == 50


@pytest.mark.parametrize(
    ("path", "headers", "router"),
    [
        ("/web", {}, "http"),
        ("/web", {"x-canary": "next"}, "canary"),
        ("/web", {"x-canary": "other"}, "http"),
        ("/web", {"Cookie": "a=b; pilot=yes"}, "canary"),
        ("/web", {"Cookie": "pilot=yesterday"}, "http"),
        ("/websocket", {"x-canary": "next"}, "websocket"),
        ("/web", {"Cookie": "KEPT"}, "kept"),
        ("/web", {"Cookie": "KEPT; pilot=yes"}, "canary"),
        ("/web", {"Cookie": "KEPT", "X-Canary": "next"}, "canary"),
    ],
)
def test_a_request_has_one_router(path: str, headers: dict[str, str], router: str) -> None:
    one = trial("1", percent=10, header=HEADER, cookie=COOKIE)
    routers = plan_document.document("gantry", [one])["http"]["routers"]
    kept = next(name.rpartition("-")[2] for name in routers if "kept" in name)
    sent = {name: value.replace("KEPT", f"gantry-harbour={kept}") for name, value in headers.items()}
    asked = request({"url": f"https://erp.harbour.example{path}", "headers": sent})
    found = plan_request.answering({"routers": {f"{name}@file": one for name, one in routers.items()}}, asked)
    assert (found.why, found.router.split(".")[-1].partition("@")[0].partition("-")[0]) == ("", router)


def test_a_canary_narrows_its_route_and_counts_where_routes_are_compared() -> None:
    wide, narrow = trial(header=HEADER, sticky=None), route(name="other", rule="Path(`/a`)", priority=1001)
    with pytest.raises(InputError, match="harbour and other of owner gantry both answer for"):
        plan_ownership.check_collisions("gantry", [wide, narrow])
    plan_ownership.check_collisions(
        "gantry", [trial(header=HEADER), route(name="other", rule="Path(`/a`)", priority=1002)]
    )
    had = route(servers=[{"url": url} for url in (ONE, TWO, THREE)])
    assert plan_ownership.claimed([had], [trial(percent=10, header=HEADER)]) == set()


def test_maintenance_holds_for_the_canary_too() -> None:
    one = trial(percent=10, header=HEADER, mode="maintenance")
    assert set(objects(one, "routers")) == {"http", "redirect"}
    assert "servers" not in service(one)["loadBalancer"]


def steps(before: model.Route | None, after: model.Route) -> list[tuple[str, str]]:
    found = None
    if before:
        found = plan_document.read_routes(plan_document.routes_text("gantry", [before]), "file")
    return [(step.action, step.why) for step in plan_routes.plan("gantry", found, [after], served=True)]


def test_steps_say_what_becomes_of_the_canary() -> None:
    plain = route(sticky=STICKY, servers=[{"url": url} for url in (ONE, TWO, THREE)])
    assert steps(plain, trial(percent=10, header=HEADER)) == [
        ("begin canary", f"{THREE} for 10 % of new users and requests with the header X-Canary")
    ]
    assert [action for action, _why in steps(None, trial(percent=10))] == ["create", "begin canary"]
    assert steps(trial(percent=10), trial(percent=50)) == [("change canary", f"{THREE} for 50 % of new users")]
    assert steps(trial(percent=10), trial()) == [("change canary", f"{THREE} for no user")]
    assert steps(trial(percent=10), plain) == [("end canary", f"the others and {THREE} get users alike")]
    assert steps(trial(percent=10), trial("1", percent=10)) == [("drain", "gets no new request")]


@pytest.mark.parametrize(
    ("before", "after", "begins"),
    [
        (None, trial(percent=1), True),
        (route(), trial(header=HEADER), True),
        (route(), trial(), False),
        (trial(percent=1), trial(percent=2), True),
        (trial(percent=2), trial(percent=1), False),
        (trial(percent=2), trial(percent=2, header=HEADER), True),
        (trial(percent=2, header=HEADER), trial(percent=2), False),
        (trial(percent=2), trial("1", percent=2), False),
        (trial("3", percent=2), trial(percent=2), False),
        (trial(percent=2), trial(percent=2, servers=[TWO]), True),
        (trial(percent=2, servers=[TWO, THREE]), trial(percent=2), False),
        (trial(percent=2), route(), False),
    ],
)
def test_a_canary_is_asked_where_it_gets_more_users(
    before: model.Route | None, after: model.Route, begins: bool
) -> None:
    had = {before.name: before} if before else {}
    found = plan_canary.beginning(had, [after])
    assert bool(found) == begins
    answers = {(url, "/web/health"): "" for url in (ONE, TWO, THREE)}
    plan_canary.require_answers(found, answers)
    if begins:
        dead = {(url, path): f"{url}: refused" for url, path in answers}
        with pytest.raises(RefusedError, match=r"would send users to a canary of which no server answers /web/health"):
            plan_canary.require_answers(found, dead)
