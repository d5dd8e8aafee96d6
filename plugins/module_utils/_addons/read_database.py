# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what a database says of its addons: states, languages, and the digests of the code of the last update.

The digests are in a parameter of its own, which Odoo never reads.
"""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES

KEY = "gantry.odoo_addons.digests"
_LANGUAGES = "SELECT code FROM public.res_lang WHERE active"
_USED = "SELECT name FROM public.ir_module_module WHERE state IN ('installed', 'to upgrade', 'to remove')"

# the column comes with the addon that imports others
IMPORTED = f"{_USED} AND to_jsonb(ir_module_module) ->> 'imported' = 'true'"


def digests(cursor: Any) -> dict[str, str]:
    """The digests of the last proven update; none where nothing was ever stored, or something else."""
    cursor.execute("SELECT value FROM public.ir_config_parameter WHERE key = %s", (KEY,))
    row = cursor.fetchone()
    try:
        said = json.loads(row[0]) if row else {}
    except BAD_VALUES:
        return {}
    return {str(name): str(digest) for name, digest in said.items()} if isinstance(said, dict) else {}


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
