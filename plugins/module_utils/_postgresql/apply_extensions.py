# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates extensions, each in the schema that it had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import sql


def create_extensions(cursor: Any, schemas: Mapping[str, str], owner: str, immutable_unaccent: bool) -> list[str]:
    """Create extensions as the login, and return the schemas that were created for them, which are the owner's.

    schemas: of each extension, by its name. The cursor is in the database that gets them.
    """
    created: list[str] = []
    for name, schema in schemas.items():
        cursor.execute("SELECT to_regnamespace(quote_ident(%s)) IS NULL", (schema,))
        if cursor.fetchone()[0]:
            statement = sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}")
            cursor.execute(statement.format(sql.Identifier(schema), sql.Identifier(owner)))
            created.append(schema)
        statement = sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {}")
        cursor.execute(statement.format(sql.Identifier(name), sql.Identifier(schema)))
    if immutable_unaccent:
        own = sql.Identifier(schemas["unaccent"])
        cursor.execute(sql.SQL("ALTER FUNCTION {}.unaccent(text) IMMUTABLE").format(own))
    return created
