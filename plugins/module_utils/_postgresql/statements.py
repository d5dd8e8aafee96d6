# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements about whole databases that several hands need."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, sentence, sql

# The comment on a database in the making; a database of the temporary name without it is not ours to drop.
MARKER = "gantry.odoo.odoo_database: not complete yet"


def mark(cursor: Any, database: str) -> None:
    """Say of a database in the making whose it is, and keep the roles of other tenants out."""
    cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database), sql.Literal(MARKER)))
    # a role of another tenant has nothing to do here; the owner keeps its own right
    cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))


def shut_out(cursor: Any, database: str, login: str) -> bool:
    """Let only `login` connect to `database`; whether its owner is shut out now, which a superuser never is."""
    if owner_of(cursor, database) == login:
        return False
    target, owner = sql.Identifier(database), sql.Identifier(owner_of(cursor, database))
    cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(target, sql.Identifier(login)))
    cursor.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC, {}").format(target, owner))
    cursor.execute(
        "SELECT has_database_privilege(datdba, oid, 'CONNECT') FROM pg_database WHERE datname = %s", (database,)
    )
    return not cursor.fetchone()[0]


def owner_of(cursor: Any, database: str) -> str:
    """The role that owns a database. Raises StateError when there is no such database."""
    cursor.execute("SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = %s", (database,))
    row = cursor.fetchone()
    if row is None:
        raise StateError(f"database {database} is gone since the plan was made; run again")
    return row[0]


def end_sessions(cursor: Any, database: str, condition: str = "true") -> int:
    """End the sessions on `database` for which the SQL `condition` over pg_stat_activity holds; how many there were."""
    cursor.execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        f"WHERE datname = %s AND pid <> pg_backend_pid() AND usesysid IS NOT NULL AND {condition}",
        (database,),
    )
    return cursor.fetchone()[0]


def explained(error: Exception, what: str, login: Login) -> StateError:
    """A failure of PostgreSQL in the middle of a step, as one sentence."""
    return StateError(f"{what} failed at PostgreSQL {login.where}: {sentence(error)}")
