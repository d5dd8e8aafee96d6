# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes what is inside a database: parameters, identity, the administrator."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._addons.apply_parameters import write_parameters
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import model_password
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.versions import SIGNALS, signal_caches
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_write import Writing

# A copy that answered under its original's address, or reported as its licensee, would be taken for it.
_OF_THE_ORIGINAL = (
    "web.base.url.freeze",
    "database.enterprise_code",
    "database.expiration_date",
    "database.expiration_reason",
)
# What a new database has, and what Odoo gives one that it duplicates: without an address no message can be rendered.
_NO_ADDRESS = {"web.base.url": "http://localhost:8069"}
# A template may be old, and jobs that were due long ago look like those of a server that does not run them. Before
# Odoo 15 there are no triggers.
_DUE_FROM_NOW = """
DO $$ DECLARE present timestamp := date_trunc('second', now() AT TIME ZONE 'UTC'); BEGIN
    UPDATE public.ir_cron SET nextcall = present WHERE nextcall < present;
    IF to_regclass('public.ir_cron_trigger') IS NOT NULL THEN
        UPDATE public.ir_cron_trigger SET call_at = present WHERE call_at < present;
    END IF;
END $$
"""


@dataclass(frozen=True)
class Content:
    """What is changed without Odoo, in the database of a session for it."""

    writing: Writing

    def set_parameters(self, values: Mapping[str, str]) -> None:
        """Write configuration parameters in one transaction, and let the running processes know."""
        with self.writing.transaction(["ir_config_parameter", *SIGNALS]) as cursor:
            write_parameters(cursor, values)
            signal_caches(cursor)

    def renew_identity(self, due_from_now: bool = False) -> None:
        """What Odoo itself renews in a copy: uuid, secret, date of creation and address; the license goes.

        due_from_now: whether scheduled jobs that were due long ago are due now.
        """
        tables = ["ir_config_parameter", *(["ir_cron", "ir_cron_trigger"] if due_from_now else [])]
        with self.writing.transaction(tables) as cursor:
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
                raise StateError(f"database {self.writing.database} has no database.uuid and database.secret to renew")
            write_parameters(cursor, _NO_ADDRESS)
            if due_from_now:
                cursor.execute(_DUE_FROM_NOW)

    def set_admin(self, admin_login: str, admin_password: str) -> None:
        """Set the administrator's login and password; what is empty stays."""
        new_hash = (
            model_password.hashed(admin_password, secrets.token_bytes(model_password.SALT_BYTES))
            if admin_password
            else None
        )
        with self.writing.transaction(["ir_model_data", "res_users", *SIGNALS]) as cursor:
            cursor.execute(
                "UPDATE public.res_users SET login = coalesce(%s, login), password = coalesce(%s, password) "
                "WHERE id = (SELECT res_id FROM public.ir_model_data "
                "WHERE module = 'base' AND name = 'user_admin' AND model = 'res.users')",
                (admin_login or None, new_hash),
            )
            if cursor.rowcount != 1:
                raise StateError(
                    f"database {self.writing.database} has no user base.user_admin, so no administrator can be set"
                )
            signal_caches(cursor)
