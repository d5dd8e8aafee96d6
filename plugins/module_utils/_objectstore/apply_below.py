# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a store below a root."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import (
    Blobs,
    Readable,
    Stored,
    read_several,
)


@dataclass(frozen=True)
class Below:
    """The objects of a store whose keys begin with a root. root: with a slash at its end."""

    inner: Blobs
    root: str

    @property
    def where(self) -> str:
        """The store as an error sentence names it."""
        return f"{self.inner.where}, {self.root.rstrip('/')}"

    @property
    def readers(self) -> int:
        """The requests at a time that read the store fastest."""
        return self.inner.readers

    def now(self) -> datetime:
        """The time by the clock of the store."""
        return self.inner.now()

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that does not exist yet; False where it exists."""
        return self.inner.create(self.root + key, data)

    def several(self, keys: Sequence[str]) -> Iterator[bytes | None]:
        """The bytes of many objects, in the order of their keys."""
        return read_several(self.inner, [self.root + key for key in keys])

    def put(self, key: str, data: bytes) -> None:
        """Write one object, whether it exists or not."""
        self.inner.put(self.root + key, data)

    def upload(self, key: str, stream: Readable, expected_bytes: int) -> None:
        """Write one object from a stream."""
        self.inner.upload(self.root + key, stream, expected_bytes)

    def get(self, key: str) -> bytes | None:
        """The bytes of an object, None when there is none."""
        return self.inner.get(self.root + key)

    def pieces(self, key: str, size: int, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of an object in pieces."""
        return self.inner.pieces(self.root + key, size, offset, length)

    def names(self, prefix: str, limit: int) -> list[str]:
        """The first `limit` keys that begin with `prefix`."""
        return [key[len(self.root) :] for key in self.inner.names(self.root + prefix, limit)]

    def objects(self, prefix: str) -> Mapping[str, Stored]:
        """Every object whose key begins with `prefix`, by key."""
        return {key[len(self.root) :]: one for key, one in self.inner.objects(self.root + prefix).items()}

    def delete(self, keys: Iterable[str]) -> int:
        """Remove objects; the number that was asked for."""
        return self.inner.delete([self.root + key for key in keys])
