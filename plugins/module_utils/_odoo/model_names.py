# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the name of a database may be."""

from __future__ import annotations

import re

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

UNFINISHED = "__new"
# The comment on a database in the making; one of the temporary name without it is not ours to drop.
UNFINISHED_COMMENT = "gantry.odoo.odoo_database: not complete yet"
# Databases that new ones are made from; nobody else's may be called so
TEMPLATE = "gantry-template-"
# A module to be upgraded is installed; one to be installed or removed is not, or soon no longer.
INSTALLED = ("installed", "to upgrade")
RESERVED = frozenset({"postgres", "template0", "template1"})
# PostgreSQL truncates at 63 bytes without a word, and a database in the making has the suffix as well
LONGEST = 63 - len(UNFINISHED)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def check_name(name: str, option: str) -> str:
    """`name` itself when it may be a database's. Raises InputError, which names the `option` that gave it."""
    if not name:
        raise InputError(f"{option}: a database needs a name")
    if name in RESERVED:
        raise InputError(f"{option}: {name} belongs to PostgreSQL itself, choose another name")
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{option}: {name!r} cannot be matched by a host name or dbfilter, "
            "use lower-case letters, digits, - and _, beginning with a letter or digit"
        )
    if len(name) > LONGEST:
        raise InputError(
            f"{option}: {name!r} has {len(name)} characters, {LONGEST} is the most that PostgreSQL can hold"
        )
    if name.startswith(TEMPLATE):
        raise InputError(f"{option}: {name!r} begins with {TEMPLATE}, which marks what new databases are made from")
    if name.endswith(UNFINISHED):
        raise InputError(f"{option}: {name!r} ends in {UNFINISHED}, which marks a database in the making")
    return name


def unfinished(name: str) -> str:
    """The name under which the database `name` is made before it is complete."""
    return name + UNFINISHED
