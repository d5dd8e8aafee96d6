# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the backups of one tenant: records what is damaged, and heals what lies intact in another object."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_interrupted import writing_after
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_mend import Mended, foresee_mending, mend
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_check import Check, Copies
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import said_of_cleared, said_of_listed
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_check import (
    check_body,
    marks_of_copy,
    next_part,
    still_there,
    unhealing,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_known import refuse_rolled_back
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_check import recorded_part, survey
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import manifest_of, read_entries
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    RECORD_S,
    Repository,
    read_manifest,
    read_marks,
    require_catalog,
    write_document,
    write_marks,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_send import send_shard
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import objects_of
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import (
    Turn,
    reading_all,
    rebuild_catalog,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    FULL,
    PARTIAL,
    REBUILT,
    Catalog,
    Entry,
    Left,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import (
    Index,
    Place,
    Shard,
    Use,
    index_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    CHECK,
    DataName,
    ManifestName,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import (
    plan_heal,
    plan_mark,
    plan_rebuild,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_files import read_shard


@dataclass(frozen=True)
class Order:
    """What a check was asked for. parts: checks in a row that read everything. rebuild: a catalog that is lost.

    known: number of the newest backup that a rebuilt catalog has to have, 0 for none.
    """

    parts: int = 1
    rebuild: bool = False
    known: int = 0
    lock_timeout: int = 300
    timeout: int = 14400


def foresee(repository: Repository, order: Order, progress: Progress, copy: Repository | None = None) -> Check:
    """Read what a check reads, and change nothing. copy: of the repository, from which it is healed as well."""
    catalog = repository.catalog.read()
    unreadable: list[str] = []
    if order.rebuild:
        left, unreadable = _left(repository, order, copy)
        fence = max((max(one.number, one.healed) for one in left.entries), default=0) + 1
        catalog = plan_rebuild(catalog, fence, left)
    found = _read(repository, order, catalog, progress, unreadable)
    if copy is None:
        return found
    return _after(foresee_mending(found, copy, repository, Deadline(order.timeout), progress))


def check(repository: Repository, order: Order, progress: Progress, copy: Repository | None = None) -> Check:
    """Read the backups, replace what is intact in the copy, record what is damaged, and heal what can be healed."""
    unreadable: list[str] = []
    if order.rebuild:
        left, unreadable = _left(repository, order, copy)
        rebuild_catalog(repository, left, order.lock_timeout)
    catalog = repository.catalog.read()
    with reading_all(repository, catalog.entries, "check", order.lock_timeout):
        found = _read(repository, order, catalog, progress, unreadable)
        if copy is not None:
            found = _after(mend(found, repository, copy, Deadline(order.timeout), progress))
        if catalog.copied:
            write_marks(repository, marks_of_copy(read_marks(repository), found))
        else:
            listed, cleared = _mark(repository, order, found)
            found = replace(found, warnings=(*found.warnings, *said_of_listed(listed), *said_of_cleared(cleared)))
    document = check_body(found.part, recorded_part(repository), repository.store.now())
    write_document(repository, CHECK, document)
    return found


def _after(mended: Mended) -> Check:
    """What a check has found once damaged objects were replaced by those of the copy."""
    return replace(mended.found, mended=mended.keys, unhealed=mended.unhealed, copy_faults=mended.faults)


def _mark(repository: Repository, order: Order, found: Check) -> tuple[Sequence[Entry], Sequence[Entry]]:
    """Record what is damaged, and heal what lies intact in another object.

    The backups that came into the catalog, and those that were complete meanwhile and are not marked any more.
    """
    marked = repository.catalog.write(
        lambda seen: plan_mark(seen, found.catalog, found.marks, found.damaged), Deadline(RECORD_S)
    )
    cleared = _newcomers(repository, found, marked)
    if cleared:
        fit = dict.fromkeys((one.number for one in cleared), FULL)
        now = marked
        marked = repository.catalog.write(lambda seen: plan_mark(seen, now, fit, now.damaged), Deadline(RECORD_S))
    if not any(one.heals for one in found.found):
        return (), cleared
    with writing_after(repository, "heal", order.lock_timeout, order.known) as turn:
        heal(turn, found, marked)
    return turn.listed, cleared


def _newcomers(repository: Repository, found: Check, marked: Catalog) -> list[Entry]:
    """The backups that were complete meanwhile and are marked for objects alone that the check has found intact."""
    came = [one for one in marked.entries if one.number not in found.marks and one.restorable == PARTIAL]
    if not came or set(found.catalog.damaged) <= found.damaged:
        return []
    intact = []
    for one in came:
        # the next check finds what is wrong with a manifest that cannot be read
        with suppress(StateError):
            manifest = manifest_of(repository, one)
            if not manifest.filestore.missing and manifest.index.objects().isdisjoint(marked.damaged):
                intact.append(one)
    return intact


def _left(repository: Repository, order: Order, copy: Repository | None) -> tuple[Left, list[str]]:
    """What a rebuilt catalog is made of, and what cannot be read. Raises RefusedError for a lack."""
    entries, unread = read_entries(repository)
    # the new catalog cannot say any more what was there
    refuse_rolled_back(Catalog(entries=tuple(entries)), order.known, repository.where)
    read = {one.number for one in entries}
    said = [
        f"{'an earlier manifest counts' if name.number in read else 'a backup is left out'}: {why}"
        for name, why in unread
    ]
    try:
        known = copy.catalog.read() if copy else Catalog()
    except GantryError as error:
        known, said = Catalog(), [*said, f"the policy and the holds in the copy cannot be read: {error}"]
    stays = f"hold {REBUILT.name} keeps all backups, as the lost catalog may have had another policy and further holds"
    lost = frozenset(name.number for name, _why in unread if name.number not in read)
    left = Left(tuple(entries), lost, known.holds, known.policy)
    return left, [*said, f"{stays}; record the policy and place the holds anew, and release that one"]


def heal(turn: Turn, found: Check, marked: Catalog) -> None:
    """Write the indexes of damaged backups anew, with the places of intact copies. Nothing counts before the end.

    marked: the catalog with the marks of the check.
    """
    repository = turn.repository
    # an expiry may remove what no backup uses, whenever its requests arrive
    if not found.copies.objects() <= _used(turn):
        raise StateError(f"the backups in the {repository.where} changed meanwhile, so none was healed; run again")
    healer = Healer(turn, found.copies, found.sizes)
    healed = {}
    for one in (one for one in still_there(found, turn.catalog).found if one.heals):
        name = one.entry.manifest
        manifest = read_manifest(repository, name)
        index = healer.healed(index_from(manifest["index"], f"{name.key} in the {repository.where}"))
        turn.write_manifest(ManifestName(name.number, turn.number), {**manifest, "index": index.as_body()})
        healed[name.number] = one.healed
    repository.catalog.write(
        lambda seen: plan_heal(seen, turn.number, marked, healed, found.damaged_after), Deadline(RECORD_S)
    )


def _used(turn: Turn) -> set[DataName]:
    """The objects that backups use whose manifests can be read."""
    found: set[DataName] = set()
    for entry in turn.catalog.entries:
        # no copy lies in what only such a backup uses
        with suppress(StateError):
            found |= objects_of(turn.repository, entry)
    return found


@dataclass
class Healer:
    """Writes parts of indexes anew, each once though backups share it. sizes: of all objects with files."""

    turn: Turn
    copies: Copies
    sizes: Mapping[DataName, int]
    _places: itertools.count[int] = field(default_factory=itertools.count)
    _written: dict[DataName, Shard] = field(default_factory=dict)
    _uses: dict[DataName, dict[DataName, list[int]]] = field(default_factory=dict)

    def healed(self, index: Index) -> Index:
        """An index with the same names, and with places of intact copies."""
        shards = {prefix: self._shard(shard) for prefix, shard in index.shards.items()}
        counts: dict[DataName, list[int]] = defaultdict(lambda: [0, 0])
        for shard in shards.values():
            for name, (files, live) in self._uses.get(shard.held, {}).items():
                counts[name][0] += files
                counts[name][1] += live
        uses = {name: Use(files, live, self.sizes[name]) for name, (files, live) in sorted(counts.items())}
        return Index(index.width, shards, uses)

    def _shard(self, before: Shard) -> Shard:
        """What stands for a shard from now on."""
        intact = self.copies.shards.get(before.held, before)
        if intact.held not in self._written:
            files = read_shard(self.turn.repository, intact)
            healed = {name: self.copies.files.get(name, place) for name, place in files.items()}
            if healed == files:
                shard = intact
            else:
                self.turn.require()
                held = DataName(self.turn.number, next(self._places))
                shard, _sent = send_shard(self.turn.repository, held, intact.prefix, healed)
            self._written[intact.held] = shard
            self._uses[shard.held] = _counted(healed)
        return self._written[intact.held]


def _counted(files: Mapping[str, Place]) -> dict[DataName, list[int]]:
    """The files of a shard in each object, and their bytes there."""
    counts: dict[DataName, list[int]] = defaultdict(lambda: [0, 0])
    for place in files.values():
        counts[place.held][0] += 1
        counts[place.held][1] += place.length
    return dict(counts)


def _read(
    repository: Repository, order: Order, catalog: Catalog, progress: Progress, unreadable: Iterable[str] = ()
) -> Check:
    require_catalog(repository, catalog)
    if not catalog.entries:
        raise StateError(f"the {repository.where} has no complete backup to check; take one")
    part = next_part(recorded_part(repository) if order.parts > 1 else None, order.parts)
    found = survey(repository, catalog, part, Deadline(order.timeout), progress)
    if not order.rebuild:
        found = still_there(found, repository.catalog.read())
    if catalog.copied:
        # new manifests would be those of a repository that goes its own way; a copy is healed from the first one
        found = unhealing(found)
    return replace(found, rebuilt=order.rebuild, warnings=tuple(unreadable))
