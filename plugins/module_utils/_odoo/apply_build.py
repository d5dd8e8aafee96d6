# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a database under a temporary name and publishes it: whatever fills it, nothing half-made has the real name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.apply_move import move, remove
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import filestore_path
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import UNFINISHED_COMMENT, unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import (
    allow_connections,
    create_database,
    drop_unfinished,
    mark,
    rename_databases,
    shut_out,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, sql
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Locale


@dataclass(frozen=True)
class Build:
    """The database `name` of one server while it is built, and its filestore.

    comment: on the database in the making; one of the temporary name with another comment is not ours to drop.
    """

    login: Login
    data_dir: str
    name: str
    comment: str = UNFINISHED_COMMENT

    @property
    def at(self) -> str:
        """The name that the database has until it is published."""
        return unfinished(self.name)

    @property
    def files(self) -> str:
        """The directory of the filestore until the database is published."""
        return filestore_path(self.data_dir, self.at)

    def create(
        self,
        cursor: Any,
        owner: str = "",
        *,
        template: str = "template0",
        locale: Locale | None = None,
        private: bool = False,
    ) -> None:
        """Create the database; nobody can connect before it is marked, so that an interrupted run's is known as ours.

        owner: empty for the login. locale: None for the template's own. private: only the login may connect to it.
        """
        create_database(cursor, self.at, owner, template, locale)
        mark(cursor, self.at, self.comment)
        if private:
            shut_out(cursor, self.at, self.login.user)
        allow_connections(cursor, self.at)

    def require_private(self, cursor: Any) -> None:
        """Raise StateError where somebody but the login and superusers can connect to the database."""
        still = shut_out(cursor, self.at, self.login.user)
        if still:
            raise StateError(
                f"the copy {self.at} cannot be kept to {self.login.user} while it is made harmless: {'; '.join(still)} "
                "could connect; take that from the role, or give the database a plain owner"
            )

    def publish(self, comment: str | None = None, aside: str = "", aside_comment: str = "") -> None:
        """Give the complete database its name, then its filestore: it is either there and complete, or not there.

        comment: on the database from then on. aside: the name that a database takes which has the real name now, with
        `aside_comment`; it does so in the same transaction.
        """
        comments = {self.at: comment, **({self.name: aside_comment} if aside else {})}
        said = [
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(text))
            for name, text in comments.items()
        ]
        rename_databases(self.login, {**({self.name: aside} if aside else {}), self.at: self.name}, *said)
        self.publish_filestore(aside)

    def publish_filestore(self, aside: str = "") -> None:
        """Let the filestore follow its database; a run that was interrupted between the two can do it again."""
        if not os.path.lexists(self.files):
            return
        final = filestore_path(self.data_dir, self.name)
        if aside and os.path.lexists(final):
            former = filestore_path(self.data_dir, aside)
            remove(former)
            move(final, former)
        move(self.files, final)

    def discard(self, keep_files: bool = False) -> None:
        """Remove what was built so far. keep_files: a next run brings only those that are not there yet."""
        drop_unfinished(self.login, self.at)
        if not keep_files:
            remove(self.files)
