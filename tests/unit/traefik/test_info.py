# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an edge serves, from Traefik's view and the documents of its directory."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model, plan_document, plan_info, report_info
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_info import Certificate, Document, Entry
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_limits import LimitStore

from .builders import route

FOLDER = "/etc/traefik/dynamic"
POINTS: dict[str, dict[str, Any]] = {"web": {"address": ":80"}, "websecure": {"address": ":443"}}
NOW = datetime(2026, 11, 29, tzinfo=timezone.utc)
YAML = b"http:\n  routers:\n    shop:\n      rule: Host(`shop.example`)\n"
SHOP = {
    "rule": "Host(`shop.example`)",
    "entryPoints": ["websecure"],
    "tls": {},
    "priority": 20,
    "service": "pool",
    "status": "enabled",
}
POOL = {
    "loadBalancer": {"servers": [{"url": "http://name:secret@10.0.0.9:80"}]},
    "serverStatus": {"http://name:secret@10.0.0.9:80": "UP"},
}


def view(*routes: model.Route, down: str = "") -> dict[str, Any]:
    """Traefik's view of routes of the owner gantry and of a shop. down: address of a server that does not answer."""
    made = plan_document.document("gantry", routes)["http"]
    raw: dict[str, Any] = {
        section: {f"{name}@file": copy.deepcopy(one) for name, one in (made.get(section) or {}).items()}
        for section in plan_document.SECTIONS
    }
    for one in raw["services"].values():
        urls = [server["url"] for server in one["loadBalancer"].get("servers", ())]
        one["serverStatus"] = {url: "DOWN" if url == down else "UP" for url in urls}
    raw["routers"] |= {"shop@file": dict(SHOP), "api@internal": {"rule": "PathPrefix(`/api`)"}}
    raw["services"]["pool@file"] = copy.deepcopy(POOL)
    return raw


def documents(*routes: model.Route) -> list[Document]:
    text = plan_document.routes_text("gantry", routes)
    return plan_info.documents({"gantry-routes.yml": text.encode(), "shop.yml": YAML}, FOLDER)


def entries(live: Mapping[str, Any], judged: Mapping[str, Any] | None, *routes: model.Route) -> dict[str, Entry]:
    found = plan_info.entries(live, judged, documents(*routes), POINTS)
    return {one.name.removesuffix("@file"): one for one in found}


def test_routers_of_all_owners_have_their_document() -> None:
    found = entries(view(route()), view(route()), route())
    assert list(found) == ["gantry.harbour.http", "gantry.harbour.redirect", "gantry.harbour.websocket", "shop"]
    ours, shop = found["gantry.harbour.http"], found["shop"]
    assert (ours.owner, ours.route, ours.kind, ours.record) == ("gantry", "harbour", "http", route())
    assert (shop.owner, shop.route, shop.kind, shop.record) == ("", "", "", None)
    assert (ours.file, shop.file) == (f"{FOLDER}/gantry-routes.yml", f"{FOLDER}/shop.yml")
    assert (ours.hosts, shop.hosts) == (("erp.harbour.example",), ("shop.example",))
    assert {one.agrees for one in found.values()} == {True}


def test_a_file_is_named_only_where_it_must_be_the_one() -> None:
    twice = plan_info.documents({"a.yml": YAML, "b.toml": b"# the shop"}, FOLDER)
    assert plan_info.entries(view(), None, twice, POINTS)[0].file == ""
    near = plan_info.documents({"a.yml": YAML, "b.toml": b"shop-2, my.shop"}, FOLDER)
    assert plan_info.entries(view(), None, near, POINTS)[0].file == f"{FOLDER}/a.yml"
    # a name of three parts in a document of others is no route of ours
    strange = {"routers": {"a.b.c@file": SHOP, "gantry.gone.http@file": SHOP, "x.y.z@docker": SHOP}}
    found = plan_info.entries(strange, None, plan_info.documents({"a.yml": b"a.b.c: "}, FOLDER), POINTS)
    assert [(one.name, one.owner, one.provider) for one in found] == [
        ("a.b.c@file", "", "file"),
        ("gantry.gone.http@file", "gantry", "file"),
        ("x.y.z@docker", "", "docker"),
    ]


def changed(live: dict[str, Any], section: str, name: str, **fields: Any) -> dict[str, Any]:
    live[section][f"{name}@file"] |= fields
    return live


