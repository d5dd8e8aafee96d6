# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes become the document that Traefik is to have, and a file that says both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model, plan_document

from .builders import route, service_of, unshared


def http(*routes: model.Route) -> dict[str, Any]:
    made = plan_document.document("gantry", routes)["http"]
    return unshared(made) if len(routes) == 1 else made


def test_a_public_route_with_websockets() -> None:
    made = http(route())
    web = made["routers"]["gantry.harbour.http"]
    websocket = made["routers"]["gantry.harbour.websocket"]
    assert web["rule"] == "Host(`erp.harbour.example`)"
    assert web["entryPoints"] == ["websecure"]
    assert web["tls"] == {}
    assert websocket["rule"].startswith("Host(`erp.harbour.example`) && (Path(`/websocket`)")
    assert websocket["priority"] > web["priority"]
    assert made["routers"]["gantry.harbour.redirect"]["entryPoints"] == ["web"]
    assert service_of(made, "harbour.http")["loadBalancer"]["servers"] == [
        {"url": "http://app1:8069"},
        {"url": "http://app2:8069"},
    ]


def test_health_is_checked_within_five_seconds_on_each_pool() -> None:
    sockets = [{"url": "http://app1:8072"}, {"url": "http://app2:8072"}]
    made = http(route(health_path="/web/health", websocket_servers=sockets))
    for kind, path in (("http", "/web/health"), ("websocket", "/websocket/health")):
        assert service_of(made, f"harbour.{kind}")["loadBalancer"]["healthCheck"]["path"] == path
    assert all(one["loadBalancer"]["healthCheck"]["interval"] == "2s" for one in made["services"].values())


def test_a_server_alone_is_not_taken_away_by_a_late_health_check() -> None:
    made = http(route(servers=[{"url": "http://app1:8069", "drained": True}, {"url": "http://app2:8069"}]))
    assert "healthCheck" not in service_of(made, "harbour.http")["loadBalancer"]


def test_odoo_is_told_https_on_an_upgrade() -> None:
    made = http(route())
    assert "gantry.harbour.websocket@file" in made["routers"]["gantry.harbour.websocket"]["middlewares"]
    headers = made["middlewares"]["gantry.harbour.websocket"]["headers"]["customRequestHeaders"]
    assert headers == {"X-Forwarded-Proto": "https"}


def test_every_middleware_that_a_router_names_exists() -> None:
    made = http(route(audience="partner", allow=["10.0.0.0/8"], rate_limit={"average": 5}))
    named = {name for one in made["routers"].values() for name in one["middlewares"]}
    assert {name.replace("@file", "") for name in named} == set(made["middlewares"])


def test_a_narrow_audience_is_allowed_by_address_on_every_path() -> None:
    made = http(route(audience="internal", allow=["10.0.0.0/8"]))
    for part in ("http", "websocket"):
        assert "gantry.harbour.allow@file" in made["routers"][f"gantry.harbour.{part}"]["middlewares"]
    assert made["middlewares"]["gantry.harbour.allow"]["ipAllowList"] == {"sourceRange": ["10.0.0.0/8"]}


def test_a_shared_host_is_told_apart_by_address() -> None:
    internal = route(name="office", audience="internal", allow=["10.0.0.0/8", "192.168.0.0/16"])
    made = http(route(), internal)["routers"]
    assert made["gantry.office.http"]["rule"] == (
        "Host(`erp.harbour.example`) && (ClientIP(`10.0.0.0/8`) || ClientIP(`192.168.0.0/16`))"
    )
    assert made["gantry.office.http"]["priority"] > made["gantry.harbour.websocket"]["priority"]
    assert made["gantry.harbour.http"]["rule"] == "Host(`erp.harbour.example`)"


def test_a_rule_is_written_from_what_was_read() -> None:
    rule = 'PathPrefix(`/a`) || path("/b") && !(Method(`GET`))'
    assert http(route(rule=rule))["routers"]["gantry.harbour.http"]["rule"] == (
        "Host(`erp.harbour.example`) && (PathPrefix(`/a`) || Path(`/b`) && !Method(`GET`))"
    )


