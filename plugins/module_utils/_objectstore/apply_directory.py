# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects in a directory, for a store that one controller uses, or several over a file system they share."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timezone
from functools import partial
from io import BytesIO
from itertools import groupby

from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import (
    made_below,
    made_directory,
    opened_below,
    opened_directory,
    opened_file,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import (
    WHOLE_BYTES,
    Readable,
    Stored,
    joined,
)

# Keys do not begin with a dot, so that no object lies there.
_STAGED = ".staged"
# A file that is being written changes all the time. One that has not for so long was left by a run that was killed.
LEFT_S = 86400
PIECE_BYTES = 1024 * 1024
_MODE = 0o700
# What the system says of a link, or of a file, a pipe or a directory that is in the place of another kind.
_MISPLACED = (errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ENXIO)
_REMEDY = "correct it, and run again"
# A removal writes its lease and the catalog before it removes anything.
_FULL = "make its file system larger or remove other files from it, as an expiry needs space as well, and run again"
_REMEDIES: dict[int | None, str] = {errno.ENOSPC: _FULL, errno.EDQUOT: _FULL}


class Directory:
    """The objects below one directory, which is made for its owner alone at the first write.

    Others may write there as well, so it is walked by descriptors, and no link below it is followed.
    """

    readers = 1

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
        with self._said("tell its time"), self._staged(BytesIO()) as (staged, name):
            return datetime.fromtimestamp(os.stat(name, dir_fd=staged).st_mtime, timezone.utc)

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that does not exist yet, and have it on disk; False where it exists."""
        with self._said(f"write {key}"), self._above(key, make=True) as (above, name):
            with self._staged(BytesIO(data)) as (staged, new):
                try:
                    os.link(new, name, src_dir_fd=staged, dst_dir_fd=above)
                except FileExistsError:
                    return False
            os.fsync(above)
        return True

    def get(self, key: str) -> bytes | None:
        """The bytes of an object, None when there is none."""
        with self._said(f"read {key}"):
            try:
                with self._above(key) as (above, name):
                    return self._whole(above, name, f"{key} in the {self.where}")
            except FileNotFoundError:
                return None

    def several(self, keys: Sequence[str]) -> Iterator[bytes | None]:
        """The bytes of objects, in the order of their keys. The directory of some that follow is opened once."""
        for _place, listed in groupby(keys, lambda key: key.rpartition("/")[0]):
            together = list(listed)
            with ExitStack() as stack:
                with self._said(f"read {together[0]}"):
                    try:
                        above, _name = stack.enter_context(self._above(together[0]))
                    except FileNotFoundError:
                        yield from (None for _key in together)
                        continue
                for key in together:
                    with self._said(f"read {key}"), suppress(FileNotFoundError):
                        yield self._whole(above, key.rpartition("/")[2], f"{key} in the {self.where}")
                        continue
                    yield None

    @staticmethod
    def _whole(above: int, name: str, where: str) -> bytes:
        with opened_file(above, name) as stream:
            # a read makes room for all that it is asked for, and most objects are small
            piece = min(os.fstat(stream.fileno()).st_size + 1, PIECE_BYTES)
            return joined(iter(partial(stream.read, piece), b""), WHOLE_BYTES, where)

    def names(self, prefix: str, limit: int) -> list[str]:
        """The first `limit` keys below `prefix`, in their order."""
        found: list[str] = []
        with self._said(f"list {prefix}"):
            for key, _seen in self._listed(prefix):
                if len(found) == limit:
                    break
                found.append(key)
        return found

    def put(self, key: str, data: bytes) -> None:
        """Write one object, and have it on disk."""
        self.upload(key, BytesIO(data), len(data))

    def upload(self, key: str, stream: Readable, expected_bytes: int) -> None:  # noqa: ARG002
        """Write one object from a stream, and have it on disk; an exception of its read() leaves no object behind."""
        with self._said(f"write {key}"), self._above(key, make=True) as (above, name):
            with self._staged(stream) as (staged, new):
                os.replace(new, name, src_dir_fd=staged, dst_dir_fd=above)
            os.fsync(above)

    def pieces(self, key: str, size: int, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of an object in pieces of at most `size`, from `offset` on, `length` of them or all."""
        left = length
        with self._said(f"read {key}"):
            try:
                with self._above(key) as (above, name):
                    stream = opened_file(above, name)
            except FileNotFoundError as error:
                raise StateError(f"the {self.where} could not read {key}: there is no such object") from error
            with stream:
                stream.seek(offset)
                while piece := stream.read(size if left is None else min(size, left)):
                    left = None if left is None else left - len(piece)
                    yield piece

    def objects(self, prefix: str) -> dict[str, Stored]:
        """Every object whose key begins with `prefix`, which ends with a slash, by key."""
        with self._said(f"list {prefix}"):
            return {
                key: Stored(seen.st_size, datetime.fromtimestamp(seen.st_mtime, timezone.utc))
                for key, entry in self._listed(prefix)
                if (seen := _seen(entry))
            }

    def directories(self, prefix: str) -> list[str]:
        """The names of the directories directly below `prefix`, which ends with a slash, the empty ones among them."""
        key = prefix.rstrip("/")
        found: list[str] = []
        with ExitStack() as stack:
            stack.enter_context(self._said(f"list {prefix}"))
            stack.enter_context(suppress(FileNotFoundError))
            above, name = stack.enter_context(self._above(key))
            listing = stack.enter_context(os.scandir(stack.enter_context(opened_below(above, name))))
            for entry in listing:
                if entry.is_dir(follow_symlinks=False):
                    found.append(entry.name)
                else:
                    self._refuse_link(entry, f"{key}/{entry.name}")
        return found

    def delete(self, keys: Iterable[str]) -> int:
        """Remove objects; the number that was asked for."""
        listed = list(keys)
        for key in listed:
            with self._said(f"remove {key}"), suppress(FileNotFoundError), self._above(key) as (above, name):
                os.unlink(name, dir_fd=above)
        return len(listed)

    @contextmanager
    def _above(self, key: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The directory of an object, open for the block, and the object's name in it. make: it is made where missing.

        Raises StateError for a key that leads out of the store.
        """
        *directories, name = key.split("/")
        if any(part in ("", ".", "..") for part in (*directories, name)):
            raise StateError(f"the {self.where} can have no object {key!r}: its name leads elsewhere; remove it there")
        with ExitStack() as stack:
            here = stack.enter_context(made_directory(self.path, None, _MODE) if make else opened_directory(self.path))
            for part in directories:
                here = stack.enter_context(made_below(here, part, None, _MODE) if make else opened_below(here, part))
            yield here, name

    def _listed(self, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        key = prefix.rstrip("/")
        with suppress(FileNotFoundError), self._above(key) as (above, name):
            yield from self._below(above, name, key)

    def _below(self, above: int, name: str, key: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """The objects below a directory. An entry is asked before the next one is."""
        with opened_below(above, name) as directory:
            with os.scandir(directory) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
            for entry in entries:
                below = f"{key}/{entry.name}"
                self._refuse_link(entry, below)
                if not entry.is_dir():
                    yield below, entry
                    continue
                with suppress(FileNotFoundError):
                    yield from self._below(directory, entry.name, below)

    def _refuse_link(self, entry: os.DirEntry[str], key: str) -> None:
        if entry.is_symlink():
            raise StateError(f"the {self.where} holds a link, {key}; see who made it, and remove it")

    @contextmanager
    def _staged(self, stream: Readable) -> Iterator[tuple[int, str]]:
        """A file with the bytes of a stream, on disk, for the time of the block, unless the block renames it.

        It is given as an open directory and the name in it.
        """
        with self._above(f"{_STAGED}/{secrets.token_hex(8)}", make=True) as (staged, name):
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=staged)
            try:
                with open(descriptor, "wb") as file:
                    if not self._swept:
                        self._swept = True
                        _remove_left(staged, os.fstat(descriptor).st_mtime - LEFT_S)
                    while piece := stream.read(PIECE_BYTES):
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                yield staged, name
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=staged)

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in _MISPLACED and error.filename != self.path:
                raise StateError(
                    f"the {self.where} could not {what}: {error.filename} in it is a link, or of another kind than it "
                    "is to be; see who made it, and remove it"
                ) from error
            place = f" ({error.filename})" if error.filename else ""
            raise UnreachableError(
                f"the {self.where} could not {what}: {error.strerror}{place}; {_REMEDIES.get(error.errno, _REMEDY)}"
            ) from error


def _seen(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def _remove_left(staged: int, before: float) -> None:
    """Remove what killed runs have left. before: in seconds since 1970, by the clock of the file system."""
    with os.scandir(staged) as entries:
        for entry in entries:
            # another run may remove it as well
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime < before:
                    os.unlink(entry.name, dir_fd=staged)