@pytest.mark.parametrize(
    ("live", "differing"),
    [
        (view(route()), []),
        (view(route(), down="http://app1:8069"), []),
        (changed(view(route()), "routers", "shop", priority=21), ["shop"]),
        (changed(view(route()), "services", "pool", loadBalancer={}), ["shop"]),
        (changed(view(route()), "middlewares", "gantry.https", redirectScheme={}), ["gantry.harbour.redirect"]),
        (changed(view(route()), "routers", "shop", using=["x"], error=["x"], observability={"metrics": False}), []),
        (view(), ["gantry.harbour.http", "gantry.harbour.redirect", "gantry.harbour.websocket"]),
    ],
)
def test_documents_are_compared_with_what_is_served(live: dict[str, Any], differing: list[str]) -> None:
    found = entries(live, view(route()), route())
    assert [name for name, one in found.items() if one.agrees is False] == differing
    said = report_info.faults(list(found.values()), live, {}, NOW)
    assert len([one for one in said if "otherwise than" in one or "does not have" in one]) == len(differing)
    assert {one.agrees for one in entries(live, None, route()).values()} == {None}


def test_what_static_configuration_adds_is_not_compared() -> None:
    points = {**POINTS, "websecure": {"address": ":443", "http": {"tls": {}, "middlewares": ["a@file"]}}}
    found = {one.name: one.agrees for one in plan_info.entries(view(route()), view(route()), documents(), points)}
    assert (found["shop@file"], found["gantry.harbour.redirect@file"]) == (None, True)


def test_servers_have_a_state() -> None:
    servers = [
        {"url": "http://app1:8069"},
        {"url": "http://app2:8069"},
        {"url": "http://app3:8069", "drained": True, "keeps_users": False},
    ]
    one = route(servers=servers)
    live = view(one, down="http://app2:8069")
    found = entries(live, live, one)
    assert {each["url"]: each["state"] for each in report_info.servers(found["gantry.harbour.http"], live)} == {
        "http://app1:8069": "up",
        "http://app2:8069": "down",
        "http://app3:8069": "drained",
    }
    assert [each["state"] for each in report_info.servers(found["gantry.harbour.websocket"], live)] == ["unchecked"]
    assert report_info.servers(found["gantry.harbour.redirect"], live) == []
    said = report_info.faults(list(found.values()), live, {}, NOW)
    assert said == ["route harbour of owner gantry: http://app2:8069 does not answer its health check"]


def test_a_service_of_services_is_followed() -> None:
    live = view()
    live["routers"]["shop@file"]["service"] = "both"
    live["services"] |= {
        "both@file": {"weighted": {"services": [{"name": "pool"}, {"name": "second@docker"}, {"name": "both"}]}},
        "second@docker": {"failover": {"service": "third", "fallback": "gone"}},
        "third@docker": {"loadBalancer": {"servers": [{"url": "http://c:1"}]}, "error": ["no reason"]},
    }
    one = entries(live, None)["shop"]
    assert [each["service"] for each in report_info.servers(one, live)] == ["pool@file", "third@docker"]
    assert report_info.errors(one, live) == ["no reason"]


def test_no_secret_is_returned() -> None:
    live = view()
    live["middlewares"]["a@file"] = {"basicAuth": {"users": ["admin:$2y$05$hash"]}}
    live["routers"]["shop@file"] |= {"error": ["bad user admin:$2y$05$hash"], "status": "disabled"}
    one = entries(live, None)["shop"]
    told = json.dumps([report_info.router(one, live, ()), report_info.faults([one], live, {}, NOW)])
    assert "hash" not in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("host", "owner", "names"),
    [
        ("erp.harbour.example", "", ["harbour.http", "harbour.redirect", "harbour.websocket"]),
        ("shop.example", "", ["shop"]),
        ("shop.example", "gantry", []),
        ("", "gantry", ["harbour.http", "harbour.redirect", "harbour.websocket"]),
        ("other.example", "", []),
    ],
)
def test_routers_are_chosen_by_host_and_owner(host: str, owner: str, names: list[str]) -> None:
    found = plan_info.chosen(entries(view(route()), None, route()).values(), host, owner)
    assert [one.name.removeprefix("gantry.").removesuffix("@file") for one in found] == names


