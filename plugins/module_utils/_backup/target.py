# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PostgreSQL and the filestore that a restore writes to."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_blobs import Owner, directory
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Locale
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import (
    FINISHED,
    UNFINISHED,
    Note,
    Server,
    Target,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_database import rows
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.apply_move import move
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.paths import filestore_path
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_access import block_database, open_database
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import end_sessions
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    Login,
    connect,
    psycopg2,
    sentence,
    sql,
)

RENAME_S = 30
_CATALOG = """
SELECT d.datname, coalesce(shobj_description(d.oid, 'pg_database'), ''),
       NOT has_database_privilege(d.datdba, d.oid, 'CONNECT')
FROM pg_database d WHERE d.datname = ANY(%s)
"""
_EXTENSIONS = """
SELECT e.name, coalesce(v.trusted, false) FROM pg_available_extensions e
LEFT JOIN pg_available_extension_versions v ON v.name = e.name AND v.version = e.default_version
"""
_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"


@dataclass(frozen=True)
class Place:
    """One database name on one server, and the directory of filestores beside it."""

    login: Login
    data_dir: str
    database: str

    @property
    def new(self) -> str:
        """The name under which the database is made."""
        return f"{self.database}__new"

    @property
    def old(self) -> str:
        """The name under which a replaced database stands until it is dropped."""
        return f"{self.database}__old"

    def files(self, name: str) -> str:
        """The directory of a filestore."""
        return filestore_path(self.data_dir, name)

    @property
    def note(self) -> str:
        """The file that says that a restore is under way."""
        return self.files(f"{self.new}.note")

    def owner_of_files(self) -> Owner:
        """Who owns Odoo's data. Raises StateError when there is no data directory."""
        try:
            found = os.stat(self.data_dir)
        except OSError as error:
            raise StateError(
                f"data_dir {self.data_dir} cannot be used: {error.strerror}; install Odoo first"
            ) from error
        return Owner(found.st_uid, found.st_gid)

    def read(self) -> Target:
        """What stands there. Changes nothing."""
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            cursor.execute(_CATALOG, ([self.database, self.new, self.old],))
            found = {name: (comment, fenced) for name, comment, fenced in cursor.fetchall()}
        comment, fenced = found.get(self.database, ("", False))
        return Target(
            database=self.database in found,
            comment=comment,
            fenced=fenced,
            new_database=self.new in found,
            new_comment=found.get(self.new, ("", False))[0],
            old_database=self.old in found,
            files=os.path.isdir(self.files(self.database)),
            new_files=os.path.isdir(self.files(self.new)),
            old_files=os.path.isdir(self.files(self.old)),
            note=self._read_note(),
        )

    def server(self, owner: str) -> Server:
        """What the server is able to do. Raises StateError when the owner of the database-to-be is not there."""
        with closing(connect(self.login)) as connection:
            known = rows(connection, sql.SQL("SELECT FROM pg_roles WHERE rolname = {}").format(sql.Literal(owner)))
            if not known:
                raise StateError(f"role {owner} does not exist at {self.login.where}; create it, or give another owner")
            extensions = dict(rows(connection, _EXTENSIONS))
            return Server(
                version=connection.server_version // 10000,
                superuser=bool(rows(connection, _SUPERUSER)[0][0]),
                available=frozenset(extensions),
                trusted=frozenset(name for name, trusted in extensions.items() if trusted),
            )

    def create(self, owner: str, locale: Locale) -> None:
        """An empty database under the temporary name, for its owner alone, sorting as the one in the backup did."""
        new = sql.Identifier(self.new)
        statement = sql.SQL(
            "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}"
        ).format(
            new, sql.Identifier(owner), *(sql.Literal(text) for text in (locale.encoding, locale.collate, locale.ctype))
        )
        self._do(
            f"creating {self.new}",
            statement,
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(new, sql.Literal(UNFINISHED)),
            sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(new),
        )

    def extend(self, owner: str, extensions: Mapping[str, str], immutable_unaccent: bool) -> None:
        """Make extensions that need a superuser, each in its schema."""
        statements = []
        for name, schema in extensions.items():
            if schema != "public":
                statements.append(
                    sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(sql.Identifier(schema), sql.Identifier(owner))
                )
            statements.append(
                sql.SQL("CREATE EXTENSION {} SCHEMA {}").format(sql.Identifier(name), sql.Identifier(schema))
            )
        if immutable_unaccent:
            own = sql.Identifier(extensions["unaccent"])
            statements.append(sql.SQL("ALTER FUNCTION {}.unaccent(text) IMMUTABLE").format(own))
        self._do(f"making extensions in {self.new}", *statements, database=self.new)

    def analyze(self) -> None:
        """Let the planner know the restored tables."""
        self._do(f"analysing {self.new}", sql.SQL("ANALYZE"), database=self.new)

    def swap(self, origin: str, target: Target) -> None:
        """Give the new database and its filestore their names; what stood there goes to the old name, then for good."""
        reopen = target.database and not target.fenced
        self._write_note(Note(origin, swapping=True, reopen=reopen))
        try:
            if target.database:
                block_database(self.login, self.database)
            self._rename(origin, target.database)
        except GantryError:
            if self.read().new_database:
                self.call_off_swap(origin)
                if reopen:
                    open_database(self.login, self.database)
            raise
        self.finish_filestore()
        self.forget()
        self.drop_old()
        self.remove_old_files()

    def finish_filestore(self) -> None:
        """Let the filestore follow its database. Can be done again after an interruption."""
        new, now, old = self.files(self.new), self.files(self.database), self.files(self.old)
        if not os.path.isdir(new):
            return
        if os.path.isdir(now):
            self.remove_old_files()
            move(now, old)
        move(new, now)

    def announce(self, origin: str) -> None:
        """Note that what now comes to stand under the temporary name is a restore's."""
        self._write_note(Note(origin))

    def call_off_swap(self, origin: str) -> None:
        """Note that the new database does not get its name."""
        self._write_note(Note(origin))

    def forget(self) -> None:
        """Remove the note."""
        if os.path.exists(self.note):
            os.unlink(self.note)

    def drop_new(self) -> None:
        """Drop the database in the making. Its files stay: a next run brings only what they lack."""
        self._do(
            f"dropping {self.new}", sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.new))
        )

    def drop_old(self) -> None:
        """Drop the database that was replaced."""
        self._do(
            f"dropping {self.old}", sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.old))
        )

    def remove_old_files(self) -> None:
        """Remove the filestore that was replaced."""
        if os.path.isdir(self.files(self.old)):
            shutil.rmtree(self.files(self.old))

    def remove_new_files(self) -> None:
        """Remove the filestore in the making."""
        if os.path.isdir(self.files(self.new)):
            shutil.rmtree(self.files(self.new))

    def prune_new_files(self, wanted: Iterable[str]) -> None:
        """Remove from the filestore in the making what the backup does not refer to."""
        keep = set(wanted)
        root = self.files(self.new)
        for shard, _directories, names in os.walk(root):
            for name in names:
                if os.path.relpath(os.path.join(shard, name), root) not in keep:
                    os.unlink(os.path.join(shard, name))

    def make_new_files(self, owner: Owner) -> None:
        """The directory of the filestore in the making."""
        directory(self.files(self.new), owner)

    def _rename(self, origin: str, replaced: bool) -> None:
        statements = [
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(self.new), sql.Identifier(self.database)),
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                sql.Identifier(self.database), sql.Literal(FINISHED + origin)
            ),
        ]
        if replaced:
            statements.insert(
                0,
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                    sql.Identifier(self.database), sql.Identifier(self.old)
                ),
            )

        def renamed() -> bool | None:
            with closing(connect(self.login, autocommit=False)) as connection, connection.cursor() as cursor:
                for name in (self.new, self.database):
                    end_sessions(cursor, name)
                try:
                    for statement in statements:
                        cursor.execute(statement)
                except psycopg2.errors.ObjectInUse:
                    return None
                except psycopg2.Error as error:
                    raise self._failed(f"giving {self.new} its name", error) from error
                connection.commit()
            return True

        Deadline(RENAME_S).wait(renamed, f"the end of all sessions on {self.new} and {self.database}")

    def _drop(self, name: str) -> None:
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        self._do(f"dropping {name}", statement)

    def _do(self, what: str, *statements: Any, database: str | None = None) -> None:
        with closing(connect(self.login, database)) as connection, connection.cursor() as cursor:
            try:
                for statement in statements:
                    cursor.execute(statement)
            except psycopg2.Error as error:
                raise self._failed(what, error) from error

    def _failed(self, what: str, error: Exception) -> StateError:
        return StateError(f"{what} failed at PostgreSQL {self.login.where}: {sentence(error)}")

    def _read_note(self) -> Note | None:
        try:
            with open(self.note, encoding="utf-8") as handle:
                return Note(**json.load(handle))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise StateError(f"{self.note} is not the note of a restore; look at it, then remove it") from error

    def _write_note(self, note: Note) -> None:
        partial = f"{self.note}.part"
        with open(partial, "w", encoding="utf-8") as handle:
            json.dump(asdict(note), handle)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(partial, self.note)
