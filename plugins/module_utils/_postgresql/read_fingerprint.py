# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fingerprint of all that a database holds, to prove that a copy is equal.

Per table it is a hash of the columns' names, the number of rows and the sum of the rows' hashes, so the order of rows
does not matter and equal rows count as often as they occur. It is computed inside PostgreSQL: no row leaves the server.
Nothing is left out: neither the tables by which Odoo signals, nor its message bus. Take it of databases that nobody
writes to. Views and indexes hold nothing of their own; of large objects, which Odoo does not use, the number counts.
"""

from __future__ import annotations

import hashlib
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import sql

# Text forms must not depend on whose settings the session inherits.
SETTINGS = (
    "SET LOCAL timezone = 'UTC'",
    "SET LOCAL datestyle = 'ISO, YMD'",
    "SET LOCAL intervalstyle = 'postgres'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL search_path = ''",
)
_TABLES = """
SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attname),
       array_agg(a.atttypid = 'bytea'::regtype ORDER BY a.attname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
GROUP BY 1, 2
"""
_SEQUENCES = (
    "SELECT schemaname, sequencename, last_value FROM pg_catalog.pg_sequences WHERE schemaname NOT LIKE 'pg_temp%'"
)
# Two halves of the row's MD5, each summed up without overflow
_HASH = """
SELECT count(*), coalesce(sum(('x' || left(digest, 16))::bit(64)::bigint), 0)::text || ':' ||
       coalesce(sum(('x' || right(digest, 16))::bit(64)::bigint), 0)::text
FROM (SELECT pg_catalog.md5(ROW({})::text) AS digest FROM {}.{}) AS rows
"""


def fingerprint(cursor: Any) -> dict[str, Any]:
    """The fingerprint as the cursor's transaction sees the database; begin it REPEATABLE READ for a consistent one.

    Returns `tables` (rows and hash by name, `schema.name` outside of public), `sequences` (their number and the hash
    of their last values) and `hash` over all.
    """
    for statement in SETTINGS:
        cursor.execute(statement)
    cursor.execute(_TABLES)
    tables: dict[str, dict[str, Any]] = {}
    for schema, table, columns, binary in sorted(cursor.fetchall()):
        name = table if schema == "public" else f"{schema}.{table}"
        tables[name] = _table(cursor, schema, table, [column for column in columns if column is not None], binary)
    cursor.execute(_SEQUENCES)
    positions = sorted(f"{schema}.{name}={value}" for schema, name, value in cursor.fetchall())
    sequences_hash = _sha256(*positions)
    cursor.execute("SELECT count(*) FROM pg_catalog.pg_largeobject_metadata")
    whole = _sha256(
        *(f"{name}={seen['rows']}:{seen['hash']}" for name, seen in sorted(tables.items())),
        sequences_hash,
        f"large objects={cursor.fetchone()[0]}",
    )
    return {"tables": tables, "sequences": {"count": len(positions), "hash": sequences_hash}, "hash": whole}


def _table(cursor: Any, schema: str, table: str, columns: list[str], binary: list[bool]) -> dict[str, Any]:
    # the text of a large bytea may exceed what one value can hold, its own hash never does
    terms = [
        sql.SQL("pg_catalog.md5({})" if is_binary else "{}").format(sql.Identifier(column))
        for column, is_binary in zip(columns, binary)
    ]
    cursor.execute(sql.SQL(_HASH).format(sql.SQL(", ").join(terms), sql.Identifier(schema), sql.Identifier(table)))
    rows, digest = cursor.fetchone()
    return {"rows": rows, "hash": _sha256(*columns, digest)}


def _sha256(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
