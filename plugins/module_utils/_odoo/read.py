# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the server as a plan wants to see it. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import passwords
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.config import OdooConfig
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.filestore import filestore_path
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import (
    BASE,
    Database,
    Desired,
    Leftover,
    Server,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.names import unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.postgres import Login, connect, psycopg2, sentence

# The comment on a database in the making; a database of the temporary name without it is not ours to drop.
MARKER = "gantry.odoo.odoo_database: not complete yet"
CONNECTIONS = 8
STATEMENT_SECONDS = 60
# A module to be upgraded is installed; one to be installed or removed is not, or soon no longer.
INSTALLED = ("installed", "to upgrade")

_CATALOG = """
SELECT d.datname, r.rolname, shobj_description(d.oid, 'pg_database'),
       NOT has_database_privilege(d.datdba, d.oid, 'CONNECT'),
       EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid AND a.usesysid IS NOT NULL
               AND NOT has_database_privilege(a.usesysid, d.oid, 'CONNECT')),
       d.datallowconn
FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = ANY(%s)
"""
_CONTENT = """
SELECT (SELECT array_agg(name::text) FROM ir_module_module WHERE state = ANY(%(installed)s)),
       (SELECT json_object_agg(key, value) FROM ir_config_parameter WHERE key = ANY(%(keys)s)),
       (SELECT json_build_object('login', u.login, 'password', u.password) FROM res_users u
        JOIN ir_model_data x ON x.module = 'base' AND x.name = 'user_admin' AND x.model = 'res.users'
         AND x.res_id = u.id)
"""


def read_server(login: Login, config: OdooConfig, declared: Sequence[Desired]) -> Server:
    """The databases, leftovers and filestores that the declared ones are about."""
    wanted = {other: one for one in declared for other in (one.clone_from, one.rename_from) if other}
    wanted |= {one.name: one for one in declared}
    temporary = [unfinished(one.name) for one in declared]
    with closing(connect(login, statement_timeout=STATEMENT_SECONDS)) as connection, connection.cursor() as cursor:
        cursor.execute(_CATALOG, ([*wanted, *temporary],))
        rows = {row[0]: row for row in cursor.fetchall()}
        cursor.execute(
            "SELECT rolname, pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = ANY(%s)", (_owners(declared),)
        )
        roles = dict(cursor.fetchall())
        cursor.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
        creates = bool(cursor.fetchone()[0])
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        found = pool.map(lambda name: _database(login, rows[name], wanted[name]), [n for n in wanted if n in rows])
        databases = {database.name: database for database in found}
    leftovers = {name: _leftover(login, rows[name]) for name in temporary if name in rows}
    return Server(
        databases=databases,
        leftovers=leftovers,
        filestores=frozenset(n for n in [*wanted, *temporary] if os.path.isdir(filestore_path(config.data_dir, n))),
        addons=addons_on_disk(config, {addon for one in declared for addon in one.addons}),
        roles=roles,
        login=login.user,
        creates=creates,
    )


def _owners(declared: Sequence[Desired]) -> list[str]:
    return sorted({owner for one in declared for owner in (one.owner, one.config_user) if owner})


def addons_on_disk(config: OdooConfig, addons: Iterable[str]) -> frozenset[str] | None:
    """Those of `addons` that the addons path holds; None when Odoo's own addons cannot be seen from here."""

    def stands(addon: str) -> bool:
        return any(os.path.isfile(os.path.join(path, addon, "__manifest__.py")) for path in config.addons_path)

    return frozenset(addon for addon in addons if stands(addon)) if stands(BASE) else None


def _database(login: Login, row: Sequence[Any], want: Desired) -> Database:
    name, owner, _comment, fenced, lingering, _enterable = row
    with (
        closing(connect(login, name, statement_timeout=STATEMENT_SECONDS)) as connection,
        connection.cursor() as cursor,
    ):
        try:
            cursor.execute(_CONTENT, {"installed": list(INSTALLED), "keys": [key for key, _value in want.parameters]})
        except psycopg2.errors.UndefinedTable:
            return Database(name, owner, fenced, lingering, odoo=False)
        except psycopg2.errors.InsufficientPrivilege as error:
            raise UnreachableError(
                f"role {login.user} may not read database {name}: {sentence(error)}; make it a member of {owner}"
            ) from error
        installed, parameters, admin = cursor.fetchone()
    return Database(
        name=name,
        owner=owner,
        fenced=fenced,
        lingering=lingering,
        installed=frozenset(installed or ()),
        parameters=tuple(sorted((parameters or {}).items())),
        admin_login=(admin or {}).get("login") or "",
        admin_password_matches=_password_matches(want, admin or {}),
    )


def _password_matches(want: Desired, admin: Mapping[str, Any]) -> bool:
    return bool(want.admin_password) and passwords.matches(want.admin_password, admin.get("password"))


def _leftover(login: Login, row: Sequence[Any]) -> Leftover:
    name, _owner, comment, _fenced, _lingering, enterable = row
    # a copy that nobody may enter yet was killed before it could be marked
    if comment == MARKER or not enterable:
        return Leftover(name, ours=True, empty=False)
    with (
        closing(connect(login, name, statement_timeout=STATEMENT_SECONDS)) as connection,
        connection.cursor() as cursor,
    ):
        # killed between making it and marking it: nothing is in it yet
        cursor.execute("SELECT NOT EXISTS (SELECT FROM pg_class WHERE relkind = 'r' AND oid >= 16384)")
        return Leftover(name, ours=False, empty=bool(cursor.fetchone()[0]))
