# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Middlewares of users' own on a real Traefik."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .edge import Edge

NAME = "guarded.example"
ROUTE = {
    "name": "guarded",
    "hosts": [NAME],
    "servers": [{"url": "http://127.0.0.1:9001"}],
    "websocket_servers": [{"url": "http://127.0.0.1:9002"}],
    "middlewares": ["first", "second@file"],
}
# A stand-in for a firewall that is asked about each request, with its body.
WAF = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Judge(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        bad = b"attack" in body or "attack" in self.headers["X-Forwarded-Uri"]
        self.send_response(403 if bad else 200)
        self.end_headers()
    do_POST = do_GET
    def log_message(self, *words):
        pass
ThreadingHTTPServer(("127.0.0.1", 9090), Judge).serve_forever()
"""

Declare = Callable[..., dict[str, Any]]
Publish = Callable[..., dict[str, Any]]


@pytest.fixture
def publish(ansible_module: Callable[..., dict[str, Any]]) -> Publish:
    """`publish(document=)` calls traefik_dynamic_file for the file `guards` on the edge."""

    def call(fails: bool = False, **options: Any) -> dict[str, Any]:
        given = {"name": "guards", "validate_command": ["/usr/local/bin/traefik"], **options}
        return ansible_module("edge1", "gantry.odoo.traefik_dynamic_file", given, fails=fails)

    return call


def test_requests_pass_them_and_they_stay(edge: Edge, declare: Declare, publish: Publish) -> None:
    refused = declare([ROUTE], fails=True)["msg"]
    assert refused.startswith("route guarded refers to the middleware first@file, which Traefik does not have; make it")
    assert "; route guarded refers to the middleware second@file" in refused

    guards = {
        name: {"headers": {"customRequestHeaders": {"X-Guard": name, f"X-{name.title()}": "seen"}}}
        for name in ("first", "second")
    }
    publish(document={"http": {"middlewares": guards}})
    declare([ROUTE])
    for path, server in (("/web", "9001"), ("/websocket", "9002")):
        seen = json.loads(edge.get(path, name=NAME)[2])
        assert seen["server"] == server
        # the later one has the last word
        assert [seen["headers"][f"X-{word}"] for word in ("Guard", "First", "Second")] == ["second", "seen", "seen"]
    assert not declare([ROUTE])["changed"]

    kept = publish(fails=True, state="absent")["msg"]
    assert "guards.yml would take away the middleware first, which route guarded of owner gantry refers to" in kept
    assert json.loads(edge.get("/web", name=NAME)[2])["server"] == "9001"
    declare([{"name": "guarded", "state": "absent"}])
    assert publish(state="absent")["changed"]


def test_a_firewall_is_asked_about_bodies_too(edge: Edge, declare: Declare, publish: Publish) -> None:
    edge.host.write("/root/waf.py", WAF)
    edge.host.run(["systemd-run", "--unit=waf-9090", "--collect", "python3", "/root/waf.py"])
    asks = {
        "address": "http://127.0.0.1:9090",
        "forwardBody": True,
        "preserveRequestMethod": True,
        "maxBodySize": 65536,
    }
    publish(document={"http": {"middlewares": {"waf": {"forwardAuth": asks}}}})
    declare([{**ROUTE, "middlewares": ["waf"]}])

    def post(body: str) -> int:
        connection = edge.connect(NAME)
        connection.request("POST", "/web", body, {"Host": NAME})
        return connection.getresponse().status

    assert [post(body) for body in ("good", "an attack", "x" * 65537)] == [200, 403, 401]
    paths = ("/web", "/web?attack", "/websocket", "/websocket?attack")
    assert [edge.get(path, name=NAME)[0] for path in paths] == [200, 403, 200, 403]
    edge.host.run(["systemctl", "stop", "waf-9090"])
    # no request passes a firewall that does not answer
    assert edge.get("/web", name=NAME)[0] >= 500
    declare([{"name": "guarded", "state": "absent"}])
    publish(state="absent")
