# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects in a table of PostgreSQL, for controllers that share a server and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import WHOLE_BYTES, joined
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_session import Answer, Session, SilentError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, psycopg2, sentence

# Keys are in the order of their bytes whatever the database's locale says. Two that make the table at once are told of
# a duplicate name.
_TABLE = """
SELECT pg_advisory_xact_lock(hashtext('gantry_object'));
CREATE TABLE IF NOT EXISTS public.gantry_object (
    key text COLLATE "C" PRIMARY KEY, data bytea NOT NULL, written timestamptz NOT NULL DEFAULT clock_timestamp())
"""
# read_only_sql_transaction: a standby, or default_transaction_read_only
_READ_ONLY = "25006"
# Of many objects at once, those that are larger are read alone.
_SMALL_BYTES = 65536
_GONE = (psycopg2.OperationalError, psycopg2.InterfaceError) if psycopg2 else ()


class Table:
    """The objects in the table `gantry_object` of the login's database, which is made at the first use.

    answer_s: seconds that an answer may take, above 1. attempts: how often is asked at most. A write is asked for once:
    after one without an answer it is not known whether it was written, and the same call again tells.
    """

    def __init__(self, login: Login, answer_s: float, attempts: int) -> None:
        self.login = login
        self._answer_s, self._attempts = answer_s, attempts
        self._session: Session | None = None
        self._using = threading.Lock()

    @property
    def where(self) -> str:
        """The store as an error sentence names it."""
        return f"database {self.login.dbname} at {self.login.where}"

    def now(self) -> datetime:
        """The time by the server's clock."""
        moment: datetime = self._read("tell its time", "SELECT clock_timestamp()")[0][0]
        return moment

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that does not exist yet; False where it exists."""
        statement = "INSERT INTO public.gantry_object (key, data) VALUES (%s, %s) ON CONFLICT DO NOTHING"
        return self._asked(f"write {key}", statement, (key, data)).count == 1

    def get(self, key: str) -> bytes | None:
        """The bytes of an object, None when there is none."""
        statement = "SELECT substr(data, 1, %s) FROM public.gantry_object WHERE key = %s"
        rows = self._read(f"read {key}", statement, (WHOLE_BYTES + 1, key))
        return joined([bytes(rows[0][0])], WHOLE_BYTES, f"{key} in the {self.where}") if rows else None

    def several(self, keys: Sequence[str]) -> Iterator[bytes | None]:
        """The bytes of objects, in the order of their keys, by one statement."""
        statement = "SELECT key, substr(data, 1, %s) FROM public.gantry_object WHERE key = ANY(%s)"
        rows = self._read("read objects", statement, (_SMALL_BYTES + 1, list(keys)))
        found = {key: bytes(data) for key, data in rows}
        for key in keys:
            data = found.pop(key, None)
            yield data if data is None or len(data) <= _SMALL_BYTES else self.get(key)

    def names(self, prefix: str, limit: int) -> list[str]:
        """The first `limit` keys that begin with `prefix`, in their order."""
        statement = "SELECT key FROM public.gantry_object WHERE key >= %s AND key < %s ORDER BY key LIMIT %s"
        # the character after a slash ends the keys that begin with it
        rows = self._read(f"list {prefix}", statement, (prefix, prefix[:-1] + "0", limit))
        return [key for (key,) in rows]

    def delete(self, keys: Iterable[str]) -> int:
        """Remove objects; the number that was asked for."""
        listed = list(keys)
        self._asked("remove objects", "DELETE FROM public.gantry_object WHERE key = ANY(%s)", (listed,))
        return len(listed)

    def _read(self, what: str, statement: str, values: Sequence[Any] = ()) -> Sequence[Any]:
        for _attempt in range(self._attempts - 1):
            try:
                return self._asked(what, statement, values).rows
            except UnreachableError:
                continue
        return self._asked(what, statement, values).rows

    def _asked(self, what: str, statement: str, values: Sequence[Any]) -> Answer:
        """What a statement returns. A broken connection is opened anew by the next call."""
        with self._using:
            self._session = self._session or self._opened()
            try:
                return self._session.run(statement, values)
            except SilentError as error:
                self._session = None
                raise UnreachableError(f"the {self.where} could not {what}: {error}") from error
            except psycopg2.Error as error:
                if isinstance(error, _GONE):
                    self._session.close()
                    self._session = None
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

    def _opened(self) -> Session:
        session = Session(self.login, self._answer_s)
        try:
            if session.run("SELECT to_regclass('public.gantry_object')").rows[0][0] is None:
                session.run(_TABLE)
        except SilentError as error:
            raise UnreachableError(f"the {self.where} could not be opened: {error}") from error
        except psycopg2.Error as error:
            session.close()
            self._refuse_absent("be opened", error)
            raise StateError(
                f"the {self.where} could not be made a change store: {sentence(error)}; "
                f"let {self.login.user} create a table there"
            ) from error
        return session
