# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time on a database: advisory locks, held on a connection of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    Login,
    connect,
    explaining,
    psycopg2,
    sentence,
)

_KEY = "hashtextextended('gantry.odoo:database:' || name, 0)"
_ROLE_KEY = "hashtextextended('gantry.odoo:role:' || %(role)s, 0)"
# a key of 64 bits is shown in two halves
_HOLDER = f"""
SELECT a.client_addr::text, to_char(a.backend_start AT TIME ZONE 'UTC', 'HH24:MI:SS'),
       ARRAY(SELECT datname::text FROM pg_database WHERE pg_get_userbyid(datdba) = %(role)s ORDER BY 1)
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
  AND (l.classid::bigint << 32 | l.objid::bigint) = {_ROLE_KEY}
"""


class LostLockError(StateError):
    """The work ended, and another run may have worked on the same meanwhile."""


@contextmanager
def attempt(login: Login, names: Iterable[str], shared: Iterable[str] = ()) -> Iterator[bool]:
    """Hold the locks of databases, as `hold`, if they can be had at once; whether they are held."""
    with _session(login) as cursor:
        with explaining(f"locking {_listed(names, shared)}", login):
            held = not _taken(cursor, names, shared)
        yield held
        if held:
            _require_kept(cursor, login, names, shared)


@contextmanager
def hold(login: Login, names: Iterable[str], seconds: float, shared: Iterable[str] = ()) -> Iterator[None]:
    """Hold the locks of the databases `names`, all or none, on the maintenance database of `login`.

    shared: databases that are only read, so that several runs may hold them at the same time.
    Runs meet only when they use the same maintenance database. Raises DeadlineError after `seconds`.
    A run that dies loses its connection, and with it the locks. Raises StateError where the connection was lost while
    the locks were needed.
    """
    with _session(login) as cursor:
        try:
            with explaining(f"locking {_listed(names, shared)}", login):
                Deadline(seconds).wait(
                    lambda: None if _taken(cursor, names, shared) else True, "the lock", interval=0.5
                )
        except DeadlineError as error:
            raise DeadlineError(
                f"another run works on one of {_listed(names, shared)} at {login.where} "
                f"and did not end within {seconds:g} s; run again when it has"
            ) from error
        yield
        _require_kept(cursor, login, names, shared)


@contextmanager
def hold_role(login: Login, role: str, seconds: float) -> Iterator[Any]:
    """Hold the lock of a role that only one run on the server may use at a time; a cursor of the session that does."""
    with closing(connect(login, lock_timeout=seconds)) as connection, connection.cursor() as cursor:
        with explaining(f"locking role {role}", login):
            try:
                # woken at once, as several databases of one run may wait
                cursor.execute(f"SELECT pg_advisory_lock({_ROLE_KEY})", {"role": role})
            except psycopg2.errors.LockNotAvailable as error:
                raise DeadlineError(
                    f"role {role} at {login.where} is used for {_holder(cursor, role)}, which did not end within "
                    f"{seconds:g} s; run again when it has, or with a longer lock_timeout"
                ) from error
        yield cursor
        _require_kept(cursor, login, [f"role {role}"], ())


def _holder(cursor: Any, role: str) -> str:
    """What the role is used for now, and by whom, in words."""
    cursor.execute(_HOLDER, {"role": role})
    found = cursor.fetchone()
    if found is None:
        return "another database"
    address, since, databases = found
    # not shown of a session of a superuser
    began = f" since {since} UTC" if since else ""
    return f"{', '.join(databases) or 'another database'} for a run on {address or 'the server'}{began}"


def _require_kept(cursor: Any, login: Login, names: Iterable[str], shared: Iterable[str]) -> None:
    try:
        cursor.execute("SELECT 1")
    except psycopg2.Error as error:
        raise LostLockError(
            f"the lock on {_listed(names, shared)} at {login.where} was lost before the work on it "
            f"ended ({sentence(error)}); see whether another run worked on it meanwhile"
        ) from error


def _listed(names: Iterable[str], shared: Iterable[str]) -> str:
    return ", ".join(sorted({*names, *shared}))


@contextmanager
def _session(login: Login) -> Iterator[Any]:
    with closing(connect(login)) as connection, connection.cursor() as cursor:
        yield cursor


def _taken(cursor: Any, names: Iterable[str], shared: Iterable[str]) -> list[str]:
    wanted = {**dict.fromkeys(sorted(shared), True), **dict.fromkeys(sorted(names), False)}
    cursor.execute(
        f"SELECT name, CASE WHEN shared THEN pg_try_advisory_lock_shared({_KEY}) ELSE pg_try_advisory_lock({_KEY}) END "
        "FROM unnest(%s::text[], %s::boolean[]) AS wanted (name, shared)",
        (list(wanted), list(wanted.values())),
    )
    tried = dict(cursor.fetchall())
    taken = [name for name, got in tried.items() if not got]
    if taken:
        # all or none, so that two runs with overlapping lists never wait for each other for ever
        cursor.execute("SELECT pg_advisory_unlock_all()")
    return taken
