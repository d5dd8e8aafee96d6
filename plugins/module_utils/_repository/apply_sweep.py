# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes backups whose grace has ended, and the objects that nobody needs any more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    RECORD_S,
    Repository,
    read_manifest,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import Turn, being_read
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    NONE,
    Catalog,
    Entry,
    Sweep,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import objects_in
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    DataName,
    ManifestName,
    data_key,
    data_name,
    manifest_name,
    parse_note,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import (
    doomed,
    due,
    given_up,
    plan_remove,
    replaced_manifests,
    require_promises,
)

READERS = 8
DELETE_BATCH = 500


def foresee(repository: Repository, seen: Catalog, fence: int, grace_s: int, now: datetime) -> Sweep:
    """What a removal would take away: backups marked `grace_s` seconds ago, and the objects that nobody needs then.

    seen: the catalog with its marks. fence: of the run; in check mode, one higher than all. Raises StateError where it
    is not known what a backup needs.
    """
    store = repository.store
    written = {name: one for key, one in store.objects("data/").items() if (name := data_name(key))}
    read = being_read(repository)
    gone = due(seen, now, grace_s, read)
    moments = {name: one.modified for name, one in written.items()}
    until = given_up(seen, fence, gone, moments, now - timedelta(seconds=grace_s))
    after = replace(seen, entries=tuple(one for one in seen.entries if one not in gone), given_up=until)
    complete = {one.number for one in after.entries}
    manifests = [one for one in map(manifest_name, store.objects("manifests/")) if one]
    # a manifest goes last, so one without a backup says that a removal was interrupted
    left = [name for name in manifests if name.number not in complete and name.number <= until]
    replaced = replaced_manifests(after, fence, manifests)
    kept = [name for name in replaced if name.number in read]
    left += [name for name in replaced if name.number not in read]
    if not left and until == seen.given_up:
        return Sweep(gone, until)
    used = _used(repository, after, written).union(*(_objects_of(repository, name) for name in kept))
    objects = doomed(after, fence, used, written)
    notes = [note for key in store.objects("sent/") if (note := parse_note(key))]
    others = [one.key for one in notes if one.held.number <= until or one.held.number in complete]
    others += [name.key for name in left]
    return Sweep(gone, until, tuple(objects), sum(written[name].size for name in objects), tuple(others))


def sweep(turn: Turn, grace_s: int) -> Sweep:
    """Remove what is due. The marks have to stand already in the turn's catalog."""
    repository = turn.repository
    found = foresee(repository, turn.catalog, turn.number, grace_s, repository.store.now())
    repository.catalog.write(
        lambda seen: plan_remove(require_promises(seen, turn.catalog), turn.number, found.gone, found.until),
        Deadline(RECORD_S),
    )
    _remove(turn, [*map(data_key, found.objects), *found.others])
    return found


def objects_of(repository: Repository, entry: Entry) -> set[DataName]:
    """Every object that a backup needs, its manifest aside. Raises StateError where that is not known."""
    return _objects_of(repository, entry.manifest)


def _objects_of(repository: Repository, name: ManifestName) -> set[DataName]:
    return objects_in(read_manifest(repository, name), f"{name.key} in the {repository.where}")


def _used(repository: Repository, catalog: Catalog, written: Collection[DataName]) -> set[DataName]:
    def objects(entry: Entry) -> set[DataName]:
        try:
            return objects_of(repository, entry)
        except StateError:
            if entry.restorable != NONE:
                raise
            # what a backup without a manifest may need is what was written until then
            return {name for name in written if name.number <= max(entry.number, entry.healed)}

    used: set[DataName] = set()
    with ThreadPoolExecutor(READERS) as pool:
        # backups share objects: what one needs is held for as long as it takes to add it
        for start in range(0, len(catalog.entries), READERS):
            for needed in pool.map(objects, catalog.entries[start : start + READERS]):
                used |= needed
    return used


def _remove(turn: Turn, keys: Sequence[str]) -> None:
    for start in range(0, len(keys), DELETE_BATCH):
        turn.require()
        turn.repository.store.delete(keys[start : start + DELETE_BATCH])
