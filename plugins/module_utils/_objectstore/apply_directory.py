# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects in a directory, for a store that one controller uses, or several over a file system they share."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from io import BytesIO

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import sync_directory
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Readable, Stored

# Keys do not begin with a dot, so that no object lies there.
_STAGED = ".staged"
# A file that is being written changes all the time. One that has not for so long was left by a run that was killed.
LEFT_S = 86400
PIECE_BYTES = 1024 * 1024


class Directory:
    """The objects below one directory, which is made for its owner alone at the first write."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._swept = False

    @property
    def where(self) -> str:
        """The store as an error sentence names it."""
        return f"directory {self.path}"

    def now(self) -> datetime:
        """The time by the file system's clock, which is the server's where several controllers share one.

        A directory that is not there yet is not made for it: the time is this machine's then.
        """
        if not os.path.lexists(self.path):
            return datetime.now(timezone.utc)
        with self._said("tell its time"), self._staged(BytesIO()) as name:
            return datetime.fromtimestamp(os.stat(name).st_mtime, timezone.utc)

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that does not exist yet, and have it on disk; False where it exists."""
        target = self._at(key)
        with self._said(f"write {key}"):
            self._make(os.path.dirname(target))
            with self._staged(BytesIO(data)) as name:
                try:
                    os.link(name, target)
                except FileExistsError:
                    return False
            sync_directory(os.path.dirname(target))
        return True

    def get(self, key: str) -> bytes | None:
        """The bytes of an object, None when there is none."""
        with self._said(f"read {key}"):
            try:
                with open(self._at(key), "rb") as stream:
                    return stream.read()
            except FileNotFoundError:
                return None

    def names(self, prefix: str, limit: int) -> list[str]:
        """The first `limit` keys below `prefix`, in their order."""
        found: list[str] = []
        with self._said(f"list {prefix}"):
            for key, _entry in self._below(prefix.rstrip("/")):
                if len(found) == limit:
                    break
                found.append(key)
        return found

    def put(self, key: str, data: bytes) -> None:
        """Write one object, and have it on disk."""
        self.upload(key, BytesIO(data), len(data))

    def upload(self, key: str, stream: Readable, expected_bytes: int) -> None:  # noqa: ARG002
        """Write one object from a stream, and have it on disk; an exception of its read() leaves no object behind."""
        target = self._at(key)
        with self._said(f"write {key}"):
            self._make(os.path.dirname(target))
            with self._staged(stream) as name:
                os.replace(name, target)
            sync_directory(os.path.dirname(target))

    def pieces(self, key: str, size: int, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of an object in pieces of at most `size`, from `offset` on, `length` of them or all."""
        left = length
        with self._said(f"read {key}"):
            path = self._at(key)
            if not os.path.exists(path):
                raise StateError(f"the {self.where} could not read {key}: there is no such object")
            with open(path, "rb") as stream:
                stream.seek(offset)
                while piece := stream.read(size if left is None else min(size, left)):
                    left = None if left is None else left - len(piece)
                    yield piece

    def objects(self, prefix: str) -> dict[str, Stored]:
        """Every object whose key begins with `prefix`, which ends with a slash, by key."""
        found: dict[str, Stored] = {}
        with self._said(f"list {prefix}"):
            for key, entry in self._below(prefix.rstrip("/")):
                try:
                    seen = entry.stat()
                except FileNotFoundError:
                    continue
                found[key] = Stored(seen.st_size, datetime.fromtimestamp(seen.st_mtime, timezone.utc))
        return found

    def delete(self, keys: Iterable[str]) -> int:
        """Remove objects; the number that was asked for."""
        listed = list(keys)
        for key in listed:
            with self._said(f"remove {key}"):
                try:
                    os.unlink(self._at(key))
                except FileNotFoundError:
                    continue
        return len(listed)

    def _at(self, key: str) -> str:
        """The path of a key. Raises StateError for one that leads out of the directory."""
        if any(part in ("", ".", "..") for part in key.split("/")):
            raise StateError(f"the {self.where} can have no object {key!r}: its name leads elsewhere; remove it there")
        return os.path.join(self.path, key)

    def _below(self, key: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        try:
            with os.scandir(self._at(key)) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except FileNotFoundError:
            return
        for entry in entries:
            if entry.is_dir():
                yield from self._below(f"{key}/{entry.name}")
            else:
                yield f"{key}/{entry.name}", entry

    def _make(self, directory: str) -> None:
        """Make a directory and those above it, each of them on disk before anything is in it."""
        if os.path.isdir(directory):
            return
        above = os.path.dirname(directory)
        self._make(above)
        try:
            os.mkdir(directory, 0o700)
        except FileExistsError:
            return
        sync_directory(above)

    @contextmanager
    def _staged(self, stream: Readable) -> Iterator[str]:
        """A file with the bytes of a stream, on disk, for the time of the block, unless the block renames it."""
        staged = os.path.join(self.path, _STAGED)
        self._make(staged)
        descriptor, name = tempfile.mkstemp(dir=staged)
        if not self._swept:
            self._swept = True
            _remove_left(staged, os.fstat(descriptor).st_mtime - LEFT_S)
        try:
            with open(descriptor, "wb") as file:
                while piece := stream.read(PIECE_BYTES):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            yield name
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UnreachableError(
                f"the {self.where} could not {what}: {error.strerror} ({error.filename}); correct it, and run again"
            ) from error


def _remove_left(staged: str, before: float) -> None:
    """Remove what killed runs have left. before: in seconds since 1970, by the clock of the file system."""
    with os.scandir(staged) as entries:
        for entry in entries:
            # another run may remove it as well
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime < before:
                    os.unlink(entry.path)
