# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies the files that a database refers to, sharing their blocks or their inodes where the file system can.

The directories belong to Odoo, whose code may put a link in the place of one at any moment, and this runs as root. So
each is opened once, and all that follows goes by its descriptor.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby

from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import (
    made_below,
    made_directory,
    opened_below,
    opened_directory,
    opened_file,
    owner_of_directory,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import sync_file_system
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import is_store_fname

# ioctl(2): FICLONE = _IOW(0x94, 9, int); the copy shares the blocks of the original until one is written to
_FICLONE = 0x40049409
_WORKERS = 4
# as much as sendfile(2) takes at once
_PIECE_BYTES = 0x7FFFF000
_UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.EPERM, errno.EMLINK, errno.ENOSYS)


@dataclass(frozen=True)
class Shard:
    """The descriptors of one directory of a filestore and of its copy."""

    source: int
    target: int


# copies the file of this name, from one directory to the other
Way = Callable[[Shard, str], None]


@dataclass(frozen=True)
class Copied:
    """What came over. how: reflink, hardlink or copy. missing: names that the source does not hold."""

    how: str
    names: tuple[str, ...]
    missing: tuple[str, ...] = ()


def copy_blobs(source: str, target: str, names: Sequence[str], how: str = "auto") -> Copied:
    """Copy the files `names` (ab/abcd...) of filestore `source` to `target`, and account for each.

    how: auto takes the first of reflink, hardlink and copy that the file system can; a file of Odoo's filestore is
    addressed by its content and never written to again, so two filestores may share one. A name that Odoo gives to no
    file counts as missing.
    Raises StateError where a named way is not possible or a file cannot be copied.
    """
    kept = sorted(set(names))
    # directory by directory: a task for each file would cost more than its link
    shards = {
        shard: [name[3:] for name in listed]
        for shard, listed in groupby(filter(is_store_fname, kept), key=lambda name: name[:2])
    }
    with _directories(source, target) as roots:
        if roots is None:
            return Copied(next(iter(_ways(how))), (), tuple(kept))
        chosen, way = _choose(roots, source, target, shards, how)
        with ThreadPoolExecutor(_WORKERS) as pool:
            copied = pool.map(lambda shard: _some(roots, source, shard, shards[shard], way), shards)
            there = {name for listed in copied for name in listed}
        if way is _copy:
            with _told(target, ""):
                sync_file_system(roots.target)
    return Copied(
        chosen, tuple(name for name in kept if name in there), tuple(name for name in kept if name not in there)
    )


def _ways(how: str) -> dict[str, Way]:
    return _WAYS if how == "auto" else {how: _WAYS[how]}


@contextmanager
def _directories(source: str, target: str) -> Iterator[Shard | None]:
    """The two filestores, None without an original. The copy is made where it is not there, and gets its owner."""
    with ExitStack() as stack:
        place = source
        try:
            original = stack.enter_context(opened_directory(source))
            place = target
            copy = stack.enter_context(made_directory(target, owner_of_directory(original)))
        except OSError as error:
            if place == target or not isinstance(error, FileNotFoundError):
                raise StateError(f"{place} cannot be used as a directory: {error.strerror}") from error
            yield None
        else:
            yield Shard(original, copy)


@contextmanager
def _opened_shard(roots: Shard, name: str) -> Iterator[Shard | None]:
    """One directory of both filestores, None where the original has none."""
    with ExitStack() as stack:
        try:
            original = stack.enter_context(opened_below(roots.source, name))
        except FileNotFoundError:
            yield None
        else:
            owner = owner_of_directory(roots.source)
            yield Shard(original, stack.enter_context(made_below(roots.target, name, owner)))


def _choose(roots: Shard, source: str, target: str, shards: Mapping[str, Sequence[str]], how: str) -> tuple[str, Way]:
    """The first way that works, tried on a file that is there."""
    ways = _ways(how)
    for shard, names in shards.items():
        sample = _held(roots, source, shard, names)
        if sample is not None:
            return _first_possible(roots, (source, target), shard, sample, ways)
    return next(iter(ways.items()))


def _held(roots: Shard, source: str, shard: str, names: Sequence[str]) -> str | None:
    with _told(source, shard), _opened_shard(roots, shard) as opened:
        if opened is None:
            return None
        held = set(os.listdir(opened.source))
        return next((name for name in names if name in held), None)


def _first_possible(
    roots: Shard, places: tuple[str, str], shard: str, sample: str, ways: Mapping[str, Way]
) -> tuple[str, Way]:
    refusal: OSError | None = None
    source, target = places
    with _told(source, shard), _opened_shard(roots, shard) as opened:
        for name, way in ways.items():
            if opened is None:
                break
            try:
                way(opened, sample)
            except OSError as error:
                if error.errno not in _UNSUPPORTED:
                    raise
                refusal = error
                continue
            os.unlink(sample, dir_fd=opened.target)
            return name, way
    words = refusal.strerror if refusal else "no way was given"
    named = "/".join(ways)
    raise StateError(f"{named} from {source} to {target} is not possible: {words}; choose another way to copy files")


def _some(roots: Shard, source: str, shard: str, names: Iterable[str], way: Way) -> list[str]:
    """Copy the files of one directory; those that came over, with their directory."""
    copied: list[str] = []
    with _told(source, shard), _opened_shard(roots, shard) as opened:
        if opened is None:
            return copied
        for name in names:
            try:
                way(opened, name)
            except FileNotFoundError:
                continue
            copied.append(f"{shard}/{name}")
    return copied


@contextmanager
def _told(source: str, shard: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateError(f"the files in {source}/{shard} cannot be copied: {error.strerror}") from error


def _reflink(shard: Shard, name: str) -> None:
    with _opened(shard, name) as (original, copy):
        fcntl.ioctl(copy, _FICLONE, original)


def _hardlink(shard: Shard, name: str) -> None:
    os.link(name, name, src_dir_fd=shard.source, dst_dir_fd=shard.target, follow_symlinks=False)


def _copy(shard: Shard, name: str) -> None:
    with _opened(shard, name) as (original, copy):
        # the bytes stay in the kernel
        while os.sendfile(copy, original, None, _PIECE_BYTES):
            pass


@contextmanager
def _opened(shard: Shard, name: str) -> Iterator[tuple[int, int]]:
    """Descriptors of a file and of its new copy, which has the same owner and mode; none is left after an error."""
    with opened_file(shard.source, name) as original:
        there = os.fstat(original.fileno())
        copy = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=shard.target)
        try:
            os.fchown(copy, there.st_uid, there.st_gid)
            os.fchmod(copy, there.st_mode & 0o777)
            yield original.fileno(), copy
        except OSError:
            os.unlink(name, dir_fd=shard.target)
            raise
        finally:
            os.close(copy)


_WAYS: dict[str, Way] = {"reflink": _reflink, "hardlink": _hardlink, "copy": _copy}
