# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what a backup stands on: shards of an index, and the notes that interrupted backups left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import held_names, held_sizes
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository, read_manifest
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import Turn
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import (
    DIGITS,
    Index,
    Place,
    Shard,
    index_from,
    parse_shard,
    size_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    NOTE,
    SHARD,
    DataName,
    Note,
    data_key,
    parse_note,
)


def read_shard(repository: Repository, shard: Shard) -> dict[str, Place]:
    """The files of a shard. Raises StateError where it is missing or damaged."""
    key = data_key(shard.held)
    where = f"{key} in the {repository.where}"
    sealed = repository.store.get(key)
    if sealed is None:
        raise StateError(f"{where} is missing; the backups that need it are damaged, use another")
    return parse_shard(repository.keys.open(SHARD, key, sealed, where), where)


@dataclass
class FormerFiles:
    """The files of the backup before this one. A part that cannot be read counts as empty, so its files are sent again.

    warnings: what could not be read. unread: whether a part was among that. lost: objects that are missing or cut off.
    The shard that was read last is kept, for the next prefix in it.
    """

    repository: Repository
    index: Index
    warnings: list[str] = field(default_factory=list)
    lost: frozenset[DataName] = frozenset()
    unread: bool = False
    _last: tuple[str, dict[str, Place]] | None = None

    def below(self, prefix: str) -> dict[str, Place]:
        """The files whose names begin with `prefix`."""
        found: dict[str, Place] = {}
        for shard in self.index.overlapping(prefix):
            if self._last is None or self._last[0] != shard.prefix:
                self._last = (shard.prefix, self._read(shard))
            found.update({name: place for name, place in self._last[1].items() if name.startswith(prefix)})
        return found

    def _read(self, shard: Shard) -> dict[str, Place]:
        try:
            return read_shard(self.repository, shard)
        except StateError as error:
            self.warnings.append(f"{error}; its files are sent again")
            self.unread = True
            return {}


def former_files(turn: Turn, stored: Mapping[DataName, int]) -> FormerFiles:
    """The files of the newest backup whose manifest can be read. stored: the size of each object that is there."""
    warnings = []
    for entry in sorted(turn.catalog.entries, key=lambda one: one.number, reverse=True):
        where = f"{entry.manifest.key} in the {turn.repository.where}"
        try:
            index = index_from(read_manifest(turn.repository, entry.manifest)["index"], where)
        except StateError as error:
            warnings.append(f"backup {entry.name} is damaged: {error}")
        else:
            return FormerFiles(turn.repository, index, warnings, frozenset(index.lost(stored)))
    return FormerFiles(turn.repository, Index(), warnings)


@dataclass
class LeftFiles:
    """The files that interrupted backups have sent. Of their notes, only those of the prefix in hand are held.

    stored: the size of each object that is there. totals: the sizes of the objects that were met.
    """

    repository: Repository
    notes: tuple[Note, ...] = ()
    stored: Mapping[DataName, int] = field(default_factory=dict)
    totals: dict[DataName, int] = field(default_factory=dict)
    _read: dict[Note, dict[str, Place]] = field(default_factory=dict)

    def below(self, prefix: str) -> dict[str, Place]:
        """The files whose names begin with `prefix`."""
        size = len(prefix)
        wanted = [one for one in self.notes if one.first[:size] <= prefix <= one.last[:size]]
        self._read = {one: self._read.get(one) or self._files_of(one) for one in wanted}
        return {
            name: place for files in self._read.values() for name, place in files.items() if name.startswith(prefix)
        }

    def _files_of(self, note: Note) -> dict[str, Place]:
        sealed = self.repository.store.get(note.key)
        if sealed is None:
            return {}
        where = f"{note.key} in the {self.repository.where}"
        files = parse_shard(self.repository.keys.open(NOTE, note.key, sealed, where), where)
        if any(place.held != note.held for place in files.values()):
            raise StateError(f"{where} names another object than its own; see who has written it, and remove it")
        size = size_of(files)
        if self.stored.get(note.held) != size:
            return {}
        self.totals[note.held] = size
        return files


def notes_left(turn: Turn) -> list[Note]:
    """The notes of interrupted backups, of complete ones that were killed before they removed them, and of others."""
    return [note for note in map(parse_note, turn.repository.store.objects("sent/")) if note]


def left_files(turn: Turn, notes: Iterable[Note], stored: Mapping[DataName, int]) -> LeftFiles:
    """The files of interrupted backups that a backup may use: none that an expiry has given up.

    stored: the size of each object that is there; others are not used.
    """
    complete = {one.number for one in turn.catalog.entries}
    usable = [
        one
        for one in notes
        if turn.catalog.given_up < one.held.number < turn.number and one.held.number not in complete
    ]
    return LeftFiles(turn.repository, tuple(sorted(usable, key=lambda one: one.held)), stored)


def listed(filestore: str, prefix: str) -> set[str]:
    """The names in a filestore that begin with `prefix`, without a look at the files."""
    found: set[str] = set()
    for folder in _folders(prefix):
        found |= held_names(filestore, folder)
    return found


def absent(files: Mapping[str, Place], filestore: str, prefix: str) -> dict[str, Place]:
    """Those of `files`, whose names begin with `prefix`, that a filestore does not hold, or not with their size."""
    held: dict[str, int] = {}
    for folder in _folders(prefix):
        held.update(held_sizes(filestore, folder))
    return {name: place for name, place in files.items() if held.get(name) != place.size}


def _folders(prefix: str) -> Iterable[str]:
    if len(prefix) == len("00"):
        return (prefix,)
    return (folder for digit in DIGITS for folder in _folders(prefix + digit))
