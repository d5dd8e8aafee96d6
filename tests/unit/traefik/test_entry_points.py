# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each audience is served on its own entry points, and an edge that has none for it goes on to work."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.gantry.odoo.plugins.filter.entry_points import write_timeout_faults
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import (
    model_entry_points,
    plan_clients,
    plan_document,
    plan_ownership,
    plan_routes,
)
from tests.lab.state import ROOT as TREE

from .builders import route
from .test_ownership import live, rivals, router

COMMON = {"web": ":80", "websecure": ":443"}
PUBLIC = {"web": "192.0.2.1:80", "websecure": "192.0.2.1:443"}
PARTNER = {"websecure-partner": "10.0.0.5:443", "web-partner": "10.0.0.5:80"}
INTERNAL = {"websecure-internal": "[fd00::5]:8443"}
OFFICE: dict[str, Any] = {"name": "office", "audience": "internal", "allow": ["10.0.0.0/8"]}


def on(addresses: dict[str, str], *routes: Any) -> list[Any]:
    return plan_clients.served(routes, {name: {"address": one} for name, one in addresses.items()})


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (COMMON, [("web", "websecure", 443)] * 3),
        (
            {**PUBLIC, **PARTNER},
            [("web", "websecure", 443), *[("web-partner", "websecure-partner", 443)] * 2],
        ),
        (
            {**PUBLIC, **INTERNAL},
            [*[("web", "websecure", 443)] * 2, ("", "websecure-internal", 8443)],
        ),
        (
            {**PUBLIC, **PARTNER, **INTERNAL},
            [
                ("web", "websecure", 443),
                ("web-partner", "websecure-partner", 443),
                ("", "websecure-internal", 8443),
            ],
        ),
    ],
)
def test_an_audience_without_its_own_is_on_those_of_the_next_wider_one(declared: Any, expected: Any) -> None:
    found = [model_entry_points.of_audience(one, declared) for one in model_entry_points.AUDIENCES]
    assert [(one.plain, one.tls, one.port) for one in found] == expected


def test_routers_are_on_no_other_entry_points() -> None:
    (office,) = on({**PUBLIC, **PARTNER}, route(**OFFICE, sticky={"cookie": "c"}))
    routers = plan_document.document("gantry", [office])["http"]["routers"]
    assert {name.rpartition(".")[2]: one["entryPoints"] for name, one in routers.items()} == {
        "http": ["websecure-partner"],
        "websocket": ["websecure-partner"],
        "redirect": ["web-partner"],
    }
    (plain,) = on({**PUBLIC, **PARTNER}, route(**OFFICE, tls=False))
    routers = plan_document.document("gantry", [plain])["http"]["routers"]
    assert {tuple(one["entryPoints"]) for one in routers.values()} == {("web-partner",)}


def test_a_redirect_leads_to_the_port_of_its_audience() -> None:
    own = {"websecure-internal": ":8443", "web-internal": ":8080"}
    content = plan_document.document("gantry", on({**COMMON, **own}, route(), route(**OFFICE)))["http"]
    used = [content["routers"][f"gantry.{name}.redirect"]["middlewares"] for name in ("harbour", "office")]
    assert used == [["gantry.https@file"], ["gantry.https-8443@file"]]
    ports = [
        content["middlewares"][name]["redirectScheme"].get("port") for name in ("gantry.https", "gantry.https-8443")
    ]
    assert ports == [None, "8443"]


def test_a_route_without_tls_needs_an_entry_point_for_plain_http() -> None:
    with pytest.raises(
        InputError, match="office is without TLS, and its audience internal has no entry point for plain"
    ):
        on({**PUBLIC, **INTERNAL}, route(**OFFICE, tls=False))


def test_a_route_that_no_entry_point_is_fit_for_can_be_changed_and_removed() -> None:
    plain, other = route(**OFFICE, tls=False), route()
    had = {one.name: one for one in (plain, other)}
    assert plan_routes.kept(had, [], [], False) == [plain, other]
    for wanted, absent, purge in (([route(**OFFICE)], [], False), ([], ["office"], False), ([], [], True)):
        assert plain not in plan_routes.kept(had, wanted, absent, purge)
        on({**PUBLIC, **INTERNAL}, *plan_routes.kept(had, wanted, absent, purge), *wanted)


def test_a_file_of_before_the_audiences_had_their_own_is_read_as_it_was_written() -> None:
    record = {key: value for key, value in route(**OFFICE).record().items() if key != "points"}
    assert plan_document.route(record) == route(**OFFICE)
    (moved,) = on({**PUBLIC, **PARTNER}, route(**OFFICE))
    assert plan_document.route(moved.record()) == moved
    (step,) = plan_routes.plan("gantry", _file(route(**OFFICE)), [moved], served=True)
    assert (step.action, step.why) == ("update", "differs in points")


def _file(*routes: Any) -> plan_document.RouteFile:
    return plan_document.read_routes(plan_document.routes_text("gantry", routes), "x")


