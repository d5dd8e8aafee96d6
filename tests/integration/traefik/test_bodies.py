# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A slow client takes no worker of Odoo, and a large body arrives, on a real Traefik; no host is needed to ask it."""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._traefik import plan_bodies

from .loopback import SECONDS, Edge, ask, free_port, running

NAME, OTHER = "erp.harbour.example", "erp.other.example"
WEB = f"127.0.0.1:{free_port()}"
READ_TIMEOUT = 4
ROUTE = {"name": "harbour", "hosts": [NAME], "tls": False, "max_body_mb": 64}
# Traefik loads a changed directory more than once, and counts anew each time.
SETTLED = 0.5
UPLOAD = "/web/binary/upload_attachment"


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    points = {"web": WEB, "websecure": f"127.0.0.1:{free_port()}"}
    folder = tmp_path_factory.mktemp("edge")
    with running(folder, traefik_entry_points=points, traefik_read_timeout=READ_TIMEOUT) as one:
        yield one


def slow_client(
    method: str = "POST",
    *,
    size: int = 1000,
    source: str = "127.0.0.1",
    host: str = NAME,
    further: str = "",
    web: str = WEB,
) -> socket.socket:
    """A client that has sent a part of its body, and sends no more. size: 0 for a body of unknown length."""
    address, _colon, port = web.partition(":")
    client = socket.create_connection((address, int(port)), SECONDS, source_address=(source, 0))
    length = f"Content-Length: {size}\r\n" if size else "Transfer-Encoding: chunked\r\n"
    typed = f"Content-Type: application/x-www-form-urlencoded\r\n{length}{further}"
    # of a body without a length, Traefik reads 256 KiB before it answers that it takes none
    begun = "a=" if size else f"50000\r\n{'a' * 0x50000}\r\n"
    client.sendall(f"{method} /web/login HTTP/1.1\r\nHost: {host}\r\n{typed}\r\n{begun}".encode())
    return client


def filled(clients: contextlib.ExitStack, share: int, **told: Any) -> list[socket.socket]:
    """Slow clients of one address that are all it may have at once: one more was refused, whichever came last."""
    made = [clients.enter_context(slow_client(**told)) for _turn in range(share + 1)]
    (refused,), _writable, _broken = select.select(made, [], [], SECONDS)
    assert b" 429 " in refused.recv(100)
    return [one for one in made if one is not refused]


def seconds_to_answer(web: str = WEB) -> float:
    began = time.monotonic()
    assert ask(web, NAME)[0] == 200
    return time.monotonic() - began


@pytest.mark.parametrize(("method", "size"), [("POST", 1000), ("POST", 2_000_000), ("GET", 1000), ("GET", 0)])
def test_slow_clients_take_no_worker(edge: Edge, method: str, size: int) -> None:
    edge.declare(ROUTE)
    clients = [slow_client(method, size=size) for _turn in range(20)]
    try:
        assert seconds_to_answer() < READ_TIMEOUT / 2
    finally:
        for client in clients:
            client.close()


def test_a_slow_client_is_cut_off(edge: Edge) -> None:
    edge.declare(ROUTE)
    began = time.monotonic()
    with slow_client() as client:
        assert b" 200 " not in client.recv(100)
    assert time.monotonic() - began < READ_TIMEOUT + 2


def test_without_a_limit_one_slow_client_takes_the_worker(edge: Edge) -> None:
    edge.declare({**ROUTE, "max_body_mb": 0})
    client = slow_client()
    try:
        time.sleep(0.5)
        assert seconds_to_answer() > READ_TIMEOUT / 2
    finally:
        client.close()


