# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects in a table of PostgreSQL, for controllers that share a server and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    Login,
    connect,
    psycopg2,
    sentence,
)

# Keys are in the order of their bytes whatever the database's locale says.
_TABLE = """
CREATE TABLE IF NOT EXISTS public.gantry_object (
    key text COLLATE "C" PRIMARY KEY, data bytea NOT NULL, written timestamptz NOT NULL DEFAULT clock_timestamp())
"""
# read_only_sql_transaction: a standby, or default_transaction_read_only
_READ_ONLY = "25006"
_GONE = (psycopg2.OperationalError, psycopg2.InterfaceError) if psycopg2 else ()
# Two that make the table at once are told of a duplicate name.
_MAKE_ALONE = "SELECT pg_advisory_xact_lock(hashtext('gantry_object'))"


class Table:
    """The objects in the table `gantry_object` of the login's database, which is made at the first use."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self._connection: Any = None
        self._opening = threading.Lock()

    @property
    def where(self) -> str:
        """The store as an error sentence names it."""
        return f"database {self.login.dbname} at {self.login.where}"

    def now(self) -> datetime:
        """The time by the server's clock."""
        with self._cursor("tell its time") as cursor:
            cursor.execute("SELECT clock_timestamp()")
            moment: datetime = cursor.fetchone()[0]
        return moment

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that does not exist yet; False where it exists."""
        with self._cursor(f"write {key}") as cursor:
            cursor.execute(
                "INSERT INTO public.gantry_object (key, data) VALUES (%s, %s) ON CONFLICT DO NOTHING", (key, data)
            )
            return bool(cursor.rowcount == 1)

    def get(self, key: str) -> bytes | None:
        """The bytes of an object, None when there is none."""
        with self._cursor(f"read {key}") as cursor:
            cursor.execute("SELECT data FROM public.gantry_object WHERE key = %s", (key,))
            row = cursor.fetchone()
        return None if row is None else bytes(row[0])

    def names(self, prefix: str, limit: int) -> list[str]:
        """The first `limit` keys that begin with `prefix`, in their order."""
        with self._cursor(f"list {prefix}") as cursor:
            # the character after a slash ends the keys that begin with it
            cursor.execute(
                "SELECT key FROM public.gantry_object WHERE key >= %s AND key < %s ORDER BY key LIMIT %s",
                (prefix, prefix[:-1] + "0", limit),
            )
            return [key for (key,) in cursor.fetchall()]

    def delete(self, keys: Iterable[str]) -> int:
        """Remove objects; the number that was asked for."""
        listed = list(keys)
        with self._cursor("remove objects") as cursor:
            cursor.execute("DELETE FROM public.gantry_object WHERE key = ANY(%s)", (listed,))
        return len(listed)

    @contextmanager
    def _cursor(self, what: str) -> Iterator[Any]:
        """A cursor whose statements are committed one by one. A broken connection is opened anew by the next call."""
        with self._opening:
            if self._connection is None:
                self._connection = self._opened()
            connection = self._connection
        try:
            with connection.cursor() as cursor:
                yield cursor
        except psycopg2.Error as error:
            if isinstance(error, _GONE):
                connection.close()
                self._connection = None
            self._refuse_absent(what, error)
            raise StateError(f"the {self.where} could not {what}: {sentence(error)}") from error

    def _refuse_absent(self, what: str, error: Any) -> None:
        """Raise UnreachableError where the server is not there, or takes no writes, and may be asked again."""
        if isinstance(error, _GONE):
            raise UnreachableError(f"the {self.where} could not {what}: {sentence(error)}") from error
        if error.pgcode == _READ_ONLY:
            raise UnreachableError(
                f"the {self.where} could not {what}: it takes no writes now ({sentence(error)}); see whether another "
                "server is its primary"
            ) from error

    def _opened(self) -> Any:
        connection = connect(self.login, autocommit=False)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT to_regclass('public.gantry_object')")
                if cursor.fetchone()[0] is None:
                    cursor.execute(_MAKE_ALONE)
                    cursor.execute(_TABLE)
            connection.commit()
        except psycopg2.Error as error:
            connection.close()
            self._refuse_absent("be opened", error)
            raise StateError(
                f"the {self.where} could not be made a change store: {sentence(error)}; "
                f"let {self.login.user} create a table there"
            ) from error
        connection.autocommit = True
        return connection
