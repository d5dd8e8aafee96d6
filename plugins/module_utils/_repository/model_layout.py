# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the objects of one tenant, below its own root: nothing else is ever read, written or removed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

# The kinds of sealed objects, which each is bound to.
FILE, SHARD, NOTE, DUMP, MANIFEST = "file", "shard", "note", "dump", "manifest"
DRILL, CHECK, LOCKS = "drill", "check", "locks"
MARKS, COPIES, KEYS = "marks", "copies", "keys"
# The most bytes of a content that is read as a whole, and of the kinds that do not grow with the backups.
_MOST, _MOST_OF_SMALL = 64 * 1024 * 1024, 4 * 1024 * 1024
_SMALL = frozenset((DRILL, CHECK, COPIES, KEYS))
# The digits of a folder of a filestore.
FOLDER_DIGITS = 2
_DRILL = re.compile(r"drills/[0-9TZ.]{1,40}")
_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_DATA = re.compile(r"data/([1-9][0-9]{0,14})/(0|[1-9][0-9]{0,14})")
_SENT = re.compile(r"sent/([1-9][0-9]{0,14})/(0|[1-9][0-9]{0,14})-([0-9a-f]{2})-([0-9a-f]{2})")
_MANIFEST = re.compile(r"manifests/([1-9][0-9]{0,14})(?:-([1-9][0-9]{0,14}))?")


@dataclass(frozen=True, order=True)
class DataName:
    """An object with contents: the `place`-th that the lease with this number has written."""

    number: int
    place: int

    def __str__(self) -> str:
        return f"{self.number}/{self.place}"


def most_of(kind: str) -> int:
    """The most bytes that a content of a kind has which is read as a whole. Files and dumps say their own size."""
    return _MOST_OF_SMALL if kind in _SMALL else _MOST


def data_key(name: DataName) -> str:
    """The key of an object with contents."""
    return f"data/{name}"


def data_prefix(number: int) -> str:
    """How the keys of all contents begin that a run has written. number: of its lease."""
    return f"data/{number}/"


@dataclass(frozen=True)
class Note:
    """The note that a pack was sent, which stands until its backup is complete.

    first, last: the two digits with which the first and the last of its files begin, in the order of their names.
    """

    held: DataName
    first: str
    last: str

    @property
    def key(self) -> str:
        """The key of the note."""
        return f"sent/{self.held}-{self.first}-{self.last}"


def note_of(held: DataName, names: Iterable[str]) -> Note:
    """The note for an object with these files."""
    folders = [name[:FOLDER_DIGITS] for name in names]
    return Note(held, min(folders), max(folders))


def manifest_key(number: int, healed: int) -> str:
    """The key of a manifest, as ManifestName has it: a fleet has 100,000 of them."""
    return f"manifests/{number}-{healed}" if healed else f"manifests/{number}"


@dataclass(frozen=True, order=True)
class ManifestName:
    """The manifest of the backup with this number. healed: the number of the run that wrote it anew, 0 for none."""

    number: int
    healed: int = 0

    @property
    def key(self) -> str:
        """The key of the manifest."""
        return manifest_key(self.number, self.healed)


def drill_key(moment: str) -> str:
    """The key of the record of a drill."""
    return f"drills/{moment}"


def is_drill_key(key: str) -> bool:
    """Whether a key is that of the record of a drill."""
    return bool(_DRILL.fullmatch(key))


def data_name(key: str) -> DataName | None:
    """The object with contents that a key stands for, None for any other key."""
    found = _DATA.fullmatch(key)
    return DataName(int(found[1]), int(found[2])) if found else None


def parse_note(key: str) -> Note | None:
    """The note that a key stands for, None for any other key."""
    found = _SENT.fullmatch(key)
    return Note(DataName(int(found[1]), int(found[2])), found[3], found[4]) if found else None


def manifest_name(key: str) -> ManifestName | None:
    """The manifest that a key stands for, None for any other key."""
    found = _MANIFEST.fullmatch(key)
    return ManifestName(int(found[1]), int(found[2] or 0)) if found else None


def parse_data_name(text: str) -> DataName:
    """The name that `str` has written. Raises ValueError for any other text."""
    name = data_name(f"data/{text}") if isinstance(text, str) else None
    if name is None:
        raise ValueError(f"{text!r} is no name of an object")
    return name


def tenant_root(prefix: str, tenant: str) -> str:
    """The root of a tenant's objects, with a slash at its end. Raises InputError for a name that cannot be one."""
    if not _TENANT.fullmatch(tenant):
        raise InputError(
            f"tenant: {tenant!r} cannot name a tenant; use lower-case letters, digits, - and _, "
            "beginning with a letter or digit"
        )
    stem = prefix.strip("/")
    return f"{stem}/{tenant}/" if stem else f"{tenant}/"
