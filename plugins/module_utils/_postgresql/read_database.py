# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what PostgreSQL keeps of a database beside its content. Changes nothing."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Extensions, Locale, Setting

# As JSON, since the columns depend on the version: a provider from 15, rules from 16, datlocale from 17.
_LOCALE = """
SELECT pg_encoding_to_char(encoding), datcollate, datctype,
       CASE to_jsonb(d) ->> 'datlocprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', ''),
       coalesce(to_jsonb(d) ->> 'daticurules', '')
FROM pg_database d WHERE datname = %s
"""
_SETTINGS = """
SELECT coalesce(r.rolname, ''), split_part(one, '=', 1), substr(one, strpos(one, '=') + 1)
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole,
     unnest(s.setconfig) AS one
WHERE d.datname = %s ORDER BY 1, 2
"""
_TRUSTED = "SELECT name FROM pg_available_extension_versions WHERE trusted OR NOT superuser GROUP BY 1"
_EXTENSIONS = """
SELECT e.extname::text, n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE extname <> 'plpgsql'
"""
_UNACCENT = """
SELECT EXISTS (SELECT FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
AND d.deptype = 'e' WHERE p.proname = 'unaccent' AND p.provolatile = 'i')
"""


def read_locale(cursor: Any, database: str) -> Locale:
    """The locale of a database that exists; any database of the server can be asked."""
    cursor.execute(_LOCALE, (database,))
    return Locale(*cursor.fetchone())


def read_settings(cursor: Any, database: str) -> list[Setting]:
    """The settings of a database; any database of the server can be asked."""
    cursor.execute(_SETTINGS, (database,))
    return [Setting(*row) for row in cursor.fetchall()]


def is_superuser(cursor: Any) -> bool:
    """Whether the login is a superuser."""
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    return bool(cursor.fetchone()[0])


def read_extensions(cursor: Any) -> Extensions:
    """The extensions of the database that the cursor is in."""
    cursor.execute(_EXTENSIONS)
    schemas = dict(cursor.fetchall())
    cursor.execute(_TRUSTED)
    trusted = frozenset(row[0] for row in cursor.fetchall())
    cursor.execute(_UNACCENT)
    return Extensions(schemas, trusted, bool(cursor.fetchone()[0]))
