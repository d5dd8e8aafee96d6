# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses tables that run code of their owner with the rights of the login when they are read.

The owner of a database may put a view in the place of a table, or hang rules and functions on it. What is locked here
stays as it was checked until the transaction ends. What is written is written by `apply_write`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import sql

# lower numbers are the server's own
_FIRST = 16384
# the first version with expressions in statistics
STATISTICS = 140000
# The planner computes what is constant in expressions of indexes and statistics. It would do so in check constraints as
# well, without the setting that each session has.
_TREES = "SELECT concat(indexprs, indpred) FROM pg_index WHERE indrelid = c.oid AND num_nulls(indexprs, indpred) < 2"
_STATISTICS = "SELECT stxexprs::text FROM pg_statistic_ext WHERE stxrelid = c.oid AND stxexprs IS NOT NULL"
# Each catalog that is left out saves a new session from opening it, which is most of what this costs.
_FOUND = f"""
SELECT c.relname::text,
    CASE WHEN c.relkind <> 'r' THEN 'is no plain table'
         WHEN c.relrowsecurity OR c.relhasrules THEN 'has rules or policies'
         WHEN c.relhassubclass THEN 'has tables that inherit from it'
         WHEN EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.atttypid >= {_FIRST})
         THEN 'has a column of a type of its own'
         ELSE ''
    END, ARRAY({{trees}})
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%s) ORDER BY 1
"""
_CALLS = "has an index or statistics that call a function"
# Tables that pg_dump takes for an extension's own, and so without their rows.
_MEMBERS = """
SELECT e.extname::text, n.nspname::text, c.relname::text FROM pg_depend d
JOIN pg_extension e ON e.oid = d.refobjid JOIN pg_class c ON c.oid = d.objid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
  AND c.relkind = 'r' AND c.oid <> ALL(coalesce(e.extconfig, '{}')) AND pg_relation_size(c.oid) > 0
ORDER BY 1, 2, 3
"""
_FUNCTION, _TYPE = re.compile(r":(?:op)?funcid (\d+)"), re.compile(r":(?:resulttype|row_typeid) (\d+)")


def require_plain(cursor: Any, tables: Sequence[str]) -> None:
    """Lock tables of the schema public until the transaction ends, and raise StateError where one would run code.

    A table that is not there is PostgreSQL's own error.
    """
    # the names are the modules' own
    listed = ", ".join(f"public.{table}" for table in tables)
    kinds = [_TREES, *([_STATISTICS] if cursor.connection.server_version >= STATISTICS else [])]
    lock = f"LOCK TABLE {listed} IN ACCESS SHARE MODE;"
    cursor.execute(lock + _FOUND.format(trees=" UNION ALL ".join(kinds)), (list(tables),))
    rows = cursor.fetchall()
    found = {name: reason for name, reason, _trees in rows if reason}
    found |= {name: _CALLS for name, _reason, trees in rows if name not in found and _calls(cursor, "".join(trees))}
    if found:
        said = ", ".join(f"{table} {reason}" for table, reason in found.items())
        raise StateError(
            f"in database {cursor.connection.info.dbname}, {said}, which could run code of the database's owner with "
            f"the rights of {cursor.connection.info.user}; remove that, and run again"
        )


def require_dumped(cursor: Any, database: str) -> None:
    """Raise StateError where pg_dump leaves out rows: those of tables that were added to an extension."""
    cursor.execute(_MEMBERS)
    for extension, schema, table in cursor.fetchall():
        cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(schema, table)))
        if cursor.fetchone()[0]:
            raise StateError(
                f"table {excerpt(f'{schema}.{table}')} of database {database} has rows and belongs to extension "
                f"{extension}, so pg_dump leaves them out; take it out of the extension with ALTER EXTENSION DROP "
                "TABLE, or empty it, then run again"
            )


def _calls(cursor: Any, trees: str) -> bool:
    """Whether expressions use functions or types of the tenant. Only a superuser makes a function in C."""
    if any(int(oid) >= _FIRST for oid in _TYPE.findall(trees)):
        return True
    functions = sorted({int(oid) for oid in _FUNCTION.findall(trees) if int(oid) >= _FIRST})
    if not functions:
        return False
    cursor.execute(
        "SELECT count(*) FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang "
        "WHERE p.oid = ANY(%s::oid[]) AND l.lanname = 'c'",
        (functions,),
    )
    return bool(cursor.fetchone()[0] < len(functions))
