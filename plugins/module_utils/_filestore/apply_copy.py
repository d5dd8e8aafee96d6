# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies the files that a database refers to, sharing their blocks or their inodes where the file system can."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, groupby

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import blob_path

# ioctl(2): FICLONE = _IOW(0x94, 9, int); the copy shares the blocks of the original until one is written to
_FICLONE = 0x40049409
_WORKERS = 4
# as much as sendfile(2) takes at once
_PIECE_BYTES = 0x7FFFF000
_UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.EPERM, errno.EMLINK, errno.ENOSYS)

Way = Callable[[str, str], None]


@dataclass(frozen=True)
class Copied:
    """What came over. how: reflink, hardlink or copy. missing: names that the source does not hold."""

    how: str
    names: tuple[str, ...]
    missing: tuple[str, ...] = ()


def copy_blobs(source: str, target: str, names: Sequence[str], how: str = "auto") -> Copied:
    """Copy the files `names` (ab/abcd...) of filestore `source` to `target`, and account for each.

    how: auto takes the first of reflink, hardlink and copy that the file system can; a file of Odoo's filestore is
    addressed by its content and never written to again, so two filestores may share one.
    Raises StateError where a named way is not possible or a file cannot be copied.
    """
    kept = sorted(set(names))
    _make_directories(source, target, {name.split("/", 1)[0] for name in kept})
    chosen, way = _choose(source, target, kept, how)
    # directory by directory: a task for each file would cost more than its link
    shards = [list(names) for _shard, names in groupby(kept, key=lambda name: name.split("/", 1)[0])]
    with ThreadPoolExecutor(_WORKERS) as pool:
        missing = tuple(chain.from_iterable(pool.map(lambda shard: _some(source, target, shard, way), shards)))
    lost = set(missing)
    return Copied(chosen, tuple(name for name in kept if name not in lost), missing)


def _make_directories(source: str, target: str, shards: Iterable[str]) -> None:
    owner = os.stat(source) if os.path.isdir(source) else None
    for directory in (target, *(os.path.join(target, shard) for shard in sorted(shards))):
        os.makedirs(directory, exist_ok=True)
        if owner:
            os.chown(directory, owner.st_uid, owner.st_gid)


def _choose(source: str, target: str, names: Iterable[str], how: str) -> tuple[str, Way]:
    ways = _WAYS if how == "auto" else {how: _WAYS[how]}
    sample = next((name for name in names if os.path.exists(blob_path(source, name))), None)
    if sample is None:
        return next(iter(ways.items()))
    refusal: OSError | None = None
    for name, way in ways.items():
        try:
            way(blob_path(source, sample), blob_path(target, sample))
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise StateError(f"{blob_path(source, sample)} cannot be copied: {error.strerror}") from error
            refusal = error
            continue
        os.unlink(blob_path(target, sample))
        return name, way
    words = refusal.strerror if refusal else "no way was given"
    raise StateError(f"{how} from {source} to {target} is not possible: {words}; choose another way to copy files")


def _some(source: str, target: str, names: Iterable[str], way: Way) -> list[str]:
    """Copy some files; those that are not there."""
    missing = []
    for name in names:
        try:
            way(blob_path(source, name), blob_path(target, name))
        except FileNotFoundError:
            missing.append(name)
        except OSError as error:
            raise StateError(f"{blob_path(source, name)} cannot be copied to {target}: {error.strerror}") from error
    return missing


def _reflink(source: str, target: str) -> None:
    with _opened(source, target) as (original, copy):
        fcntl.ioctl(copy, _FICLONE, original)


def _hardlink(source: str, target: str) -> None:
    os.link(source, target, follow_symlinks=False)


def _copy(source: str, target: str) -> None:
    with _opened(source, target) as (original, copy):
        # the bytes stay in the kernel
        while os.sendfile(copy, original, None, _PIECE_BYTES):
            pass


@contextmanager
def _opened(source: str, target: str) -> Iterator[tuple[int, int]]:
    """Descriptors of a file and of its new copy, which has the same owner and mode; none is left after an error."""
    original = os.open(source, os.O_RDONLY)
    try:
        there = os.fstat(original)
        copy = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.fchown(copy, there.st_uid, there.st_gid)
            os.fchmod(copy, there.st_mode & 0o777)
            yield original, copy
        except OSError:
            os.unlink(target)
            raise
        finally:
            os.close(copy)
    finally:
        os.close(original)


_WAYS: dict[str, Way] = {"reflink": _reflink, "hardlink": _hardlink, "copy": _copy}
