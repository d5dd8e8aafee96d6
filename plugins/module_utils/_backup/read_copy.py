# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what two repositories of one tenant hold, for a copy of the first to the second. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_files import each
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_copy import Compared, CopyPlan, Needs, Side
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_copy import compared_from, plan_copy
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    InputError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    read_manifest,
    read_marks,
    stored_sizes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_second import (
    open_second,
    refuse_lost,
    root_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores, open_stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import objects_of
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import being_read
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import NONE, Catalog, Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import objects_in
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    DRILL,
    DataName,
    ManifestName,
    data_key,
    is_drill_key,
    manifest_name,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_location import Location

# The record of a drill has a few thousand bytes.
LARGEST = 2**20
# Backups whose manifests are held at once.
TOGETHER = 16


def read_side(repository: Repository, catalog: Catalog) -> Side:
    """The objects of a repository."""
    store = repository.store
    return Side(
        catalog,
        stored_sizes(repository),
        {found: one.size for key, one in store.objects("manifests/").items() if (found := manifest_name(key))},
    )


def read_needs(repository: Repository, catalog: Catalog, deadline: Deadline) -> Needs:
    """What the backups of a repository need. Raises StateError where that is not known of one that can be restored."""
    staying: set[DataName] = set()
    every: set[DataName] = set()
    unknown: list[str] = []
    # backups share objects: what one needs is held for as long as it takes to add it
    for start in range(0, len(catalog.entries), TOGETHER):
        entries = catalog.entries[start : start + TOGETHER]
        found = each(partial(_objects, repository), entries, deadline, "reading the manifests")
        for entry, one in zip(entries, found):
            if isinstance(one, str):
                unknown.append(one)
                continue
            every |= one
            if entry.expired is None:
                staying |= one
    return Needs(frozenset(staying), frozenset(every), tuple(unknown))


def read_plan(first: Side, needs: Needs, second: Repository | None, catalog: Catalog) -> CopyPlan:
    """The work of a copy. catalog: that of the second repository, which is None where there is none yet.

    A backup that is being read in the second one stays, whatever the first one says.
    """
    if second is None:
        return plan_copy(first, Side(catalog, {}, {}), needs, (), ())
    side, read = read_side(second, catalog), being_read(second)
    used: set[DataName] = set()
    for name in (one for one in side.manifests if one.number in read):
        used |= _used(second, name)
    return plan_copy(first, side, needs, read, used)


def unread(second: Repository, keys: Sequence[str]) -> list[str]:
    """Those of the keys that no backup needs which is being read now.

    Asked once the catalog says which backups are gone: who reads after that does not find them.
    """
    read = being_read(second)
    kept: set[str] = set()
    for name in filter(None, map(manifest_name, keys)):
        if name.number in read:
            kept |= {name.key, *map(data_key, _used(second, name))}
    return [key for key in keys if key not in kept]


def read_documents(first: Repository, second: Repository | None) -> dict[str, bytes]:
    """The drills of the first repository that the second one has not, sealed as they are.

    Who may write records of drills may write anything below their prefix, so that only what can be one is copied.
    """
    held = second.store.objects(f"{DRILL}s/") if second else {}
    drills = [
        key for key, one in first.store.objects(f"{DRILL}s/").items() if is_drill_key(key) and one.size <= LARGEST
    ]
    keys = (key for key in drills if key not in held)
    return {key: data for key in keys if (data := first.store.get(key)) is not None}


def open_stores_of_copy(location: Location) -> Stores | str:
    """The stores of the second repository, or why they do not answer. Raises InputError for what cannot be meant."""
    try:
        return open_stores(location)
    except (StateError, UnreachableError) as error:
        return str(error)


def open_copy(first: Repository, stores: Stores | str, masters: Sequence[MasterKey]) -> tuple[Repository | None, str]:
    """The second repository of a tenant, or why it is of no use now, as a sentence.

    Raises InputError where it is the first one under another name.
    """
    if isinstance(stores, str):
        return None, f"the copy could not be asked: {stores}"
    root = root_of(first, stores)
    try:
        second = open_second(first, stores, masters)
        refuse_lost(first, second, root, accept=False)
    except InputError:
        raise
    except GantryError as error:
        return None, f"the copy could not be asked: {error}"
    if second is None:
        return None, f"the {root.where} has no copy yet; run odoo_backup_copy"
    return second, ""


def read_compared(second: Repository) -> Compared | None:
    """The record of the last comparison, None before the first one."""
    body = read_marks(second).compared
    return None if body is None else compared_from(body, second.where)


def _objects(repository: Repository, entry: Entry) -> set[DataName] | str:
    """The objects of a backup, or why it is not known of one that cannot be restored, or that is to be removed."""
    try:
        return objects_of(repository, entry)
    except StateError as error:
        if entry.restorable == NONE or entry.expired:
            return str(error)
        raise


def _used(repository: Repository, name: ManifestName) -> set[DataName]:
    where = f"{name.key} in the {repository.where}"
    return objects_in(read_manifest(repository, name), where)
