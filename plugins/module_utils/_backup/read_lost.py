# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads which backups have lost objects, from one listing of the contents and as few manifests as suffice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import latest_of, newest_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import manifest_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    FULL,
    NONE,
    PARTIAL,
    Catalog,
    Entry,
    Marks,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import plan_lost
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_contents import without_contents

READERS = 8
# raises StateError where a manifest is missing, damaged or forged
Read = Callable[[Entry], Manifest]


@dataclass(frozen=True)
class Lost:
    """What backups have lost. counts: by number of the backup, how many of its objects are missing or cut off."""

    marks: Marks = Marks()
    counts: Mapping[int, int] = field(default_factory=dict)


def marked(repository: Repository, seen: Catalog, stored: Mapping[DataName, int], *, unread: bool = True) -> Catalog:
    """The catalog with marks for what backups have lost, by the manifests of the newest and the latest one above all.

    stored: as for `read_lost`. unread: whether a manifest that cannot be read is marked, or left to who opens it.
    """
    newest = {newest_of(seen), latest_of(seen, repository.store.now())}
    lost = read_lost(partial(manifest_of, repository), seen, stored, [one for one in newest if one])
    found = {number: mark for number, mark in lost.marks.restorable.items() if unread or number in lost.counts}
    return plan_lost(seen, replace(lost.marks, restorable=found))


def as_found(repository: Repository, entry: Entry, stored: Mapping[DataName, int]) -> Entry:
    """A backup with the mark for what it has lost, or with its own where that is worse. stored: as for `read_lost`.

    Raises StateError where its manifest is missing, damaged or forged.
    """
    manifest = manifest_of(repository, entry)
    mark = _mark(manifest, manifest.lost(stored))
    return plan_lost(Catalog(entries=(entry,)), Marks({entry.number: mark})).entries[0]


def read_lost(read: Read, seen: Catalog, stored: Mapping[DataName, int], opened: Collection[Entry]) -> Lost:
    """What backups have lost, as far as the catalog does not say so yet.

    read: the manifest of a backup. stored: the size in bytes of each object with contents that is there. opened: the
    backups whose manifests are read in any case; those of all are once one of them, or a backup of which nothing at all
    is there (see `without_contents`), has lost anything.
    Of the others nothing is known then: a check reads all manifests.
    """
    bare = [one for one in without_contents(seen.entries, stored) if one.restorable != NONE]
    found = _lost(read, stored, [*opened, *(one for one in bare if one not in opened)])
    return found if plan_lost(seen, found.marks) is seen else _lost(read, stored, seen.entries)


def _lost(read: Read, stored: Mapping[DataName, int], entries: Sequence[Entry]) -> Lost:
    restorable: dict[int, str] = {}
    counts: dict[int, int] = {}
    damaged: set[DataName] = set()
    with ThreadPoolExecutor(READERS) as pool:
        # backups share objects: what one has lost is held for as long as it takes to add it
        for start in range(0, len(entries), READERS):
            batch = entries[start : start + READERS]
            for entry, (mark, lost) in zip(batch, pool.map(partial(_of, read, stored), batch)):
                if mark:
                    restorable[entry.number] = mark
                if lost:
                    counts[entry.number] = len(lost)
                damaged |= lost
    return Lost(Marks(restorable, tuple(sorted(damaged))), counts)


def _of(read: Read, stored: Mapping[DataName, int], entry: Entry) -> tuple[str, set[DataName]]:
    """How far a backup can be restored, empty where nothing is lost, and its objects that are missing or cut off."""
    try:
        manifest = read(entry)
    except StateError:
        return NONE, set()
    lost = manifest.lost(stored)
    return (_mark(manifest, lost) if lost else ""), lost


def _mark(manifest: Manifest, lost: Collection[DataName]) -> str:
    """How far a backup can be restored without these objects."""
    if not lost:
        return FULL
    return PARTIAL if all(name in manifest.index.uses for name in lost) else NONE
