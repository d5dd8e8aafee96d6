# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies the files that a database refers to, sharing their blocks or their inodes where the file system can."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Optional

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.filestore import blob_path

# ioctl(2): FICLONE = _IOW(0x94, 9, int); the copy shares the blocks of the original until one is written to
_FICLONE = 0x40049409
_WORKERS = 4
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
    with ThreadPoolExecutor(_WORKERS) as pool:
        done = list(pool.map(lambda name: _one(source, target, name, way), kept))
    came = tuple(name for name, there in zip(kept, done) if there)
    return Copied(chosen, came, tuple(name for name, there in zip(kept, done) if not there))


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
    refusal: Optional[OSError] = None
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


def _one(source: str, target: str, name: str, way: Way) -> bool:
    try:
        way(blob_path(source, name), blob_path(target, name))
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StateError(f"{blob_path(source, name)} cannot be copied to {target}: {error.strerror}") from error
    return True


def _reflink(source: str, target: str) -> None:
    with open(source, "rb") as original:
        made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.ioctl(made, _FICLONE, original.fileno())
        except OSError:
            os.unlink(target)
            raise
        finally:
            os.close(made)
    _as_before(source, target)


def _hardlink(source: str, target: str) -> None:
    os.link(source, target, follow_symlinks=False)


def _copy(source: str, target: str) -> None:
    # copy_file_range(2) below, where the kernel has it: the bytes stay in the kernel
    shutil.copyfile(source, target)
    _as_before(source, target)


def _as_before(source: str, target: str) -> None:
    there = os.stat(source)
    os.chown(target, there.st_uid, there.st_gid)
    os.chmod(target, there.st_mode & 0o777)


_WAYS: dict[str, Way] = {"reflink": _reflink, "hardlink": _hardlink, "copy": _copy}
