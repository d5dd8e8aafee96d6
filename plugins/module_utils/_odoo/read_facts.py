# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be told of databases that exist, from the summary to the findings. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    BAD_VALUES,
    GantryError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import filestore_path
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import (
    check_filestore,
    filestores,
    referenced,
    sizes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import read_crons as crons
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import report_drift as drift
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_config import Instance
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import UNFINISHED
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.versions import reads_environment
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import read_activity as activity
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    Login,
    connect,
    psycopg2,
    sentence,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_access import ADMITS_OTHERS
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_fingerprint import fingerprint
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_tables import require_plain
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.versions import series_of

CONNECTIONS = 8
# The size of a database is told to who may connect to it, or read statistics.
_SERVER = f"""
SELECT d.datname, r.rolname, r.rolsuper,
       d.datallowconn AND (has_database_privilege(d.datdba, d.oid, 'CONNECT') OR {ADMITS_OTHERS}),
       d.datallowconn AND has_database_privilege(d.oid, 'CONNECT'),
       CASE WHEN has_database_privilege(d.oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')
            THEN pg_database_size(d.oid) END,
       d.datconnlimit = -2, d.datistemplate OR d.datname = 'postgres'
FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
"""
_CONTENT = """
SELECT (SELECT json_object_agg(name, latest_version) FROM public.ir_module_module
        WHERE state IN ('installed', 'to upgrade', 'to remove')),
       (SELECT array_agg(name::text ORDER BY name) FROM public.ir_module_module WHERE state LIKE 'to %'),
       (SELECT json_object_agg(key, value) FROM public.ir_config_parameter
        WHERE key IN ('database.uuid', 'database.is_neutralized', 'web.base.url', 'web.base.url.freeze',
                      'base.partially_updated_database')),
       to_regclass('public.ir_cron_trigger') IS NOT NULL
"""
# Odoo looks for the function where it makes its tables. What belongs to an extension is its installer's.
_CATALOG = """
SELECT (SELECT min(provolatile::text) FROM pg_proc
        WHERE proname = 'unaccent' AND pronamespace = 'public'::regnamespace AND pronargs = 1),
       (SELECT array_agg(c.relname::text ORDER BY c.relname) FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
          AND c.relowner <> (SELECT datdba FROM pg_database WHERE datname = current_database())
          AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
                          AND e.deptype = 'e'))
"""


@dataclass(frozen=True)
class Gather:
    """What to gather.

    verify_content: read each file of a filestore and compare it with its SHA-1. cron_grace: seconds that a job may be
    late. code_version: of base on disk, if it can be seen. instance: for what is to be found in its configuration.
    """

    modules: bool = False
    filestore: bool = False
    fingerprint: bool = False
    verify_content: bool = True
    activity: bool = False
    cron: bool = False
    drift: bool = False
    cron_grace: float = 900
    code_version: str = ""
    instance: Instance | None = None


class _Row(NamedTuple):
    owner: str
    superuser: bool
    is_open: bool
    enterable: bool
    size: int | None
    broken: bool


@dataclass(frozen=True)
class _Server:
    """What the server tells without entering a database. rows: those that may be Odoo's. names: of all."""

    rows: dict[str, _Row]
    names: frozenset[str]
    activity: dict[str, dict[str, Any]] = field(default_factory=dict)
    slots: list[dict[str, Any]] = field(default_factory=list)

    def siblings(self, name: str) -> list[str]:
        """The other databases of the same owner."""
        owner = self.rows[name].owner
        return [
            other
            for other, row in self.rows.items()
            if other != name and row.owner == owner and not other.endswith(UNFINISHED)
        ]


class _Content(NamedTuple):
    modules: dict[str, str] | None
    pending: list[str] | None
    parameters: dict[str, str] | None
    triggers: bool


def gather(login: Login, names: Sequence[str], what: Gather, data_dir: str, seconds: float) -> dict[str, Any]:
    """Facts by database name; all databases of Odoo on the server when `names` is empty.

    seconds: the deadline of each statement. Also returns, as `errors`, a sentence for each database that could not be
    read, as `unreadable` the names of those that were not asked for and that the login may not read, and what belongs
    to no database: `orphan_filestores`, `replication_slots`.
    """
    # listed before the databases, so that one made meanwhile does not look like an orphan
    directories = filestores(data_dir) if what.filestore and not names else []
    server = _server(login, what, seconds)
    wanted = list(dict.fromkeys(names)) or sorted(name for name in server.rows if not name.endswith(UNFINISHED))

    def one(name: str) -> dict[str, Any] | GantryError:
        if name not in server.rows:
            return {"exists": False}
        row = server.rows[name]
        facts = {"exists": True, "owner": row.owner, "open": row.is_open, "size_bytes": row.size}
        try:
            _require_enterable(login, name, row)
            return {**facts, **_database(login, name, server, what, data_dir, seconds)}
        except (OSError, GantryError, psycopg2.Error, *BAD_VALUES) as error:
            # what one tenant has in its database must not hide the others
            return error if isinstance(error, GantryError) else _unread(login, name, error)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        seen = dict(zip(wanted, pool.map(one, wanted)))
    failed = {name: one for name, one in seen.items() if isinstance(one, GantryError)}
    facts = {name: one for name, one in seen.items() if not isinstance(one, GantryError)}
    if not names:
        # what is not Odoo's was not asked for
        facts = {name: one for name, one in facts.items() if one["odoo"]}
    foreign = [] if names else [name for name, error in failed.items() if isinstance(error, UnreachableError)]
    told: dict[str, Any] = {
        "databases": facts,
        "errors": {name: str(error) for name, error in failed.items() if name not in foreign},
        "unreadable": foreign,
    }
    if what.filestore and not names:
        told["orphan_filestores"] = [name for name in directories if name not in server.names]
    if what.activity:
        told["replication_slots"] = server.slots
    return told


def _require_enterable(login: Login, name: str, row: _Row) -> None:
    if row.broken:
        raise StateError(
            f"database {name} was left by a DROP DATABASE that was interrupted, and is lost; drop it, then restore it"
        )
    if not row.enterable:
        raise UnreachableError(f"role {login.user} may not connect to database {name}, owned by {row.owner}")


def _server(login: Login, what: Gather, seconds: float) -> _Server:
    with closing(connect(login, statement_timeout=seconds)) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(_SERVER)
            found = cursor.fetchall()
            return _Server(
                rows={row[0]: _Row(*row[1:7]) for row in found if not row[7]},
                names=frozenset(row[0] for row in found),
                activity=activity.read_activity(cursor) if what.activity else {},
                slots=activity.read_slots(cursor) if what.activity else [],
            )
        except psycopg2.Error as error:
            raise StateError(f"PostgreSQL at {login.where} could not be read: {sentence(error)}") from error


def _database(login: Login, name: str, server: _Server, what: Gather, data_dir: str, seconds: float) -> dict[str, Any]:
    directory = filestore_path(data_dir, name)
    # before the database's snapshot: a file that is written later has an attachment that is not seen
    held = sizes(directory) if what.filestore else {}
    with closing(connect(login, name, autocommit=False, statement_timeout=seconds)) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor() as cursor:
            try:
                require_plain(cursor, ["ir_module_module", "ir_config_parameter"])
                cursor.execute(_CONTENT)
                content = _Content(*cursor.fetchone())
            except psycopg2.errors.UndefinedTable:
                return {"odoo": False}
            except psycopg2.errors.InsufficientPrivilege as error:
                raise UnreachableError(f"role {login.user} may not read database {name}: {sentence(error)}") from error
            except psycopg2.Error as error:
                raise _unread(login, name, error) from error
            facts = _summary(content, what)
            try:
                if what.filestore:
                    require_plain(cursor, ["ir_attachment"])
                    stored = referenced(cursor)
                    checked = check_filestore(directory, stored.files, what.verify_content, held)
                    facts["filestore"] = {**checked, "remote": len(stored.remote)}
                if what.activity:
                    facts["activity"] = server.activity.get(name) or activity.summary()
                if what.cron:
                    facts["cron"] = _cron(cursor, content, what)
                if what.drift:
                    facts["drift"] = _drift(cursor, content, name, server, what.instance)
                if what.fingerprint:
                    facts["fingerprint"] = fingerprint(cursor)
            except psycopg2.Error as error:
                raise _unread(login, name, error) from error
    return facts


def _unread(login: Login, name: str, error: Exception) -> StateError:
    return StateError(f"database {name} at {login.where} could not be read: {sentence(error)}; see what changed in it")


def _summary(content: _Content, what: Gather) -> dict[str, Any]:
    modules, parameters = content.modules or {}, content.parameters or {}
    facts: dict[str, Any] = {
        "odoo": True,
        "odoo_version": series_of(modules.get("base") or ""),
        "pending": content.pending or [],
        "uuid": parameters.get("database.uuid"),
        "neutralized": str(parameters.get("database.is_neutralized")).lower() in ("true", "t", "1"),
        "base_url": parameters.get("web.base.url"),
    }
    if what.modules:
        facts["modules"] = modules
    return facts


def _cron(cursor: Any, content: _Content, what: Gather) -> dict[str, Any]:
    require_plain(cursor, ["ir_cron", "ir_act_server", *(["ir_cron_trigger"] if content.triggers else [])])
    version = (content.modules or {}).get("base")
    blocked = crons.blocks(content.pending or [], version, what.code_version)
    return crons.read_crons(cursor, content.triggers, what.cron_grace, blocked)


def _drift(
    cursor: Any, content: _Content, name: str, server: _Server, instance: Instance | None
) -> list[dict[str, str]]:
    cursor.execute(_CATALOG)
    unaccent, foreign_tables = cursor.fetchone()
    parameters = content.parameters or {}
    seen = drift.Seen(
        name=name,
        owner=server.rows[name].owner,
        superuser=server.rows[name].superuser,
        siblings=server.siblings(name),
        foreign_tables=foreign_tables or [],
        pending=content.pending or [],
        partially_updated=bool(parameters.get("base.partially_updated_database")),
        base_url=parameters.get("web.base.url") or "",
        frozen="web.base.url.freeze" in parameters,
        unaccent=unaccent,
    )
    series = series_of((content.modules or {}).get("base") or "")
    return drift.findings(seen, instance.in_force(reads_environment(series)) if instance else ())
