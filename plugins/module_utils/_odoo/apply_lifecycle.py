# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes, renames and drops whole databases, with their filestores."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.gantry.odoo.plugins.module_utils._addons import digests
from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_code as code
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.paths import filestore_path, move, trash_path
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_build import Build
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.names import INSTALLED, unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import (
    drop_database,
    rename_databases,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, sql
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Locale
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.run_odoo import Odoo
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.versions import series_of

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
class Lifecycle:
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
        build, keeper = Build(self.login, self.data_dir, name), self.login.user if template else owner
        build.create(keeper, locale=Locale())
        self._prepare(build.at, keeper)
        if keeper != owner:
            with closing(connect(self.login)) as connection, connection.cursor() as cursor:
                statement = sql.SQL("ALTER DATABASE {} OWNER TO {}")
                cursor.execute(statement.format(sql.Identifier(build.at), sql.Identifier(owner)))

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
        """Give a complete database its name."""
        Build(self.login, self.data_dir, name).publish()

    def discard(self, name: str) -> None:
        """Remove leftovers of an interrupted run that was creating `name`."""
        Build(self.login, self.data_dir, name).discard()

    def rename(self, former: str, name: str) -> None:
        """Rename a database, ending the sessions that stand in the way, then its filestore."""
        rename_databases(self.login, {former: name})
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
        drop_database(self.login, name)

    def _trash(self, name: str) -> str:
        return trash_path(self.data_dir, name, datetime.now(timezone.utc))