def test_a_large_body_takes_its_time_and_no_worker_meanwhile(edge: Edge) -> None:
    edge.declare(ROUTE)
    host, _colon, port = WEB.partition(":")
    upload = http.client.HTTPConnection(host, int(port), timeout=SECONDS)
    turns, part = 8, bytes(8 << 20)
    upload.putrequest("POST", UPLOAD, skip_host=True)
    for name, value in {
        "Host": NAME,
        "Content-Type": "multipart/form-data",
        "Content-Length": turns * len(part),
    }.items():
        upload.putheader(name, str(value))
    upload.endheaders()
    for _turn in range(turns):
        upload.send(part)
        time.sleep(0.2)
        assert seconds_to_answer() < 1
    answer = upload.getresponse()
    assert json.loads(answer.read())["size"] == 64 << 20
    upload.close()


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(edge: Edge) -> None:
    edge.declare(ROUTE)
    client = slow_client(size=(64 << 20) + 1)
    assert b" 413 " in client.recv(100)
    client.close()


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[tuple[Edge, str]]:
    """An edge that waits for bodies until the test has ended, and its address."""
    web = f"127.0.0.1:{free_port()}"
    with running(tmp_path, traefik_entry_points={"web": web, "websecure": f"127.0.0.1:{free_port()}"}) as one:
        yield one, web


def test_uploads_have_a_number_at_once_for_each_client_and_for_all(patient: tuple[Edge, str]) -> None:
    edge, web = patient
    large = 60 << 20
    with contextlib.ExitStack() as clients:
        route = {**ROUTE, "body_space_mb": 8 * 64}
        edge.declare(route, {**route, "name": "other", "hosts": [OTHER]})
        time.sleep(SETTLED)

        def client(source: str, **told: Any) -> socket.socket:
            return clients.enter_context(slow_client(**{"size": large, "source": source, "web": web, **told}))

        sources = [f"127.0.0.{number}" for number in (2, 3, 4, 5)]
        taken = [one for source in sources for one in filled(clients, 2, size=large, source=source, web=web)]
        # all are one, whatever they say of themselves
        for told in (
            {},
            {"size": 0},
            {"size": 0, "method": "PUT"},
            {"size": 1 << 20, "method": "GET"},
            {"host": NAME.upper()},
            {"host": f"{NAME}:80"},
            {"further": "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: other\r\n"},
        ):
            assert b" 429 " in client("127.0.0.6", **told).recv(100), told
        # routes that share a middleware count apart
        filled(clients, 2, size=large, source="127.0.0.6", web=web, host=OTHER)
        # work goes on, and so do the uploads
        typed = [("Content-Type", "application/json")]
        for method in ("POST", "GET", "OPTIONS", "DELETE", "PROPFIND"):
            assert ask(web, NAME, "127.0.0.2", headers=typed, method=method)[0] == 200, method
        assert seconds_to_answer(web) < 1
        taken[0].sendall(bytes(large - len("a=")))
        assert b" 200 " in taken[0].recv(100)
        again = client("127.0.0.2")
        again.settimeout(0.5)
        with pytest.raises(socket.timeout):
            again.recv(100)


def test_clients_that_stop_in_small_bodies_stop_nobody_else(patient: tuple[Edge, str]) -> None:
    edge, web = patient
    edge.declare({**ROUTE, "max_body_mb": 10, "body_space_mb": 10})
    time.sleep(SETTLED)
    began = time.monotonic()
    with contextlib.ExitStack() as clients:
        for source in ("127.0.0.2", "127.0.0.3", "127.0.0.4"):
            for _turn in range(100):
                clients.enter_context(slow_client(source=source, web=web))
            # the question may itself have taken the last place before a client
            while ask(web, NAME, source, method="POST")[0] == 200:
                assert time.monotonic() < began + SECONDS
                clients.enter_context(slow_client(source=source, web=web))
        assert ask(web, NAME, "127.0.0.5", method="POST")[0] == 200


