# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes whose pool is the same have one service, and what becomes of one route is no matter of the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model, plan_document, plan_pools, plan_routes

from .builders import route, service_of

ONE, TWO = "http://app1:8069", "http://app2:8069"
HEADER = {"name": "X-Canary", "value": "next"}


def http(*routes: model.Route, owner: str = "gantry") -> dict[str, Any]:
    return plan_document.document(owner, routes)["http"]


def other(**changes: Any) -> model.Route:
    return route(name="other", hosts=["other.example"], **changes)


def test_as_many_services_as_pools() -> None:
    routes = [route(name=f"r{number}", hosts=[f"r{number}.example"]) for number in range(200)]
    made = http(*routes)
    assert len(made["services"]) == 2
    assert len({one["service"] for one in made["routers"].values()} - {"noop@internal"}) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"servers": [{"url": ONE, "drained": True}, {"url": TWO}]},
        {"servers": [{"url": ONE, "drained": True}, {"url": TWO}], "sticky": {"cookie": "a"}},
        {"sticky": {"cookie": "b"}},
        {"sticky": {"cookie": "a", "same_site": "strict"}},
        {"sticky": {"cookie": "a"}, "tls": False},
        {"sticky": {"cookie": "a"}, "canary": {"servers": [TWO], "percent": 10}},
        {"sticky": {"cookie": "a"}, "canary": {"servers": [TWO], "header": HEADER}},
        {"health_path": "/alive"},
        {"health_interval": 1},
        {"mode": "maintenance", "maintenance_page": "Back at noon."},
    ],
)
def test_what_becomes_of_one_route_is_no_matter_of_the_others(changes: dict[str, Any]) -> None:
    before, after = http(other(sticky={"cookie": "a"})), http(other(sticky={"cookie": "a"}), route(**changes))
    assert after["routers"].items() >= before["routers"].items()
    assert after["services"].items() >= before["services"].items()
    ours = {one["service"] for name, one in after["routers"].items() if ".harbour.http" in name}
    assert not ours & set(before["services"])


def test_a_route_that_is_as_another_one_again_shares_again() -> None:
    drained = [{"url": ONE, "drained": True, "keeps_users": False}, {"url": TWO}]
    made = http(other(servers=drained), route(servers=drained))
    assert made["routers"]["gantry.other.http"]["service"] == made["routers"]["gantry.harbour.http"]["service"]
    assert service_of(made, "other.http")["loadBalancer"]["servers"] == [{"url": TWO}]


def test_owners_share_nothing() -> None:
    assert not set(http(route())["services"]) & set(http(route(), owner="others")["services"])


def test_each_service_is_that_of_a_route() -> None:
    canary = route(servers=[{"url": ONE}, {"url": TWO}], canary={"servers": [TWO], "header": HEADER})
    closed = other(mode="maintenance", maintenance_page="Back at noon.")
    content = plan_document.document("gantry", [canary, closed])
    split = plan_document.groups("gantry", content)
    assert {name: len(one["services"]) for name, one in split.items()} == {"harbour": 4, "other": 2}
    found = {name: one for objects in split.values() for name, one in objects["services"].items()}
    assert found == content["http"]["services"]


def test_a_service_that_leads_to_itself_ends() -> None:
    services = {"a": {"failover": {"service": "a", "fallback": "b"}}}
    objects: dict[str, Any] = {"routers": {"r": {"service": "a"}}, "middlewares": {}}
    assert plan_pools.led_to(objects, services) == services


def steps(text: str) -> list[tuple[str, str]]:
    current = plan_document.read_routes(text, "x.yml")
    return [(one.action, one.target) for one in plan_routes.plan("gantry", current, [*current.routes.values()], True)]


def test_a_pool_that_was_changed_by_hand_is_that_of_all_its_routes() -> None:
    text = plan_document.routes_text("gantry", [route(), other(health_path="/alive"), route(name="third", tls=False)])
    assert steps(text) == []
    by_hand = text.replace('"path": "/web/health"', '"path": "/"')
    assert by_hand != text
    assert steps(by_hand) == [("repair", "route harbour"), ("repair", "route third")]


def test_a_file_whose_services_are_by_route_is_written_anew_once() -> None:
    """As versions before have written it."""
    now = plan_document.routes_text("gantry", [route()])
    content = plan_document.read_document(now)
    assert content
    for name in ("http", "websocket"):
        router = content["http"]["routers"][f"gantry.harbour.{name}"]
        content["http"]["services"][f"gantry.harbour.{name}"] = content["http"]["services"].pop(router["service"])
        router["service"] = f"gantry.harbour.{name}"
    header = [line for line in now.splitlines() if line.startswith("#")]
    before = "\n".join([*header, json.dumps(content, indent=2)])
    assert steps(before) == [("repair", "route harbour")]
    assert plan_document.read_routes(before, "x.yml").routes == {"harbour": route()}


def test_routes_with_the_same_middlewares_share_them_and_no_limit() -> None:
    alike: dict[str, Any] = {"audience": "internal", "allow": ["10.0.0.0/8"], "max_body_mb": 64}
    one, two = (http(*routes)["middlewares"] for routes in ([route(**alike)], [route(**alike), other(**alike)]))
    assert one == two
    assert not [name for name in one if "harbour" in name]
    limited: dict[str, Any] = {**alike, "rate_limit": {"average": 5}}
    made = http(route(**limited), other(**limited))
    # Redis counts by the name
    assert set(made["middlewares"]) - set(one) == {"gantry.harbour.limit", "gantry.other.limit"}
    assert not set(one) & set(http(route(**{**alike, "allow": ["10.1.0.0/16"]}), owner="second")["middlewares"])


def test_a_shared_middleware_is_of_each_route_that_has_it() -> None:
    content = plan_document.document("gantry", [route(max_body_mb=64), other(max_body_mb=32)])
    groups = plan_document.groups("gantry", content)
    used = {name: set(objects["middlewares"]) for name, objects in groups.items()}
    assert used["harbour"] | used["other"] == set(content["http"]["middlewares"])
    assert {name.rpartition("-")[0] for name in used["harbour"] - used["other"]} == {
        "gantry.upload",
        "gantry.upload-all",
        "gantry.upload-client",
    }
    lost = next(iter(used["harbour"] & used["other"]))
    del content["http"]["middlewares"][lost]
    assert all(groups[name] != plan_document.groups("gantry", content)[name] for name in used)
