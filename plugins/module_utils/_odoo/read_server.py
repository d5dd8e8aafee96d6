# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the server as a plan wants to see it. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_code as code
from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import BASE
from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_database import IMPORTED
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    BAD_VALUES,
    GantryError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import filestore_path
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import model_password
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import read_templates as template
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import Database, Desired, Leftover, Server
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_config import OdooConfig
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import (
    INSTALLED,
    UNFINISHED_COMMENT,
    unfinished,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    Login,
    connect,
    explaining,
    psycopg2,
    sentence,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import BEGUN_LIMIT
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_access import parted
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import home_of
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_access import ADMITS_OTHERS, NO_RIGHT
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_tables import require_plain
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.versions import series_of

CONNECTIONS = 8
STATEMENT_SECONDS = 60
# the connection limit by which PostgreSQL marks a database whose DROP was interrupted
_BROKEN = -2

_CATALOG = f"""
SELECT d.datname, r.rolname, shobj_description(d.oid, 'pg_database'),
       NOT has_database_privilege(d.datdba, d.oid, 'CONNECT'), {ADMITS_OTHERS},
       d.oid IN (SELECT datid FROM pg_stat_activity WHERE usesysid IS NOT NULL AND {NO_RIGHT}),
       d.datallowconn, d.datconnlimit
FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = ANY(%s)
"""
# Each table that is left out saves a new connection from reading its catalog, which is most of what a look costs.
_MODULES = "SELECT json_object_agg(name, latest_version) FROM public.ir_module_module WHERE state = ANY(%(installed)s)"
_PARAMETERS = "SELECT json_object_agg(key, value) FROM public.ir_config_parameter WHERE key = ANY(%(keys)s)"
_EXTENSIONS = "SELECT array_agg(extname::text) FROM pg_extension"
_ADMIN = """
SELECT json_build_object('login', u.login, 'password', u.password) FROM public.res_users u
JOIN public.ir_model_data x ON x.module = 'base' AND x.name = 'user_admin' AND x.model = 'res.users' AND x.res_id = u.id
"""
_IMPORTED = f"SELECT json_agg(name) FROM ({IMPORTED}) imported"
_UUID, _NEUTRALIZED = "database.uuid", "database.is_neutralized"


def read_server(
    login: Login, config: OdooConfig, declared: Sequence[Desired], listed: Mapping[str, code.Listed] | None
) -> Server:
    """The databases, leftovers and filestores that the declared ones are about.

    listed: the addons on disk, None where they cannot be seen from here.
    """
    wanted = {other: one for one in declared for other in (one.clone_from, one.rename_from) if other}
    wanted |= {one.name: one for one in declared}
    copied = {one.clone_from for one in declared if one.neutralize}
    temporary = [unfinished(one.name) for one in declared]
    with (
        explaining("reading the server's databases", login),
        closing(connect(login, statement_timeout=STATEMENT_SECONDS)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(_CATALOG, ([*wanted, *temporary],))
        rows = {row[0]: row for row in cursor.fetchall()}
        cursor.execute(
            "SELECT rolname, pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = ANY(%s)", (_owners(declared),)
        )
        roles = dict(cursor.fetchall())
        cursor.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
        creates = bool(cursor.fetchone()[0])
        extensions = _extensions(cursor) if any(one.extensions for one in declared) else frozenset()
        cached = [one for one in declared if one.cached and one.present and one.name not in rows]
        made_from_template = [one for one in cached if not (one.clone_from or one.rename_from)]
        templates = {} if listed is None else template.find(cursor, made_from_template, listed)
        made = [one.name for one in templates.values()]
        if made:
            cursor.execute(_CATALOG, ([unfinished(name) for name in made],))
            temporary += [row[0] for row in cursor.fetchall() if rows.setdefault(row[0], row)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        there = [name for name in wanted if name in rows]
        found = dict(zip(there, pool.map(lambda name: _read(login, rows[name], wanted[name], name in copied), there)))
    leftovers = {name: _leftover(rows[name]) for name in temporary if name in rows}
    return Server(
        databases={name: seen for name, seen in found.items() if isinstance(seen, Database)},
        errors={name: str(seen) for name, seen in found.items() if isinstance(seen, GantryError)},
        leftovers=leftovers,
        filestores=frozenset(n for n in {*wanted, *temporary} if os.path.lexists(filestore_path(config.data_dir, n))),
        addons=None if listed is None else frozenset(listed),
        roles=roles,
        login=login.user,
        creates=creates,
        templates=templates,
        extensions=extensions,
        series="" if listed is None else code.series(listed),
    )


def _extensions(cursor: Any) -> frozenset[str]:
    cursor.execute(
        "SELECT DISTINCT name FROM pg_available_extension_versions WHERE trusted OR NOT superuser "
        "OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
    )
    return frozenset(row[0] for row in cursor.fetchall())


def _owners(declared: Sequence[Desired]) -> list[str]:
    return sorted({owner for one in declared for owner in (one.owner, one.config_user) if owner})


def _read(login: Login, row: Sequence[Any], want: Desired, copied: bool) -> Database | GantryError:
    try:
        return _database(login, row, want, copied)
    except GantryError as error:
        # what one tenant has in its database must not keep the others from theirs
        return error
    except (psycopg2.Error, *BAD_VALUES) as error:
        return _unread(login, row[0], error)


def _unread(login: Login, name: str, error: Exception) -> StateError:
    return StateError(
        f"database {name} at PostgreSQL {login.where} cannot be read as one of Odoo: {sentence(error)}; "
        "see what changed its tables, and run again"
    )


def _database(login: Login, row: Sequence[Any], want: Desired, copied: bool) -> Database:
    name, owner, comment, blocked, admits, lingering, enterable, limit = row
    broken = limit == _BROKEN
    if broken or not enterable:
        return Database(name, owner, blocked, admits, lingering, closed=True, broken=broken)
    with (
        closing(connect(login, name, autocommit=False, statement_timeout=STATEMENT_SECONDS)) as connection,
        connection.cursor() as cursor,
    ):
        admin = ["res_users", "ir_model_data"] if want.admin_login or want.admin_password else []
        try:
            require_plain(cursor, ["ir_module_module", "ir_config_parameter", *admin])
            cursor.execute(
                f"SELECT ({_MODULES}), ({_PARAMETERS}), ({_EXTENSIONS if want.extensions else 'NULL'}), "
                f"({_ADMIN if admin else 'NULL'}), "
                f"({_IMPORTED if copied else 'NULL'})",
                {"installed": list(INSTALLED), "keys": [_UUID, _NEUTRALIZED, *dict(want.parameters)]},
            )
        except psycopg2.errors.UndefinedTable:
            return Database(name, owner, blocked, admits, lingering, odoo=False)
        except psycopg2.errors.InsufficientPrivilege as error:
            raise UnreachableError(
                f"role {login.user} may not read database {name}: {sentence(error)}; make it a member of {owner}"
            ) from error
        modules, parameters, extensions, user, imported = (found or {} for found in cursor.fetchone())
    return Database(
        name=name,
        owner=owner,
        blocked=blocked,
        admits=admits,
        lingering=lingering,
        installed=frozenset(modules),
        imported=frozenset(imported),
        extensions=frozenset(extensions),
        neutralized=str(parameters.get(_NEUTRALIZED)).lower() in ("true", "t"),
        uuid=parameters.get(_UUID) or "",
        series=series_of(modules.get(BASE) or ""),
        parameters=tuple(sorted((key, parameters[key]) for key, _value in want.parameters if key in parameters)),
        admin_login=user.get("login") or "",
        admin_password_matches=_password_matches(want, user),
        home=home_of(comment),
    )


def _password_matches(want: Desired, admin: Mapping[str, Any]) -> bool:
    # Odoo's hash takes a third of a second to compare with, on purpose
    return bool(want.admin_password) and (
        want.password_once or model_password.matches(want.admin_password, admin.get("password"))
    )


def _leftover(row: Sequence[Any]) -> Leftover:
    name, _owner, comment, *_access, enterable, limit = row
    begun = not enterable and limit == BEGUN_LIMIT
    return Leftover(name, ours=parted(comment)[0] == UNFINISHED_COMMENT or begun or limit == _BROKEN)
