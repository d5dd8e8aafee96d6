# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of PostgreSQL that falls silent holds nobody up. The real one is in tests/integration/changes."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_table import Table
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login

CANCEL, LIMIT_S = 80877102, 1.3
SETTINGS = {
    "server_version": "15.4",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "integer_datetimes": "on",
    "standard_conforming_strings": "on",
}
# A row, no row, or silence.
Told = Callable[[str], "str | None"]


class Silent(Exception):
    """The server says nothing to this."""


class Server:
    """Speaks the protocol of PostgreSQL as far as a login and simple queries, and is silent where `told` says so."""

    def __init__(self, told: Told) -> None:
        self.told, self.asked, self.cancels, self.ended = told, list[str](), 0, 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _address = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as stream:
            size, code = struct.unpack("!ii", stream.read(8))
            stream.read(size - 8)
            if code == CANCEL:
                self.cancels += 1
                return
            try:
                self._let_in(peer)
                while kind := stream.read(1):
                    text = stream.read(struct.unpack("!i", stream.read(4))[0] - 4).rstrip(b"\0").decode()
                    if kind == b"Q":
                        self.asked.append(text)
                        peer.sendall(self._answer(text))
            except Silent:
                stream.read()
            self.ended += 1

    def _let_in(self, peer: socket.socket) -> None:
        self.told("login")
        settings = [_message(b"S", f"{name}\0{value}\0".encode()) for name, value in SETTINGS.items()]
        peer.sendall(b"".join([_message(b"R", struct.pack("!i", 0)), *settings, _message(b"Z", b"I")]))

    def _answer(self, text: str) -> bytes:
        value = self.told(text)
        row = struct.pack("!hi", 1, len(value or "")) + (value or "").encode()
        column = struct.pack("!h", 1) + b"one\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
        rows = _message(b"T", column) + (_message(b"D", row) if value else b"")
        if text.startswith("INSERT"):
            return _message(b"C", b"INSERT 0 1\0") + _message(b"Z", b"I")
        return rows + _message(b"C", b"SELECT 1\0") + _message(b"Z", b"I")


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


@pytest.fixture
def serve() -> Iterator[Callable[[Told], Server]]:
    servers: list[Server] = []

    def made(told: Told) -> Server:
        servers.append(Server(told))
        return servers[-1]

    yield made
    for one in servers:
        one.close()


def table(server: Server) -> Table:
    login = Login("127.0.0.1", "gantry", server.port, dbname="gantry", ssl_mode="disable", connect_timeout=1)
    return Table(login, LIMIT_S, 2)


def silent_for(word: str, times: int) -> Told:
    left = [times]

    def told(text: str) -> str | None:
        if word in text and left[0]:
            left[0] -= 1
            raise Silent
        return "leases/999999/998" if "LIMIT" in text else "there"

    return told


def test_a_read_without_an_answer_is_asked_once_more_and_then_given_up(serve: Callable[[Told], Server]) -> None:
    server, began = serve(silent_for("LIMIT", 3)), time.monotonic()
    store = table(server)
    with pytest.raises(UnreachableError, match=r"gantry at .* could not list leases/: it gave no answer within"):
        store.names("leases/", 1)
    assert 2 * LIMIT_S < time.monotonic() - began < 4 * LIMIT_S
    # the third one is silent, and the fourth answers, in a session of its own
    assert store.names("leases/", 1) == ["leases/999999/998"]
    assert server.cancels == 0


def test_a_write_without_an_answer_is_not_asked_again(serve: Callable[[Told], Server]) -> None:
    """It may be committed on the server; who wrote it asks for it again, and reads it."""
    server, began = serve(silent_for("INSERT", 1)), time.monotonic()
    store = table(server)
    with pytest.raises(UnreachableError, match=r"could not write parts/1: it gave no answer within 1\.3 s"):
        store.create("parts/1", b"one")
    assert time.monotonic() - began < 3 * LIMIT_S
    assert len([text for text in server.asked if text.startswith("INSERT")]) == 1
    # no cancellation: a commit that waits for its standby would be answered as if the standby had it
    assert server.cancels == 0
    deadline = time.monotonic() + 10
    while not server.ended and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.ended == 1
    assert store.create("parts/1", b"one")


def test_a_server_that_lets_nobody_in_is_given_up(serve: Callable[[Told], Server]) -> None:
    server, began = serve(silent_for("login", 99)), time.monotonic()
    with pytest.raises(UnreachableError, match="did not let gantry in: it gave no answer within 1 s"):
        table(server).get("parts/1")
    assert time.monotonic() - began < 6


def test_many_readers_share_one_session(serve: Callable[[Told], Server]) -> None:
    server = serve(silent_for("nothing", 0))
    store = table(server)
    readers = [threading.Thread(target=store.names, args=("leases/", 1)) for _reader in range(8)]
    for one in readers:
        one.start()
    for one in readers:
        one.join(20)
    assert len([text for text in server.asked if "LIMIT" in text]) == 8
    assert server.ended == 0
