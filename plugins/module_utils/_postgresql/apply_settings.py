# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives a database the settings that another one has by ALTER DATABASE and by ALTER ROLE IN DATABASE."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    psycopg2,
    sentence,
    sql,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Setting
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_database import read_settings

# Their values are lists, whose items may be quoted: ALTER takes them only as a session has them.
_LISTS = frozenset({"local_preload_libraries", "search_path", "session_preload_libraries", "temp_tablespaces"})


# what PostgreSQL says of a setting that the login may not set, or that it does not take any more
_REFUSALS = (psycopg2.ProgrammingError, psycopg2.DataError, psycopg2.NotSupportedError) if psycopg2 else ()


def copy_settings(cursor: Any, source: str, target: str) -> dict[Setting, str]:
    """Copy the settings of `source`; those that the login cannot set, each with the reason.

    cursor: of a connection to `target`, which shows what a setting of its own means.
    """
    return make_settings(cursor, target, read_settings(cursor, source))


def make_settings(cursor: Any, target: str, settings: Iterable[Setting]) -> dict[Setting, str]:
    """Give `target` settings; those that the login cannot set, each with the reason. cursor: as for copy_settings."""
    refused: dict[Setting, str] = {}
    for setting in sorted(set(settings) - set(read_settings(cursor, target))):
        try:
            cursor.execute(_assignment(setting, target))
        except _REFUSALS as error:
            refused[setting] = sentence(error)
    return refused


def move_settings(cursor: Any, database: str, former: str, owner: str) -> list[str]:
    """Give settings that sessions of one role begin with to another role; those that stay, in words.

    It is the last thing in the transaction of the cursor: a list is set for the session as well.
    """
    settings = read_settings(cursor, database)
    there = {setting.name for setting in settings if setting.role == owner}
    kept = []
    for setting in settings:
        if setting.role != former:
            continue
        if setting.name in there:
            kept.append(f"setting {setting.name} ({owner} has its own)")
            continue
        cursor.execute("SAVEPOINT one_setting")
        try:
            cursor.execute(_assignment(replace(setting, role=owner), database))
            cursor.execute(_statement(setting, database, "RESET {name}"))
        except _REFUSALS as error:
            cursor.execute("ROLLBACK TO one_setting")
            kept.append(f"setting {setting.name} ({sentence(error)})")
    return kept


def _assignment(setting: Setting, database: str) -> Any:
    if setting.name not in _LISTS:
        return _statement(setting, database, "SET {name} TO {value}")
    # the elements of a list are not written as one text
    kept = sql.SQL("SELECT pg_catalog.set_config({}, {}, true)").format(
        *map(sql.Literal, (setting.name, setting.value))
    )
    return sql.SQL(";").join([kept, _statement(setting, database, "SET {name} FROM CURRENT")])


def _statement(setting: Setting, database: str, change: str) -> Any:
    names = {
        "database": sql.Identifier(database),
        "role": sql.Identifier(setting.role),
        "name": sql.SQL(".").join(map(sql.Identifier, setting.name.split("."))),
        "value": sql.Literal(setting.value),
    }
    if not setting.role:
        return sql.SQL("ALTER DATABASE {database} " + change).format(**names)
    # a member of a role may set what is the role's own
    altered = "SET LOCAL ROLE {role}; ALTER ROLE {role} IN DATABASE {database} " + change + "; RESET ROLE"
    return sql.SQL(altered).format(**names)
