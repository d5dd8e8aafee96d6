# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stores of a repository, and objects with sealed contents."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Blobs, Objects
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_location import Location
from ansible_collections.gantry.odoo.plugins.module_utils._repository.sealing import DataKeys

# Requests for records end long before a lease does that is not renewed.
RECORD_ANSWER_S, RECORD_ATTEMPTS = 10, 2


@dataclass(frozen=True)
class Stores:
    """Where the repositories of all tenants are.

    records: for what has to be created exactly once. It is another store where the one for contents keeps versions and
    ignores the condition then, as RADOS does. together: whether both are one bucket. prefix: of every key.
    """

    contents: Blobs
    records: Blobs
    prefix: str = ""
    together: bool = True


def open_stores(location: Location) -> Stores:
    """The stores of a location, which are there. Only their own library is imported."""
    if location.bucket is None:
        from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory

        if not os.path.isdir(location.directory):
            raise StateError(
                f"{location.option}.directory: there is no directory {location.directory}; mount it, or create it"
            )
        directory = Directory(location.directory)
        return Stores(directory, directory, location.prefix)
    from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket import (
        connect_bucket,
        open_bucket,
    )

    place = replace(location.bucket, bucket=location.records_bucket or location.bucket.bucket)
    records = connect_bucket(place, RECORD_ANSWER_S, RECORD_ATTEMPTS)
    records.now()
    contents = open_bucket(location.bucket) if location.records_bucket else connect_bucket(location.bucket)
    return Stores(contents, records, location.prefix, not location.records_bucket)


@dataclass(frozen=True)
class Sealed:
    """Small objects that only who has the keys can read or write: a record of another place is refused."""

    inner: Objects
    keys: DataKeys

    @property
    def where(self) -> str:
        """The store as an error sentence names it."""
        return self.inner.where

    def now(self) -> datetime:
        """The time by the clock of the store."""
        return self.inner.now()

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that does not exist yet; False where it exists."""
        return self.inner.create(key, self.keys.seal("record", key, data))

    def get(self, key: str) -> bytes | None:
        """The content of an object, None when there is none. Raises StateError for one that was not written so."""
        sealed = self.inner.get(key)
        return None if sealed is None else self.keys.open("record", key, sealed, f"{key} in the {self.where}")

    def names(self, prefix: str, limit: int) -> list[str]:
        """The first `limit` keys that begin with `prefix`."""
        return self.inner.names(prefix, limit)

    def delete(self, keys: Iterable[str]) -> int:
        """Remove objects; the number that was asked for."""
        return self.inner.delete(keys)


class PieceReader:
    """Pieces of bytes as a file to read. size: of what was read so far."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")
        self.size = 0

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size`; empty at the end."""
        return b"".join(self.span(size))

    def skip(self, count: int) -> None:
        """Read the next `count` bytes, and forget them."""
        for _taken in self.span(count):
            continue

    def span(self, count: int) -> Iterator[memoryview]:
        """The next `count` bytes, or all with a negative one, in the pieces that come, which are not copied."""
        left = count if count >= 0 else sys.maxsize
        while left:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    return
                self._rest = memoryview(piece)
                continue
            taken = self._rest[:left]
            self._rest = self._rest[len(taken) :]
            self.size += len(taken)
            left -= len(taken)
            yield taken


def segments(pieces: Iterable[bytes], size: int) -> Iterator[Iterator[bytes]]:
    """The pieces in groups of about `size` bytes, at least one group. Read each to its end before the next one."""
    coming = iter(pieces)
    ahead = next(coming, None)

    def group(first: bytes) -> Iterator[bytes]:
        nonlocal ahead
        held = len(first)
        yield first
        ahead = next(coming, None)
        while ahead is not None and held < size:
            held += len(ahead)
            yield ahead
            ahead = next(coming, None)

    yield group(ahead or b"")
    while ahead is not None:
        yield group(ahead)
