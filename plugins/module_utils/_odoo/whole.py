# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes, renames and drops whole databases, with their filestores."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import pgtools
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.copying import Copied, copy_blobs
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.filestore import (
    CHUNK_BYTES,
    filestore_path,
    move,
    trash_path,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.names import unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.postgres import Login, connect, psycopg2, sentence, sql
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.process import Odoo
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read import INSTALLED, MARKER

RENAME_SECONDS = 30
LOCK_SECONDS = 30
JOBS = 2
# The dictionary's function is not immutable, so Odoo would not use it in an index; this one says that it is.
# It lives in the database's own schema, so that a dump carries it and a role that is no superuser can restore it.
_UNACCENT = """
CREATE SCHEMA IF NOT EXISTS unaccent_schema;
CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA unaccent_schema;
CREATE OR REPLACE FUNCTION public.unaccent(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    AS $$ SELECT unaccent_schema.unaccent('unaccent_schema.unaccent'::regdictionary, $1) $$;
"""


@dataclass(frozen=True)
class Whole:
    """The databases of one server and the filestores of one instance."""

    login: Login
    data_dir: str
    odoo: Odoo

    def create(self, name: str, owner: str) -> None:
        """An empty, marked database under the temporary name of `name`, with the extensions Odoo makes use of."""
        try:
            self._make(name, owner)
            self._extend(unfinished(name), owner)
        except (psycopg2.Error, GantryError):
            self.discard(name)
            raise

    def _make(self, name: str, owner: str) -> None:
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            # C sorts the same on every host; C.UTF-8 knows letters beyond ASCII
            statement = (
                "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
            )
            cursor.execute(sql.SQL(statement).format(sql.Identifier(unfinished(name)), sql.Identifier(owner)))
            _mark(cursor, unfinished(name))

    def clone(self, name: str, source: str, cut: bool, files: str, deadline: Deadline) -> str:
        """A marked copy of `source`, with its files, under the temporary name of `name`; what is to be told of it.

        While somebody is connected to the source, the server will not copy it as a whole: it is dumped then and
        serves on, unless `cut` says that its sessions may be ended.
        """
        try:
            if not self._clone_on_server(name, source, cut, deadline):
                self._clone_by_dump(name, source, deadline)
            copied = self._clone_files(name, source, files)
        except (psycopg2.Error, OSError, GantryError):
            self.discard(name)
            raise
        if not copied.missing:
            return ""
        return f"{source} refers to {len(copied.missing)} files that it does not hold, and so does {name}"

    def _clone_on_server(self, name: str, source: str, cut: bool, deadline: Deadline) -> bool:
        temporary = sql.Identifier(unfinished(name))
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            # until it is marked, that nobody may enter it tells whose it is
            statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} ALLOW_CONNECTIONS false").format(
                temporary, sql.Identifier(_owner(cursor, source)), sql.Identifier(source)
            )

            def made() -> bool | None:
                if cut:
                    end_sessions(cursor, source)
                try:
                    cursor.execute(statement)
                except psycopg2.errors.ObjectInUse:
                    return None if cut else False
                return True

            if not Deadline(min(RENAME_SECONDS, deadline.remaining)).wait(made, f"the copy of {source}"):
                return False
            _mark(cursor, unfinished(name))
            cursor.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(temporary))
            return True

    def _clone_by_dump(self, name: str, source: str, deadline: Deadline) -> None:
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            owner = _owner(cursor, source)
        self._make(name, owner)
        client = pgtools.client_major("pg_dump", deadline)
        with tempfile.TemporaryFile() as archive:
            with pgtools.dump(self.login, source, "", client, LOCK_SECONDS, deadline) as stream:
                shutil.copyfileobj(stream, archive, CHUNK_BYTES)
            archive.flush()
            entries = pgtools.contents(archive.fileno(), deadline)
            pgtools.restore(self.login, unfinished(name), archive.fileno(), entries, owner, JOBS, deadline)

    def _clone_files(self, name: str, source: str, files: str) -> Copied:
        # after the database: what it refers to was there when it was copied
        with closing(connect(self.login, unfinished(name))) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL")
            names = [row[0] for row in cursor.fetchall()]
        return copy_blobs(
            filestore_path(self.data_dir, source), filestore_path(self.data_dir, unfinished(name)), names, files
        )

    def _extend(self, database: str, owner: str) -> None:
        with closing(connect(self.login, database)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            cursor.execute(_UNACCENT)

    def initialise(self, name: str, addons: tuple[str, ...], language: str, demo: bool, deadline: Deadline) -> None:
        """Let Odoo install the addons into the database in the making."""
        self.odoo.load(unfinished(name), addons, deadline, language=language, demo=demo)
        self._verify(unfinished(name), addons)
        if language:
            self._speak(unfinished(name), language)

    def install(self, name: str, addons: tuple[str, ...], deadline: Deadline) -> None:
        """Let Odoo install addons into a database that is in use."""
        self.odoo.load(name, addons, deadline)
        self._verify(name, addons)

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
        temporary = sql.Identifier(unfinished(name))
        with closing(connect(self.login, autocommit=False)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS NULL").format(temporary))
            cursor.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(temporary, sql.Identifier(name)))
            connection.commit()
        self.move_filestore(unfinished(name), name)

    def discard(self, name: str) -> None:
        """Remove what an unfinished creation of `name` left."""
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(unfinished(name))))
        directory = filestore_path(self.data_dir, unfinished(name))
        if os.path.isdir(directory):
            shutil.rmtree(directory)

    def rename(self, former: str, name: str) -> None:
        """Rename a database, ending the sessions that stand in the way, then its filestore."""
        statement = sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(former), sql.Identifier(name))
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:

            def renamed() -> bool | None:
                end_sessions(cursor, former)
                try:
                    cursor.execute(statement)
                except psycopg2.errors.ObjectInUse:
                    return None
                return True

            try:
                Deadline(RENAME_SECONDS).wait(renamed, "the rename")
            except DeadlineError as error:
                raise DeadlineError(
                    f"{former} cannot be renamed to {name}: new sessions kept it in use for {RENAME_SECONDS} s; "
                    "stop what connects to it, or fence it first"
                ) from error
        self.move_filestore(former, name)

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


def _mark(cursor: Any, database: str) -> None:
    cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database), sql.Literal(MARKER)))
    # a role of another tenant has nothing to do here; the owner keeps its own right
    cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))


def _owner(cursor: Any, database: str) -> str:
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
