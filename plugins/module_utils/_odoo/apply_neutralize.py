# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a copy harmless before anybody may enter it: no mail, no jobs, no payments, no credentials, all verified.

Each installed addon brings its own data/neutralize.sql, from Odoo 16 on. What must hold whatever the addons say is done
here as well, for every version, and then looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_database as read_addons
from ansible_collections.gantry.odoo.plugins.module_utils._addons.apply_parameters import write_parameters
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import versions
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_build import Build
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_neutralize import NOWHERE, SWITCHES, fitted
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_neutralize import SCRIPT
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_write import Writing
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    connect,
    psycopg2,
    sentence,
    sql,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_tables import require_plain

_STUB = "neutralized: mail goes nowhere"
# Credentials: by the column's name, and of payment providers every text that an addon of a provider has added.
_SECRETS = """
SELECT c.relname, a.attname, a.attnotnull FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
  AND a.atttypid IN ('varchar'::regtype, 'text'::regtype, 'bytea'::regtype)
  AND (c.relname IN ('ir_mail_server', 'fetchmail_server', 'payment_provider', 'payment_acquirer', 'iap_account')
       AND a.attname ~ '(^user$|smtp_user|pass|secret|token|private|_key|key_|certificate)'
    OR c.relname IN ('payment_provider', 'payment_acquirer') AND EXISTS (
       SELECT FROM public.ir_model_fields f
       JOIN public.ir_model_data d ON d.model = 'ir.model.fields' AND d.res_id = f.id
       WHERE f.model = replace(c.relname, '_', '.') AND f.name = a.attname AND f.ttype IN ('char', 'text', 'binary')
       GROUP BY f.id HAVING bool_and(d.module <> 'payment')))
ORDER BY 1, 2
"""
_COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'
"""


@dataclass(frozen=True)
class Neutralizer:
    """The one way to make a copy harmless. scripts: reads what each addon's code brings for it, by the addon's name."""

    scripts: Callable[[], Mapping[str, str]]

    def run(self, build: Build, writing: Writing) -> None:
        """Neutralize and scrub a copy in the making, in one transaction, and verify it, with everybody else shut out.

        Raises StateError where somebody could enter meanwhile, code is missing or harm remains.
        """
        with closing(connect(build.login)) as connection, connection.cursor() as cursor:
            build.require_private(cursor)
        scripts = self.scripts()
        with writing.transaction() as cursor:
            names = self._with_code(cursor, build.at, scripts)
            # an addon writes its script for a session of Odoo
            cursor.execute("SET LOCAL search_path = public, pg_temp")
            for name in names:
                self._addon(cursor, name, scripts[name], build.at)
            cursor.execute("SET LOCAL search_path = pg_catalog, pg_temp")
            self._floor(cursor)
        # in a session of its own, as code of the tenant may have acted on the other one until it was committed
        with closing(connect(build.login, build.at, autocommit=False)) as connection, connection.cursor() as cursor:
            require_plain(cursor, ["ir_model_data", "ir_model_fields"])
            looked_at = {switch.table for switch in SWITCHES} & _columns(cursor).keys()
            require_plain(cursor, sorted(looked_at | {table for table, _column, _required in _secrets(cursor)}))
            self._verify(cursor, build.at)

    @staticmethod
    def _with_code(cursor: Any, database: str, scripts: Mapping[str, str]) -> list[str]:
        """The addons in use. One that lives in the database alone has no code, and brings no script."""
        names = sorted(set(read_addons.in_use(cursor)) - set(read_addons.database_only(cursor)))
        lost = [name for name in names if name not in scripts]
        if lost:
            raise StateError(
                f"{database} has {', '.join(lost)} installed, and the addons path holds no code that declares how to "
                "make it harmless; bring the code, and run again"
            )
        return names

    @staticmethod
    def _addon(cursor: Any, name: str, script: str, database: str) -> None:
        try:
            _run_script(cursor, script)
        except psycopg2.Error as error:
            raise StateError(f"{name}/{SCRIPT} failed in {database}: {sentence(error)}; correct the addon") from error

    @staticmethod
    def _floor(cursor: Any) -> None:
        columns = _columns(cursor)
        for switch in SWITCHES:
            if switch.column in columns.get(switch.table, ()):
                cursor.execute(f"UPDATE public.{switch.table} SET {switch.column} = {switch.off} WHERE {switch.harm}")
        cursor.execute(
            "SELECT count(*) FROM public.ir_mail_server WHERE to_jsonb(ir_mail_server) ->> 'active' = 'true'"
        )
        if cursor.fetchone()[0] == 0:
            versions.add_mail_server(cursor, _STUB, NOWHERE)
        for table, column, required in _secrets(cursor):
            nothing = sql.Literal("") if required else sql.SQL("NULL")
            cursor.execute(
                sql.SQL("UPDATE public.{} SET {} = {}").format(*map(sql.Identifier, (table, column)), nothing)
            )
        write_parameters(cursor, {"database.is_neutralized": "true"})

    @staticmethod
    def _verify(cursor: Any, database: str) -> None:
        columns = _columns(cursor)
        left = []
        for switch in SWITCHES:
            if switch.table in columns:
                cursor.execute(f"SELECT count(*) FROM public.{switch.table} WHERE {switch.harmful(columns)}")
                left += [f"{count} {switch.words}" for (count,) in cursor.fetchall() if count]
        for table, column, _required in _secrets(cursor):
            # a required one is empty
            found = sql.SQL("SELECT count(*) FROM public.{} WHERE {} <> ''").format(
                *map(sql.Identifier, (table, column))
            )
            cursor.execute(found)
            left += [f"{table}.{column} holds {count} values" for (count,) in cursor.fetchall() if count]
        if left:
            raise StateError(f"{database} is not harmless after its neutralization: {', '.join(left)}; it is removed")


def _run_script(cursor: Any, script: str) -> None:
    """Run a script in one go, as Odoo does; where it writes to columns that do not exist, what is left of it."""
    if not script:
        return
    cursor.execute("SAVEPOINT script")
    try:
        cursor.execute(script)
    except psycopg2.errors.UndefinedColumn:
        cursor.execute("ROLLBACK TO SAVEPOINT script")
        for statement in fitted(script, _columns(cursor)):
            cursor.execute(statement)


def _columns(cursor: Any) -> dict[str, set[str]]:
    """The columns of each table, by its name."""
    found: dict[str, set[str]] = {}
    cursor.execute(_COLUMNS)
    for table, column in cursor.fetchall():
        found.setdefault(table, set()).add(column)
    return found


def _secrets(cursor: Any) -> list[tuple[str, str, bool]]:
    cursor.execute(_SECRETS)
    return list(cursor.fetchall())
