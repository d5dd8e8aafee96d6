# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which extensions have to be there before a dump is restored by a role that may not create them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Extensions


def privileged(extensions: Extensions) -> dict[str, str]:
    """The extensions that the owner of a database may not create, with their schemas."""
    altered = {"unaccent"} if extensions.immutable_unaccent else set()
    return {
        name: schema
        for name, schema in sorted(extensions.schemas.items())
        if name not in extensions.trusted or name in altered
    }


def in_order(extensions: Extensions, contents: Sequence[str]) -> list[str]:
    """The names of extensions in the order of a dump's table of contents, where what one requires comes first."""
    positions = dict.fromkeys(extensions.schemas, 0)
    for position, line in enumerate(contents):
        for name in positions:
            if f" EXTENSION - {name} " in f"{line} " and " COMMENT - " not in line:
                positions[name] = position
    return sorted(positions, key=lambda name: (positions[name], name))


def entries_without(contents: Sequence[str], made: Iterable[str], schemas: Iterable[str]) -> list[str]:
    """The entries of a dump's table of contents to restore, without what exists or only a superuser may say.

    made: extensions that exist. schemas: those that were created for them.
    """
    skipped = tuple(f" EXTENSION - {name} " for name in made) + tuple(f" SCHEMA - {schema} " for schema in schemas)
    return [
        line
        for line in contents
        if " COMMENT - EXTENSION " not in line and not any(entry in f"{line} " for entry in skipped)
    ]
