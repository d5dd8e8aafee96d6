# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses tables that run code of their owner with the rights of the login when they are read or written.

The owner of a database may put a view in the place of a table, or hang triggers, rules and functions on it. What is
locked here stays as it was checked until the transaction ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError

# lower numbers are the server's own
_FIRST = 16384
# Each catalog that is left out saves a new session from opening it, which is most of what this costs.
_READ = f"""
CASE WHEN c.relkind <> 'r' THEN 'is no plain table'
     WHEN c.relrowsecurity OR c.relhasrules THEN 'has rules or policies'
     WHEN c.relhassubclass THEN 'has tables that inherit from it'
     WHEN EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.atttypid >= {_FIRST})
     THEN 'has a column of a type of its own'
END
"""
# What an insert or update evaluates. A function of the server's own is harmless where it only computes; others, such
# as query_to_xml, run what they are given.
_WRITE = f"""
CASE WHEN EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D')
     THEN 'has triggers'
     WHEN EXISTS (
         SELECT FROM (SELECT adbin::text FROM pg_attrdef WHERE adrelid = c.oid
                      UNION ALL SELECT conbin::text FROM pg_constraint WHERE conrelid = c.oid
                      UNION ALL SELECT concat(indexprs, indpred) FROM pg_index WHERE indrelid = c.oid) x (tree),
              regexp_matches(tree, ':((?:op)?funcid|resulttype|row_typeid) (\\d+)', 'g') f
              LEFT JOIN pg_proc p ON f[1] LIKE '%%funcid' AND p.oid = f[2]::oid
         WHERE f[2]::oid >= {_FIRST} OR p.provolatile <> 'i'
               AND p.proname NOT IN ('nextval', 'now', 'clock_timestamp', 'timestamp', 'date', 'gen_random_uuid'))
     THEN 'has a default, constraint or index that calls a function'
END
"""
_FOUND = """
SELECT relname::text, reason FROM (
    SELECT c.relname, coalesce({}) AS reason
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%s)) found
WHERE reason IS NOT NULL ORDER BY 1
"""


def require_plain(cursor: Any, tables: Sequence[str], writing: bool = False) -> None:
    """Lock tables of the schema public until the transaction ends, and raise StateError where one would run code.

    writing: rows are going to be inserted or changed. A table that is not there is PostgreSQL's own error.
    """
    # the names are the modules' own
    listed = ", ".join(f"public.{table}" for table in tables)
    lock = f"LOCK TABLE {listed} IN {'ROW EXCLUSIVE' if writing else 'ACCESS SHARE'} MODE;"
    cursor.execute(lock + _FOUND.format(f"{_READ}, {_WRITE}" if writing else f"{_READ}, NULL"), (list(tables),))
    found = cursor.fetchall()
    if found:
        said = ", ".join(f"{table} {reason}" for table, reason in found)
        raise StateError(
            f"in database {cursor.connection.info.dbname}, {said}, which could run code of the database's owner with "
            f"the rights of {cursor.connection.info.user}; remove that, and run again"
        )
