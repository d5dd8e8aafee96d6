# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives roles the rights that a dump says, as far as this server has the roles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import psycopg2, sentence, sql


def make_grants(cursor: Any, owner: str, statements: Iterable[str]) -> dict[str, str]:
    """Execute statements as `owner`; those that name a role which is not there, each with the reason.

    cursor: of a connection with autocommit to the database.
    """
    left_out: dict[str, str] = {}
    cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
    try:
        for statement in statements:
            try:
                cursor.execute(statement)
            except psycopg2.errors.UndefinedObject as error:
                left_out[statement] = sentence(error)
    finally:
        cursor.execute("RESET ROLE")
    return left_out