def test_audiences_that_share_a_host_are_told_apart_by_address_only_where_they_share_an_entry_point() -> None:
    both = [route(), route(**OFFICE)]
    assert "ClientIP" in str(plan_ownership.places(on(COMMON, *both))["office"].rule)
    apart = on({**PUBLIC, **PARTNER}, *both)
    assert "ClientIP" not in str(plan_ownership.places(apart)["office"].rule)
    # and they collide nowhere, at whichever priority
    plan_ownership.check_collisions("gantry", on({**PUBLIC, **PARTNER}, *both[:1], route(**OFFICE, priority=1000)))


def test_an_owner_on_another_entry_point_takes_no_request() -> None:
    (office,) = on({**PUBLIC, **PARTNER}, route(**OFFICE))
    assert not rivals([office], live("other", route()))
    assert rivals([office], {"x@file": router("PathPrefix(`/`)", "websecure-partner", priority=10**6)})
    # a route that moves to another entry point claims requests anew
    assert plan_ownership.claimed([route(**OFFICE)], [office]) == {"office"}


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"web": ":80"}, "names web; it must have web and websecure"),
        ({**COMMON, "traefik": ":8081"}, "and traefik is kept for the API"),
        (
            {**COMMON, "websecure-interal": ":8443"},
            "websecure-interal is for no audience; accepted are websecure-partner and",
        ),
        (
            {**COMMON, "websecure_internal": ":8443"},
            "websecure_internal is for no audience; accepted are websecure-par",
        ),
        ({**COMMON, "Websecure-Internal": ":8443"}, "Websecure-Internal is for no audience"),
        ({**COMMON, "webpartner": ":8080"}, "webpartner is for no audience; accepted are web-partner and web-internal"),
        ({**COMMON, "websecure-internal": ":443/udp"}, "websecure-internal is ':443/udp'; leave /udp out"),
        ({**COMMON, "web-internal": ":8080"}, "web-internal redirects to websecure-internal, which is not declared"),
        (
            {**COMMON, "websecure-internal": "10.0.0.5"},
            "websecure-internal is '10.0.0.5'; accepted are an address and a port",
        ),
        ({**COMMON, "websecure-internal": ":0"}, "websecure-internal is ':0'"),
        (
            {**COMMON, "websecure-internal": "10.0.0.5:443"},
            "websecure and websecure-internal both take port 443 of all addr",
        ),
        ({**PUBLIC, "websecure-internal": "192.0.2.1:443"}, "both take port 443 of 192.0.2.1; give each"),
        ("web", "traefik_entry_points is no mapping"),
    ],
)
def test_entry_points_that_could_serve_nobody_are_refused(declared: Any, said: str) -> None:
    (fault,) = model_entry_points.faults(declared)
    assert said in fault


def test_entry_points_that_can_be_are_not_refused() -> None:
    for declared in (
        COMMON,
        {**PUBLIC, **PARTNER, **INTERNAL},
        {**COMMON, "db": ":5432/tcp", "dns": ":443/udp", "webhooks": ":9", "web2": ":10"},
    ):
        assert not model_entry_points.faults(declared)


def test_an_edge_is_asked_at_each_of_its_entry_points_with_tls() -> None:
    found = [(one.reached, one.port) for one in model_entry_points.tls_addresses({**PUBLIC, **PARTNER, **INTERNAL})]
    assert found == [("192.0.2.1", 443), ("10.0.0.5", 443), ("fd00::5", 8443)]
    (only,) = model_entry_points.tls_addresses(None)
    assert (only.reached, only.port) == ("127.0.0.1", 443)


@pytest.mark.parametrize(("write_s", "read_s"), [(3600, 900), (0, 900), (0, 0)])
def test_a_request_that_is_read_to_its_end_can_be_answered(write_s: int, read_s: int) -> None:
    assert write_timeout_faults(write_s, read_s) == []


@pytest.mark.parametrize(
    ("write_s", "read_s", "words"), [(60, 900, "900 seconds"), (60, 60, "60 "), (60, 0, "any time")]
)
def test_a_time_for_answers_that_the_request_itself_may_take_is_refused(write_s: int, read_s: int, words: str) -> None:
    (fault,) = write_timeout_faults(write_s, read_s)
    assert fault.startswith(f"traefik_write_timeout is 60 seconds, and a request may take {words}")


def test_the_default_is_that_of_the_role() -> None:
    defaults = TREE / "roles/traefik/defaults/main.yml"
    assert yaml.safe_load(defaults.read_text(encoding="utf-8"))["traefik_entry_points"] == model_entry_points.DEFAULT


def test_an_edge_that_is_written_from_elsewhere_has_the_defaults_of_the_role() -> None:
    role = yaml.safe_load((TREE / "roles/traefik/defaults/main.yml").read_text(encoding="utf-8"))
    (task,) = yaml.safe_load((TREE / "playbooks/tasks/routes_edge.yml").read_text(encoding="utf-8"))
    (given,) = [one["vars"] for one in task["block"] if "ansible.builtin.include_role" in one]
    for name in ("traefik_dynamic_dir", "traefik_api_url", "traefik_timeout"):
        value = repr(role[name])
        assert given[name] == f"{{{{ hostvars[edge].{name} | default({value}) }}}}"
