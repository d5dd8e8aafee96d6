# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password of the module's own user that is changed: what servers accept before, meanwhile and afterwards.

Redis and Sentinel keep several passwords for a user, as SHA-256. So first all of them accept the new one beside the
former one, then whatever logs in takes the new one, and only then the former one is removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_users import DEFAULT, digest_of, hashes_of

# Redis, Sentinel and the role's templates each write a password in another way; none of them loses these.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Rotation:
    """A declared change of the module's own password. new, former: SHA-256 of passwords, in hexadecimal.

    keep: whether servers go on accepting the former ones.
    """

    user: str
    new: str
    former: tuple[str, ...]
    keep: bool = False

    def additions(self) -> tuple[str, ...]:
        """The command after which a server accepts the new password, too."""
        return ("ACL", "SETUSER", self.user, f"#{self.new}")

    def removals(self, former: Iterable[str]) -> tuple[str, ...]:
        """The command after which a server no longer accepts those of the former passwords that it does accept."""
        return ("ACL", "SETUSER", self.user, *(f"!{digest}" for digest in former))

    def replacements(self, password: str, others: Iterable[str]) -> list[tuple[str, ...]]:
        """The commands after which a data node accepts no former password, and its file holds none either."""
        commands: list[tuple[str, ...]] = [("CONFIG", "SET", "requirepass", password)]
        if others:
            # CONFIG SET left the user the one password.
            commands.append(("ACL", "SETUSER", self.user, *(f"#{one}" for one in others)))
        return commands

    def accepted(self, lines: Sequence[Any]) -> Accepted:
        """What a server accepts, from its ACL LIST."""
        seen, former = hashes_of(self.user, lines), frozenset(self.former)
        return Accepted(self.new in seen, tuple(sorted(seen & former)), tuple(sorted(seen - former - {self.new})))


@dataclass(frozen=True)
class Accepted:
    """What a server accepts from the module's user. former, others: SHA-256 of passwords."""

    new: bool = False
    former: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def shown(self) -> str:
        """For a difference."""
        if self.new:
            return "new and former" if self.former else "new"
        return "former" if self.former else "neither new nor former"


def rotation_from(params: Mapping[str, Any]) -> Rotation | None:
    """The declared change of the password, None without one. Raises InputError."""
    password, former = params["password"], params["former_passwords"] or []
    if password is not None and _CONTROL.search(password):
        raise InputError(
            "password holds a control character, which a configuration file does not keep as it is; choose another one"
        )
    if not former:
        if params["keep_former_passwords"]:
            raise InputError("keep_former_passwords is set without former_passwords; name them, or leave it out")
        return None
    if password is None:
        raise InputError("former_passwords is set without password; set the password that replaces them")
    if password in former:
        raise InputError("former_passwords holds password itself; name the passwords that it replaces")
    hashes = dict.fromkeys(digest_of("an element of former_passwords", one) for one in former)
    return Rotation(
        params["username"] or DEFAULT,
        digest_of("password", password),
        tuple(hashes),
        params["keep_former_passwords"],
    )
