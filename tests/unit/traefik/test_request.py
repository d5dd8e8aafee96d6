# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request, and the router that answers it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model, plan_document
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_request import Request, request
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_request import Answering, answering

from .builders import route

URL = "https://erp.harbour.example"
OFFICE = route(name="office", audience="internal", allow=["10.0.0.0/8"])


def asked(url: str, **fields: Any) -> Request:
    return request({"url": url, **fields})


def live(*routes: model.Route, **others: dict[str, Any]) -> dict[str, Any]:
    """Traefik's view of routes, and of routers of others by name."""
    made = plan_document.document("gantry", routes)["http"].get("routers", {})
    strangers = {name: {"entryPoints": ["websecure"], "tls": {}, "priority": 9, **one} for name, one in others.items()}
    return {"routers": {f"{name}@file": {**one, "status": "enabled"} for name, one in {**made, **strangers}.items()}}


def answer(one: Request, raw: dict[str, Any]) -> str:
    found = answering(raw, one)
    assert not found.why, found.why
    return found.router.removesuffix("@file")


def test_a_request_is_read_from_an_address() -> None:
    found = asked("https://ERP.example:8443/web//a?b=1&b&c=%20#top", method="post", headers={"X-A": 1})
    assert (found.host, found.path, found.query) == ("erp.example", "/web//a", (("b", "1"), ("b", ""), ("c", " ")))
    assert (found.method, found.headers, found.tls, found.entry_point) == ("POST", (("x-a", "1"),), True, "websecure")
    assert (asked("http://a").path, asked("http://a").entry_point) == ("/", "web")
    assert asked("http://a", entry_point="office").entry_point == "office"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "erp.example"}, "request.url is 'erp.example'; accepted is http"),
        ({"url": "https://user@erp.example"}, "accepted is http"),
        ({"url": "https://erp.example:x"}, "which is no address"),
        ({"url": "https://é.example"}, "accepted is http"),
        ({"url": f"{URL}/a/../b"}, "write the path without . and .."),
        ({"url": URL, "address": "10.0.0.0/8"}, "request.address is '10.0.0.0/8'"),
    ],
)
def test_what_is_no_request_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        request(fields)


@pytest.mark.parametrize(
    ("url", "router"),
    [
        (f"{URL}/web", "gantry.harbour.http"),
        (f"{URL}:443//websocket", "gantry.harbour.websocket"),
        ("http://erp.harbour.example/web", "gantry.harbour.redirect"),
        ("https://other.example/web", "rest"),
        ("https://shop.example/a?b=1", "query"),
        ("https://shop.example/a?b=2", "rest"),
        ("http://other.example", ""),
    ],
)
def test_the_router_that_is_asked_first_answers(url: str, router: str) -> None:
    others = {
        "rest": {"rule": "HostRegexp(`.*`)", "priority": 1},
        "query": {"rule": "Host(`shop.example`) && Query(`b`, `1`)"},
        "off": {"rule": "Host(`shop.example`)", "priority": 99, "status": "disabled"},
    }
    raw = live(route(), **others)
    raw["routers"]["off@file"]["status"] = "disabled"
    assert answer(asked(url), raw) == router


def test_headers_are_those_that_are_given_and_no_others() -> None:
    raw = live(
        one={"rule": "Host(`a`) && Header(`X-Canary`, `yes`)", "priority": 3},
        two={"rule": "Host(`a`) && HeaderRegexp(`Cookie`, `(^|; ?)c=1(;|$)`)", "priority": 2},
        three={"rule": "Host(`a`) && !Header(`x-old`, `1`)", "priority": 1},
    )
    assert answer(asked("https://a", headers={"x-canary": "yes"}), raw) == "one"
    assert answer(asked("https://a", headers={"X-Canary": "no", "Cookie": "tz=UTC; c=1"}), raw) == "two"
    assert answer(asked("https://a"), raw) == "three"
    assert answer(asked("https://a", headers={"X-Old": "1"}), raw) == ""


def test_an_audience_is_certain_with_the_address_of_the_client() -> None:
    raw = live(route(), OFFICE)
    assert answer(asked(URL, address="10.1.2.3"), raw) == "gantry.office.http"
    assert answer(asked(URL, address="::ffff:10.1.2.3"), raw) == "gantry.office.http"
    assert answer(asked(URL, address="192.0.2.1"), raw) == "gantry.harbour.http"
    found = answering(raw, asked(URL))
    assert found.why.endswith("rule of gantry.office.http@file is not certain without the client's address")
    assert found.asked[:2] == ("gantry.office.http@file", "gantry.harbour.http@file")


def test_what_is_not_certain_is_said() -> None:
    raw = live(one={"rule": "HostRegexp(`^(?i)a`)"}, two={"rule": "Soon(`a`)", "priority": 8})
    found = answering(raw, asked("https://a", address="192.0.2.1"))
    assert found == Answering(
        ("one@file", "two@file"), "", "whether the request matches the rule of one@file is not certain"
    )
    equal = live(one={"rule": "Host(`a`)"}, two={"rule": "PathPrefix(`/`)"})
    assert answering(equal, asked("https://a")).why == (
        "one@file and two@file have the same priority, so that chance decides"
    )


def test_tcp_is_asked_first_and_the_role_answers_challenges() -> None:
    raw = live(route())
    raw["tcpRouters"] = {
        "db@file": {"rule": "HostSNI(`db.example`)", "entryPoints": ["websecure"], "tls": {"passthrough": True}},
        "plain@file": {"rule": "HostSNI(`*`)", "entryPoints": ["websecure"]},
    }
    raw["routers"]["gantry-acme-challenge@file"] = {
        "rule": "PathPrefix(`/.well-known/acme-challenge/`)",
        "entryPoints": ["web"],
        "priority": 1000000,
    }
    assert answer(asked("https://db.example/web"), raw) == "db"
    assert answer(asked(f"{URL}/web"), raw) == "gantry.harbour.http"
    assert answer(asked("http://erp.harbour.example/.well-known/acme-challenge/x"), raw) == "gantry-acme-challenge"
