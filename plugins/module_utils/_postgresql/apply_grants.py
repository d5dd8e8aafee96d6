# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives roles the rights that a dump says, as far as the owner of the database may give them here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    excerpt,
    psycopg2,
    sentence,
    sql,
)

# a role or an object that is not there, a right that only a superuser gives, or that this server does not know
_REFUSALS = (
    (
        psycopg2.ProgrammingError,
        psycopg2.DataError,
        psycopg2.NotSupportedError,
        psycopg2.errors.InvalidGrantOperation,
        psycopg2.errors.InvalidGrantor,
        psycopg2.errors.InvalidRoleSpecification,
    )
    if psycopg2
    else ()
)


def make_grants(cursor: Any, owner: str, statements: Iterable[str]) -> dict[str, str]:
    """Execute statements as `owner`; those that gave nothing, each with the reason.

    None is executed with more rights than the owner's, since what a dump grants is for its tenant to say.

    cursor: of a connection with autocommit to the database.
    """
    left_out: dict[str, str] = {}
    # a GRANT without the right to it may be a warning and no error
    notices: list[str] = []
    cursor.connection.notices = notices
    cursor.execute("SET client_min_messages = warning")
    cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
    try:
        for statement in statements:
            del notices[:]
            try:
                cursor.execute(statement)
            except _REFUSALS as error:
                left_out[statement] = sentence(error)
            else:
                if notices:
                    left_out[statement] = excerpt(notices[-1].partition(":")[2])
    finally:
        cursor.execute("RESET ROLE")
    return left_out
