# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens and makes the repository of one tenant, and reads and writes its documents."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import parse_document
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_below import Below
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import (
    Record,
    StateLog,
    require_conditions,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository import sealing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_identity import make_identity
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_keys import (
    KeyLog,
    keys_from,
    read_keyring,
    unwrap,
    wrap,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Sealed, Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    Catalog,
    Marks,
    from_body,
    marks_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import Keyring, MasterKey, keys_for
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    MANIFEST,
    MARKS,
    DataName,
    ManifestName,
    data_name,
    data_prefix,
    manifest_name,
    tenant_root,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.sealing import DataKeys

# A lease that is not renewed for so long may be taken by another run.
LEASE_S = 60
# How long a run waits for its turn to write one record.
RECORD_S = 30


@dataclass(frozen=True)
class CatalogLog(StateLog[Catalog]):
    """The records of a tenant's catalog. marks: of the objects here, for a record that a copy has written."""

    marks: Callable[[], Marks] = Marks

    NAME = "catalog"

    def parsed(self, record: Record | None) -> Catalog:
        """The catalog that a record says."""
        if record is None:
            return Catalog()
        found = from_body(record.number, record.body, self.objects.where)
        return self.marks().on(found) if found.copied else found


@dataclass(frozen=True)
class Readers(Register):
    """The leases of the runs that read backups, in a log of their own: a key that only reads holds up no backup."""

    NAME = "reads"


@dataclass(frozen=True)
class Repository:
    """The backups of one tenant.

    tenant: its name. wrapped_by: the name of the master key that opens it. keyring: the number of the record with the
    wrapped data keys.
    """

    tenant: str
    store: Below
    records: Below
    keys: DataKeys
    wrapped_by: str
    keyring: int

    @property
    def where(self) -> str:
        """The repository as an error sentence names it."""
        return self.store.where

    @property
    def catalog(self) -> CatalogLog:
        """The records of the catalog."""
        return CatalogLog(Sealed(self.records, self.keys), partial(read_marks, self))

    @property
    def leases(self) -> Register:
        """The leases of the runs that change the repository."""
        return Register(Sealed(self.records, self.keys), LEASE_S)

    @property
    def readers(self) -> Readers:
        """The leases of the runs that read backups, which are not removed meanwhile."""
        return Readers(Sealed(self.records, self.keys), LEASE_S)


def open_repository(stores: Stores, tenant: str, masters: Sequence[MasterKey]) -> Repository | None:
    """The repository of a tenant, None where it has none yet.

    Raises LibraryError without the libraries, and StateError where none of the keys opens it, or its wrapped data keys
    are lost.
    """
    sealing.require_libraries()
    root = tenant_root(stores.prefix, tenant)
    store, records = Below(stores.contents, root), Below(stores.records, root)
    keyring = read_keyring(store, records)
    if keyring is None:
        return None
    keys = unwrap(keyring, tenant, masters, records.where)
    return Repository(tenant, store, records, keys, keyring.wrapped_by, keyring.number)


def make_repository(stores: Stores, tenant: str, masters: Sequence[MasterKey]) -> Repository:
    """The repository of a tenant, which is made where it has none. Raises StateError where the store is not fit."""
    found = open_repository(stores, tenant, masters)
    if found is not None:
        make_identity(found.records, found.store, found.keys)
        return found
    records = Below(stores.records, tenant_root(stores.prefix, tenant))
    require_conditions(records)
    first = wrap({1: sealing.new_key()}, tenant, keys_for(tenant, masters)[0])
    KeyLog(records).write(lambda seen: seen if seen.number else first, Deadline(RECORD_S))
    made = open_repository(stores, tenant, masters)
    if made is None:
        raise StateError(f"the {records.where} does not show what was written into it; see whether it is consistent")
    make_identity(made.records, made.store, made.keys)
    return made


def rotate(repository: Repository, masters: Sequence[MasterKey]) -> Repository:
    """Wrap the data keys by the first master key alone, and add one for what is written from now on."""
    master = keys_for(repository.tenant, masters)[0]

    def following(seen: Keyring) -> Keyring:
        if seen.wrapped_by == master.name:
            return seen
        keys = unwrap(seen, repository.tenant, masters, repository.where).keys
        _require_known_key(repository, keys)
        more = {**keys, max(keys) + 1: sealing.new_key()}
        return wrap(more, repository.tenant, master, seen.number + 1)

    keyring = KeyLog(repository.records).write(following, Deadline(RECORD_S))
    keys = unwrap(keyring, repository.tenant, masters, repository.where)
    return replace(repository, keys=keys, wrapped_by=keyring.wrapped_by, keyring=keyring.number)


def _require_known_key(repository: Repository, keys: Mapping[int, bytes]) -> None:
    """Raises StateError where the newest manifest needs a later key: a new one would get the number of that."""
    names = sorted(read_manifest_names(repository), reverse=True)
    newest = next((one for one in names if has_contents(repository, one)), None)
    number = sealing.key_number(repository.store.get(newest.key) if newest else None)
    if newest and number > max(keys):
        raise StateError(
            f"{newest.key} in the {repository.where} is sealed with the data key {number}, which its wrapped data keys "
            f"lack, so they are older ones; {keys_from(repository.store, repository.records)}"
        )


def read_manifest(repository: Repository, name: ManifestName) -> dict[str, Any]:
    """The manifest of a backup. Raises StateError where it is missing, damaged or forged."""
    where = f"{name.key} in the {repository.where}"
    sealed = repository.store.get(name.key)
    if sealed is None:
        raise StateError(f"{where} is missing, so this backup is damaged; use another")
    return parse_document(repository.keys.open(MANIFEST, name.key, sealed, where), where)


def read_manifest_names(repository: Repository) -> list[ManifestName]:
    """The manifests that are there, whether they count or not."""
    return [name for key in repository.store.names("manifests/", sys.maxsize) if (name := manifest_name(key))]


def stored_sizes(repository: Repository, prefix: str = "data/") -> dict[DataName, int]:
    """The size in bytes of each object with contents that is there. prefix: how their keys begin."""
    return {name: one.size for key, one in repository.store.objects(prefix).items() if (name := data_name(key))}


def has_contents(repository: Repository, name: ManifestName) -> bool:
    """Whether anything of a backup is there. Without its dump, below its own number, it cannot be restored."""
    return bool(repository.store.names(data_prefix(name.number), 1))


def read_document(repository: Repository, key: str) -> dict[str, Any] | None:
    """What stands under a key that is its kind as well, None without it. Raises StateError where it is damaged."""
    sealed = repository.store.get(key)
    if sealed is None:
        return None
    where = f"{key} in the {repository.where}"
    return parse_document(repository.keys.open(key, key, sealed, where), where)


def write_document(repository: Repository, key: str, document: Mapping[str, Any]) -> None:
    """Replace what `read_document` reads."""
    repository.store.put(key, repository.keys.seal(key, key, json.dumps(document, sort_keys=True).encode()))


def read_marks(repository: Repository) -> Marks:
    """What the last copy, or a check, has found of the objects of a copy, and the record of its comparison."""
    return marks_from(read_document(repository, MARKS), repository.where)


def write_marks(repository: Repository, marks: Marks) -> int:
    """Record what is damaged in a copy, whose catalog cannot say it, as it is that of the first repository.

    How often that was written then: each time in which it differs from what is there.
    """
    seen = read_marks(repository)
    if replace(marks, revision=seen.revision).as_body() == seen.as_body():
        return seen.revision
    write_document(repository, MARKS, replace(marks, revision=seen.revision + 1).as_body())
    return seen.revision + 1


def require_catalog(repository: Repository, seen: Catalog) -> None:
    """Raises StateError where backups have manifests, and no catalog says that they are complete."""
    if not seen.number and read_manifest_names(repository):
        raise StateError(
            f"the {repository.where} has manifests of backups and no catalog, so its catalog is lost; "
            "run odoo_backup_check with rebuild: true"
        )
