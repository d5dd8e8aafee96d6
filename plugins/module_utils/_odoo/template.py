# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases that new ones are made from: complete, entered by nobody, and with their files inside.

A template belongs to the login and to no tenant, and its files lie in a table of its own, so that any instance on any
host can be given a copy. Its name is a digest of all that it was made of: another build, another line of an addon's
code, another language is another template.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import code
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.filestore import blob_path, filestore_path
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.inside import Inside
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import Desired, Template
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.names import TEMPLATE, unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.postgres import Login, connect, sql
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.statements import mark

# Of what a template holds and how; another one cannot be read by this code.
FORMAT = "1"
_FILES = "gantry_template_file"
_LISTED = "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname LIKE %s"


def kind_of(want: Desired) -> str:
    """What is wished for, whatever the code: one name for all templates that replace each other."""
    wish = [FORMAT, sorted(want.addons), want.language, want.demo]
    return hashlib.sha256(json.dumps(wish).encode()).hexdigest()[:16]


def build_of(listed: Mapping[str, code.Listed]) -> str:
    """A digest of Odoo itself, without its addons, and of all manifests, which say what Odoo installs by itself."""
    parts = [code.digest_of_framework(listed)]
    parts += [f"{name}:{hashlib.sha256(listed[name].manifest).hexdigest()}" for name in sorted(listed)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def name_of(want: Desired, listed: Mapping[str, code.Listed], build: str) -> str:
    """The template that a database is made from: kind, build, and the code of all that Odoo would install."""
    addons = code.with_automatic(listed, want.addons)
    found = code.read(listed, addons, "", [want.language] if want.language else [])
    parts = [f"{name}:{one.digest}:{sorted(one.translations.items())}" for name, one in sorted(found.items())]
    whole = "\n".join([kind_of(want), build, *parts])
    return TEMPLATE + hashlib.sha256(whole.encode()).hexdigest()[:24]


def find(cursor: Any, wants: Sequence[Desired], listed: Mapping[str, code.Listed]) -> dict[str, Template]:
    """For each of `wants` the template that it is made from, whether it exists or not."""
    if not wants:
        return {}
    cursor.execute(_LISTED, (f"{TEMPLATE}%",))
    kinds = {name: _kind(comment) for name, comment in cursor.fetchall()}
    build = build_of(listed)
    names: dict[str, str] = {}
    found = {}
    for want in wants:
        kind = kind_of(want)
        name = names.setdefault(kind, "") or name_of(want, listed, build)
        names[kind] = name
        others = sorted(other for other, its in kinds.items() if its == kind and other != name)
        found[want.name] = Template(name, kind, kinds.get(name) == kind, tuple(others))
    return found


def _kind(comment: str | None) -> str:
    try:
        said = json.loads(comment or "")
    except ValueError:
        return ""
    return str(said.get("kind", "")) if isinstance(said, dict) else ""


@dataclass(frozen=True)
class Templates:
    """The templates of one server, and the filestores of one instance."""

    login: Login
    data_dir: str

    def seal(self, name: str, kind: str) -> None:
        """Make a template of the complete database in the making: files inside, the login's, entered by nobody."""
        at = unfinished(name)
        self._take_in(at)
        Inside(self.login).change_owner(at, self.login.user)
        comment = json.dumps({"made by": "gantry.odoo.odoo_database", "kind": kind})
        with closing(connect(self.login, autocommit=False)) as connection, connection.cursor() as cursor:
            database = sql.Identifier(at)
            cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, sql.Literal(comment)))
            cursor.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(database))
            cursor.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(database, sql.Identifier(name)))
            connection.commit()

    def _take_in(self, database: str) -> None:
        directory = filestore_path(self.data_dir, database)
        with closing(connect(self.login, database, autocommit=False)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL")
            names = [row[0] for row in cursor.fetchall()]
            cursor.execute(f"CREATE TABLE {_FILES} (name text PRIMARY KEY, content bytea NOT NULL)")
            for name in names:
                with open(blob_path(directory, name), "rb") as stream:
                    content = stream.read()
                _require_whole(name, content)
                cursor.execute(f"INSERT INTO {_FILES} VALUES (%s, %s)", (name, content))
            connection.commit()
        if os.path.isdir(directory):
            shutil.rmtree(directory)

    def make(self, name: str, template: str) -> None:
        """A marked copy of a template, and its files, under the temporary name of `name`; it is the login's."""
        at = unfinished(name)
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            statement = "CREATE DATABASE {} TEMPLATE {} ALLOW_CONNECTIONS false"
            cursor.execute(sql.SQL(statement).format(sql.Identifier(at), sql.Identifier(template)))
            mark(cursor, at)
            cursor.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(at)))
        self._bring_out(at)

    def _bring_out(self, database: str) -> None:
        directory = filestore_path(self.data_dir, database)
        there = os.stat(self.data_dir)
        made: set[str] = set()
        with closing(connect(self.login, database, autocommit=False)) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT name, content FROM {_FILES}")
            for name, content in cursor.fetchall():
                _require_whole(name, bytes(content))
                for parent in (os.path.dirname(directory), directory, os.path.dirname(blob_path(directory, name))):
                    if parent not in made and not os.path.isdir(parent):
                        os.mkdir(parent, 0o755)
                        os.chown(parent, there.st_uid, there.st_gid)
                    made.add(parent)
                with open(blob_path(directory, name), "xb") as stream:
                    stream.write(content)
                    os.fchown(stream.fileno(), there.st_uid, there.st_gid)
            cursor.execute(f"DROP TABLE {_FILES}")
            connection.commit()

    def drop(self, template: str) -> None:
        """Drop a template that nothing is made from any more."""
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(template)))
            cursor.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(template)))


def _require_whole(name: str, content: bytes) -> None:
    if hashlib.sha1(content).hexdigest() != name.rsplit("/", 1)[-1]:
        raise StateError(f"the file {name} of a template is not what its name tells; drop the template and run again")
