# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The right to connect that blocking takes from a database, and its record in the database's comment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES

CONNECT = "CONNECT"
PRIVILEGES = (CONNECT, "CREATE", "TEMPORARY")
_MARK = "\ngantry.odoo: access is blocked, it was: "


@dataclass(frozen=True)
class Right:
    """The right to connect of one role, or of PUBLIC, whose name is empty.

    owner: the role owns the database. passes_on: it may grant the right to others.
    """

    role: str
    oid: int
    owner: bool = False
    passes_on: bool = False


@dataclass(frozen=True, order=True)
class DatabaseRight:
    """A right on a database that a role was given. privilege: one of PRIVILEGES. passes_on: as for Right."""

    role: str
    privilege: str
    passes_on: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for what is no right on a database."""
        if self.privilege not in PRIVILEGES:
            raise ValueError(f"{self.privilege} is no right on a database")

    def grant(self, database: str) -> str:
        """The statement that gives it on a database."""
        names = ['"' + name.replace('"', '""') + '"' for name in (database, self.role)]
        end = " WITH GRANT OPTION" if self.passes_on else ""
        return f"GRANT {self.privilege} ON DATABASE {names[0]} TO {names[1]}{end};"


@dataclass(frozen=True)
class Record:
    """What a block took, and the login that it gave the right to."""

    taken: tuple[Right, ...]
    login: str


def recorded(comment: str, record: Record) -> str:
    """The comment on a database, which had `comment`, while it is blocked."""
    said = {"login": record.login, "taken": [asdict(right) for right in record.taken]}
    return f"{comment}{_MARK}{json.dumps(said)}"


def parted(comment: str | None) -> tuple[str, Record | None]:
    """The comment without the record of a block, and the record; None where there is none that can be read."""
    own, mark, said = (comment or "").partition(_MARK)
    return own, _record(said) if mark else None


def _record(text: str) -> Record | None:
    try:
        said = json.loads(text)
        rights = tuple(_right(**one) for one in said["taken"])
        return Record(rights, str(said["login"]))
    except BAD_VALUES:
        return None


def _right(role: Any, oid: Any, owner: Any, passes_on: Any) -> Right:
    return Right(str(role), int(oid), owner is True, passes_on is True)


def record_of(seen: Sequence[Right], login: str, former: Record | None) -> Record:
    """The record of a block that finds `seen`. former: that of a block which is still in force, None without one.

    A block of what is blocked already adds what was granted since, and never forgets what the first one took.
    """
    if former is None:
        had_it = any(right.role == login for right in seen)
        return Record(tuple(seen), "" if had_it else login)
    known = {right.oid for right in former.taken}
    since = [right for right in seen if right.oid not in known and right.role not in (former.login, login)]
    return Record((*former.taken, *since), former.login)


def rights_of(seen: Sequence[DatabaseRight], record: Record | None) -> tuple[DatabaseRight, ...]:
    """The rights on a database, those to connect among them that a block has taken. seen: those that are in force."""
    taken = record.taken if record else ()
    blocked = [DatabaseRight(one.role, CONNECT, one.passes_on) for one in taken if one.role and not one.owner]
    return tuple(sorted({*seen, *blocked}))


def record_for(rights: Sequence[DatabaseRight], roles: Mapping[str, int]) -> Record:
    """The record of a block of a database that had these rights elsewhere. roles: numbers of those that exist."""
    there = [one for one in rights if one.privilege == CONNECT and one.role in roles]
    return Record(tuple(Right(one.role, roles[one.role], passes_on=one.passes_on) for one in there), "")


def given_back(record: Record | None, owner: str, roles: Mapping[int, str]) -> tuple[list[Right], list[str]]:
    """The rights that opening a database grants, and the names of roles that are not there any more.

    owner: the role that owns it now, which always gets the right. roles: names of those that exist, by their number.
    A role that was dropped and created again under its name is another one, and gets nothing.
    """
    taken = record.taken if record else ()
    own = [right for right in taken if right.owner]
    others = [right for right in taken if not right.owner and right.role != owner]
    back = [right for right in others if not right.role or roles.get(right.oid) == right.role]
    lost = [right.role for right in others if right not in back]
    return [Right(owner, 0, True, any(right.passes_on for right in own)), *back], lost