def test_the_more_specific_of_two_routes_is_asked_first() -> None:
    made = http(route(), route(name="portal", rule="PathPrefix(`/my`)"))["routers"]
    assert made["gantry.portal.http"]["priority"] > made["gantry.harbour.websocket"]["priority"]
    assert made["gantry.portal.redirect"]["priority"] > made["gantry.harbour.redirect"]["priority"]


def test_drained_servers_leave_the_pool() -> None:
    servers = [{"url": "http://app1:8069", "drained": True}, {"url": "http://app2:8069"}]
    made = http(route(servers=servers))
    assert service_of(made, "harbour.http")["loadBalancer"]["servers"] == [{"url": "http://app2:8069"}]
    assert "gantry.harbour.retry" not in made["middlewares"]


def test_maintenance_has_no_server_and_says_when_to_come_back() -> None:
    made = http(route(mode="maintenance", retry_after=300))
    assert list(made["services"].values()) == [{"loadBalancer": {"passHostHeader": True}}]
    headers = made["middlewares"]["gantry.harbour.headers"]["headers"]
    answered = headers["customResponseHeaders"]
    assert (answered["Retry-After"], answered["Cache-Control"]) == ("300", "no-store")
    assert "gantry.harbour.websocket" not in made["routers"]


def test_without_tls_nothing_redirects_and_nothing_insists_on_https() -> None:
    made = http(route(tls=False))
    assert set(made["routers"]) == {"gantry.harbour.http", "gantry.harbour.websocket"}
    assert all(one["entryPoints"] == ["web"] and "tls" not in one for one in made["routers"].values())
    assert "stsSeconds" not in made["middlewares"]["gantry.harbour.headers"]["headers"]


def test_a_document_without_routes_is_not_empty() -> None:
    # Traefik skips an empty configuration, and the last route would live on.
    assert http() == {"middlewares": {"gantry.https": {"redirectScheme": {"scheme": "https", "permanent": True}}}}


def test_the_file_reads_back_as_it_was_written() -> None:
    routes = [route(name="b"), route(name="a", audience="internal", allow=["10.0.0.0/8"])]
    text = plan_document.routes_text("gantry", routes)
    found = plan_document.read_routes(text, "x.yml")
    assert found.routes == {one.name: one for one in routes}
    assert found.document == plan_document.document("gantry", routes)
    assert text == plan_document.routes_text("gantry", list(reversed(routes)))


@pytest.mark.parametrize("braces", ["{{ env 1 }}", "{{{", "{{{{"])
def test_no_template_reaches_traefik(braces: str) -> None:
    text = plan_document.routes_text("gantry", [route(rule=f"Header(`X`, `{braces}`)")])
    assert "{{" not in text
    assert braces in plan_document.read_routes(text, "x.yml").routes["harbour"].rule


def test_a_foreign_file_is_left_alone() -> None:
    with pytest.raises(StateError, match=r"x\.yml was not written by traefik_route"):
        plan_document.read_routes("http:\n  routers: {}\n", "x.yml")


def test_a_broken_record_is_told() -> None:
    text = plan_document.routes_text("gantry", [route()]).replace('"audience": "public"', '"audience": "nobody"', 1)
    with pytest.raises(StateError, match="has a record that cannot be read"):
        plan_document.read_routes(text, "x.yml")


def test_a_body_edited_into_something_else_is_no_document() -> None:
    text = plan_document.routes_text("gantry", [route()]) + "oops: true\n"
    assert plan_document.read_routes(text, "x.yml").document is None


def test_certificates_of_a_document() -> None:
    pair = {"certFile": "/a.crt", "keyFile": "/a.key"}
    content = {"tls": {"certificates": [pair], "stores": {"default": {"defaultCertificate": pair}}}}
    assert plan_document.certificate_files(content) == ["/a.crt"]
    assert plan_document.certificate_files({"http": {}}) == []
    assert plan_document.read_document(plan_document.to_text(["x"], content)) == content
    assert json.loads(plan_document.to_text([], content)) == content
