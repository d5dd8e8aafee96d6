# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database says of itself within one snapshot, for the manifest and for the proof of a restore."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import DatabaseFacts, State
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError, excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    Login,
    connect,
    psycopg2,
    sentence,
    sql,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import home_of
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_access import read_database_rights
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_database import (
    read_extensions,
    read_locale,
    read_settings,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_tables import require_dumped, require_plain

# tables of extensions are theirs to fill, so pg_dump leaves them out, and require_all_rows refuses others
_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
"""
_SEQUENCES = """
SELECT schemaname || '.' || sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL ORDER BY 1
"""
_ATTACHMENTS = "public.ir_attachment WHERE store_fname IS NOT NULL"
_MODULES = """
SELECT name, state, coalesce(latest_version, '') FROM public.ir_module_module
WHERE state IN ('installed', 'to install', 'to upgrade', 'to remove') ORDER BY name
"""
# the same is open to role postgresql, which an estate is read by
_STATE = """
SELECT shobj_description(oid, 'pg_database'), has_database_privilege(datdba, oid, 'CONNECT')
FROM pg_database WHERE datname = current_database()
"""
# what a restore leaves out, as without_superusers has it
_FOR_SUPERUSERS = """
SELECT 'event trigger ' || evtname FROM pg_event_trigger t WHERE NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'e')
UNION SELECT 'subscription ' || subname FROM pg_subscription
WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
UNION SELECT 'publication ' || pubname FROM pg_publication p WHERE puballtables {schemas} ORDER BY 1
"""
_SCHEMAS = "OR EXISTS (SELECT FROM pg_publication_namespace n WHERE n.pnpubid = p.oid)"
# the first version with publications of schemas
_WITH_SCHEMAS = 150000
COUNT_BATCH = 100
NAMES_BATCH = 10000


@dataclass(frozen=True)
class Still:
    """A database held still: the transaction that reads it, and the name under which pg_dump sees the same.

    wait_s: seconds that a query waits for a locked table. A query that fails ends the snapshot for all that join it.
    """

    connection: Any
    snapshot: str
    taken: datetime
    wait_s: float


def hold_collector(login: Login, database: str, wait_s: float) -> Any:
    """A connection that keeps Odoo's collector of unused files off until it is closed.

    The collector locks ir_attachment in SHARE mode; the lock taken here lets every other writer pass. Take it before
    the snapshot. wait_s: seconds to wait for a collector that is at work.
    """
    guard = connect(login, database, autocommit=False, lock_timeout=wait_s)
    where = f"database {database} at {login.where}"
    try:
        with guard.cursor() as cursor:
            cursor.execute("LOCK TABLE public.ir_attachment IN ROW EXCLUSIVE MODE")
    except psycopg2.Error as error:
        guard.close()
        if isinstance(error, psycopg2.errors.LockNotAvailable):
            raise DeadlineError(
                f"{where}: ir_attachment stayed locked for {wait_s:g} s; wait for that to end, then run again"
            ) from error
        raise StateError(f"{where} cannot be held still: {sentence(error)}") from error
    return guard


@contextmanager
def held_still(login: Login, database: str, wait_s: float) -> Iterator[Still]:
    """Hold a snapshot of `database` during the block. wait_s: seconds that a query waits for a locked table."""
    with closing(connect(login, database, autocommit=False, lock_timeout=wait_s)) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        taken, snapshot = rows(connection, "SELECT clock_timestamp(), pg_export_snapshot()")[0]
        yield Still(connection, snapshot, taken.astimezone(timezone.utc), wait_s)


def facts(connection: Any, database: str) -> DatabaseFacts:
    """What the manifest records of the database that `connection` is in."""
    # sequences do not belong to a snapshot: read first, they are at most what a dump taken later holds
    used = sequences(connection)
    with connection.cursor() as cursor:
        locale, extensions = read_locale(cursor, database), read_extensions(cursor)
        settings = tuple(read_settings(cursor, database))
        rights = read_database_rights(cursor, database)
    installed, pending = modules(connection, database)
    if not installed.get("base"):
        raise StateError(
            f"database {database} has no installed module base; it was never initialised, nothing to back up"
        )
    return DatabaseFacts(
        name=database,
        odoo_version=".".join(installed["base"].split(".")[:2]),
        uuid=uuid(connection),
        server_version=connection.server_version,
        locale=locale,
        modules=installed,
        tables=row_counts(connection),
        sequences=used,
        extensions=extensions.schemas,
        unaccent_immutable=extensions.immutable_unaccent,
        pending=pending,
        settings=settings,
        rights=rights,
    )


def modules(connection: Any, database: str) -> tuple[dict[str, str], dict[str, str]]:
    """The versions of the modules that are there, and the states of those that Odoo has still to work on."""
    with connection.cursor() as cursor:
        require_tables(cursor, database, "ir_module_module")
    found = rows(connection, _MODULES)
    there = {name: version for name, state, version in found if state != "to install"}
    return there, {name: state for name, state, _version in found if state != "installed"}


def size(connection: Any) -> int:
    """The size of the database that `connection` is in, in bytes."""
    return int(rows(connection, "SELECT pg_database_size(current_database())")[0][0])


def for_superusers(connection: Any) -> list[str]:
    """The objects in the database that `connection` is in that a restore leaves out: only a superuser can make them."""
    schemas = _SCHEMAS if connection.server_version >= _WITH_SCHEMAS else ""
    return [excerpt(name) for (name,) in rows(connection, _FOR_SUPERUSERS.format(schemas=schemas))]


def uuid(connection: Any) -> str:
    """The uuid of the database that `connection` is in, within its transaction; empty without one."""
    with connection.cursor() as cursor:
        require_tables(cursor, connection.info.dbname, "ir_config_parameter")
    found = rows(connection, "SELECT value FROM public.ir_config_parameter WHERE key = 'database.uuid'")
    return str(found[0][0]) if found else ""


def state(connection: Any) -> State:
    """What the database that `connection` is in is to its tenant, within its transaction."""
    comment, is_open = rows(connection, _STATE)[0]
    home = home_of(comment)
    return State(home.number if home else 0, is_open)


def row_counts(connection: Any) -> dict[str, int]:
    """The number of rows of each table, by `schema.table`."""
    tables = rows(connection, _TABLES)
    counts: dict[str, int] = {}
    for start in range(0, len(tables), COUNT_BATCH):
        counted = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {name}, count(*) FROM {table}").format(
                name=sql.Literal(f"{schema}.{table}"), table=sql.Identifier(schema, table)
            )
            for schema, table in tables[start : start + COUNT_BATCH]
        )
        counts.update(rows(connection, counted))
    return counts


def sequences(connection: Any) -> dict[str, int]:
    """The last value of each sequence that was used, by `schema.sequence`."""
    return {name: int(value) for name, value in rows(connection, _SEQUENCES)}


@contextmanager
def joined(login: Login, database: str, still: Still) -> Iterator[Any]:
    """Another connection that sees the same as `still`, for the time of the block."""
    with closing(connect(login, database, autocommit=False, lock_timeout=still.wait_s)) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(still.snapshot)))
        yield connection


def stored_names(connection: Any, database: str) -> tuple[int, Iterator[str]]:
    """How many names of files the attachments refer to, and each of them once, in the order of their bytes.

    Names of files on object storage are among them: a backup that left them out would be incomplete without saying so.
    Raises StateError when there is no table of attachments.
    """
    require_odoo(connection, database)
    with connection.cursor() as cursor:
        require_tables(cursor, database, "ir_attachment")
    count = int(rows(connection, f"SELECT count(DISTINCT store_fname) FROM {_ATTACHMENTS}")[0][0])
    return count, _names(connection)


def _names(connection: Any) -> Iterator[str]:
    # a cursor of the server, so that not all names are in memory at once
    with connection.cursor("names") as cursor:
        cursor.itersize = NAMES_BATCH
        cursor.execute(f'SELECT DISTINCT store_fname COLLATE "C" FROM {_ATTACHMENTS} ORDER BY 1')
        for (name,) in cursor:
            yield name


def require_tables(cursor: Any, database: str, *tables: str) -> None:
    """Raises StateError where a table cannot be read, or would run code of the tenant."""
    try:
        require_plain(cursor, tables)
    except psycopg2.Error as error:
        raise StateError(f"database {database} could not be read: {sentence(error)}") from error


def require_all_rows(connection: Any) -> None:
    """Raises StateError where pg_dump leaves out rows of the database that `connection` is in."""
    database = connection.info.dbname
    try:
        with connection.cursor() as cursor:
            require_dumped(cursor, database)
    except psycopg2.Error as error:
        raise StateError(f"database {database} could not be read: {sentence(error)}") from error


def require_odoo(connection: Any, database: str) -> None:
    """Raises StateError when the database has no table of attachments."""
    if rows(connection, "SELECT to_regclass('public.ir_attachment') IS NULL")[0][0]:
        raise StateError(f"database {database} is not one of Odoo: it has no table ir_attachment")


def rows(connection: Any, query: Any) -> list[tuple]:
    """The rows of a query. Raises StateError with PostgreSQL's own words."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            found: list[tuple] = cursor.fetchall()
            return found
    except psycopg2.Error as error:
        name = connection.info.dbname
        raise StateError(f"database {name} could not be read: {sentence(error)}") from error
