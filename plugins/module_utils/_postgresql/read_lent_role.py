# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the roles can do that modules lend themselves. Changes nothing."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_lent_role import LentRole
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_lent_role import (
    refuse_lent_role,
    refuse_login,
    refuse_shared_role,
)

# the first version in which membership says whether it lets a role act as another, and no role grants itself
SET_OPTION = 160000
_POWERS = {
    "SUPERUSER": "rolsuper",
    "CREATEDB": "rolcreatedb",
    "CREATEROLE": "rolcreaterole",
    "REPLICATION": "rolreplication",
    "BYPASSRLS": "rolbypassrls",
}
_ROLE = f"""
SELECT r.rolcanlogin,
       array_remove(ARRAY[{", ".join(f"CASE WHEN {has} THEN '{name}' END" for name, has in _POWERS.items())}], NULL),
       ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
             WHERE m.member = r.oid ORDER BY 1),
       ARRAY(SELECT DISTINCT o.rolname::text FROM pg_auth_members m JOIN pg_roles o ON o.oid = m.member
             WHERE m.roleid = r.oid AND o.rolname <> current_user AND NOT o.rolsuper AND NOT o.rolcreaterole
             AND NOT o.rolcreatedb AND m.grantor <> r.oid ORDER BY 1),
       ARRAY(SELECT DISTINCT d.datname::text FROM pg_shdepend s
             JOIN pg_database d ON d.oid = CASE s.dbid WHEN 0 THEN s.objid ELSE s.dbid END
             WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
             AND (s.dbid <> 0 OR s.classid = 'pg_database'::regclass)
             AND CASE WHEN %(making)s = '' THEN s.deptype = 'o'
                      ELSE right(d.datname, length(%(making)s)) <> %(making)s END ORDER BY 1),
       pg_has_role(r.oid, 'USAGE') AND pg_has_role(r.oid, %(act)s)
FROM pg_roles r WHERE r.rolname = %(role)s
"""
# before version 16, a session of a role may make others members of it
_SELF_GRANTED = """
SELECT o.rolname::text FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles o ON o.oid = m.member
WHERE r.rolname = %s AND m.grantor = r.oid AND o.rolname <> current_user ORDER BY 1
"""
_REACHED = """
SELECT DISTINCT d.datname::text FROM pg_shdepend s
JOIN pg_database d ON d.oid = CASE s.dbid WHEN 0 THEN s.objid ELSE s.dbid END
WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = %s)
  AND (s.dbid <> 0 OR s.classid = 'pg_database'::regclass) ORDER BY 1
"""
_DATABASES = "SELECT datname::text FROM pg_database WHERE pg_get_userbyid(datdba) = %s ORDER BY 1"
_SETTINGS = """
SELECT d.datname::text FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole JOIN pg_database d
ON d.oid = s.setdatabase WHERE r.rolname = %s ORDER BY 1
"""
_TRACES = """
SELECT pg_describe_object(classid, objid, objsubid) FROM pg_shdepend, pg_database d
WHERE refclassid = 'pg_authid'::regclass AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = %s)
  AND d.datname = current_database() AND (dbid = d.oid OR classid = 'pg_database'::regclass AND objid = d.oid)
ORDER BY 1
"""


def read_lent_role(cursor: Any, name: str, making: str = "") -> LentRole | None:
    """The role `name`; None where there is none. making: how the names of databases in the making end.

    A role that is lent for writing has none of those, and may have been left rights, but never anything of its own.
    """
    act = "SET" if cursor.connection.server_version >= SET_OPTION else "MEMBER"
    cursor.execute(_ROLE, {"role": name, "making": making, "act": act})
    row = cursor.fetchone()
    if row is None:
        return None
    logs_in, powers, member_of, members, holds, acts = row
    return LentRole(name, logs_in, tuple(powers), tuple(member_of), tuple(members), tuple(holds), acts)


def require_restore_role(cursor: Any, login: Login, name: str, owner: str, making: str) -> None:
    """Raise where pg_restore must not log in as the role `name` to fill a database of `owner`. making: as above."""
    refuse_shared_role(name, login.user, owner)
    refuse_lent_role("restore_user", read_lent_role(cursor, name, making), name, login.user, login.where)


def require_write_role(cursor: Any, login: Login, name: str) -> None:
    """Raise where the role `name` must not write in databases of tenants."""
    refuse_login("write_user", name, login.user)
    role = read_lent_role(cursor, name)
    refuse_lent_role("write_user", role, name, login.user, login.where)


def read_self_granted(cursor: Any, name: str) -> list[str]:
    """The roles that a session of the role has made members of it, other than the login."""
    return _column(cursor, _SELF_GRANTED, name)


def read_reached(cursor: Any, name: str) -> list[str]:
    """The databases that a role owns, may enter, or has anything in."""
    return _column(cursor, _REACHED, name)


def read_databases(cursor: Any, name: str) -> list[str]:
    """The databases that a role owns."""
    return _column(cursor, _DATABASES, name)


def read_set_databases(cursor: Any, name: str) -> list[str]:
    """The databases for which the role has settings."""
    return _column(cursor, _SETTINGS, name)


def read_traces(cursor: Any, name: str) -> list[str]:
    """Everything that a role owns or may do in the database of the cursor, the database itself included, in words."""
    return _column(cursor, _TRACES, name)


def _column(cursor: Any, statement: str, name: str) -> list[str]:
    cursor.execute(statement, (name,))
    return [row[0] for row in cursor.fetchall()]
