# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose everything in a database is, by its catalog."""

from __future__ import annotations

# an object of a class in words, and its owner; toast tables are called by numbers that differ from copy to copy
OWNERS = " UNION ALL ".join(
    f"SELECT '{catalog}' || ' ' || pg_describe_object('{catalog}'::regclass, oid, 0), pg_get_userbyid({owner}) "
    f"FROM {catalog} WHERE {condition}"
    for catalog, owner, condition in (
        ("pg_namespace", "nspowner", "nspname !~ '^pg_(toast|temp)'"),
        (
            "pg_class",
            "relowner",
            "oid >= 16384 AND relkind NOT IN ('t', 'i') AND relnamespace <> 'pg_toast'::regnamespace",
        ),
        ("pg_proc", "proowner", "oid >= 16384"),
        ("pg_type", "typowner", "oid >= 16384 AND typnamespace <> 'pg_toast'::regnamespace"),
        ("pg_operator", "oprowner", "oid >= 16384"),
        ("pg_extension", "extowner", "true"),
        ("pg_publication", "pubowner", "true"),
        ("pg_statistic_ext", "stxowner", "true"),
        ("pg_default_acl", "defaclrole", "true"),
        ("pg_foreign_server", "srvowner", "true"),
    )
)
OWNERS += (
    " UNION ALL SELECT 'large objects ' || count(*), pg_get_userbyid(lomowner) FROM pg_largeobject_metadata "
    "GROUP BY lomowner ORDER BY 1, 2"
)
