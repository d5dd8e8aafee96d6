# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes in tenants' databases as a role that has no rights anywhere else.

Triggers, rules, defaults and constraints are code of the tenant, and run with the rights of the session that writes, at
the latest when it commits. Nothing that the role could have changed is trusted afterwards.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, GantryError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_lent_role import acting
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, psycopg2, sql
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.locks import hold_role
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_lent_role import (
    read_reached,
    require_write_role,
)

LOCK_SECONDS = 30
# Of the schema public: what a name stands for, and the sequences that belong to it.
_OBJECTS = """
SELECT c.relname::text, c.relkind = 'S' FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND pg_has_role(c.relowner, 'USAGE')
  AND (%(names)s::text[] IS NULL OR c.relname = ANY(%(names)s) OR c.relkind = 'S' AND EXISTS (
       SELECT FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass
       WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
         AND t.relnamespace = c.relnamespace AND t.relname = ANY(%(names)s)))
ORDER BY 1
"""


@dataclass(frozen=True)
class Writing:
    """A session of the role in a database. granting: a cursor of the login there, for what the role may write."""

    database: str
    role: str
    connection: Any
    granting: Any

    @contextmanager
    def transaction(self, tables: Sequence[str] | None = None) -> Iterator[Any]:
        """A cursor of the role, whose transaction is committed when the block ends without an error.

        tables: of the schema public, that it may read and write, and functions of their triggers with it; one that
        does not exist is PostgreSQL's own error. None for all of the schema.
        """
        self._allow(tables)
        with self.connection, self.connection.cursor() as cursor:
            yield cursor

    def _allow(self, tables: Sequence[str] | None) -> None:
        role = sql.Identifier(self.role)
        grants = [sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role)]
        self.granting.execute(_OBJECTS, {"names": None if tables is None else list(tables)})
        found = self.granting.fetchall()
        for what, sequence in (
            ("SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLE", False),
            ("SELECT, UPDATE, USAGE ON SEQUENCE", True),
        ):
            names = [sql.Identifier("public", name) for name, is_sequence in found if is_sequence == sequence]
            if names:
                grants.append(sql.SQL(f"GRANT {what} {{}} TO {{}}").format(sql.SQL(", ").join(names), role))
        self.granting.execute(sql.SQL("; ").join(grants))


@dataclass(frozen=True)
class Writer:
    """Who writes in the databases of one server. role: what it logs in as, one run at a time.

    lock_s: seconds to wait for another run that uses the role. warn: told what code of a tenant did to it.
    turn: of the threads of this process.
    """

    login: Login
    role: str
    lock_s: float
    warn: Callable[[str], None]
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def require(self) -> None:
        """Raise where the role cannot be used, before anything is touched."""
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            require_write_role(cursor, self.login, self.role)

    @contextmanager
    def inside(self, database: str, seconds: float) -> Iterator[Writing]:
        """A session of the role in a database, which has a right in it for that time only.

        seconds: after which the session is ended, as code of the tenant may wait for ever.
        """
        with ExitStack() as held:
            # databases of one run do not wait for another run when they wait for one another
            held.enter_context(self.turn)
            cursor = held.enter_context(hold_role(self.login, self.role, self.lock_s))
            own = held.enter_context(closing(connect(self.login, database, lock_timeout=LOCK_SECONDS)))
            granting = held.enter_context(own.cursor())
            require_write_role(cursor, self.login, self.role)
            self._clear(cursor, granting, database)
            with acting(self.login, self.role, database, cursor, lambda: self._clear(cursor, granting, database)) as by:
                enter = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                    *map(sql.Identifier, (database, self.role))
                )
                cursor.execute(enter)
                connection = connect(by.login, database, autocommit=False, lock_timeout=LOCK_SECONDS)
                try:
                    with closing(connection), self._until(connection, database, seconds):
                        yield Writing(database, self.role, connection, granting)
                finally:
                    # it may have been shut out with all others
                    cursor.execute(enter)
            if by.note:
                self.warn(by.note)

    def _clear(self, cursor: Any, granting: Any, database: str) -> None:
        """Take every right from the role, also those that an interrupted run has left it, and what its session made."""
        drop = sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(self.role))
        for one in read_reached(cursor, self.role):
            if one == database:
                granting.execute(drop)
                continue
            with closing(connect(self.login, one, lock_timeout=LOCK_SECONDS)) as own, own.cursor() as there:
                there.execute(drop)

    @contextmanager
    def _until(self, connection: Any, database: str, seconds: float) -> Iterator[None]:
        """End the session after `seconds`: a statement's own timeout is one that code of the tenant can catch."""
        late = threading.Event()

        def end() -> None:
            late.set()
            with closing(connect(self.login)) as own, own.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", (pid,))

        pid = connection.info.backend_pid
        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (psycopg2.Error, GantryError) as error:
            if not late.is_set():
                raise
            raise DeadlineError(
                f"writing in database {database} did not end within {seconds:g} s; see what its triggers do"
            ) from error
        finally:
            timer.cancel()
