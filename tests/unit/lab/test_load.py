# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load generator against a server that misbehaves on demand: each kind of trouble is seen as what it is."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.lab import pki
from tests.lab.browser import AnswerError, Browser, Site
from tests.lab.held import Held, hold
from tests.lab.load import Load, Plan, Tenant
from tests.lab.state import State

HOST = "erp.lab.example"
USER, PASSWORD = "admin", "a & b"
ENOUGH = 8


class Misbehaving(ThreadingHTTPServer):
    """Odoo's login and JSON-RPC as far as the load generator uses them, with faults to order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sessions: set[str] = set()
        self.faults: list[str] = []
        self.asked = 0


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Misbehaving
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/web/login":
            self._answer(200, b'<input type="hidden" name="csrf_token" value="t&amp;1"/>')
        elif self.path == "/web/health":
            self._answer(200, b"{}")
        elif self._known():
            self._answer(200, b"page")
        else:
            self._answer(303, b"", Location="/web/login?redirect=%2Fodoo")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/web/login":
            if body != b"csrf_token=t%261&login=admin&password=a+%26+b&redirect=":
                self._answer(200, b"Wrong login/password")
                return
            session = f"s{len(self.server.sessions)}"
            self.server.sessions.add(session)
            self._answer(303, b"", Location="/odoo", **{"Set-Cookie": f"session_id={session}; Path=/; HttpOnly"})
            return
        self._call()

    def log_message(self, *words: object) -> None:
        """Say nothing."""

    def _call(self) -> None:
        self.server.asked += 1
        fault = self.server.faults.pop() if self.server.faults else ""
        if fault == "cut":
            self.close_connection = True
            return
        if fault == "500":
            self._answer(500, b"oops")
            return
        if fault == "logout":
            self.server.sessions.clear()
        if self._known():
            result = [{"id": 2}] if "call_kw" in self.path else {"uid": 2}
            self._answer(200, json.dumps({"result": result}).encode())
        else:
            self._answer(200, b'{"error": {"data": {"name": "odoo.http.SessionExpiredException"}}}')

    def _known(self) -> bool:
        return (self.headers.get("Cookie") or "").removeprefix("session_id=") in self.server.sessions

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Misbehaving]:
    state = State(tmp_path)
    pki.ensure_authority(state)
    certificate, key = pki.issue(state, [HOST], [])
    (tmp_path / "pair.pem").write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pair.pem")
    server = Misbehaving()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tenant(server: Misbehaving, tmp_path: Path) -> Tenant:
    context = ssl.create_default_context(cafile=str(State(tmp_path).ca))
    url = f"https://{HOST}:{server.server_address[1]}"
    return Tenant("harbour", Site(url, ("127.0.0.1",), context), USER, PASSWORD)


def load(tenant: Tenant, server: Misbehaving, *faults: str, idle: int = 0) -> dict[str, Any]:
    """Run a load until the server has answered enough; the faults strike once the users are in."""
    running = Load([tenant], Plan(rate=500, users=1, idle=idle, websockets=0))
    running.start()
    server.faults.extend(faults)
    ends = time.monotonic() + 20
    asked = server.asked
    while server.asked < asked + ENOUGH and time.monotonic() < ends:
        time.sleep(0.01)
    return running.finish(0.0)


def test_an_undisturbed_load_counts_no_trouble(tenant: Tenant, server: Misbehaving) -> None:
    counted = load(tenant, server, idle=1)

    assert counted["sent"] >= ENOUGH - 1
    assert [counted[name] for name in ("failed", "logged_out", "cut", "problems")] == [0, 0, 0, []]
    assert counted["held"]["idle"] == {"opened": 1, "cut": 0}


@pytest.mark.parametrize(("fault", "seen"), [("cut", "RemoteDisconnected"), ("500", "status 500")])
def test_a_cut_connection_and_a_server_error_are_failed_requests(
    tenant: Tenant, server: Misbehaving, fault: str, seen: str
) -> None:
    counted = load(tenant, server, fault)

    assert (counted["failed"], counted["logged_out"]) == (1, 0)
    assert seen in counted["problems"][0]["seen"]


def test_a_lost_session_is_one_logged_out_user_who_logs_in_again(tenant: Tenant, server: Misbehaving) -> None:
    counted = load(tenant, server, "logout")

    assert (counted["failed"], counted["logged_out"]) == (0, 1)


def test_a_wrong_password_is_told_before_the_load_begins(tenant: Tenant, server: Misbehaving) -> None:
    with pytest.raises(AnswerError, match="did not let admin in"):
        Browser(tenant.site, 5.0).login(USER, "wrong")


def test_an_edge_with_another_authority_is_not_asked(tenant: Tenant) -> None:
    strangers = Site(tenant.site.url, ("127.0.0.1",), ssl.create_default_context())

    with pytest.raises(ssl.SSLCertVerificationError):
        Browser(strangers, 5.0).page("/odoo")


def test_a_connection_that_is_cut_and_cannot_be_had_again_is_cut_once() -> None:
    held, stop, attempts = Held(0, []), threading.Event(), iter([True, False, False])

    def watch(_stop: threading.Event, opened: Callable[[], None]) -> None:
        if next(attempts, None) is None:
            stop.set()
        elif held.opened == 0:
            opened()
        raise ConnectionResetError("reset")

    hold(watch, stop, held, "harbour", pause=0.0)

    assert (held.opened, held.cuts) == (1, ["harbour: reset"])
