# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes backups whose grace has ended, and the objects that nobody needs any more."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    RECORD_S,
    Repository,
    Turn,
    being_read,
    read_manifest,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import index_from
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    DataName,
    data_key,
    data_name,
    manifest_key,
    manifest_number,
    parse_data_name,
    parse_note,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import (
    doomed,
    due,
    given_up,
    plan_remove,
)

READERS = 8
DELETE_BATCH = 500


@dataclass(frozen=True)
class Swept:
    """What was removed: backups, objects and their size in bytes."""

    backups: tuple[Entry, ...]
    objects: int
    bytes: int


def sweep(turn: Turn, grace_s: int) -> Swept:
    """Remove the backups that were marked `grace_s` seconds ago, and what nobody needs. Marks have to stand already."""
    repository, store = turn.repository, turn.repository.store
    now = store.now()
    written = {name: one for key, one in store.objects("data/").items() if (name := data_name(key))}
    gone = due(turn.catalog, now, grace_s, being_read(repository))
    moments = {name: one.modified for name, one in written.items()}
    until = given_up(turn.catalog, turn.number, gone, moments, now - timedelta(seconds=grace_s))
    manifests = [number for key in store.objects("manifests/") if (number := manifest_number(key))]
    seen = repository.catalog.write(lambda seen: plan_remove(seen, turn.number, gone, until), Deadline(RECORD_S))
    complete = {one.number for one in seen.entries}
    # a manifest goes last, so one without a backup says that a removal was interrupted
    left = [number for number in manifests if number not in complete and number <= seen.given_up]
    if not left and seen.given_up == turn.catalog.given_up:
        return Swept(gone, 0, 0)
    used = _used(repository, seen)
    objects = doomed(seen, turn.number, used, written)
    _remove(turn, (data_key(name) for name in objects))
    notes = [note for key in store.objects("sent/") if (note := parse_note(key))]
    _remove(turn, (one.key for one in notes if one.held.number <= seen.given_up or one.held.number in complete))
    _remove(turn, (manifest_key(number) for number in left))
    return Swept(gone, len(objects), sum(written[name].size for name in objects))


def objects_of(repository: Repository, entry: Entry) -> set[DataName]:
    """Every object that a backup needs, its manifest aside. Raises StateError where that is not known."""
    where = f"{manifest_key(entry.number)} in the {repository.where}"
    manifest = read_manifest(repository, entry.number)
    return {parse_data_name(manifest["dump"]["object"]), *index_from(manifest["index"], where).objects()}


def _used(repository: Repository, catalog: Catalog) -> set[DataName]:
    with ThreadPoolExecutor(READERS) as pool:
        return set().union(*pool.map(lambda entry: objects_of(repository, entry), catalog.entries))


def _remove(turn: Turn, keys: Iterable[str]) -> None:
    listed = list(keys)
    for start in range(0, len(listed), DELETE_BATCH):
        turn.require()
        turn.repository.store.delete(listed[start : start + DELETE_BATCH])
