# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses tables that run code of their owner with the rights of the login when they are read.

The owner of a database may put a view in the place of a table, or hang rules and functions on it. What is locked here
stays as it was checked until the transaction ends. What is written is written by `apply_write`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError

# lower numbers are the server's own
_FIRST = 16384
# The planner computes what is constant in expressions of indexes and statistics, and of constraints where a setting
# says so. Only a superuser makes a function in C.
_EXPRESSIONS = """
SELECT concat(indexprs, indpred) FROM pg_index WHERE indrelid = c.oid AND (indexprs IS NOT NULL OR indpred IS NOT NULL)
UNION ALL SELECT conbin::text FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c'
"""
# from version 14
_STATISTICS = "UNION ALL SELECT stxexprs::text FROM pg_statistic_ext WHERE stxrelid = c.oid AND stxexprs IS NOT NULL"
# Each catalog that is left out saves a new session from opening it, which is most of what this costs.
_FOUND = f"""
SELECT relname::text, reason FROM (
    SELECT c.relname,
        CASE WHEN c.relkind <> 'r' THEN 'is no plain table'
             WHEN c.relrowsecurity OR c.relhasrules THEN 'has rules or policies'
             WHEN c.relhassubclass THEN 'has tables that inherit from it'
             WHEN EXISTS (SELECT FROM pg_attribute a
                          WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.atttypid >= {_FIRST})
             THEN 'has a column of a type of its own'
             WHEN EXISTS (
                 SELECT FROM ({{expressions}}) x (tree),
                      regexp_matches(tree, ':((?:op)?funcid|resulttype|row_typeid) (\\d+)', 'g') f
                      LEFT JOIN pg_proc p ON f[1] LIKE '%%funcid' AND p.oid = f[2]::oid
                      LEFT JOIN pg_language l ON l.oid = p.prolang
                 WHERE f[2]::oid >= {_FIRST} AND l.lanname IS DISTINCT FROM 'c')
             THEN 'has an index, constraint or statistics that call a function'
        END AS reason
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%s)) found
WHERE reason IS NOT NULL ORDER BY 1
"""
STATISTICS = 140000


def require_plain(cursor: Any, tables: Sequence[str]) -> None:
    """Lock tables of the schema public until the transaction ends, and raise StateError where one would run code.

    A table that is not there is PostgreSQL's own error.
    """
    # the names are the modules' own
    listed = ", ".join(f"public.{table}" for table in tables)
    expressions = _EXPRESSIONS + (_STATISTICS if cursor.connection.server_version >= STATISTICS else "")
    lock = f"LOCK TABLE {listed} IN ACCESS SHARE MODE;"
    cursor.execute(lock + _FOUND.format(expressions=expressions), (list(tables),))
    found = cursor.fetchall()
    if found:
        said = ", ".join(f"{table} {reason}" for table, reason in found)
        raise StateError(
            f"in database {cursor.connection.info.dbname}, {said}, which could run code of the database's owner with "
            f"the rights of {cursor.connection.info.user}; remove that, and run again"
        )
