# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives a database the settings that another one has by ALTER DATABASE and by ALTER ROLE IN DATABASE."""

from __future__ import annotations

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


def copy_settings(cursor: Any, source: str, target: str) -> dict[Setting, str]:
    """Copy the settings of `source`; those that the login may not set, each with the reason.

    cursor: of a connection to `target`, which shows what a setting of its own means.
    """
    refused: dict[Setting, str] = {}
    for setting in sorted(set(read_settings(cursor, source)) - set(read_settings(cursor, target))):
        name, database = sql.SQL(".").join(map(sql.Identifier, setting.name.split("."))), sql.Identifier(target)
        whose = sql.SQL("DATABASE {}").format(database)
        if setting.role:
            whose = sql.SQL("ROLE {} IN DATABASE {}").format(sql.Identifier(setting.role), database)
        statements = [sql.SQL("ALTER {} SET {} TO {}").format(whose, name, sql.Literal(setting.value))]
        if setting.name in _LISTS:
            kept = sql.SQL("SELECT set_config({}, {}, true)")
            statements = [
                kept.format(sql.Literal(setting.name), sql.Literal(setting.value)),
                sql.SQL("ALTER {} SET {} FROM CURRENT").format(whose, name),
            ]
        if setting.role:
            # a member of a role may set what is the role's own
            statements.insert(0, sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(setting.role)))
        try:
            cursor.execute(sql.SQL(";").join(statements))
        except psycopg2.errors.InsufficientPrivilege as error:
            refused[setting] = sentence(error)
    return refused
