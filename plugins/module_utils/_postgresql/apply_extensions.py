# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates extensions, each in the schema that it had."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import sql
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Extensions
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_extensions import privileged


def create_extensions(cursor: Any, extensions: Extensions, names: Iterable[str], owner: str) -> list[str]:
    """Create extensions as the owner of the database, or as the login where the owner may not.

    names: of the extensions, in order. The cursor is in the database, which has nothing in it yet. An extension stays
    its creator's, as PostgreSQL cannot give it to another role. Returns the schemas that were created for them, which
    are the owner's.
    """
    created: list[str] = []
    special = privileged(extensions)
    for name in names:
        schema = extensions.schemas[name]
        cursor.execute("SELECT to_regnamespace(quote_ident(%s)) IS NULL", (schema,))
        if cursor.fetchone()[0]:
            statement = sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}")
            cursor.execute(statement.format(sql.Identifier(schema), sql.Identifier(owner)))
            created.append(schema)
        if name not in special:
            cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
        statement = sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {}")
        cursor.execute(statement.format(sql.Identifier(name), sql.Identifier(schema)))
        cursor.execute("RESET ROLE")
    if extensions.immutable_unaccent:
        own = sql.Identifier(extensions.schemas["unaccent"])
        cursor.execute(sql.SQL("ALTER FUNCTION {}.unaccent(text) IMMUTABLE").format(own))
    return created
