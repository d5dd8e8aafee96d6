# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes templates of complete databases, and databases of templates."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import (
    Owner,
    made_below,
    made_directory,
    opened_directory,
    owner_of_directory,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.apply_move import remove
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import (
    blob_path,
    filestore_path,
    is_store_fname,
)
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import opened_blob, referenced
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_build import Build
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_steps import DropTemplate, MakeFromTemplate, Seal
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import (
    drop_database,
    rename_databases,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_owner import change_owner
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, sql
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_tables import require_plain

_FILES = "gantry_template_file"


@dataclass(frozen=True)
class Templates:
    """The templates of one server, and the filestores of one instance."""

    login: Login
    data_dir: str

    def seal(self, step: Seal) -> None:
        """Make a template of the complete database in the making: files inside, the login's, entered by nobody."""
        at = unfinished(step.target)
        self._take_in(at)
        change_owner(self.login, at, self.login.user)
        comment = json.dumps({"made by": "gantry.odoo.odoo_database", "kind": step.kind})
        database = sql.Identifier(at)
        rename_databases(
            self.login,
            {at: step.target},
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, sql.Literal(comment)),
            sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(database),
        )

    def _take_in(self, database: str) -> None:
        directory = filestore_path(self.data_dir, database)
        with closing(connect(self.login, database, autocommit=False)) as connection, connection.cursor() as cursor:
            require_plain(cursor, ["ir_attachment"])
            names = referenced(cursor).files
            cursor.execute(f"CREATE TABLE public.{_FILES} (name text PRIMARY KEY, content bytea NOT NULL)")
            for name in names:
                content = _content(directory, name)
                _require_whole(name, content)
                cursor.execute(f"INSERT INTO public.{_FILES} VALUES (%s, %s)", (name, content))
            connection.commit()
        remove(directory)

    def make(self, step: MakeFromTemplate) -> None:
        """Build a copy of a template, with its files; it is the login's."""
        build = Build(self.login, self.data_dir, step.target)
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            build.create(cursor, template=step.template)
        self._bring_out(build.at)

    def _bring_out(self, database: str) -> None:
        directory = filestore_path(self.data_dir, database)
        with opened_directory(self.data_dir) as data:
            owner = owner_of_directory(data)
        with closing(connect(self.login, database, autocommit=False)) as connection, connection.cursor() as cursor:
            require_plain(cursor, [_FILES])
            cursor.execute(f"SELECT name, content FROM public.{_FILES}")
            shards: dict[str, dict[str, bytes]] = {}
            for name, content in cursor.fetchall():
                _require_whole(name, bytes(content))
                shards.setdefault(name[:2], {})[name[3:]] = content
            with made_directory(directory, owner) as top:
                for shard, files in shards.items():
                    with made_below(top, shard, owner) as below:
                        _write(below, files, owner)
            cursor.execute(f"DROP TABLE public.{_FILES}")
            connection.commit()

    def drop(self, step: DropTemplate) -> None:
        """Drop a template that nothing is made from any more."""
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(step.template)))
        drop_database(self.login, step.template)


def _content(filestore: str, name: str) -> bytes:
    try:
        with opened_directory(filestore) as directory, opened_blob(directory, name) as stream:
            return stream.read()
    except OSError as error:
        where = blob_path(filestore, name)
        raise StateError(
            f"file {where} of a template cannot be read: {error.strerror}; drop it and run again"
        ) from error


def _write(directory: int, files: Mapping[str, bytes], owner: Owner) -> None:
    for name, content in files.items():
        made = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=directory)
        with open(made, "wb") as stream:
            stream.write(content)
            os.fchown(made, owner.uid, owner.gid)


def _require_whole(name: str, content: bytes) -> None:
    if not is_store_fname(name) or hashlib.sha1(content).hexdigest() != name.rsplit("/", 1)[-1]:
        raise StateError(f"the file {name} of a template is not what its name tells; drop the template and run again")
