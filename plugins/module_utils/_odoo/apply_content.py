# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes what is inside a database: parameters, identity, the administrator."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import model_password
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.versions import SIGNAL_TABLES, signal_caches
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_tables import require_plain

LOCK_SECONDS = 30
# A copy that answered under its original's address, or reported as its licensee, would be taken for it.
_OF_THE_ORIGINAL = (
    "web.base.url",
    "web.base.url.freeze",
    "database.enterprise_code",
    "database.expiration_date",
    "database.expiration_reason",
)


@dataclass(frozen=True)
class Content:
    """What is changed without Odoo."""

    login: Login

    def set_parameters(self, database: str, values: Mapping[str, str]) -> None:
        """Write configuration parameters in one transaction, and let the running processes know."""
        with closing(connect(self.login, database, autocommit=False, lock_timeout=LOCK_SECONDS)) as connection:
            with connection.cursor() as cursor:
                require_plain(cursor, ["ir_config_parameter"], writing=True)
                for key, value in values.items():
                    cursor.execute(
                        "INSERT INTO public.ir_config_parameter "
                        "(key, value, create_uid, create_date, write_uid, write_date) "
                        "VALUES (%s, %s, 1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC') "
                        "ON CONFLICT (key) DO UPDATE "
                        "SET value = EXCLUDED.value, write_uid = 1, write_date = EXCLUDED.write_date",
                        (key, value),
                    )
                _signal(cursor)
            connection.commit()

    def renew_identity(self, database: str) -> None:
        """What Odoo itself renews in a copy: uuid, secret and date of creation; the address and the license go."""
        with closing(connect(self.login, database, autocommit=False)) as connection:
            with connection.cursor() as cursor:
                require_plain(cursor, ["ir_config_parameter"], writing=True)
                cursor.execute("DELETE FROM public.ir_config_parameter WHERE key = ANY(%s)", (list(_OF_THE_ORIGINAL),))
                cursor.execute(
                    "UPDATE public.ir_config_parameter SET value = CASE key "
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
                require_plain(cursor, ["ir_model_data"])
                require_plain(cursor, ["res_users"], writing=True)
                cursor.execute(
                    "UPDATE public.res_users SET login = coalesce(%s, login), password = coalesce(%s, password) "
                    "WHERE id = (SELECT res_id FROM public.ir_model_data "
                    "WHERE module = 'base' AND name = 'user_admin' AND model = 'res.users')",
                    (admin_login or None, new_hash),
                )
                if cursor.rowcount != 1:
                    raise StateError(f"database {database} has no user base.user_admin, so no administrator can be set")
                _signal(cursor)
            connection.commit()


def _signal(cursor: Any) -> None:
    cursor.execute(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)",
        (list(SIGNAL_TABLES),),
    )
    tables = [name for (name,) in cursor.fetchall()]
    if tables:
        require_plain(cursor, tables, writing=True)
    signal_caches(cursor)
