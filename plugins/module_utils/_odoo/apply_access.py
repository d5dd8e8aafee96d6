# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes who may connect to a database."""

from __future__ import annotations

from contextlib import closing

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import (
    end_sessions,
    owner_of,
    shut_out,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, sql

BLOCK_SECONDS = 30
_NO_RIGHT = "NOT has_database_privilege(usesysid, datid, 'CONNECT')"


def block_database(login: Login, database: str) -> None:
    """Let only the login connect: no one else from now on, and no session of anyone else is left."""
    with closing(connect(login, autocommit=False)) as connection, connection.cursor() as cursor:
        if not shut_out(cursor, database, login.user):
            raise StateError(
                f"database {database} cannot be blocked: "
                "its owner is the login itself or a superuser, or may connect as member of another role"
            )
        connection.commit()
        connection.autocommit = True
        Deadline(BLOCK_SECONDS).wait(
            lambda: True if end_sessions(cursor, database, _NO_RIGHT) == 0 else None,
            f"the end of all sessions on {database} that may not connect any more",
        )


def open_database(login: Login, database: str) -> None:
    """Let the owner connect again, and everybody when it was so before the database was blocked."""
    with closing(connect(login, autocommit=False)) as connection, connection.cursor() as cursor:
        target, owner = sql.Identifier(database), sql.Identifier(owner_of(cursor, database))
        cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(target, owner))
        # blocking left PUBLIC its other default right, which tells that it had this one too
        cursor.execute("SELECT has_database_privilege('public', %s, 'TEMPORARY')", (database,))
        if cursor.fetchone()[0]:
            cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO PUBLIC").format(target))
        connection.commit()
