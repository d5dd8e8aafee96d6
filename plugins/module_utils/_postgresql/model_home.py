# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The number by which a database is the home of its tenant, and its record in the database's comment."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError

# The first line of the comment; role postgresql reads it by the same pattern.
_LINE = re.compile(r"gantry\.odoo: home: ([0-9]{1,18}) ([^\n]+)\n")
_LARGEST = 10**18 - 1


@dataclass(frozen=True)
class Home:
    """The right of a database to be its tenant's. The number only rises. group: of the hosts that serve the tenant."""

    number: int
    group: str

    def __str__(self) -> str:
        return f"home {self.number} of {self.group}"

    def as_dict(self) -> dict[str, Any]:
        """The home as modules return it."""
        return asdict(self)


def fault_of(number: int, group: str) -> str:
    """Why a home cannot be recorded; empty where it can."""
    if not 1 <= number <= _LARGEST:
        return f"{number} is not the fencing number of a change; give one from 1 to {_LARGEST}"
    if not group.strip() or "\n" in group:
        return f"{group!r} is not the name of a group of hosts"
    return ""


def refuse_overtaken(database: str, home: Home | None, fencing_number: int) -> None:
    """Raise RefusedError where a later change has made a database its tenant's home. fencing_number: 0 for none."""
    if fencing_number and home is not None and home.number > fencing_number:
        raise RefusedError(
            f"database {database} is {home}, and this change has {fencing_number}, so that it was overtaken; start it "
            "again"
        )


def home_of(comment: str | None) -> Home | None:
    """The home that a comment records; None where it records none."""
    found = _LINE.match(comment or "")
    return Home(int(found[1]), found[2]) if found else None


def without_home(comment: str | None) -> str:
    """The comment without the record of a home."""
    return _LINE.sub("", comment or "", count=1) if home_of(comment) else comment or ""


def with_home(comment: str | None, home: Home | None) -> str:
    """The comment with the record of a home, in the place of another one; as it is where `home` is None."""
    if home is None:
        return comment or ""
    return f"gantry.odoo: home: {home.number} {home.group}\n{without_home(comment)}"
