# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rights that a dump gives to roles, which another server may not have: apart from everything else in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

# An entry of a table of contents is `number; class object TYPE schema NAME owner`.
_RIGHTS = re.compile(r"\d+; \d+ \d+ (?:DEFAULT )?ACL ")
_STATEMENT = re.compile(r"(?:GRANT|REVOKE|ALTER DEFAULT PRIVILEGES) ")


def without_rights(contents: Sequence[str]) -> tuple[list[str], list[str]]:
    """The entries of a dump's table of contents without those that grant rights, and those."""
    rights = [line for line in contents if _RIGHTS.match(line)]
    return [line for line in contents if not _RIGHTS.match(line)], rights


def statements_of(script: str) -> list[str]:
    """The statements that grant rights in what pg_restore prints, in their order.

    A grant that another role than the owner made is one by the owner here: the words that name the grantor are not
    among them.
    """
    found: list[str] = []
    held: list[str] = []
    for line in script.splitlines():
        if not held and not _STATEMENT.match(line):
            continue
        held.append(line)
        statement = "\n".join(held)
        # within a quoted name a line may end in any way
        if line.endswith(";") and statement.count('"') % 2 == 0:
            found.append(statement)
            held = []
    return found
