# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates and renames databases, with their filestores, and creates extensions in them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._filestore.apply_move import move
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import filestore_path
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_build import Build
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_steps import Create, Extend, MoveFilestore, Rename
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import rename_databases
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, sql
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Locale

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
    """The databases of one server, and the filestores of one instance."""

    login: Login
    data_dir: str

    def create(self, step: Create) -> None:
        """Build an empty database with the extensions that Odoo makes use of."""
        build, keeper = Build(self.login, self.data_dir, step.target), step.owner
        if step.own_extensions:
            keeper = self.login.user
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            build.create(cursor, keeper, locale=Locale())
        with closing(connect(self.login, build.at)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(keeper)))
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public")
            cursor.execute(_UNACCENT)
            if keeper != step.owner:
                cursor.execute("RESET ROLE")
                statement = sql.SQL("ALTER DATABASE {} OWNER TO {}")
                cursor.execute(statement.format(sql.Identifier(build.at), sql.Identifier(step.owner)))

    def extend(self, step: Extend) -> None:
        """Create an extension of PostgreSQL, which an addon is going to ask for."""
        with closing(connect(self.login, step.at)) as connection, connection.cursor() as cursor:
            # not SCHEMA, which one that chooses its own schema refuses
            cursor.execute("SET search_path = public")
            cursor.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(step.extension)))

    def rename(self, step: Rename) -> None:
        """Rename a database, ending the sessions that stand in the way, then its filestore."""
        rename_databases(self.login, {step.former: step.target})
        self._move(step.former, step.target)

    def move_filestore(self, step: MoveFilestore) -> None:
        """Let the directory follow its database."""
        self._move(step.former, step.target)

    def _move(self, former: str, name: str) -> None:
        # a database without attachments has none
        move(filestore_path(self.data_dir, former), filestore_path(self.data_dir, name))
