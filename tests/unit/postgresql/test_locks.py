# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks of several databases are held all or none: runs with overlapping lists never wait for each other for ever."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import locks
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login

LOGIN = Login("db1", "gantry")


class Server:
    """A connection and its cursor in one. others: names that another run holds. held: those that this one holds."""

    server_version = 170000

    def __init__(self, others: set[str]) -> None:
        self.others, self.held, self.alive = others, set[str](), True
        self._rows: list[tuple[str, bool]] = []

    def cursor(self) -> Server:
        return self

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def close(self) -> None:
        self.alive = False

    def execute(self, statement: str, arguments: Any = None) -> None:
        if not self.alive:
            raise locks.psycopg2.OperationalError("server closed the connection unexpectedly")
        if "pg_advisory_unlock_all" in statement:
            self.held = set()
        if "pg_try_advisory_lock" in statement:
            self._rows = [(name, name not in self.others) for name in arguments[0]]
            self.held |= {name for name, got in self._rows if got}

    def fetchall(self) -> list[tuple[str, bool]]:
        return self._rows


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server on which another run holds the lock of north."""
    server = Server({"north"})
    monkeypatch.setattr(locks, "connect", lambda _login: server)
    return server


def test_what_is_free_is_held(server: Server) -> None:
    with locks.attempt(LOGIN, ["harbour"], ["south"]) as held:
        assert (held, server.held) == (True, {"harbour", "south"})


def test_where_one_is_taken_none_is_held(server: Server) -> None:
    with locks.attempt(LOGIN, ["harbour", "north"]) as held:
        assert (held, server.held) == (False, set())


def test_what_stays_taken_is_not_waited_for_for_ever(server: Server) -> None:
    held = locks.hold(LOGIN, ["harbour"], 0, ["north"])
    with pytest.raises(DeadlineError, match="harbour, north at db1:5432"), held:
        pytest.fail("it is not held")
    assert server.held == set()


@pytest.mark.parametrize("way", ["attempt", "hold"])
def test_a_lock_that_was_lost_meanwhile_is_an_error(server: Server, way: str) -> None:
    lock = locks.attempt(LOGIN, ["harbour"]) if way == "attempt" else locks.hold(LOGIN, ["harbour"], 1)
    with pytest.raises(StateError, match="the lock on harbour at db1:5432 was lost"), lock:
        server.alive = False
