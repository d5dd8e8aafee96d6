# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that are held open while something changes, to see whether it cuts them: idle HTTPS, and websockets."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import select
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.lab.browser import AnswerError, Browser, EdgeConnection, Site

# Between two signs of life on an idle connection; edges close what is silent for minutes.
IDLE_S = 30.0
POLL_S = 0.25
# Keeps one connection until the event, having called back when it stands.
Watcher = Callable[[threading.Event, Callable[[], None]], None]
_ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE, _PING, _PONG = 0x8, 0x9, 0xA


@dataclass
class Held:
    """What happened to the connections of one kind: how many were opened, and each cut in words."""

    opened: int
    cuts: list[str]

    @property
    def cut(self) -> int:
        """The number of connections that the other side ended."""
        return len(self.cuts)


def hold(watch: Watcher, stop: threading.Event, held: Held, name: str, pause: float = 1.0) -> None:
    """Keep one connection until `stop`; say once in `held` that it was cut, and open another each `pause` seconds."""
    standing = True

    def opened() -> None:
        nonlocal standing
        standing = True
        held.opened += 1

    while not stop.is_set():
        try:
            watch(stop, opened)
        except (OSError, http.client.HTTPException, AnswerError) as error:
            if standing:
                held.cuts.append(f"{name}: {error or type(error).__name__}")
            standing = False
            stop.wait(pause)


def idle_https(site: Site, timeout: float) -> Watcher:
    """A watcher of one HTTPS connection that is idle but for a question each IDLE_S, and for one at the end."""

    def watch(stop: threading.Event, opened: Callable[[], None]) -> None:
        connection = EdgeConnection(site, timeout)
        with contextlib.closing(connection):
            connection.connect()
            _ask(connection)
            opened()
            asked = time.monotonic()
            while not stop.is_set():
                _require_silence(connection)
                if time.monotonic() - asked >= IDLE_S:
                    _ask(connection)
                    asked = time.monotonic()
            _ask(connection)

    return watch


def websocket(browser: Browser, timeout: float) -> Watcher:
    """A watcher of one websocket to Odoo's bus, opened with the session of `browser`."""

    def watch(stop: threading.Event, opened: Callable[[], None]) -> None:
        connection = EdgeConnection(browser.site, timeout)
        with contextlib.closing(connection):
            connection.connect()
            socket = _WebSocket(connection, _upgrade(connection, browser))
            opened()
            while not stop.is_set():
                socket.attend()

    return watch


def _ask(connection: EdgeConnection) -> None:
    connection.request("GET", "/web/health")
    answer = connection.getresponse()
    answer.read()
    if answer.status != http.client.OK:
        raise AnswerError(f"status {answer.status} at /web/health")
    if answer.will_close:
        raise AnswerError("the server announced that it closes the connection")


def _require_silence(connection: EdgeConnection) -> None:
    """Wait a moment; the end of the connection is an error, TLS's own messages are not."""
    data = _receive(connection)
    if data is not None:
        raise AnswerError("the server ended the idle connection" if data == b"" else "the server spoke unasked")


def _receive(connection: EdgeConnection, size: int = 65536) -> bytes | None:
    """What came within a moment: bytes, none for nothing, empty for the end."""
    tls: ssl.SSLSocket = connection.sock
    if not tls.pending() and not select.select([tls], [], [], POLL_S)[0]:
        return None
    tls.setblocking(False)
    try:
        return tls.recv(size)
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return None
    finally:
        tls.settimeout(connection.timeout)


def _upgrade(connection: EdgeConnection, browser: Browser) -> bytes:
    """Ask for a websocket; return what came after the consent. With a User-Agent, Odoo wants its newest."""
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sock.sendall(
        (
            f"GET /websocket HTTP/1.1\r\nHost: {browser.site.host}\r\nOrigin: {browser.site.url}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Cookie: {browser.cookie_header}\r\n\r\n"
        ).encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = connection.sock.recv(4096)
        if not part:
            raise AnswerError("the server closed the connection instead of opening a websocket")
        answer += part
    head, _separator, rest = answer.partition(b"\r\n\r\n")
    accept = base64.b64encode(hashlib.sha1((key + _ACCEPT_SUFFIX).encode(), usedforsecurity=False).digest())
    if b" 101 " not in head.split(b"\r\n")[0] or accept not in head:
        raise AnswerError(f"no websocket but {head.splitlines()[0].decode(errors='replace')}")
    return rest


class _WebSocket:
    """The client's side of an open websocket that only listens: it answers pings and notices the end (RFC 6455)."""

    def __init__(self, connection: EdgeConnection, received: bytes) -> None:
        self._connection = connection
        self._buffer = received

    def attend(self) -> None:
        """Take what came within a moment; AnswerError at the end of the connection."""
        data = _receive(self._connection)
        if data == b"":
            raise AnswerError("the websocket ended without a word")
        self._buffer += data or b""
        while (frame := self._next_frame()) is not None:
            kind, payload = frame
            if kind == _CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if len(payload) > 1 else 0
                raise AnswerError(f"the websocket was closed with code {code} {payload[2:].decode(errors='replace')}")
            if kind == _PING:
                self._send(_PONG, payload)

    def _next_frame(self) -> tuple[int, bytes] | None:
        """The next whole frame of the buffer; a server's frames are never masked."""
        if len(self._buffer) < 2:
            return None
        length, start = self._buffer[1] & 0x7F, 2
        for marker, form in ((126, "!H"), (127, "!Q")):
            if length == marker:
                start += struct.calcsize(form)
                if len(self._buffer) < start:
                    return None
                length = struct.unpack(form, self._buffer[2:start])[0]
                break
        if len(self._buffer) < start + length:
            return None
        kind, payload = self._buffer[0] & 0x0F, self._buffer[start : start + length]
        self._buffer = self._buffer[start + length :]
        return kind, payload

    def _send(self, kind: int, payload: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        # Control frames carry at most 125 bytes, so the short length always does.
        self._connection.sock.sendall(bytes([0x80 | kind, 0x80 | len(payload)]) + mask + masked)
