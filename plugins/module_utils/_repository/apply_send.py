# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends files of a filestore: small ones in packs, each proven by the SHA-1 that names it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import BinaryIO, TypeVar

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import Count, counted
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import blob_path
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import opened_blob, opened_filestore
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import PieceReader
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import (
    Place,
    Shard,
    digest_of,
    shard_bytes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    FILE,
    NOTE,
    SHARD,
    DataName,
    data_key,
    note_of,
)

READ_BYTES = 1024 * 1024
TORN_READS = 3
TORN_PAUSE_S = 0.5

T = TypeVar("T")


class _TornError(Exception):
    """The bytes of a file do not have the SHA-1 that names it: it is being written, or damaged."""


def send_pack(
    repository: Repository, held: DataName, filestore: str, names: Sequence[str], count: Count
) -> dict[str, Place]:
    """Send small files as one object; where each lies in it. A note of them stands until the backup is complete.

    count: is told each file with its bytes.
    """
    packed = bytearray()
    files: dict[str, Place] = {}
    with opened_filestore(filestore) as directory:
        for name in names:
            content = _attempted(directory, filestore, name, partial(_content, name))
            sealed = repository.keys.seal(FILE, name, content)
            files[name] = Place(len(content), held, len(packed), len(sealed))
            packed += sealed
            count(1, len(content))
    repository.store.put(data_key(held), bytes(packed))
    _note(repository, held, files)
    return files


def send_large(repository: Repository, held: DataName, filestore: str, name: str, count: Count) -> dict[str, Place]:
    """Send one large file as an object of its own; where it lies. count: is told its bytes and the file."""

    def send(handle: BinaryIO) -> Place:
        sealed = PieceReader(repository.keys.seal_stream(FILE, name, counted(_proven(handle, name), count)))
        repository.store.upload(data_key(held), sealed, os.fstat(handle.fileno()).st_size)
        return Place(handle.tell(), held, 0, sealed.size)

    with opened_filestore(filestore) as directory:
        files = {name: _attempted(directory, filestore, name, send)}
    count(1, 0)
    _note(repository, held, files)
    return files


def send_shard(repository: Repository, held: DataName, prefix: str, files: Mapping[str, Place]) -> tuple[Shard, int]:
    """Send a part of an index; what a manifest says of it, and the bytes sent."""
    key = data_key(held)
    sealed = repository.keys.seal(SHARD, key, shard_bytes(files))
    repository.store.put(key, sealed)
    size = sum(place.size for place in files.values())
    return Shard(prefix, held, digest_of(sorted(files)), len(files), size), len(sealed)


def _content(name: str, handle: BinaryIO) -> bytes:
    return b"".join(_proven(handle, name))


def _note(repository: Repository, held: DataName, files: dict[str, Place]) -> None:
    key = note_of(held, files).key
    repository.store.put(key, repository.keys.seal(NOTE, key, shard_bytes(files)))


def _attempted(directory: int, filestore: str, name: str, work: Callable[[BinaryIO], T]) -> T:
    """What `work` makes of a file. Odoo writes in place, so a file can be met half written."""
    path = blob_path(filestore, name)
    for attempt in range(TORN_READS):
        if attempt:
            time.sleep(TORN_PAUSE_S)
        try:
            # a tenant may put a link or a pipe in the place of a file, or a link in that of its directory
            with opened_blob(directory, name) as handle:
                return work(handle)
        except _TornError:
            continue
        except OSError as error:
            raise StateError(f"file {path} of the filestore cannot be read: {error.strerror}") from error
    raise StateError(
        f"file {path} is damaged: its SHA-1 is not its name; "
        "put an intact copy there from an older backup, or delete the attachment"
    )


def _proven(handle: BinaryIO, name: str) -> Iterator[bytes]:
    digest = hashlib.sha1()
    while piece := handle.read(READ_BYTES):
        digest.update(piece)
        yield piece
    if digest.hexdigest() != name[3:]:
        raise _TornError
