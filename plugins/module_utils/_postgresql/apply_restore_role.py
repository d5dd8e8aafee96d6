# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets one run at a time act as the role that pg_restore logs in as, which has no password but for that time.

Code in the dump acts as the role as well, so nothing that the role could have changed is trusted afterwards.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
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
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_restore_role import (
    read_databases,
    read_self_granted,
    read_set_databases,
)

ALONE_SECONDS = 30
_PASSWORD_BYTES = 32


def act_as(login: Login, name: str, database: str, work: Callable[[Login], None]) -> str:
    """Do `work` with a login as the role `name`; a note where code in the dump has changed how the role logs in.

    database: the one that the work gives to the role, and that is the login's afterwards. The caller holds the lock of
    the role.
    """
    note = ""
    # a new session before and after, as a server may end one that is idle as long as a dump is restored
    with closing(connect(login)) as connection, connection.cursor() as cursor:
        for left in read_databases(cursor, name):
            _take_away(cursor, left, login.user)
        as_role = _prepared(cursor, login, name)
    try:
        try:
            work(as_role)
        finally:
            note = _ended(login, as_role, database)
    except StateError as error:
        if note:
            raise StateError(f"{error}; {note}") from error
        raise
    return note


def _ended(login: Login, as_role: Login, database: str) -> str:
    """Leave the role as it has to be, and the database to the login; a note where code in the dump has acted on it."""
    name = as_role.user
    changed = not _lets_in(as_role, database)
    with closing(connect(login)) as connection, connection.cursor() as cursor:
        _prepared(cursor, login, name)
        _close(cursor, name)
        if changed:
            # a login that had begun with another password may end with it for as long as this
            time.sleep(_authentication_s(cursor))
            _close(cursor, name)
        _take_away(cursor, database, login.user)
    return f"code in the dump has changed how {name} logs in, which is as it was again" if changed else ""


def _take_away(cursor: Any, database: str, login: str) -> None:
    """Make the login the owner of a database that a dump was restored into: no other dump must reach it."""
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


def _close(cursor: Any, name: str) -> None:
    """Leave the role without a password."""
    _renew(cursor, name, None)


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
        Deadline(ALONE_SECONDS).wait(alone, f"the end of all sessions of {name}")
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
