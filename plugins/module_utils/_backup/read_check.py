# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the backups of one tenant and proves them: manifests, indexes, dumps, and each file by its SHA-1.

What is held of files at once are those of one shard's prefix, and of the damaged ones their copies.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_files import (
    GAP_BYTES,
    REQUEST_BYTES,
    WORKERS,
    each,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_check import (
    IN_DUMP,
    IN_FILES,
    IN_INDEX,
    IN_MANIFEST,
    Check,
    Copies,
    Finding,
    Found,
    Part,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import manifest_of, read_dump
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import DUMPING, FILES, Count, counted
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    read_document,
    stored_sizes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import (
    Index,
    Piece,
    Place,
    Shard,
    pieces_of,
    prefixes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    CHECK,
    DataName,
    data_key,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_files import read_shard
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_pieces import Placed, prove

SHOWN = 3
# So many damaged files are healed by one check; the next one goes on.
MOST_COPIES = 200_000


@dataclass
class Lacking:
    """The files of one shard in one object that cannot be read."""

    why: str
    files: int = 0
    copies: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, other: Lacking) -> None:
        """Count those of another shard as well."""
        self.files, self.copies = self.files + other.files, self.copies + other.copies
        self.names = [*self.names, *other.names][:SHOWN]


@dataclass(frozen=True)
class Aid:
    """Another repository of the same backups, whose manifests and indexes are read where those here cannot be.

    damaged: the keys of its objects that are not to be read.
    """

    repository: Repository
    damaged: frozenset[str] = frozenset()

    def has(self, key: str) -> bool:
        """Whether an object may be read there."""
        return key not in self.damaged


@dataclass
class FilesRead:
    """What was found of files. broken: shards that cannot be read, and why. lacking: by shard, then by object.

    read: the objects of which something was read.
    """

    broken: dict[DataName, str] = field(default_factory=dict)
    lacking: dict[DataName, dict[DataName, Lacking]] = field(default_factory=dict)
    copies: dict[str, Place] = field(default_factory=dict)
    shards: dict[DataName, Shard] = field(default_factory=dict)
    read: set[DataName] = field(default_factory=set)
    bytes: int = 0


def recorded_part(repository: Repository) -> dict[str, Any] | None:
    """The part that the next check is to read, None before the first one."""
    return read_document(repository, CHECK)


def survey(
    repository: Repository,
    catalog: Catalog,
    part: Part,
    deadline: Deadline,
    progress: Progress,
    more: Collection[DataName] = (),
    aid: Aid | None = None,
) -> Check:
    """Read all manifests and indexes, and of dumps and files those in `part` and those in doubt.

    In doubt are objects that a former check found damaged, those of another size than they were written with, and
    `more`. aid: says what backups need where this repository lacks a manifest or a part of an index.
    """
    stored = stored_sizes(repository)
    sizes: dict[DataName, int] = {}
    manifests = each(partial(_manifest, repository, aid, sizes), catalog.entries, deadline, "reading the manifests")
    doubted = {*catalog.damaged, *more, *(name for name, size in sizes.items() if stored.get(name, size) != size)}
    sound = [one for one in manifests if isinstance(one, Manifest)]

    def is_read(name: DataName) -> bool:
        return name in doubted or part.has(name)

    with progress.part(FILES) as counter:
        # what lies between two files of an object is not read
        counter.expect(size=sum(stored.get(name, 0) for name in sizes if is_read(name)), estimated=True)
        reader = FileReader(repository, [one.index for one in sound], stored, is_read, deadline, counter.add, aid)
        files = reader.read()
    read_dumps = [one for one in sound if is_read(one.dump.held[0])]
    with progress.part(DUMPING) as counter:
        counter.expect(size=sum(one.dump.size for one in read_dumps))
        prove_dump = partial(_dump_findings, repository, stored, is_read, deadline, counter.add)
        dumps = dict(zip((one.number for one in sound), each(prove_dump, sound, deadline, "reading the dumps")))
    found = []
    for entry, manifest in zip(catalog.entries, manifests):
        if isinstance(manifest, Manifest):
            findings = (*dumps[entry.number], *_index_findings(manifest.index, files))
            found.append(Found(entry, findings, manifest.filestore.missing))
        else:
            found.append(Found(entry, (Finding(entry.manifest.key, IN_MANIFEST, manifest),)))
    read = files.read.union(*(one.dump.held for one in read_dumps))
    return Check(
        tenant=repository.tenant,
        catalog=catalog,
        part=part,
        found=tuple(found),
        copies=Copies(files.copies, files.shards),
        sizes=sizes,
        read=frozenset(read),
        objects=len(read),
        bytes=files.bytes + sum(sum(one.dump.stored) for one in read_dumps),
    )


def _manifest(repository: Repository, aid: Aid | None, sizes: dict[DataName, int], entry: Entry) -> Manifest | str:
    """The manifest of a backup, or why it cannot be read. Its objects with files go into `sizes` alone."""
    try:
        manifest = manifest_of(repository, entry)
    except StateError as error:
        if aid is None or not aid.has(entry.manifest.key):
            return str(error)
        return _manifest(aid.repository, None, sizes, entry)
    sizes.update({name: use.total for name, use in manifest.index.uses.items()})
    return replace(manifest, index=Index(manifest.index.width, manifest.index.shards))


def _dump_findings(
    repository: Repository,
    stored: Mapping[DataName, int],
    is_read: Callable[[DataName], bool],
    deadline: Deadline,
    count: Count,
    manifest: Manifest,
) -> list[Finding]:
    """What is wrong with the dump of a backup."""
    found = []
    for name, size in zip(manifest.dump.held, manifest.dump.stored):
        if stored.get(name) != size:
            seen = f"has {stored[name]} bytes instead of {size}" if name in stored else "is missing"
            why = f"{data_key(name)} in the {repository.where} {seen}"
            found.append(Finding(data_key(name), IN_DUMP, why, name))
    if found or not is_read(manifest.dump.held[0]):
        return found
    try:
        for _piece in counted(read_dump(repository, manifest), count):
            if deadline.remaining <= 0:
                raise DeadlineError(f"reading the dumps was stopped after {deadline.seconds:g} s, its deadline")
    except StateError as error:
        return [Finding(data_key(name), IN_DUMP, str(error), name) for name in manifest.dump.held]
    return []


def _index_findings(index: Index, files: FilesRead) -> Iterator[Finding]:
    """What is wrong with the index of a backup, and with its files."""
    lacking: dict[DataName, Lacking] = {}
    for shard in index.shards.values():
        held = shard.held
        if held in files.broken:
            other = files.shards.get(held)
            copies = shard.files if other else 0
            yield Finding(data_key(held), IN_INDEX, files.broken[held], held, shard.files, copies)
            if other is None:
                continue
            held = other.held
        for name, one in files.lacking.get(held, {}).items():
            lacking.setdefault(name, Lacking(one.why)).add(one)
    for name, one in sorted(lacking.items()):
        yield Finding(data_key(name), IN_FILES, one.why, name, one.files, one.copies, tuple(one.names))


@dataclass
class FileReader:
    """Reads the files of indexes, each byte once though many backups share it.

    stored: the sizes of the objects that are there. is_read: whether an object is to be read. count: is told the files
    and bytes that were read. aid: see `survey`.
    """

    repository: Repository
    indexes: list[Index]
    stored: Mapping[DataName, int]
    is_read: Callable[[DataName], bool]
    deadline: Deadline
    count: Count
    aid: Aid | None = None
    found: FilesRead = field(default_factory=FilesRead)

    def read(self) -> FilesRead:
        """Read the files, a prefix of their names after the other."""
        width = max((index.width for index in self.indexes), default=0)
        for prefix in prefixes(width):
            shards = self._shards_of(prefix)
            placed = {one for _shard, files in self._files_of(shards, prefix) for one in files.items()}
            damaged = self._prove(placed)
            if damaged:
                self._find_copies(placed, damaged)
                self._count(shards, prefix, damaged)
        self._find_shards()
        return self.found

    def _shards_of(self, prefix: str) -> list[Shard]:
        """The shards with names that begin with `prefix`, each once. No index is divided more finely."""
        shards = (index.shards.get(prefix[: index.width]) for index in self.indexes)
        return list({one.held: one for one in shards if one}.values())

    def _files_of(self, shards: Sequence[Shard], prefix: str) -> Iterator[tuple[Shard, dict[str, Place]]]:
        """The files of each shard whose names begin with `prefix`, a few shards at once."""
        for start in range(0, len(shards), WORKERS):
            batch = [one for one in shards[start : start + WORKERS] if one.held not in self.found.broken]
            for shard, files in zip(batch, each(self._read_shard, batch, self.deadline, "reading the indexes")):
                yield shard, {name: place for name, place in files.items() if name.startswith(prefix)}

    def _read_shard(self, shard: Shard) -> dict[str, Place]:
        try:
            files = read_shard(self.repository, shard)
        except StateError as error:
            return self._aided(shard, str(error))
        self.found.read.add(shard.held)
        return files

    def _aided(self, shard: Shard, why: str) -> dict[str, Place]:
        """The files of a shard that cannot be read here."""
        if self.aid is not None and self.aid.has(data_key(shard.held)):
            with suppress(StateError):
                return read_shard(self.aid.repository, shard)
        self.found.broken[shard.held] = why
        return {}

    def _prove(self, placed: Iterable[Placed]) -> dict[Placed, str]:
        """The damaged ones of these files, and why; those of an object that is not to be read pass for intact."""
        there: list[Placed] = []
        damaged: dict[Placed, str] = {}
        for one in placed:
            held = one[1].held
            if held not in self.stored:
                damaged[one] = f"{data_key(held)} in the {self.repository.where} is missing"
            elif self.is_read(held):
                there.append(one)
        return {**damaged, **self._read(pieces_of(there, GAP_BYTES, REQUEST_BYTES))}

    def _read(self, pieces: Sequence[Piece]) -> dict[Placed, str]:
        damaged: dict[Placed, str] = {}
        for one in each(self._prove_piece, pieces, self.deadline, "reading the files"):
            damaged.update(one)
        self.found.read.update(piece.held for piece in pieces)
        self.found.bytes += sum(piece.length for piece in pieces)
        return damaged

    def _prove_piece(self, piece: Piece) -> dict[Placed, str]:
        damaged = prove(self.repository, piece)
        self.count(len(piece.files), piece.length)
        return damaged

    def _find_copies(self, placed: Iterable[Placed], damaged: dict[Placed, str]) -> None:
        """Look for an intact copy of each damaged file. A place that was not read yet is read, and may be damaged."""
        names = {name for name, _place in damaged}
        for name, place in sorted(one for one in placed if one[0] in names and one not in damaged):
            if len(self.found.copies) >= MOST_COPIES:
                return
            if name in self.found.copies:
                continue
            if not self.is_read(place.held):
                damaged.update(self._read([Piece(place.held, place.offset, place.length, [(name, place)])]))
            if (name, place) not in damaged:
                self.found.copies[name] = place

    def _count(self, shards: Sequence[Shard], prefix: str, damaged: Mapping[Placed, str]) -> None:
        """Count the damaged files of each shard, by object."""
        for shard, files in self._files_of(shards, prefix):
            for one in sorted(damaged.keys() & files.items()):
                counts = self.found.lacking.setdefault(shard.held, {})
                count = counts.setdefault(one[1].held, Lacking(damaged[one]))
                count.add(Lacking("", 1, int(one[0] in self.found.copies), [one[0]]))

    def _find_shards(self) -> None:
        """For each part of an index that cannot be read, another one with the same names, where there is one."""
        shards = [shard for index in self.indexes for shard in index.shards.values()]
        intact = {(one.prefix, one.digest): one for one in shards if one.held not in self.found.broken}
        for one in shards:
            if one.held in self.found.broken and (one.prefix, one.digest) in intact:
                self.found.shards[one.held] = intact[one.prefix, one.digest]
