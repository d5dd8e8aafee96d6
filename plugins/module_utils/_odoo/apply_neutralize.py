# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a copy harmless before anybody may enter it: no mail, no jobs, no payments, no credentials, and proof of it.

Each installed addon brings its own data/neutralize.sql, from Odoo 16 on. What must hold whatever the addons say is done
here as well, for every version, and then looked at.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._addons import digests
from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_code import Listed
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import versions
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    Login,
    connect,
    psycopg2,
    sentence,
    sql,
)

# Without any mail server Odoo falls back to the one of its configuration: a copy needs one that leads nowhere.
_NOWHERE = "invalid"
_STUB = "neutralized: mail goes nowhere"
_AUTOVACUUM = "SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'autovacuum_job' AND model = 'ir.cron'"
# By table: what must be done where the table exists. `payment_acquirer` is the name before 16.0.
_FLOOR = {
    "ir_mail_server": f"UPDATE ir_mail_server SET active = false WHERE smtp_host <> '{_NOWHERE}'",
    "ir_cron": f"UPDATE ir_cron SET active = false WHERE active AND id NOT IN ({_AUTOVACUUM})",
    "fetchmail_server": "UPDATE fetchmail_server SET active = false WHERE active",
    "payment_provider": "UPDATE payment_provider SET state = 'disabled' WHERE state NOT IN ('disabled', 'test')",
    "payment_acquirer": "UPDATE payment_acquirer SET state = 'disabled' WHERE state NOT IN ('disabled', 'test')",
    "payment_token": "UPDATE payment_token SET active = false WHERE active",
}
# By table: how many rows could still do harm, and in words which.
_HARMFUL = {
    "ir_mail_server": (f"active AND smtp_host <> '{_NOWHERE}'", "mail servers are active"),
    "ir_cron": (f"active AND id NOT IN ({_AUTOVACUUM})", "scheduled jobs are active"),
    "fetchmail_server": ("active", "incoming mail servers are active"),
    "payment_provider": ("state NOT IN ('disabled', 'test')", "payment providers are enabled"),
    "payment_acquirer": ("state NOT IN ('disabled', 'test')", "payment providers are enabled"),
}
# Credentials: by the column's name, and of payment providers every text that an addon of a provider has added.
_SECRETS = """
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = current_schema::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
  AND NOT a.attnotnull AND a.atttypid IN ('varchar'::regtype, 'text'::regtype, 'bytea'::regtype)
  AND (c.relname IN ('ir_mail_server', 'fetchmail_server', 'payment_provider', 'payment_acquirer', 'iap_account')
       AND a.attname ~ '(^user$|smtp_user|pass|secret|token|private|_key|key_|certificate)'
    OR c.relname IN ('payment_provider', 'payment_acquirer') AND EXISTS (
       SELECT FROM ir_model_fields f JOIN ir_model_data d ON d.model = 'ir.model.fields' AND d.res_id = f.id
       WHERE f.model = replace(c.relname, '_', '.') AND f.name = a.attname AND f.ttype IN ('char', 'text', 'binary')
       GROUP BY f.id HAVING bool_and(d.module <> 'payment')))
ORDER BY 1, 2
"""
_FLAG = """
INSERT INTO ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date)
VALUES ('database.is_neutralized', 'true', 1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC')
ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value
"""


@dataclass(frozen=True)
class Neutralizer:
    """The code of all addons, which brings what each needs to be harmless."""

    login: Login
    listed: Mapping[str, Listed]

    def run(self, database: str) -> None:
        """Neutralize, scrub and verify in one transaction. Raises StateError where code is missing or harm remains."""
        with closing(connect(self.login, database, autocommit=False)) as connection:
            with connection.cursor() as cursor:
                for name in self._installed(cursor, database):
                    self._addon(cursor, name, database)
                self._floor(cursor)
                self._verify(cursor, database)
            connection.commit()

    def _installed(self, cursor: Any, database: str) -> list[str]:
        names = sorted(digests.in_use(cursor))
        lost = [name for name in names if name not in self.listed]
        if lost:
            raise StateError(
                f"{database} has {', '.join(lost)} installed, and the addons path holds no code that could tell how to "
                "make it harmless; bring the code, and run again"
            )
        return names

    def _addon(self, cursor: Any, name: str, database: str) -> None:
        path = os.path.join(self.listed[name].directory, "data", "neutralize.sql")
        if not os.path.isfile(path):
            return
        with open(path, encoding="utf-8") as stream:
            statements = stream.read().strip()
        try:
            if statements:
                cursor.execute(statements)
        except psycopg2.Error as error:
            raise StateError(f"{path} failed in {database}: {sentence(error)}; mend the addon") from error

    @staticmethod
    def _floor(cursor: Any) -> None:
        for statement in [text for table, text in _FLOOR.items() if _exists(cursor, table)]:
            cursor.execute(statement)
        cursor.execute("SELECT count(*) FROM ir_mail_server WHERE active")
        if cursor.fetchone()[0] == 0:
            versions.add_mail_server(cursor, _STUB, _NOWHERE)
        for table, column in _secrets(cursor):
            cursor.execute(sql.SQL("UPDATE {} SET {} = NULL").format(sql.Identifier(table), sql.Identifier(column)))
        cursor.execute(_FLAG)

    @staticmethod
    def _verify(cursor: Any, database: str) -> None:
        left = []
        for table, (condition, words) in _HARMFUL.items():
            if _exists(cursor, table):
                cursor.execute(f"SELECT count(*) FROM {table} WHERE {condition}")
                left += [f"{count} {words}" for (count,) in cursor.fetchall() if count]
        for table, column in _secrets(cursor):
            found = sql.SQL("SELECT count(*) FROM {} WHERE {} IS NOT NULL")
            cursor.execute(found.format(sql.Identifier(table), sql.Identifier(column)))
            left += [f"{table}.{column} holds {count} values" for (count,) in cursor.fetchall() if count]
        if left:
            raise StateError(f"{database} is not harmless after its neutralization: {', '.join(left)}; it is removed")


def _exists(cursor: Any, table: str) -> bool:
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (table,))
    return bool(cursor.fetchone()[0])


def _secrets(cursor: Any) -> list[tuple[str, str]]:
    cursor.execute(_SECRETS)
    return list(cursor.fetchall())
