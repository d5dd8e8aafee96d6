# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be told of databases that exist: summary, modules, filestore, fingerprint. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.filestore import blob_path, filestore_path, sha1_of
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.fingerprint import fingerprint
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.names import UNFINISHED
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.postgres import Login, connect, psycopg2, sentence
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.versions import series_of

CONNECTIONS = 8
_SERVER = """
SELECT d.datname, r.rolname, d.datallowconn AND has_database_privilege(d.datdba, d.oid, 'CONNECT'),
       d.datallowconn AND has_database_privilege(d.oid, 'CONNECT'), pg_database_size(d.oid)
FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE NOT d.datistemplate AND d.datname <> 'postgres'
"""
_CONTENT = """
SELECT (SELECT json_object_agg(name, latest_version) FROM ir_module_module
        WHERE state IN ('installed', 'to upgrade', 'to remove')),
       (SELECT array_agg(name::text ORDER BY name) FROM ir_module_module WHERE state LIKE 'to %'),
       (SELECT json_object_agg(key, value) FROM ir_config_parameter
        WHERE key IN ('database.uuid', 'database.is_neutralized', 'web.base.url'))
"""
_STORED = "SELECT DISTINCT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL"


@dataclass(frozen=True)
class Gather:
    """What to gather. verify_content: read each file of a filestore and compare it with its SHA-1."""

    modules: bool = False
    filestore: bool = False
    fingerprint: bool = False
    verify_content: bool = True


def gather(login: Login, names: Sequence[str], what: Gather, data_dir: str, seconds: float) -> dict[str, Any]:
    """Facts by database name; all databases of Odoo on the server when `names` is empty.

    seconds: the deadline of each statement. Also returns, as `unreadable`, the names of databases that were not asked
    for and that the login may not read.
    """
    with closing(connect(login, statement_timeout=seconds)) as connection, connection.cursor() as cursor:
        cursor.execute(_SERVER)
        rows = {row[0]: row[1:] for row in cursor.fetchall()}
    wanted = list(dict.fromkeys(names)) or sorted(name for name in rows if not name.endswith(UNFINISHED))

    def one(name: str) -> dict[str, Any] | None:
        if name not in rows:
            return {"exists": False}
        owner, is_open, enterable, size = rows[name]
        facts = {"exists": True, "owner": owner, "open": is_open, "size_bytes": size}
        try:
            if not enterable:
                raise UnreachableError(f"role {login.user} may not connect to database {name}, owned by {owner}")
            content = _database(login, name, what, data_dir, seconds)
        except UnreachableError:
            if names:
                raise
            return None
        return {**facts, **content}

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        facts = dict(zip(wanted, pool.map(one, wanted)))
    if not names:
        # what is not Odoo's was not asked for
        facts = {name: seen for name, seen in facts.items() if seen is None or seen["odoo"]}
    return {
        "databases": {name: seen for name, seen in facts.items() if seen is not None},
        "unreadable": [name for name, seen in facts.items() if seen is None],
    }


def _database(login: Login, name: str, what: Gather, data_dir: str, seconds: float) -> dict[str, Any]:
    with closing(connect(login, name, autocommit=False, statement_timeout=seconds)) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor() as cursor:
            try:
                cursor.execute(_CONTENT)
            except psycopg2.errors.UndefinedTable:
                return {"odoo": False}
            except psycopg2.errors.InsufficientPrivilege as error:
                raise UnreachableError(f"role {login.user} may not read database {name}: {sentence(error)}") from error
            modules, pending, parameters = cursor.fetchone()
            facts = _summary(modules or {}, pending or [], parameters or {}, what)
            try:
                if what.filestore:
                    facts["filestore"] = _filestore(cursor, filestore_path(data_dir, name), what.verify_content)
                if what.fingerprint:
                    facts["fingerprint"] = fingerprint(cursor)
            except psycopg2.Error as error:
                raise StateError(f"database {name} at {login.where} could not be read: {sentence(error)}") from error
    return facts


def _summary(modules: dict[str, str], pending: list[str], parameters: dict[str, str], what: Gather) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "odoo": True,
        "odoo_version": series_of(modules.get("base") or ""),
        "pending": pending,
        "uuid": parameters.get("database.uuid"),
        "neutralized": parameters.get("database.is_neutralized", "False").lower() in ("true", "t", "1"),
        "base_url": parameters.get("web.base.url"),
    }
    if what.modules:
        facts["modules"] = modules
    return facts


def _filestore(cursor: Any, directory: str, verify_content: bool) -> dict[str, Any]:
    cursor.execute(_STORED)
    return check_filestore(directory, (row[0] for row in cursor.fetchall()), verify_content)


def check_filestore(directory: str, names: Iterable[str], verify_content: bool) -> dict[str, Any]:
    """Look for each file that the database refers to: how many, how large in bytes, which are missing or corrupt."""
    wanted = sorted(names)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        seen = list(pool.map(lambda name: _blob(blob_path(directory, name), name, verify_content), wanted))
    return {
        "files": len(wanted),
        "bytes": sum(size for size, _whole in seen if size is not None),
        "missing": [name for name, (size, _whole) in zip(wanted, seen) if size is None],
        "corrupt": [name for name, (size, whole) in zip(wanted, seen) if size is not None and not whole],
    }


def _blob(path: str, name: str, verify_content: bool) -> tuple[int | None, bool]:
    try:
        size = os.path.getsize(path)
        return size, not verify_content or sha1_of(path) == name.rsplit("/", 1)[-1]
    except FileNotFoundError:
        return None, False
    except OSError as error:
        raise StateError(f"filestore file {path} could not be read: {error.strerror}") from error
