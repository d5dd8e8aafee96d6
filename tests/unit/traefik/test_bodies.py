# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies are read before Odoo gets a request, and what streams goes on to stream."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model, plan_document
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import Every, Not, Rule, Some, parse

from .builders import item, route, unshared


def http(*routes: model.Route) -> dict[str, Any]:
    return unshared(plan_document.document("gantry", routes)["http"])


KINDS = ("", "-body", "-file", "-upload")
_WRITES = ("POST", "PUT", "PATCH")
_METHODS = (*_WRITES, "GET", "HEAD", "OPTIONS", "DELETE", "PROPFIND")


def matches(rule: Rule, method: str, length: str | None) -> bool:
    if isinstance(rule, Not):
        return not matches(rule.part, method, length)
    if isinstance(rule, (Every, Some)):
        return (all if isinstance(rule, Every) else any)(matches(one, method, length) for one in rule.parts)
    if rule.name == "Method":
        return rule.values == (method,)
    return rule.name == "Host" or (length is not None and bool(re.search(rule.values[1], length)))


@pytest.mark.parametrize(
    ("methods", "lengths", "kind"),
    [
        (_METHODS[3:], (None, "0", "000"), ""),
        (_WRITES, ("0", "1", "999999"), "-body"),
        (_WRITES, ("1000000", "9999999"), "-file"),
        (_WRITES, (None, "10000000", "00000001"), "-upload"),
        (_METHODS[3:], ("1", "10", "999999", "10000000"), "-upload"),
    ],
)
def test_each_request_is_of_one_router(methods: tuple[str, ...], lengths: tuple[str | None, ...], kind: str) -> None:
    routers = http(route(max_body_mb=64))["routers"]
    found = {one: routers[f"gantry.harbour.http{one}"] for one in KINDS}
    assert len({(one["priority"], one["service"]) for one in found.values()}) == 1
    rules = {one: parse(router["rule"]) for one, router in found.items()}
    for method in methods:
        for length in lengths:
            assert [one for one, rule in rules.items() if matches(rule, method, length)] == [kind], (method, length)


def test_bodies_are_read_behind_the_allow_list_and_before_middlewares_of_the_users_own() -> None:
    made = http(
        route(max_body_mb=64, audience="internal", allow=["10.0.0.0/8"], rate_limit={"average": 5}, middlewares=["waf"])
    )
    chains = {name.rpartition(".")[2]: one["middlewares"] for name, one in made["routers"].items()}
    before = [f"gantry.harbour.{kind}@file" for kind in ("allow", "limit", "headers")]
    behind = ["waf@file", "gantry.harbour.retry@file"]
    for kind, parts in (
        ("body", ("-client", "")),
        ("file", ("-client", "-all", "")),
        ("upload", ("-client", "-all", "")),
    ):
        assert chains[f"http-{kind}"] == [*before, *(f"gantry.harbour.{kind}{part}@file" for part in parts), *behind]
    # Odoo reads no body without a type
    assert chains["http"] == [*before, "gantry.harbour.untyped@file", *behind]
    untyped = made["middlewares"]["gantry.harbour.untyped"]["headers"]
    assert untyped == {"customRequestHeaders": {"Content-Type": ""}}
    assert chains["websocket"] == [*before[:2], "waf@file", "gantry.harbour.websocket@file"]


@pytest.mark.parametrize(
    ("size", "sizes", "answer"), [(64, [1, 10, 64], 512), (4, [1, 4, 4], 512), (600, [1, 10, 600], 600)]
)
def test_bodies_and_answers_have_a_largest_size(size: int, sizes: list[int], answer: int) -> None:
    made = http(route(max_body_mb=size))["middlewares"]
    found = [made[f"gantry.harbour.{kind}"]["buffering"] for kind in ("body", "file", "upload")]
    assert [one["maxRequestBodyBytes"] >> 20 for one in found] == sizes
    assert {one["maxResponseBodyBytes"] >> 20 for one in found} == {answer}
    # what has six digits is never on the disk
    assert {(one["memRequestBodyBytes"], one["memResponseBodyBytes"]) for one in found} == {(1 << 20, 1 << 20)}


@pytest.mark.parametrize(
    ("size", "space", "numbers"),
    [
        (512, 8192, [100, 205, 819, 4, 16]),
        (4, 40, [100, 3, 10, 3, 10]),
        (64, 64, [100, 2, 6, 1, 1]),
        (10, 10, [100, 1, 1, 1, 1]),
        # a record of a version before
        (10240, 8192, [100, 205, 819, 1, 1]),
    ],
)
def test_no_more_bodies_are_taken_at_once_than_fit(size: int, space: int, numbers: list[int]) -> None:
    made = http(route(max_body_mb=size, body_space_mb=space))["middlewares"]
    names = [
        f"gantry.harbour.{kind}" for kind in ("body-client", "file-client", "file-all", "upload-client", "upload-all")
    ]
    assert [made[name]["inFlightReq"]["amount"] for name in names] == numbers
    assert "gantry.harbour.body-all" not in made
    # an address of the connection, and none at all
    criteria = [made[name]["inFlightReq"]["sourceCriterion"]["ipStrategy"] for name in names[1:3]]
    assert criteria == [{"ipv6Subnet": 64}, {"depth": 10**9}]


def test_space_is_for_one_body_at_least() -> None:
    with pytest.raises(InputError, match="body_space_mb is 63, and one body may have 64 MiB"):
        model.requests([item(max_body_mb=64, body_space_mb=63)])


def test_a_record_of_a_version_before_is_read_whatever_space_it_has() -> None:
    recorded = route(max_body_mb=10240, body_space_mb=8192)
    found = plan_document.read_routes(plan_document.routes_text("gantry", [recorded]), "gantry-routes.yml")
    assert found.routes == {"harbour": recorded}


def test_users_that_a_drained_server_keeps_have_all_routers() -> None:
    servers = [{"url": "http://app1:8069", "drained": True}, {"url": "http://app2:8069"}]
    routers = http(route(max_body_mb=64, sticky={"cookie": "c"}, servers=servers))["routers"]
    kept = {name: one for name, one in routers.items() if ".kept-" in name}
    assert len(kept) == 4
    assert len({one["rule"] for one in kept.values()}) == 4
    assert {one["priority"] for one in kept.values()} == {1001}


def test_without_a_limit_and_in_maintenance_there_is_one_router() -> None:
    for one in (route(max_body_mb=0), route(max_body_mb=64, mode="maintenance")):
        made = http(one)
        names = (*made["routers"], *made["middlewares"])
        assert not [name for name in names if re.search("body|file|upload|untyped", name.partition(".")[2])]


def test_bodies_are_limited_by_default() -> None:
    given = {"name": "a", "hosts": ["a.example"], "audience": "public", "servers": [{"url": "http://app1:8069"}]}
    assert model.route(given).max_body_mb == 512
    with pytest.raises(InputError, match="route a: max_body_mb is -1; accepted is a whole number from 0"):
        model.route({**given, "max_body_mb": -1})
