# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies a database with its files while its users go on, and lets nobody enter the copy."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.apply_copy import Copied, copy_blobs
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.paths import blobs, filestore_path
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.names import unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, psycopg2, sql
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.statements import (
    end_sessions,
    mark,
    owner_of,
    shut_out,
)

FREE_SECONDS = 30
_STORED = "SELECT DISTINCT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL"


@dataclass(frozen=True)
class Cloner:
    """The databases of one server and the filestores of one instance."""

    login: Login
    data_dir: str

    def clone(self, name: str, source: str, cut: bool, files: str, deadline: Deadline) -> str:
        """A marked copy of `source`, with its files, under the temporary name of `name`; what is to be told of it.

        While somebody is connected to the source, the server will not copy it as a whole: it is dumped then and
        serves on, unless `cut` says that its sessions may be ended. Only the login may connect to the copy.
        """
        with ThreadPoolExecutor(1) as pool:
            # a file is never written to again, so most can come over while the database does
            present = [name for name, _size in blobs(filestore_path(self.data_dir, source))]
            early = pool.submit(self._files, name, source, present, files)
            if not self._on_server(name, source, cut, deadline):
                # most copies need none of it, and it takes a while to import
                from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_dump import clone_by_dump

                clone_by_dump(self.login, name, source, deadline)
            copied = early.result()
        names = set(self._stored(unfinished(name)))
        # and those that were stored since then come now
        late = self._files(name, source, names - set(copied.names), files)
        self._remove(name, set(copied.names) - names)
        missing = len(late.missing)
        return f"{source} refers to {missing} files that it does not hold, and so does {name}" if missing else ""

    def _stored(self, database: str) -> list[str]:
        with closing(connect(self.login, database)) as connection, connection.cursor() as cursor:
            cursor.execute(_STORED)
            return [row[0] for row in cursor.fetchall()]

    def _files(self, name: str, source: str, names: Iterable[str], how: str) -> Copied:
        target = filestore_path(self.data_dir, unfinished(name))
        return copy_blobs(filestore_path(self.data_dir, source), target, list(names), how)

    def _remove(self, name: str, names: Iterable[str]) -> None:
        for one in names:
            os.unlink(os.path.join(filestore_path(self.data_dir, unfinished(name)), one))

    def _on_server(self, name: str, source: str, cut: bool, deadline: Deadline) -> bool:
        temporary = sql.Identifier(unfinished(name))
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            # until it is marked, that nobody may enter it tells whose it is
            statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} ALLOW_CONNECTIONS false").format(
                temporary, sql.Identifier(owner_of(cursor, source)), sql.Identifier(source)
            )

            def made() -> bool | None:
                if cut:
                    end_sessions(cursor, source)
                elif _used(cursor, source):
                    return False
                try:
                    cursor.execute(statement)
                except psycopg2.errors.ObjectInUse:
                    return None if cut else False
                return True

            if not Deadline(min(FREE_SECONDS, deadline.remaining)).wait(made, f"the copy of {source}"):
                return False
            mark(cursor, unfinished(name))
            shut_out(cursor, unfinished(name), self.login.user)
            cursor.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(temporary))
            return True

    def require_private(self, name: str) -> None:
        """Raise StateError where somebody but the login may enter the copy that is being made of `name`."""
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            if not shut_out(cursor, unfinished(name), self.login.user):
                raise StateError(
                    f"the copy {unfinished(name)} cannot be kept to {self.login.user} while it is made harmless: its "
                    "owner is a superuser, or may connect as member of another role; give the database a plain owner"
                )


def _used(cursor: Any, database: str) -> bool:
    """Whether somebody is connected: the server would only say so after five seconds of waiting."""
    cursor.execute(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = %s AND usesysid IS NOT NULL "
        "AND application_name <> 'gantry.odoo')",
        (database,),
    )
    return bool(cursor.fetchone()[0])
