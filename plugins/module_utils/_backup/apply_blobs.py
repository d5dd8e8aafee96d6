# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a filestore on their way to the bucket and back: in parallel, each proven by the SHA-1 that names it."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_layout import Layout
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import blob_path
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import sha1_of
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket import WORKERS, Bucket

SMALL_BYTES = 8 * 1024 * 1024
TORN_READS = 3
TORN_PAUSE_S = 0.5
PARTIAL = ".gantry-part-"


@dataclass(frozen=True)
class Owner:
    """Who the files of a filestore belong to."""

    uid: int
    gid: int


def upload(bucket: Bucket, layout: Layout, filestore: str, names: Iterable[str], deadline: Deadline) -> int:
    """Send files; the number of bytes sent. A file whose bytes do not have the SHA-1 that names it is not sent."""
    send = partial(_upload_one, bucket, layout, filestore)
    return sum(each(send, names, deadline, "sending the filestore"))


def download(
    bucket: Bucket, layout: Layout, filestore: str, names: Iterable[str], owner: Owner, deadline: Deadline
) -> int:
    """Fetch files into `filestore`; the number of bytes fetched. Under its name a file is complete and proven."""
    listed = list(names)
    for shard in sorted({name[:2] for name in listed}):
        directory(os.path.join(filestore, shard), owner)
    fetch = partial(_download_one, bucket, layout, filestore, owner)
    return sum(each(fetch, listed, deadline, "fetching the filestore"))


def directory(path: str, owner: Owner) -> None:
    """Make a directory, and those above it that are missing, for the owner alone."""
    if os.path.isdir(path):
        return
    directory(os.path.dirname(path), owner)
    os.mkdir(path, 0o750)
    os.chown(path, owner.uid, owner.gid)


def prune(filestore: str, wanted: Collection[str]) -> None:
    """Remove from a filestore in the making what the backup does not refer to, such as half a file."""
    for shard, _directories, names in os.walk(filestore):
        for name in names:
            if os.path.relpath(os.path.join(shard, name), filestore) not in wanted:
                os.unlink(os.path.join(shard, name))


def damaged(filestore: str, names: Iterable[str], deadline: Deadline) -> list[str]:
    """The names whose file is not there or does not have the SHA-1 that names it."""
    listed = list(names)
    intact = each(partial(_is_intact, filestore), listed, deadline, "proving the filestore")
    return [name for name, ok in zip(listed, intact) if not ok]


def each(work: Callable[[str], int], names: Iterable[str], deadline: Deadline, what: str) -> list[int]:
    """Do `work` for every name, several at a time; the first error ends it all."""
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(work, name) for name in names]
        done, rest = wait(futures, timeout=deadline.remaining, return_when=FIRST_EXCEPTION)
        for future in rest:
            future.cancel()
        failed = next((future.exception() for future in done if future.exception() is not None), None)
        if failed is not None:
            raise failed
        if rest:
            raise DeadlineError(f"{what} was stopped after {deadline.seconds:g} s, its deadline")
    return [future.result() for future in futures]


class _NotWholeError(Exception):
    """The bytes read do not have the SHA-1 that they should."""


class _Proven:
    """A file to read that raises at its end when its bytes do not have the SHA-1 that they should."""

    def __init__(self, handle: BinaryIO, name: str) -> None:
        self._handle = handle
        self._name = name
        self._digest = hashlib.sha1()

    def read(self, size: int = -1) -> bytes:
        data = self._handle.read(size)
        self._digest.update(data)
        if not data and size != 0 and self._digest.hexdigest() != self._name[3:]:
            raise _NotWholeError
        return data


def _upload_one(bucket: Bucket, layout: Layout, filestore: str, name: str) -> int:
    # Odoo writes a file in place, so a reader can meet it half written; it is whole a moment later, or damaged
    for attempt in range(1, TORN_READS + 1):
        sent = _send_if_whole(bucket, layout.blob(name), blob_path(filestore, name), name)
        if sent is not None:
            return sent
        if attempt < TORN_READS:
            time.sleep(TORN_PAUSE_S)
    raise StateError(
        f"file {blob_path(filestore, name)} is damaged: its SHA-1 is not its name; "
        "put an intact copy there from an older backup, or delete the attachment"
    )


def _send_if_whole(bucket: Bucket, key: str, path: str, name: str) -> int | None:
    """The bytes sent, None when the file's SHA-1 is not its name."""
    try:
        with open(path, "rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            if size > SMALL_BYTES:
                bucket.upload(key, _Proven(handle, name), size)
                return size
            data = handle.read()
    except _NotWholeError:
        return None
    except OSError as error:
        raise StateError(f"file {path} of the filestore cannot be read: {error.strerror}") from error
    if hashlib.sha1(data).hexdigest() != name[3:]:
        return None
    bucket.put(key, data)
    return len(data)


def _download_one(bucket: Bucket, layout: Layout, filestore: str, owner: Owner, name: str) -> int:
    target = blob_path(filestore, name)
    digest = hashlib.sha1()
    size = 0
    descriptor, unproven = tempfile.mkstemp(prefix=PARTIAL, dir=os.path.dirname(target))
    try:
        with os.fdopen(descriptor, "wb") as handle:
            for piece in bucket.pieces(layout.blob(name), SMALL_BYTES):
                digest.update(piece)
                size += len(piece)
                handle.write(piece)
            os.fchmod(handle.fileno(), 0o640)
            os.fchown(handle.fileno(), owner.uid, owner.gid)
        if digest.hexdigest() != name[3:]:
            raise StateError(
                f"{layout.blob(name)} in the {bucket.settings.where} is damaged: its SHA-1 is not its name; "
                "remove the object and take a new backup, or restore one that does not refer to it"
            )
        os.replace(unproven, target)
    except OSError as error:
        raise StateError(f"file {target} cannot be written: {error.strerror}") from error
    finally:
        if os.path.exists(unproven):
            os.unlink(unproven)
    return size


def _is_intact(filestore: str, name: str) -> bool:
    try:
        return sha1_of(blob_path(filestore, name)) == name[3:]
    except FileNotFoundError:
        return False
