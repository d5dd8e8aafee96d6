# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that keep their connections count each one that ends once, and those that are refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tests.bench.clients import KEPT, Clients


class Server:
    """Answers each connection until it is cut, and no new one while it is down."""

    def __init__(self) -> None:
        self.down = threading.Event()
        self._generation = 0

    def cut(self) -> None:
        """End every connection."""
        self._generation += 1

    def open(self) -> Callable[[], None]:
        """A new connection."""
        if self.down.is_set():
            raise ConnectionRefusedError("nobody listens")
        made = self._generation

        def ask() -> None:
            if made != self._generation:
                raise ConnectionResetError("cut off")

        return ask


def settle(condition: Callable[[], bool]) -> None:
    """Wait until the clients have seen it."""
    ends = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_connections_that_stay_are_not_dropped() -> None:
    with Clients("still", Server().open, (OSError,)) as clients:
        settle(lambda: clients.asked > KEPT and clients.came > 1)
    assert (clients.dropped, clients.refused) == ([], [])


def test_each_end_of_a_connection_is_counted_once_and_those_who_come_meanwhile_are_refused() -> None:
    server = Server()
    with Clients("cut", server.open, (OSError,)) as clients:
        settle(lambda: clients.came > 0)
        server.down.set()
        server.cut()
        settle(lambda: len(clients.refused) > 1 and len(clients.dropped) == KEPT)
        server.down.clear()
        asked = clients.asked
        settle(lambda: clients.asked > asked + KEPT)
    assert len(clients.dropped) == KEPT
    assert "ConnectionResetError cut off" in clients.dropped[0]
    assert "ConnectionRefusedError nobody listens" in clients.refused[0]
