# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets one run at a time act as a role that has no password but for that time.

Code of a tenant acts as the role as well, so nothing that the role could have changed is trusted afterwards.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import keep_to, make_ordinary
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    Login,
    connect,
    psycopg2,
    sentence,
    sql,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_lent_role import (
    read_databases,
    read_self_granted,
    read_set_databases,
)

ALONE_SECONDS = 30
_PASSWORD_BYTES = 32


@dataclass
class Acting:
    """A login as a role, for a time. note: says afterwards where code has changed how the role logs in."""

    login: Login
    note: str = ""


@contextmanager
def acting(login: Login, name: str, database: str, cursor: Any, clear: Callable[[], None]) -> Iterator[Acting]:
    """A login as the role `name`, which has a password for the time of the block.

    database: the one that the role may enter in the block. cursor: of the session that holds the lock of the role.
    clear: takes everything from the role, when it has no session any more.
    """
    by = Acting(_prepared(cursor, login, name))
    try:
        try:
            yield by
        finally:
            by.note = _ended(cursor, login, by.login, database, clear)
    except StateError as error:
        if by.note:
            raise StateError(f"{error}; {by.note}") from error
        raise


def _ended(cursor: Any, login: Login, as_role: Login, database: str, clear: Callable[[], None]) -> str:
    """Leave the role as it has to be; a note where code has acted on it."""
    name = as_role.user
    changed = not _lets_in(as_role, database)
    _renew(cursor, name, None)
    if read_self_granted(cursor, name):
        # only the role itself takes it back
        _prepared(cursor, login, name)
        _renew(cursor, name, None)
    if changed:
        # a login that had begun with another password may end with it for as long as this
        time.sleep(_authentication_s(cursor))
        _renew(cursor, name, None)
    clear()
    return f"code in {database} has changed how {name} logs in, which is as it was again" if changed else ""


def take_databases(cursor: Any, name: str, login: str) -> None:
    """Make the login the owner of all databases of the role: no other dump must reach what one was restored into."""
    for database in read_databases(cursor, name):
        make_ordinary(cursor, database)
        cursor.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(*map(sql.Identifier, (database, login))))
        keep_to(cursor, database, login)


def _prepared(cursor: Any, login: Login, name: str) -> Login:
    """A login as the role, with a new password, no session and no setting of before, and without members of its own."""
    as_role = replace(login, user=name, password=secrets.token_urlsafe(_PASSWORD_BYTES))
    # the server gets a verifier, so that not even a log of its statements has the password
    verifier = psycopg2.extensions.encrypt_password(
        as_role.password, name, scope=cursor.connection, algorithm="scram-sha-256"
    )
    _renew(cursor, name, verifier)
    members = read_self_granted(cursor, name)
    if members:
        with closing(connect(as_role)) as connection, connection.cursor() as own:
            for member in members:
                own.execute(sql.SQL("REVOKE {} FROM {}").format(*map(sql.Identifier, (name, member))))
    return as_role


def _renew(cursor: Any, name: str, verifier: str | None) -> None:
    """Give the role a password, or none, and end its sessions and settings, until none of the former is left."""
    role = sql.Identifier(name)

    def alone() -> bool | None:
        cursor.execute(
            sql.SQL("SET LOCAL ROLE {0}; ALTER ROLE {0} PASSWORD {1}; ALTER ROLE {0} RESET ALL; {2} RESET ROLE").format(
                role,
                sql.Literal(verifier),
                sql.SQL(" ").join(
                    sql.SQL("ALTER ROLE {} IN DATABASE {} RESET ALL;").format(role, sql.Identifier(database))
                    for database in read_set_databases(cursor, name)
                ),
            )
        )
        cursor.execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = %s", (name,))
        return True if cursor.fetchone()[0] == 0 else None

    try:
        Deadline(ALONE_SECONDS).wait(alone, f"the end of all sessions of {name}", interval=0.01)
    except psycopg2.errors.InsufficientPrivilege as error:
        # before version 16, a session of the role can take it from the login
        raise StateError(
            f"the login may not act as role {name} any more ({sentence(error)}); run gantry.odoo.site, which makes "
            "it a member of the role again"
        ) from error


def _lets_in(login: Login, database: str) -> bool:
    try:
        connect(login, database).close()
    except UnreachableError:
        return False
    return True


def _authentication_s(cursor: Any) -> int:
    cursor.execute("SELECT setting::int FROM pg_settings WHERE name = 'authentication_timeout'")
    return int(cursor.fetchone()[0])