def test_a_router_for_any_host_may_answer_for_each() -> None:
    live = {"routers": {"any@file": {"rule": "PathPrefix(`/`)"}, "odd@file": {"rule": "Soon(`a`)"}}}
    found = plan_info.entries(live, None, [], POINTS)
    assert len(plan_info.chosen(found, "erp.example", "")) == 2
    assert [one.hosts for one in found] == [(), ()]
    with pytest.raises(InputError, match="accepted is one DNS name without port"):
        plan_info.require_host("erp.example:443")


def test_certificates_are_asked_where_tls_ends_here() -> None:
    live = view(route())
    live["routers"] |= {
        "wild@file": {**SHOP, "rule": "Host(`*.shop.example`)"},
        "plain@file": {**SHOP, "rule": "Host(`plain.example`)", "entryPoints": ["gone", "web"]},
    }
    live["tcpRouters"] = {"db@file": {**SHOP, "rule": "HostSNI(`db.example`)", "tls": {"passthrough": True}}}
    found = plan_info.entries(live, None, [], {**POINTS, "web": {"address": "10.0.0.1:80/tcp"}})
    asked = plan_info.to_ask(found, {**POINTS, "web": {"address": "10.0.0.1:80/tcp"}})
    assert list(asked) == [
        (":443", "erp.harbour.example"),
        ("10.0.0.1:80", "plain.example"),
        (":443", "shop.example"),
    ]


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (Certificate("a.example", "ab", ("A.example",), "2026-12-02T07:33:32Z"), ""),
        (Certificate("a.example", "ab", ("*.example",), "2026-12-02T07:33:32Z"), ""),
        (Certificate("a.b.example", "ab", ("*.example", "b.example"), "2026-12-02T07:33:32Z"), "for other names: *"),
        (Certificate("a.example", "ab", ("a.example",), "2026-11-28T07:33:32Z"), "has expired on 2026-11-28"),
        (Certificate("a.example", "ab"), "that Traefik made up"),
        (Certificate("a.example", "", why="refused"), "is served no certificate: refused"),
    ],
)
def test_certificates_are_judged(one: Certificate, said: str) -> None:
    entry = entries(view(), None)["shop"]
    found = report_info.faults([entry], view(), {"shop@file": [one]}, NOW)
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_a_file_of_routes_that_was_changed_by_hand_is_named() -> None:
    text = plan_document.routes_text("gantry", [route()])
    for changed_by_hand, said in (
        (text.replace('"priority": 1000,\n', '"priority": 1007,\n'), "route harbour is not what was asked for"),
        (text.replace('# route {"', "# route {"), "has a record that cannot be read"),
    ):
        assert changed_by_hand != text
        found = plan_info.documents({"gantry-routes.yml": changed_by_hand.encode()}, FOLDER)
        assert said in "".join(report_info.directory_faults(found))
    assert report_info.directory_faults(documents(route())) == []


@pytest.mark.parametrize(
    "store",
    [
        LimitStore("redis1:6379"),
        LimitStore("redis1:6379", "traefik", "secret", 3, "/etc/ca.pem", "/etc/own.pem", "/etc/own.key"),
    ],
)
def test_a_file_whose_requests_a_redis_counts_is_what_was_asked_for(store: LimitStore) -> None:
    text = plan_document.routes_text("gantry", [route(rate_limit={"average": 5})], store)
    found = plan_info.documents({"gantry-routes.yml": text.encode()}, FOLDER)
    assert report_info.directory_faults(found) == []
    by_hand = text.replace('"500ms"', '"9s"')
    found = plan_info.documents({"gantry-routes.yml": by_hand.encode()}, FOLDER)
    assert "is not what was asked for" in "".join(report_info.directory_faults(found))


def test_requests_of_two_owners_are_named_once() -> None:
    live = view(route())
    twin = plan_document.document("others", [route(name="twin")])["http"]["routers"]
    live["routers"] |= {f"{name}@file": one for name, one in twin.items()}
    live["routers"]["shop@file"]["rule"] = "HostRegexp(`^erp`)"
    said = report_info.collisions(live, ["others", "gantry", "gantry"])
    assert [one.partition(" both ")[0] for one in said] == [
        "route harbour of owner gantry and route twin of owner others",
        "route harbour of owner gantry and router shop of provider file",
        "route twin of owner others and router shop of provider file",
    ]