def test_what_waits_of_answers_is_bounded(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_bodies, "_ANSWER_MB", 2)
    edge.declare({**ROUTE, "max_body_mb": 1})
    typed = [("Content-Type", "text/plain")]
    for size, method, status in ((2 << 20, "POST", 200), (3 << 20, "POST", 500), (3 << 20, "GET", 200)):
        answer = ask(WEB, NAME, headers=typed, path=f"/export-{size}", method=method)
        assert (answer[0], len(answer[2])) == (status, size if status == 200 else len("Internal Server Error"))


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {"Content-Length": "0"}])
def test_what_odoo_streams_is_not_kept_back(edge: Edge, headers: dict[str, str]) -> None:
    edge.declare(ROUTE)
    host, _colon, port = WEB.partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=SECONDS)
    connection.request("GET", "/stream", headers={"Host": NAME, **headers})
    began = time.monotonic()
    answer = connection.getresponse()
    assert answer.read(4) == b"half"
    assert time.monotonic() - began < 1
    assert answer.read() == b"half"
    connection.close()


class Echo(socketserver.BaseRequestHandler):
    """A websocket server as far as Traefik sees one."""

    def handle(self) -> None:
        if b"Upgrade" in self.request.recv(65536):
            self.request.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            )
            self.request.sendall(self.request.recv(100))


def test_answers_have_a_time_and_websockets_have_none(tmp_path: Path) -> None:
    web = f"127.0.0.1:{free_port()}"
    points = {"web": web, "websecure": f"127.0.0.1:{free_port()}"}
    with (
        running(tmp_path, traefik_entry_points=points, traefik_read_timeout=2, traefik_write_timeout=2) as edge,
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server,
        contextlib.ExitStack() as clients,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        clients.callback(server.shutdown)
        echo = {"url": f"http://127.0.0.1:{server.server_address[1]}"}
        edge.declare({**ROUTE, "body_space_mb": 64, "websocket_servers": [echo]})
        time.sleep(SETTLED)

        def client(path: str, *headers: str) -> socket.socket:
            made = clients.enter_context(socket.create_connection(("127.0.0.1", int(web.split(":")[1])), SECONDS))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            made.sendall("\r\n".join([f"GET {path} HTTP/1.1", f"Host: {NAME}", *headers, "", ""]).encode())
            return made

        websocket = client("/websocket", "Connection: Upgrade", "Upgrade: websocket")
        assert b" 101 " in websocket.recv(1000)
        began = time.monotonic()
        # it has the one place, and reads no more than the beginning
        idle = client(f"/export-{32 << 20}", "Content-Length: 1")
        idle.sendall(b"a")
        assert b" 200 " in idle.recv(20)
        typed = ("127.0.0.2", [("Content-Length", "1"), ("Content-Type", "text/plain")])
        assert ask(web, NAME, *typed, body=b"a")[0] == 429
        while (status := ask(web, NAME, *typed, body=b"a")[0]) == 429:
            assert time.monotonic() < began + SECONDS, "the client that does not read keeps its place"
            time.sleep(0.2)
        assert status == 200
        time.sleep(max(0.0, began + 4 - time.monotonic()))
        websocket.sendall(b"late")
        assert websocket.recv(100) == b"late"


@pytest.mark.deep
@pytest.mark.parametrize(("write_s", "status"), [(1, ""), (4, "HTTP/1.1 200 OK")])
def test_a_request_that_is_read_for_longer_than_its_answer_may_take_has_none(
    tmp_path: Path, write_s: int, status: str
) -> None:
    """Why role traefik refuses a write timeout that is not above the read timeout."""
    web = f"127.0.0.1:{free_port()}"
    points = {"web": web, "websecure": f"127.0.0.1:{free_port()}"}
    times = {"traefik_read_timeout": 3, "traefik_write_timeout": write_s}
    with running(tmp_path, traefik_entry_points=points, **times) as edge:
        edge.declare(ROUTE)
        time.sleep(SETTLED)
        with contextlib.closing(slow_client(size=3, web=web)) as client:
            time.sleep(2)
            client.sendall(b"b")
            assert client.recv(100).decode().partition("\r\n")[0] == status
