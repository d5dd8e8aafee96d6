# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a filestore holds, held against what its database refers to. Changes nothing."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import (
    RECYCLED,
    blob_path,
    filestore_path,
    is_remote,
    is_store_fname,
)

CHUNK_BYTES = 1024 * 1024
READERS = 8
_SPOOL = "checklist/"
_OCTAL = re.compile(r"\\([0-7]{3})")
_REFERENCED = "SELECT DISTINCT store_fname FROM public.ir_attachment WHERE store_fname IS NOT NULL"


@dataclass(frozen=True)
class Referenced:
    """What the attachments of a database refer to. remote: what an addon keeps on object storage."""

    files: tuple[str, ...]
    remote: tuple[str, ...] = ()


def referenced(cursor: Any) -> Referenced:
    """The names that the attachments of a database refer to, each once."""
    cursor.execute(_REFERENCED)
    names = [row[0] for row in cursor.fetchall()]
    return Referenced(
        tuple(name for name in names if not is_remote(name)), tuple(name for name in names if is_remote(name))
    )


def filestores(data_dir: str) -> list[str]:
    """The names of the directories that are filestores, by the place where they lie."""
    try:
        with os.scandir(filestore_path(data_dir, "")) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir() and entry.name != RECYCLED)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StateError(f"the filestores of {data_dir} could not be listed: {error.strerror}") from error


def require_movable(directory: str) -> None:
    """Raise StateError where a directory cannot be renamed or removed, as something is mounted on it."""
    place = os.path.join(os.path.realpath(os.path.dirname(directory)), os.path.basename(directory))
    if place in _mounts():
        raise StateError(
            f"the filestore {directory} is a mount point, so it can be neither renamed nor removed, and nothing was "
            "done; mount the directory above it instead, with the files of this one in it"
        )


def _mounts() -> set[str]:
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as handle:
        # spaces and the like are octal there
        return {_OCTAL.sub(lambda found: chr(int(found[1], 8)), line.split()[4]) for line in handle}


def sizes(directory: str) -> dict[str, int]:
    """Each file below a filestore by its path in it, with its size in bytes; none where there is no directory."""

    def fail(error: OSError) -> None:
        # the collector removes files while they are listed
        if not isinstance(error, FileNotFoundError):
            raise StateError(f"filestore {error.filename} could not be listed: {error.strerror}") from error

    found: dict[str, int] = {}
    for folder, _folders, files in os.walk(directory, onerror=fail):
        for name in files:
            path = os.path.join(folder, name)
            try:
                found[os.path.relpath(path, directory)] = os.lstat(path).st_size
            except OSError as error:
                fail(error)
    return found


def check_filestore(
    directory: str, names: Iterable[str], verify_content: bool, held: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Look for each file that the database refers to, and for those that it does not refer to.

    held: what `sizes` told before the database was asked, so that no file written since is called an orphan.
    """
    held = sizes(directory) if held is None else held
    wanted = sorted(names)
    with ThreadPoolExecutor(READERS) as pool:
        seen = list(pool.map(lambda name: _blob(blob_path(directory, name), name, verify_content), wanted))
    return {
        "files": len(wanted),
        "bytes": sum(size for size, _whole in seen if size is not None),
        "missing": [name for name, (size, _whole) in zip(wanted, seen) if size is None],
        "corrupt": [name for name, (size, whole) in zip(wanted, seen) if size is not None and not whole],
        "orphans": _orphans(held, frozenset(wanted)),
        "disk_bytes": sum(held.values()),
    }


def _orphans(held: Mapping[str, int], wanted: frozenset[str]) -> dict[str, int]:
    names = [name for name in held if name not in wanted and not name.startswith(_SPOOL)]
    return {
        "files": len(names),
        "bytes": sum(held[name] for name in names),
        "spooled": sum(1 for name in names if _SPOOL + name in held),
    }


def _blob(path: str, name: str, verify_content: bool) -> tuple[int | None, bool]:
    if not is_store_fname(name):
        # what a tenant wrote into a row is no path to be looked at
        return None, False
    try:
        size = os.path.getsize(path)
        return size, not verify_content or sha1_of(path) == name.rsplit("/", 1)[-1]
    except FileNotFoundError:
        return None, False
    except OSError as error:
        raise StateError(f"filestore file {path} could not be read: {error.strerror}") from error


def sha1_of(path: str) -> str:
    """The SHA-1 of a file's bytes, read in pieces. Raises OSError as open() does."""
    digest = hashlib.sha1()
    with open(path, "rb") as handle:
        for piece in iter(lambda: handle.read(CHUNK_BYTES), b""):
            digest.update(piece)
    return digest.hexdigest()


def blobs(filestore: str) -> Iterator[tuple[str, int]]:
    """Each file of a filestore as (store_fname, size in bytes); the collector's spool `checklist` is not one."""
    if not os.path.isdir(filestore):
        return
    with os.scandir(filestore) as shards:
        for shard in sorted(shards, key=lambda entry: entry.name):
            if len(shard.name) != 2 or not shard.is_dir(follow_symlinks=False):
                continue
            with os.scandir(shard.path) as files:
                for entry in files:
                    if is_store_fname(f"{shard.name}/{entry.name}"):
                        yield f"{shard.name}/{entry.name}", entry.stat(follow_symlinks=False).st_size
