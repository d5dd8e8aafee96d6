# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes what is inside a database: parameters, the administrator, the owner."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import model_password
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.versions import signal_caches
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import owner_of
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, sql

LOCK_SECONDS = 30
# A copy that answered under its original's address, or reported as its licensee, would be taken for it.
_OF_THE_ORIGINAL = (
    "web.base.url",
    "web.base.url.freeze",
    "database.enterprise_code",
    "database.expiration_date",
    "database.expiration_reason",
)
# A sequence that belongs to a column, and the type of a table's row, follow their table. Members of an extension
# are not a tenant's own. REASSIGN OWNED would do it all, and take the role's other databases along.
_OWNED = """
SELECT format('ALTER %%s %%s OWNER TO %%I', kind, target, %(owner)s) FROM (
  SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
         WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind, oid::regclass::text AS target,
         oid, 'pg_class'::regclass AS class
  FROM pg_class WHERE relowner = %(former)s::regrole AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = pg_class.oid
                    AND d.deptype IN ('a', 'i') AND pg_class.relkind = 'S')
  UNION ALL
  SELECT 'ROUTINE', oid::regprocedure::text, oid, 'pg_proc'::regclass FROM pg_proc WHERE proowner = %(former)s::regrole
  UNION ALL
  SELECT 'SCHEMA', quote_ident(nspname), oid, 'pg_namespace'::regclass
  FROM pg_namespace WHERE nspowner = %(former)s::regrole
  UNION ALL
  SELECT 'TYPE', oid::regtype::text, oid, 'pg_type'::regclass FROM pg_type
  WHERE typowner = %(former)s::regrole AND (typtype IN ('d', 'e', 'r')
        OR typtype = 'c' AND (SELECT relkind FROM pg_class WHERE pg_class.oid = typrelid) = 'c')
) owned
WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = owned.class AND e.objid = owned.oid AND e.deptype = 'e')
"""


@dataclass(frozen=True)
class Content:
    """What is changed without Odoo."""

    login: Login

    def set_parameters(self, database: str, values: Mapping[str, str]) -> None:
        """Write configuration parameters in one transaction, and let the running processes know."""
        with closing(connect(self.login, database, autocommit=False, lock_timeout=LOCK_SECONDS)) as connection:
            with connection.cursor() as cursor:
                for key, value in values.items():
                    cursor.execute(
                        "INSERT INTO ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date) "
                        "VALUES (%s, %s, 1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC') "
                        "ON CONFLICT (key) DO UPDATE "
                        "SET value = EXCLUDED.value, write_uid = 1, write_date = EXCLUDED.write_date",
                        (key, value),
                    )
                signal_caches(cursor)
            connection.commit()

    def renew_identity(self, database: str) -> None:
        """What Odoo itself renews in a copy: uuid, secret and date of creation; the address and the licence go."""
        with closing(connect(self.login, database, autocommit=False)) as connection:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM ir_config_parameter WHERE key = ANY(%s)", (list(_OF_THE_ORIGINAL),))
                cursor.execute(
                    "UPDATE ir_config_parameter SET value = CASE key "
                    "WHEN 'database.uuid' THEN gen_random_uuid()::text "
                    "WHEN 'database.secret' THEN %s "
                    "ELSE to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') END "
                    "WHERE key IN ('database.uuid', 'database.secret', 'database.create_date')",
                    (secrets.token_urlsafe(32),),
                )
                if cursor.rowcount < 2:
                    raise StateError(f"database {database} has no database.uuid and database.secret to renew")
            connection.commit()

    def set_admin(self, database: str, admin_login: str, admin_password: str) -> None:
        """Set the administrator's login and password; what is empty stays."""
        new_hash = (
            model_password.hashed(admin_password, secrets.token_bytes(model_password.SALT_BYTES))
            if admin_password
            else None
        )
        with closing(connect(self.login, database, autocommit=False, lock_timeout=LOCK_SECONDS)) as connection:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE res_users SET login = coalesce(%s, login), password = coalesce(%s, password) "
                    "WHERE id = (SELECT res_id FROM ir_model_data "
                    "WHERE module = 'base' AND name = 'user_admin' AND model = 'res.users')",
                    (admin_login or None, new_hash),
                )
                if cursor.rowcount != 1:
                    raise StateError(f"database {database} has no user base.user_admin, so no administrator can be set")
                signal_caches(cursor)
            connection.commit()

    def change_owner(self, database: str, owner: str) -> None:
        """Hand over a database and all that its owner has in it."""
        with closing(connect(self.login, database, autocommit=False, lock_timeout=LOCK_SECONDS)) as connection:
            with connection.cursor() as cursor:
                former = owner_of(cursor, database)
                # first the database: only its owner may have objects in the schema public
                cursor.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(*map(sql.Identifier, (database, owner))))
                cursor.execute(_OWNED, {"former": former, "owner": owner})
                statements = [statement for (statement,) in cursor.fetchall()]
                if statements:
                    # in one message: a database of Odoo has hundreds of tables
                    cursor.execute(";".join(statements))
            connection.commit()
