# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The people and services that work on an estate: the names and keys that are each one's, and what each may do. Pure.

Names are compared exactly, in Unicode's form NFC. What is the same only in another case, width or with invisible
characters is none of the declared names: another account may have it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import shown
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import moment

ACTIONS = REQUEST, APPROVE, BREAK, RESTORE, DELETE = ("request", "approve", "break", "restore", "delete")
# Where a name is from: the account that runs Ansible, the user of AWX, or the name of the identity itself.
SOURCES = LOGIN, AWX_USER, NAME = ("login", "awx_user", "name")
_WORDS = {LOGIN: "login", AWX_USER: "AWX user", NAME: "name"}
# It stands in keys of the store and before a key for ssh-keygen, which takes some characters for patterns.
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
_LONGEST = 256
_KEY_KINDS = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
_LEAST_RSA_BITS = 2048


@dataclass(frozen=True)
class Key:
    """A public SSH key. blob: as base64. valid_after, valid_before: None for no bound."""

    kind: str
    blob: str
    valid_after: datetime | None = None
    valid_before: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """The fingerprint as OpenSSH shows it."""
        return fingerprint_of(base64.b64decode(self.blob))

    @property
    def line(self) -> str:
        """The key as a file of public keys has it."""
        return f"{self.kind} {self.blob}"


@dataclass(frozen=True)
class Identity:
    """A person or a service. logins: the accounts of controllers. may: of ACTIONS."""

    name: str
    logins: tuple[str, ...] = ()
    awx_users: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()
    may: frozenset[str] = frozenset()

    def names(self, source: str) -> tuple[str, ...]:
        """The names by which it is known there."""
        return {LOGIN: self.logins, AWX_USER: self.awx_users, NAME: (self.name,)}[source]


@dataclass(frozen=True)
class Identities:
    """All identities of an estate, and the keys that are taken back."""

    listed: tuple[Identity, ...] = ()
    revoked: tuple[Key, ...] = ()


def identities_from(declared: Sequence[Mapping[str, Any]], revoked: Sequence[str] = ()) -> Identities:
    """The identities that an inventory declares. Raises InputError where two could be taken for one another."""
    listed = tuple(_identity(one, f"identities[{place}]") for place, one in enumerate(declared))
    taken_back = tuple(key_from(line, f"revoked_keys[{place}]") for place, line in enumerate(revoked))
    for source, word in _WORDS.items():
        _require_apart(word, listed, [(place, name) for place, one in enumerate(listed) for name in one.names(source)])
    _require_apart("key", listed, [(place, key.fingerprint) for place, one in enumerate(listed) for key in one.keys])
    return Identities(listed, taken_back)


def key_from(line: str, where: str, after: datetime | None = None, before: datetime | None = None) -> Key:
    """The key that a line of a file of public keys holds. Raises InputError, naming `where`."""
    words = line.split()
    kind = words[0] if words else ""
    if kind not in _KEY_KINDS or len(words) < 2:
        raise InputError(
            f"{where}: {shown(line)} is no public key that may approve; give the content of a .pub file, of one of the "
            f"kinds {', '.join(_KEY_KINDS)}"
        )
    try:
        blob = base64.b64decode(words[1], validate=True)
        fields = list(ssh_strings(blob, 3 if kind == "ssh-rsa" else 1))
    except ValueError as error:
        raise InputError(f"{where}: the key {shown(line)} is cut off or damaged ({error}); copy it anew") from error
    if fields[0] != kind.encode():
        raise InputError(f"{where}: the key {shown(line)} is not of the kind that it says; copy it anew")
    if kind == "ssh-rsa" and int.from_bytes(fields[2], "big").bit_length() < _LEAST_RSA_BITS:
        raise InputError(f"{where}: {shown(line)} has fewer than {_LEAST_RSA_BITS} bits; use a key of ssh-ed25519")
    return Key(kind, base64.b64encode(blob).decode(), after, before)


def ssh_strings(data: bytes, count: int) -> Iterator[bytes]:
    """The first `count` strings in what SSH encodes. Raises ValueError where they are not all there."""
    place = 0
    for _one in range(count):
        size = int.from_bytes(data[place : place + 4], "big")
        if len(data) < place + 4 or len(data) < place + 4 + size:
            raise ValueError("it ends too early")
        yield data[place + 4 : place + 4 + size]
        place += 4 + size


def fingerprint_of(blob: bytes) -> str:
    """The fingerprint of a public key as OpenSSH shows it."""
    return f"SHA256:{base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip('=')}"


def folded(name: str) -> str:
    """A name by which another one is recognized that a person would take for it."""
    seen = unicodedata.normalize("NFKC", name)
    visible = "".join(one for one in seen if unicodedata.category(one)[0] not in "CZ")
    return unicodedata.normalize("NFKC", visible.casefold())


def _identity(declared: Mapping[str, Any], path: str) -> Identity:
    name = declared["name"]
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{path}.name: {shown(name)} is no name of an identity; use lower-case letters of ASCII, digits "
            "and . _ @ + -, 64 at most"
        )
    strange = [one for one in declared.get("may") or () if one not in ACTIONS]
    if strange:
        raise InputError(f"{path}.may: {shown(strange[0])} is no action; give some of {', '.join(ACTIONS)}")
    return Identity(
        name,
        tuple(_named(one, f"{path}.logins") for one in declared.get("logins") or ()),
        tuple(_named(one, f"{path}.awx_users") for one in declared.get("awx_users") or ()),
        tuple(_key(one, f"{path}.keys[{place}]") for place, one in enumerate(declared.get("keys") or ())),
        frozenset(declared.get("may") or ()),
    )


def _named(name: str, path: str) -> str:
    """A name of another system. One that looks like another one is a mistake, or an attack."""
    strange = [one for one in name if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")]
    if not name.strip() or name != name.strip() or strange or len(name) > _LONGEST:
        raise InputError(
            f"{path}: {shown(name)} is empty, too long, has a space at an end, or a character that cannot be seen; "
            "write it as the system shows it"
        )
    return unicodedata.normalize("NFC", name)


def _key(declared: Mapping[str, Any], path: str) -> Key:
    after, before = (_moment(declared.get(name), f"{path}.{name}") for name in ("valid_after", "valid_before"))
    if after and before and before <= after:
        raise InputError(f"{path}: valid_before is not after valid_after; correct one of them")
    return key_from(declared["key"], f"{path}.key", after, before)


def _moment(text: str | None, path: str) -> datetime | None:
    if not text:
        return None
    try:
        return moment(text.replace("Z", "+00:00"))
    except BAD_VALUES as error:
        raise InputError(f"{path}: {shown(text)} is no moment; write it as 2027-01-31T00:00:00Z") from error


def _require_apart(word: str, listed: Sequence[Identity], named: Iterable[tuple[int, str]]) -> None:
    """Raise InputError where two identities have the same name, or one that a person would take for it."""
    seen: dict[str, tuple[int, str]] = {}
    for place, name in named:
        other, former = seen.setdefault(name if word == "key" else folded(name), (place, name))
        if other != place:
            raise InputError(
                f"identities: the {word} {shown(name)} of {listed[place].name} cannot be told from {shown(former)} of "
                f"{listed[other].name}; give each to one identity"
            )
