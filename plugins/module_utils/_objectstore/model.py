# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where objects are kept: the values that every client of a store of objects shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError

# How far two clocks may be apart, as that of a server and that of a store; S3 itself refuses requests from further off.
CLOCK_SKEW = timedelta(seconds=900)
# What is read as a whole, such as a record or a manifest, is smaller.
WHOLE_BYTES = 72 * 1024 * 1024


@dataclass(frozen=True)
class Settings:
    """Where a bucket is and who asks. ca_bundle: a path; empty means the system's trust store.

    option: the option that says so, as an error sentence names it.
    """

    bucket: str
    endpoint_url: str = ""
    region: str = "us-east-1"
    prefix: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    ca_bundle: str = ""
    option: str = "repository"

    @property
    def where(self) -> str:
        """The bucket as an error sentence names it."""
        return f"bucket {self.bucket} at {self.endpoint_url or 'the provider of region ' + self.region}"

    def hide(self, text: str) -> str:
        """`text` of another program, without the keys."""
        for key in (self.access_key, self.secret_key):
            text = text.replace(key, "********") if key else text
        return text


@dataclass(frozen=True)
class Stored:
    """An object as a listing shows it."""

    size: int
    modified: datetime


@dataclass(frozen=True)
class Retention:
    """Until when a version of an object cannot be removed.

    mode: `GOVERNANCE`, which accounts with the right to may bypass, or `COMPLIANCE`, which none may.
    """

    mode: str
    until: datetime


class Objects(Protocol):
    """A store of objects that are written once. Every method raises UnreachableError or StateError."""

    @property
    def where(self) -> str:
        """The store as an error sentence names it."""

    def now(self) -> datetime:
        """The time by the clock of the store, which is the same for all who use it."""

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that does not exist yet; False where it exists, whoever wrote it.

        After an exception it is not known whether it was written; the same call again tells.
        """

    def get(self, key: str) -> bytes | None:
        """The bytes of an object, None when there is none. Raises StateError for more than WHOLE_BYTES."""

    def names(self, prefix: str, limit: int) -> list[str]:
        """The first `limit` keys that begin with `prefix`, which ends with a slash, in the order of their bytes."""

    def delete(self, keys: Iterable[str]) -> int:
        """Remove objects; the number that was asked for."""


@runtime_checkable
class Several(Protocol):
    """A store that reads many objects faster than one after the other. Raises UnreachableError or StateError."""

    def several(self, keys: Sequence[str]) -> Iterator[bytes | None]:
        """The bytes of objects, in the order of their keys; None for one that is not there."""


def read_several(objects: Objects, keys: Sequence[str]) -> Iterator[bytes | None]:
    """The bytes of objects, in the order of their keys, as fast as the store can; None for one that is not there."""
    return objects.several(keys) if isinstance(objects, Several) else map(objects.get, keys)


class Blobs(Objects, Protocol):
    """A store that also takes large objects. Every method raises UnreachableError or StateError."""

    @property
    def readers(self) -> int:
        """The requests at a time that read it fastest: one where no server is waited for."""

    def put(self, key: str, data: bytes) -> None:
        """Write one object, whether it exists or not."""

    def upload(self, key: str, stream: Readable, expected_bytes: int) -> None:
        """Write one object from a stream. An exception of its read() leaves no object behind.

        expected_bytes: a rough size.
        """

    def pieces(self, key: str, size: int, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of an object in pieces of at most `size`, from `offset` on, `length` of them or all.

        A connection that is cut is made again, and goes on where it was. Raises StateError where there is no object.
        """

    def objects(self, prefix: str) -> Mapping[str, Stored]:
        """Every object whose key begins with `prefix`, which ends with a slash, by key."""


@runtime_checkable
class Nested(Protocol):
    """A store that lists the directories below a prefix without what is in them, as a directory does and a bucket not.

    Every method raises UnreachableError or StateError.
    """

    def directories(self, prefix: str) -> list[str]:
        """The names of those directly below `prefix`, which ends with a slash. There may be nothing in one."""


@runtime_checkable
class Keeping(Protocol):
    """A store that keeps versions and locks, and cleans up by itself, as a bucket does and a directory does not."""

    def versioning(self) -> bool:
        """Whether it keeps old versions of its objects."""

    def set_versioning(self, enabled: bool) -> None:
        """Have it keep old versions, or stop."""

    def region(self) -> str | None:
        """Where the server says that it lies, None where it does not say."""

    def default_lock(self) -> str:
        """The mode of the lock that it gives to new objects, empty where it gives none."""

    def versions(self, prefix: str) -> Mapping[str, list[str]]:
        """The versions of each object whose key begins with `prefix`, or did before its removal, the oldest first."""

    def retention(self, key: str, version: str = "") -> Retention | None:
        """The lock of a version of an object, by default of the newest one; None where it has none."""

    def retain(self, key: str, version: str, lock: Retention) -> None:
        """Lock a version of an object. The server refuses what would shorten a lock."""

    def lifecycle(self) -> list[dict[str, Any]]:
        """The rules of its lifecycle, as S3 words them."""

    def set_lifecycle(self, rules: list[dict[str, Any]]) -> None:
        """Replace the rules of its lifecycle."""


class Readable(Protocol):
    """What is read like a file."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size`; empty at the end."""


def joined(pieces: Iterable[bytes], most: int, where: str) -> bytes:
    """The bytes of all pieces. Raises StateError, naming `where`, as soon as they are more than `most`."""
    return b"".join(bounded(pieces, most, where))


def bounded(pieces: Iterable[bytes], most: int, where: str) -> Iterator[bytes]:
    """The same pieces. Raises StateError, naming `where`, as soon as they have more than `most` bytes."""
    left = most
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise StateError(f"{where} is damaged or forged: it holds more than {most} bytes, the most it can have")
        yield piece
