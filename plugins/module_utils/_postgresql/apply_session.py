# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session of PostgreSQL in which every answer has a limit, for what must not wait for a server that hangs.

A commit that waits for a standby waits beyond `statement_timeout`, and a server whose storage stalls ends no statement
at all, while its kernel acknowledges every packet. So the connection is asynchronous, and this side closes it when the
limit is over. It asks the server for no cancellation: a commit that waits for a standby would then be answered as if
the standby had it.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    Login,
    arguments,
    pins,
    psycopg2,
    refusal,
)

# So much earlier than this side the server gives up, so that what it has not done is known not to be done.
_EARLIER_S = 1.0


class SilentError(UnreachableError):
    """The server gave no answer within the limit, and may have done what it was asked for."""


@dataclass(frozen=True)
class Answer:
    """What a statement returned. count: of the rows that it returned or wrote."""

    rows: Sequence[Any]
    count: int


class Session:
    """A session at the login's database, each statement of which is committed by itself. For one thread at a time.

    seconds: the limit of each answer, above 1. Raises UnreachableError where the server does not let the login in.
    """

    def __init__(self, login: Login, seconds: float) -> None:
        self._seconds = seconds
        given = arguments(login, login.dbname, statement_timeout=seconds - _EARLIER_S)
        try:
            self._connection = psycopg2.connect(**given, async_=True)
            self._wait(login.connect_timeout)
            settings = pins(self._connection.server_version)
            if settings:
                self.run(settings)
        except psycopg2.Error as error:
            raise refusal(login, login.dbname, error) from error
        except SilentError as error:
            raise UnreachableError(f"PostgreSQL at {login.where} did not let {login.user} in: {error}") from error

    def run(self, statement: str, values: Sequence[Any] = ()) -> Answer:
        """What a statement returns; several ones are one transaction. Raises SilentError, and closes the session then.

        Other errors are those of psycopg2.
        """
        cursor = self._connection.cursor()
        cursor.execute(statement, values)
        self._wait(self._seconds)
        return Answer(cursor.fetchall() if cursor.description else (), cursor.rowcount)

    def close(self) -> None:
        """End the session, without a word to a server that hangs."""
        self._connection.close()

    def _wait(self, seconds: float) -> None:
        """Wait until the connection has what was asked for."""
        deadline = Deadline(seconds)
        while True:
            state = self._connection.poll()
            if state == psycopg2.extensions.POLL_OK:
                return
            waiting = select.poll()
            reads = state == psycopg2.extensions.POLL_READ
            waiting.register(self._connection.fileno(), select.POLLIN if reads else select.POLLOUT)
            if not waiting.poll(deadline.remaining * 1000) or deadline.remaining <= 0:
                self.close()
                raise SilentError(f"it gave no answer within {seconds:g} s; see what it waits for")
