# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a filestore holds, held against what its database refers to. Changes nothing."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, BinaryIO

from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import (
    opened_below,
    opened_directory,
    opened_file,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import (
    RECYCLED,
    filestore_path,
    is_remote,
    is_store_fname,
)

CHUNK_BYTES = 1024 * 1024
READERS = 8
_SPOOL = "checklist/"
_SHARD = re.compile(r"[0-9a-f]{2}")
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
        with opened_directory(filestore_path(data_dir, "")) as directory, os.scandir(directory) as entries:
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
            raise StateError(f"filestore {directory} could not be listed: {error.strerror}") from error

    found: dict[str, int] = {}
    try:
        with opened_directory(directory) as top:
            for folder, _folders, files, below in os.fwalk(dir_fd=top, onerror=fail):
                for name in files:
                    try:
                        size = os.stat(name, dir_fd=below, follow_symlinks=False).st_size
                    except OSError as error:
                        fail(error)
                        continue
                    found[os.path.normpath(os.path.join(folder, name))] = size
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
    # what a tenant wrote into a row is no path to be looked at
    shards = groupby(filter(is_store_fname, wanted), key=lambda name: name[:2])
    seen: dict[str, tuple[int, bool]] = {}
    try:
        with opened_directory(directory) as top, ThreadPoolExecutor(READERS) as pool:
            look = partial(_blobs, top, directory, verify_content)
            for found in pool.map(look, [list(listed) for _shard, listed in shards]):
                seen.update(found)
    except FileNotFoundError:
        # each file is missing then
        pass
    except OSError as error:
        raise StateError(f"filestore {directory} could not be read: {error.strerror}") from error
    return {
        "files": len(wanted),
        "bytes": sum(size for size, _whole in seen.values()),
        "missing": [name for name in wanted if name not in seen],
        "corrupt": [name for name in wanted if name in seen and not seen[name][1]],
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


def _blobs(filestore: int, directory: str, verify_content: bool, names: Sequence[str]) -> dict[str, tuple[int, bool]]:
    """The files of one directory that are there, with size and whether the content is that of the name."""
    found: dict[str, tuple[int, bool]] = {}
    try:
        with opened_below(filestore, names[0][:2]) as shard:
            for name in names:
                with suppress(FileNotFoundError):
                    found[name] = _blob(shard, name[3:], verify_content)
    except FileNotFoundError:
        return found
    except OSError as error:
        where = f"{directory}/{names[0][:2]}"
        raise StateError(f"a file in {where} could not be read: {error.strerror} ({error.filename})") from error
    return found


def _blob(shard: int, digest: str, verify_content: bool) -> tuple[int, bool]:
    if not verify_content:
        return os.stat(digest, dir_fd=shard, follow_symlinks=False).st_size, True
    with opened_file(shard, digest) as stream:
        return os.fstat(stream.fileno()).st_size, sha1_of(stream) == digest


@contextmanager
def opened_filestore(filestore: str) -> Iterator[int]:
    """A descriptor of a filestore, for the files of one piece of work. Raises StateError where it cannot be opened."""
    with ExitStack() as stack:
        try:
            directory = stack.enter_context(opened_directory(filestore))
        except OSError as error:
            raise StateError(f"filestore {filestore} cannot be read: {error.strerror}") from error
        yield directory


def opened_blob(filestore: int, name: str) -> BinaryIO:
    """A file `ab/abcd...` of an open filestore, to be read. Raises OSError as open() does, also for no regular file."""
    shard, _slash, rest = name.partition("/")
    with opened_below(filestore, shard) as directory:
        return opened_file(directory, rest)


def sha1_of(stream: BinaryIO) -> str:
    """The SHA-1 of the bytes of a stream, read in pieces."""
    digest = hashlib.sha1()
    for piece in iter(lambda: stream.read(CHUNK_BYTES), b""):
        digest.update(piece)
    return digest.hexdigest()


def held_names(filestore: str, shard: str) -> set[str]:
    """The names `ab/abcd...` in one directory of a filestore, whatever has them; none without that directory."""
    with _shard(filestore, shard) as directory:
        return {f"{shard}/{name}" for name in os.listdir(directory)} if directory is not None else set()


def held_sizes(filestore: str, shard: str) -> dict[str, int]:
    """The regular files in one directory of a filestore, by the name `ab/abcd...`, with their sizes in bytes."""
    found: dict[str, int] = {}
    with _shard(filestore, shard) as directory:
        if directory is None:
            return found
        with os.scandir(directory) as entries:
            for entry in entries:
                # the collector removes files while they are listed
                with suppress(FileNotFoundError):
                    if entry.is_file(follow_symlinks=False):
                        found[f"{shard}/{entry.name}"] = entry.stat(follow_symlinks=False).st_size
    return found


@contextmanager
def _shard(filestore: str, shard: str) -> Iterator[int | None]:
    """One directory of a filestore; None where there is none, as where a link is in its place."""
    with ExitStack() as stack:
        try:
            top = stack.enter_context(opened_directory(filestore))
            directory: int | None = stack.enter_context(opened_below(top, shard))
        except (FileNotFoundError, NotADirectoryError):
            directory = None
        except OSError as error:
            raise StateError(f"filestore {filestore}/{shard} could not be listed: {error.strerror}") from error
        yield directory


def blobs(filestore: str) -> Iterator[tuple[str, int]]:
    """Each file of a filestore as (store_fname, size in bytes); the collector's spool `checklist` is not one."""
    try:
        with opened_directory(filestore) as top:
            names = sorted(os.listdir(top))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateError(f"filestore {filestore} could not be listed: {error.strerror}") from error
    for shard in filter(_SHARD.fullmatch, names):
        yield from ((name, size) for name, size in held_sizes(filestore, shard).items() if is_store_fname(name))
