# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes who may connect to a database."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import (
    end_sessions,
    grantee,
    owner_of,
    shut_out,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, sql
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_access import (
    Record,
    given_back,
    parted,
    record_of,
    recorded,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import Home, home_of, with_home
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_access import (
    NO_RIGHT,
    read_comment,
    read_rights,
)

BLOCK_SECONDS = 30


def block_database(login: Login, database: str) -> None:
    """Let only the login and superusers connect: no one else from now on, and no session of anyone else is left.

    What is taken is recorded in the database's comment, in the same transaction.
    """
    with closing(connect(login, autocommit=False)) as connection, connection.cursor() as cursor:
        own, former = parted(read_comment(cursor, database))
        rights = read_rights(cursor, database)
        # the owner has it again where somebody else opened the database: the former record is void
        in_force = former if not any(right.owner for right in rights) else None
        still = shut_out(cursor, database, login.user)
        if still:
            raise StateError(
                f"database {database} cannot be blocked: {'; '.join(still)} could still connect; "
                "take that from the role, or give the database a plain owner"
            )
        _comment(cursor, database, recorded(own, record_of(rights, login.user, in_force)))
        connection.commit()
        connection.autocommit = True
        Deadline(BLOCK_SECONDS).wait(
            lambda: True if end_sessions(cursor, database, NO_RIGHT) == 0 else None,
            f"the end of all sessions on {database} that may not connect any more",
        )


def open_database(login: Login, database: str, home: Home | None = None) -> str:
    """Give back exactly what blocking took, at least to the owner; a note on roles that are gone, empty without any.

    home: what the database is from then on, recorded in the same transaction.
    """
    with closing(connect(login, autocommit=False)) as connection, connection.cursor() as cursor:
        said = read_comment(cursor, database)
        own, record = parted(said)
        lost = []
        # where the owner may connect, somebody else has opened it and decided to whom
        if not any(right.owner for right in read_rights(cursor, database)):
            lost = _give_back(cursor, database, record)
        own = _as_home(database, own, home)
        if own != said:
            _comment(cursor, database, own)
        connection.commit()
    return (
        f"{', '.join(lost)} could connect to {database} before it was blocked, and is no role any more" if lost else ""
    )


def set_home(login: Login, database: str, home: Home) -> None:
    """Record what the database is."""
    with closing(connect(login, autocommit=False)) as connection, connection.cursor() as cursor:
        _comment(cursor, database, _as_home(database, read_comment(cursor, database), home))
        connection.commit()


def _as_home(database: str, comment: str, home: Home | None) -> str:
    """The comment with the home. Raises StateError where a later one was recorded since the plan was made."""
    there = home_of(comment)
    if home and there and there.number > home.number:
        raise StateError(f"database {database} became {there} since the plan was made, so it does not become {home}")
    return with_home(comment, home)


def _give_back(cursor: Any, database: str, record: Record | None) -> list[str]:
    """Grant what was taken, and take back what the login got; the roles that are gone."""
    owner = owner_of(cursor, database)
    cursor.execute("SELECT oid::bigint, rolname::text FROM pg_roles")
    back, lost = given_back(record, owner, dict(cursor.fetchall()))
    for right in back:
        statement = "GRANT CONNECT ON DATABASE {} TO {}" + (" WITH GRANT OPTION" if right.passes_on else "")
        cursor.execute(sql.SQL(statement).format(sql.Identifier(database), grantee(right.role)))
    if record and any(right.role == record.login for right in read_rights(cursor, database) if right.role):
        statement = "REVOKE CONNECT ON DATABASE {} FROM {}"
        cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, (database, record.login))))
    return lost


def _comment(cursor: Any, database: str, text: str) -> None:
    statement = sql.SQL("COMMENT ON DATABASE {} IS {}")
    cursor.execute(statement.format(sql.Identifier(database), sql.Literal(text or None)))
