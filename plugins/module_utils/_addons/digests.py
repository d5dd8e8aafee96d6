# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code that a database was last brought to, as digests that the database itself keeps. Odoo never reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import Code

KEY = "gantry.odoo_addons.digests"
_LANGUAGES = "SELECT code FROM res_lang WHERE active"
_USED = "SELECT name FROM ir_module_module WHERE state IN ('installed', 'to upgrade', 'to remove')"

# the column comes with the addon that imports others
IMPORTED = f"{_USED} AND to_jsonb(ir_module_module) ->> 'imported' = 'true'"


def of(names: Iterable[str], code: Mapping[str, Code]) -> dict[str, str]:
    """What is to be stored for the addons `names`: `addon` is its code, `addon@fr_FR` are its translations."""
    found: dict[str, str] = {}
    for name in sorted(name for name in names if name in code):
        found[name] = code[name].digest
        found.update({f"{name}@{language}": digest for language, digest in code[name].translations.items()})
    return found


def read(cursor: Any) -> dict[str, str]:
    """The digests of the last proven update; none where nothing was ever stored, or something else."""
    cursor.execute("SELECT value FROM ir_config_parameter WHERE key = %s", (KEY,))
    row = cursor.fetchone()
    try:
        said = json.loads(row[0]) if row else {}
    except ValueError:
        return {}
    return {str(name): str(digest) for name, digest in said.items()} if isinstance(said, dict) else {}


def store(cursor: Any, digests: Mapping[str, str]) -> None:
    """Remember the code that a proven update was made of."""
    cursor.execute(
        "INSERT INTO ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date) "
        "VALUES (%s, %s, 1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC') "
        "ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, write_date = EXCLUDED.write_date",
        (KEY, json.dumps(digests, sort_keys=True)),
    )


def languages(cursor: Any) -> list[str]:
    """The languages whose translations the database holds."""
    cursor.execute(_LANGUAGES)
    return [row[0] for row in cursor.fetchall()]


def database_only(cursor: Any) -> list[str]:
    """The addons in use that were imported into the database, such as Studio's: they have no code on any disk."""
    cursor.execute(IMPORTED)
    return [row[0] for row in cursor.fetchall()]


def in_use(cursor: Any) -> list[str]:
    """The addons whose code the database runs."""
    cursor.execute(_USED)
    return [row[0] for row in cursor.fetchall()]
