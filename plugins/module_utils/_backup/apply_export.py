# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a database with its files into one archive: read in one snapshot, each file proven, the name given last."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

from ansible_collections.gantry.odoo.plugins.module_utils._backup import read_database
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import DatabaseFacts
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_export import (
    DUMP,
    FILES,
    MANIFEST,
    Archive,
    archive_from,
    manifest,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import refuse_missing
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import opened_directory, remove_entry
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import DUMPING, VERIFY, Count, counted
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import FILES as FILES_PART
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import blob_path, is_store_fname
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import CHUNK_BYTES, blobs, opened_blob
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect

PARTIAL = ".partial"


@dataclass(frozen=True)
class Export:
    """One archive to write. path: of the archive, whose directory is there."""

    database: str
    filestore: str
    login: Login
    path: str
    lock_timeout: int = 300


@dataclass(frozen=True)
class Exported:
    """An archive that was written and read again. rows: of all tables. size: in bytes."""

    files: int
    rows: int
    size: int
    sha256: str


def found(path: str) -> Archive | None:
    """What an archive says of itself, None where there is no file. Raises StateError where it is another file."""
    if not os.path.lexists(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            return archive_from(archive.read(MANIFEST), path)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise StateError(f"{path} exists and is no archive of a database ({error}); name another file") from error


def require_place(path: str) -> None:
    """Raise InputError where no archive can be written at a path."""
    if not path.endswith(".zip") or not os.path.isdir(os.path.dirname(path)):
        raise InputError(
            f"path: {path} does not end in .zip, or its directory does not exist; name another, or make it"
        )


def uuid_of(login: Login, database: str) -> str:
    """The uuid of a database, empty without one."""
    with closing(connect(login, database, autocommit=False)) as connection:
        read_database.require_odoo(connection, database)
        read_database.require_all_rows(connection)
        return read_database.uuid(connection)


def write(order: Export, client: int, deadline: Deadline, progress: Progress) -> Exported:
    """Write the archive beside its name, read it again, and give it its name. client: the major version of pg_dump."""
    guard = read_database.hold_collector(order.login, order.database, order.lock_timeout)
    with closing(guard), read_database.held_still(order.login, order.database, order.lock_timeout) as still:
        read_database.require_all_rows(still.connection)
        _count, names = read_database.stored_names(still.connection, order.database)
        files = _present(order, list(names))
        facts = read_database.facts(still.connection, order.database)
        above, name = os.path.split(order.path)
        try:
            with opened_directory(above) as directory, _part(directory, name + PARTIAL) as part:
                _fill(part, order, facts, files, still.snapshot, client, deadline, progress)
                with progress.part(VERIFY):
                    size, sha256 = _prove(part, order.path + PARTIAL, len(files), deadline)
                os.rename(name + PARTIAL, name, src_dir_fd=directory, dst_dir_fd=directory)
                os.fsync(directory)
        except OSError as error:
            raise StateError(f"{order.path} could not be written: {error.strerror}; see the disk") from error
    return Exported(len(files), sum(facts.tables.values()), size, sha256)


def _present(order: Export, names: list[str]) -> dict[str, int]:
    """The files that the database refers to, with their sizes in bytes. Raises StateError where one is not there."""
    held = dict(blobs(order.filestore))
    refuse_missing(
        order.database, order.filestore, (name for name in names if name not in held or not is_store_fname(name))
    )
    return {name: held[name] for name in names}


@contextmanager
def _part(directory: int, name: str) -> Iterator[BinaryIO]:
    """A new file for root alone; without its name after the block: a part is no use and holds a tenant's data."""
    remove_entry(directory, name)
    handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
    try:
        with open(handle, "w+b") as stream:
            yield stream
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)


def _fill(
    stream: BinaryIO,
    order: Export,
    facts: DatabaseFacts,
    files: Mapping[str, int],
    snapshot: str,
    client: int,
    deadline: Deadline,
    progress: Progress,
) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        dumped = pgtools.dump(order.login, order.database, snapshot, client, order.lock_timeout, deadline, kind="plain")
        with dumped as dump, archive.open(DUMP, "w", force_zip64=True) as member, progress.part(DUMPING) as counter:
            for piece in counted(iter(lambda: dump.read(CHUNK_BYTES), b""), counter.add):
                member.write(piece)
        with progress.part(FILES_PART) as counter:
            counter.expect(len(files), sum(files.values()))
            for name in sorted(files):
                _add(archive, order.filestore, name, deadline, counter.add)
        # last, so that an archive without it is known to be a part
        archive.writestr(MANIFEST, manifest(facts))
    stream.flush()
    os.fsync(stream.fileno())


def _add(archive: zipfile.ZipFile, filestore: str, name: str, deadline: Deadline, count: Count) -> None:
    """Add one file, whose bytes have to have the SHA-1 that names it."""
    if deadline.remaining <= 0:
        raise DeadlineError(f"the export was stopped after {deadline.seconds:g} s, its deadline")
    digest, path = hashlib.sha1(), blob_path(filestore, name)
    try:
        with opened_directory(filestore) as directory:
            source = opened_blob(directory, name)
    except OSError as error:
        raise StateError(f"{path} could not be read: {error.strerror}; restore it, then run again") from error
    with source, archive.open(FILES + name, "w", force_zip64=True) as member:
        for piece in counted(iter(lambda: source.read(CHUNK_BYTES), b""), count):
            digest.update(piece)
            member.write(piece)
    count(1, 0)
    if digest.hexdigest() != name.rpartition("/")[2]:
        raise StateError(f"{path} does not have the SHA-1 that names it; restore it from a backup, then run again")


def _prove(stream: BinaryIO, path: str, files: int, deadline: Deadline) -> tuple[int, str]:
    """Read the archive again: each member by its checksum; its size and its SHA-256."""
    with zipfile.ZipFile(stream) as archive:
        damaged = archive.testzip()
        members = sum(1 for name in archive.namelist() if name.startswith(FILES))
    if damaged or members != files:
        what = f"{damaged} in it is damaged" if damaged else f"it holds {members} of {files} files"
        raise StateError(f"{path} was not written as it was meant to be, as {what}; see the disk, then run again")
    digest = hashlib.sha256()
    stream.seek(0)
    for piece in iter(lambda: stream.read(CHUNK_BYTES), b""):
        if deadline.remaining <= 0:
            raise DeadlineError(f"the export was stopped after {deadline.seconds:g} s, its deadline")
        digest.update(piece)
    return os.fstat(stream.fileno()).st_size, digest.hexdigest()
