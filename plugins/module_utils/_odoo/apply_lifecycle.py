# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes, renames and drops whole databases, with their filestores."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._addons import digests
from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_code as code
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.paths import filestore_path, move, trash_path
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.names import INSTALLED, unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, psycopg2, sql
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.statements import end_sessions, mark
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.run_odoo import Odoo
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.versions import series_of

RENAME_SECONDS = 30
# C sorts the same on every host; C.UTF-8 knows letters beyond ASCII
CREATE = "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
# The dictionary's function is not immutable, so Odoo would not use it in an index; this one says that it is.
# It lives in the database's own schema, so that a dump carries it and a role that is no superuser can restore it.
_UNACCENT = """
CREATE SCHEMA IF NOT EXISTS unaccent_schema;
CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA unaccent_schema;
GRANT USAGE ON SCHEMA unaccent_schema TO PUBLIC;
CREATE OR REPLACE FUNCTION public.unaccent(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    AS $$ SELECT unaccent_schema.unaccent('unaccent_schema.unaccent'::regdictionary, $1) $$;
"""


@dataclass(frozen=True)
class Whole:
    """The databases of one server, and the filestores and addons of one instance.

    listed: the addons on disk, None where they cannot be seen from here.
    """

    login: Login
    data_dir: str
    odoo: Odoo
    listed: Mapping[str, code.Listed] | None = None

    def create(self, name: str, owner: str, template: bool) -> None:
        """An empty, marked database under the temporary name of `name`, with the extensions Odoo makes use of.

        Those of a template are the login's: they would bind the role that it is made with for as long as it is there.
        """
        at, keeper = sql.Identifier(unfinished(name)), self.login.user if template else owner
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL(CREATE).format(at, sql.Identifier(keeper)))
            mark(cursor, unfinished(name))
            self._prepare(unfinished(name), keeper)
            if keeper != owner:
                cursor.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(at, sql.Identifier(owner)))

    def _prepare(self, database: str, owner: str) -> None:
        with closing(connect(self.login, database)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            cursor.execute(_UNACCENT)

    def extend(self, database: str, extension: str) -> None:
        """Create an extension of PostgreSQL, which an addon is going to ask for."""
        with closing(connect(self.login, database)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))

    def initialise(self, name: str, addons: tuple[str, ...], language: str, demo: bool, deadline: Deadline) -> None:
        """Let Odoo install the addons into the database in the making."""
        self.odoo.load(unfinished(name), addons, deadline, language=language, demo=demo)
        self._verify(unfinished(name), addons)
        if language:
            self._speak(unfinished(name), language)
        self._record(unfinished(name))

    def install(self, name: str, addons: tuple[str, ...], deadline: Deadline) -> None:
        """Let Odoo install addons into a database that is in use."""
        self.odoo.load(name, addons, deadline)
        self._verify(name, addons)
        self._record(name)

    def _verify(self, database: str, addons: tuple[str, ...]) -> None:
        """Odoo ends with 0 although a module was not found or could not be loaded: look at what it left."""
        with closing(connect(self.login, database)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT name, state FROM ir_module_module WHERE name = ANY(%s) OR state LIKE 'to %%'", (list(addons),)
            )
            states = dict(cursor.fetchall())
        missing = sorted(set(addons) - {name for name, state in states.items() if state in INSTALLED})
        pending = sorted(name for name, state in states.items() if state.startswith("to "))
        if missing or pending:
            seen = [f"{name} is {states.get(name, 'unknown to Odoo')}" for name in [*missing, *pending]]
            raise StateError(
                f"Odoo ended without an error, and yet in {database} {', '.join(dict.fromkeys(seen))}; "
                "look for the addon and its dependencies in the addons path"
            )

    def _record(self, database: str) -> None:
        """Remember the code of what has just been installed, so that the first update need not do it again."""
        if self.listed is None:
            return
        with closing(connect(self.login, database, autocommit=False)) as connection, connection.cursor() as cursor:
            names, known = digests.in_use(cursor), digests.read(cursor)
            cursor.execute("SELECT latest_version FROM ir_module_module WHERE name = 'base'")
            found = code.read(self.listed, names, series_of(cursor.fetchone()[0]), digests.languages(cursor))
            digests.store(cursor, {**digests.of(names, found), **known})
            connection.commit()

    def _speak(self, database: str, language: str) -> None:
        with closing(connect(self.login, database)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM res_lang WHERE code = %s AND active", (language,))
            if cursor.fetchone() is None:
                raise StateError(f"language: Odoo did not load {language} into {database}; is it a code that it knows")
            cursor.execute(
                "UPDATE res_partner SET lang = %s "
                "WHERE id IN (SELECT partner_id FROM res_users UNION SELECT partner_id FROM res_company)",
                (language,),
            )

    def publish(self, name: str) -> None:
        """Give a complete database its name: it is either there and whole, or not there."""
        temporary = unfinished(name)
        self._give_name(temporary, name, sql.SQL("COMMENT ON DATABASE {} IS NULL").format(sql.Identifier(temporary)))
        self.move_filestore(temporary, name)

    def discard(self, name: str) -> None:
        """Remove what an unfinished creation of `name` left."""
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(unfinished(name))))
        directory = filestore_path(self.data_dir, unfinished(name))
        if os.path.isdir(directory):
            shutil.rmtree(directory)

    def rename(self, former: str, name: str) -> None:
        """Rename a database, ending the sessions that stand in the way, then its filestore."""
        self._give_name(former, name)
        self.move_filestore(former, name)

    def _give_name(self, former: str, name: str, *before: Any) -> None:
        """Rename a database, in one transaction with the statements `before`, ending the sessions that hinder it."""
        statement = sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(former), sql.Identifier(name))
        with closing(connect(self.login, autocommit=False)) as connection, connection.cursor() as cursor:

            def renamed() -> bool | None:
                end_sessions(cursor, former)
                try:
                    for one in (*before, statement):
                        cursor.execute(one)
                except psycopg2.errors.ObjectInUse:
                    connection.rollback()
                    return None
                connection.commit()
                return True

            try:
                Deadline(RENAME_SECONDS).wait(renamed, "the rename")
            except DeadlineError as error:
                raise DeadlineError(
                    f"{former} cannot be renamed to {name}: new sessions kept it in use for {RENAME_SECONDS} s; "
                    "stop what connects to it, or fence it first"
                ) from error

    def move_filestore(self, former: str, name: str) -> None:
        """Let the directory follow its database; a database without attachments has none."""
        move(filestore_path(self.data_dir, former), filestore_path(self.data_dir, name))

    def trash_filestore(self, name: str) -> None:
        """Put a filestore aside, dated, where it can be found again."""
        move(filestore_path(self.data_dir, name), self._trash(name))

    def restore_filestore(self, name: str) -> None:
        """Take the latest filestore of that name back out of the trash."""
        trash = os.path.dirname(self._trash(name))
        kept = [entry for entry in os.listdir(trash) if entry.split("-", 1)[-1] == name]
        move(os.path.join(trash, max(kept)), filestore_path(self.data_dir, name))

    def drop(self, name: str) -> None:
        """Drop a database for good, ending its sessions."""
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _trash(self, name: str) -> str:
        return trash_path(self.data_dir, name, datetime.now(timezone.utc))
