# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads who may connect to a database. Any database of the server can be asked. Changes nothing."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_access import (
    DatabaseRight,
    Right,
    parted,
    rights_of,
)

_GRANTED = "aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a"
# SQL over pg_database d: whether somebody but the owner, the login and superusers may connect
ADMITS_OTHERS = f"""
(EXISTS (SELECT FROM {_GRANTED} WHERE a.privilege_type = 'CONNECT'
         AND a.grantee NOT IN (d.datdba, (SELECT oid FROM pg_roles WHERE rolname = current_user)))
 OR EXISTS (SELECT FROM pg_roles r WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> current_user
            AND pg_has_role(r.oid, current_user, 'USAGE')))
"""
# SQL over pg_stat_activity: sessions whose role may not connect, or was dropped
NO_RIGHT = "has_database_privilege(usesysid, datid, 'CONNECT') IS NOT TRUE"
_RIGHTS = f"""
SELECT coalesce(r.rolname::text, ''), a.grantee::bigint, a.grantee = d.datdba, bool_or(a.is_grantable)
FROM pg_database d CROSS JOIN {_GRANTED} LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = %s AND a.privilege_type = 'CONNECT' GROUP BY 1, 2, 3 ORDER BY 2
"""
# what an owner has, what PUBLIC has by default, and what the login got to work with is for no restore to give
_OF_DATABASE = f"""
SELECT r.rolname::text, a.privilege_type, bool_or(a.is_grantable)
FROM pg_database d CROSS JOIN {_GRANTED} JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = %s AND a.grantee <> d.datdba AND r.rolname <> current_user GROUP BY 1, 2
"""
_GRANTEES = f"""
SELECT DISTINCT coalesce(r.rolname::text, '') FROM pg_database d CROSS JOIN {_GRANTED}
LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE d.datname = %s ORDER BY 1
"""
_ENTRANTS = f"""
SELECT r.rolname::text, CASE WHEN r.rolsuper THEN 'a superuser,'
                             WHEN pg_has_role(r.oid, l.oid, 'USAGE') THEN 'a member of ' || l.rolname || ','
                             ELSE 'which has the right,' END
FROM pg_database d CROSS JOIN pg_roles r JOIN pg_roles l ON l.rolname = %(login)s
WHERE d.datname = %(database)s AND r.oid <> l.oid AND (r.rolcanlogin AND NOT r.rolsuper OR r.oid = d.datdba)
  AND has_database_privilege(r.oid, d.oid, 'CONNECT')
UNION SELECT coalesce(r.rolname::text, 'PUBLIC'), 'which has the right,'
FROM pg_database d CROSS JOIN {_GRANTED} LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = %(database)s AND a.privilege_type = 'CONNECT' AND r.rolname IS DISTINCT FROM %(login)s
ORDER BY 1, 2
"""


def read_rights(cursor: Any, database: str) -> list[Right]:
    """Who has been granted the right to connect."""
    cursor.execute(_RIGHTS, (database,))
    return [Right(*row) for row in cursor.fetchall()]


def read_database_rights(cursor: Any, database: str) -> tuple[DatabaseRight, ...]:
    """The rights on a database that roles were given, as they are while it is open."""
    cursor.execute(_OF_DATABASE, (database,))
    seen = [DatabaseRight(*row) for row in cursor.fetchall()]
    return rights_of(seen, parted(read_comment(cursor, database))[1])


def read_grantees(cursor: Any, database: str) -> list[str]:
    """The roles that have any right in a database, the owner among them; PUBLIC has an empty name."""
    cursor.execute(_GRANTEES, (database,))
    return [row[0] for row in cursor.fetchall()]


def read_entrants(cursor: Any, database: str, login: str) -> list[str]:
    """The roles that can connect, without `login` and superusers that do not own the database; each with the reason."""
    cursor.execute(_ENTRANTS, {"database": database, "login": login})
    return [f"{role}, {reason}" for role, reason in cursor.fetchall()]


def read_comment(cursor: Any, database: str) -> str:
    """The comment on a database; empty without one."""
    cursor.execute(
        "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = %s", (database,)
    )
    row = cursor.fetchone()
    return str(row[0]) if row else ""
