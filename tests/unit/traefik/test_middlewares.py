# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Middlewares of users' own, by name."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import plan_document, plan_middlewares

from .builders import route, unshared

WAF = {"http": {"middlewares": {"waf": {"forwardAuth": {"address": "http://127.0.0.1:8090"}}}}}


def test_requests_pass_them_in_their_order_between_the_headers_and_the_servers() -> None:
    one = route(audience="partner", allow=["10.0.0.0/8"], rate_limit={"average": 5}, middlewares=["waf", "log@file"])
    routers = unshared(plan_document.document("gantry", [one])["http"])["routers"]
    own = ["gantry.harbour.allow@file", "gantry.harbour.limit@file", "gantry.harbour.headers@file"]
    theirs = ["waf@file", "log@file"]
    assert routers["gantry.harbour.http"]["middlewares"] == [*own, *theirs, "gantry.harbour.retry@file"]
    assert routers["gantry.harbour.websocket"]["middlewares"] == [*own[:2], *theirs, "gantry.harbour.websocket@file"]
    assert routers["gantry.harbour.redirect"]["middlewares"] == ["gantry.https@file"]


@pytest.mark.parametrize("name", ["waf@docker", "gantry.other.allow@file", "", "a b", "waf@file@file"])
def test_a_name_that_is_not_of_users_own(name: str) -> None:
    with pytest.raises(InputError, match=r"route harbour: middlewares has '.*'; accepted are names of"):
        route(middlewares=[name])


def test_one_that_is_listed_twice() -> None:
    with pytest.raises(InputError, match="route harbour: middlewares has one twice"):
        route(middlewares=["waf", "waf@file"])


def test_one_that_is_not_there_is_named() -> None:
    routes = [route(middlewares=["waf", "log"]), route(name="other", middlewares=["log"])]
    plan_middlewares.require_there(routes, {"middlewares": {"waf@file": {}, "log@file": {}}})
    with pytest.raises(InputError) as refused:
        plan_middlewares.require_there(routes, {"middlewares": {"waf@file": {}}})
    assert str(refused.value).startswith("route harbour refers to the middleware log@file, which Traefik does not have")
    assert "; route other refers to the middleware log@file" in str(refused.value)


@pytest.mark.parametrize(
    ("wanted", "used_by", "is_refused"),
    [
        ({}, ["gantry.harbour.http@file"], True),
        (WAF, ["gantry.harbour.http@file"], False),
        ({}, [], False),
        ({}, ["mine@file"], False),
    ],
)
def test_one_that_a_route_refers_to_stays(wanted: dict[str, Any], used_by: list[str], is_refused: bool) -> None:
    previous = {"http": {**WAF["http"], "routers": {"mine": {}}}}
    raw = {"middlewares": {"waf@file": {"usedBy": used_by}}}
    if not is_refused:
        plan_middlewares.require_unused("/d/waf.yml", previous, wanted, raw)
        return
    said = "/d/waf.yml would take away the middleware waf, which route harbour of owner gantry refers to"
    with pytest.raises(InputError, match=said):
        plan_middlewares.require_unused("/d/waf.yml", previous, wanted, raw)
