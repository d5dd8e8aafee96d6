# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a dump its restore role may not make: extensions, which are made before, and what is left out. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Extensions

# An entry of a table of contents is `number; class object TYPE schema NAME owner`. Not even a superuser's login makes
# these: a function of a tenant would run with the rights of whoever alters a table, and rows would leave a copy.
_SUPERUSERS = re.compile(
    r"\d+; \d+ \d+ (EVENT TRIGGER|PUBLICATION TABLES IN SCHEMA|PUBLICATION|SUBSCRIPTION) (\S+) (.*) \S*"
)
_FOR_ALL = re.compile(r"^CREATE PUBLICATION .* FOR ALL ", re.MULTILINE)


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


def publications(contents: Sequence[str]) -> list[str]:
    """The entries of a dump's table of contents that make a publication."""
    found = ((line, _SUPERUSERS.match(line)) for line in contents)
    return [line for line, entry in found if entry and entry[1] == "PUBLICATION" and entry[2] == "-"]


def is_for_all(script: str) -> bool:
    """Whether statements make a publication of all tables, which only a superuser may."""
    return _FOR_ALL.search(script) is not None


def without_superusers(contents: Sequence[str], for_all: Collection[str]) -> tuple[list[str], list[str]]:
    """The entries without those that only a superuser can make, and the names of these.

    for_all: entries of publications of all tables. What is said of an object goes with it.
    """
    found = {line: entry for line in contents if (entry := _SUPERUSERS.match(line))}
    left = {line: entry for line, entry in found.items() if entry[1] != "PUBLICATION" or line in for_all}
    said = tuple(
        f" {said} - {entry[1]} {name} "
        for entry in left.values()
        for said in ("COMMENT", "SECURITY LABEL")
        for name in (entry[3], '"' + entry[3].replace('"', '""') + '"')
    )
    kept = [line for line in contents if line not in left and not any(one in f"{line} " for one in said)]
    return kept, [f"{entry[1]} {entry[3]}" for entry in left.values()]
