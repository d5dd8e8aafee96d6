# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second repository of a tenant beside the first: its keys, its identity, and its catalog.

The wrapped data keys of the second one are records of the first one. So the data keys of the first one open it, also
where its newest record is older and its master key is gone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import fields, number
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_below import Below
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, require_conditions
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_identity import read_identity
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_keys import KeyLog
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    CatalogLog,
    Repository,
    open_repository,
    read_document,
    read_marks,
    write_document,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Sealed, Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_transfer import transfer_record
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    Catalog,
    copied_body,
    unmarked,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import COPIES, MARKS, tenant_root


def root_of(first: Repository, stores: Stores) -> Below:
    """Where the second repository is. Raises InputError where that is the first one by its name."""
    root = Below(stores.contents, tenant_root(stores.prefix, first.tenant))
    if root.where == first.where:
        raise InputError(f"copy: it is the {first.where}, as repository is; give another place")
    return root


def open_second(first: Repository, stores: Stores, masters: Sequence[MasterKey]) -> Repository | None:
    """The second repository, None where it has no keys yet.

    Raises InputError where it is the first one under another name, and StateError where no key opens it.
    """
    root = root_of(first, stores)
    records = Below(stores.records, root.root)
    _refuse_same(first, root, records)
    keyring = KeyLog(records).read()
    if not keyring.number:
        return None
    if KeyLog(first.records).of(keyring.number) == keyring:
        return Repository(first.tenant, root, records, first.keys, keyring.wrapped_by, keyring.number)
    opened = open_repository(stores, first.tenant, masters)
    if opened is None:
        raise StateError(f"the keys in the {records.where} were removed meanwhile; run again")
    return opened


def make_second(first: Repository, stores: Stores, masters: Sequence[MasterKey]) -> Repository:
    """The second repository, which gets the keys of the first one and has nothing else yet."""
    records = Below(stores.records, root_of(first, stores).root)
    require_conditions(records)
    transfer_record(first.records, records, KeyLog.NAME, first.keyring)
    made = open_second(first, stores, masters)
    if made is None:
        raise StateError(f"the {records.where} does not show what was written into it; see whether it is consistent")
    return made


def send_keys(first: Repository, second: Repository, stores: Stores, masters: Sequence[MasterKey]) -> Repository:
    """The second repository with the newest wrapped data keys, which the master key of the first one has to open.

    Raises StateError where it does not. Then the former one is needed still.
    """
    if second.keyring != first.keyring:
        transfer_record(first.records, second.records, KeyLog.NAME, first.keyring)
    opened = open_repository(stores, first.tenant, [one for one in masters if one.name == first.wrapped_by])
    if opened is None or opened.keys != first.keys:
        raise StateError(
            f"the key {first.wrapped_by!r} does not open the {second.where} after its data keys were wrapped by it; "
            f"keep the key {second.wrapped_by!r}, and see whether the store is consistent"
        )
    return opened


def refuse_lost(first: Repository, second: Repository | None, root: Below, accept: bool) -> None:
    """Raises RefusedError where a copy was made in this place that is not there any more, or another or older one is.

    accept: whether it is made anew, or all of it is read again.
    """
    known = recorded_copies(first).get(root.where, {})
    if accept or not known:
        return
    identity = read_identity(second.records, second.keys) if second else ""
    if identity not in known:
        seen = "another repository is there" if identity else "nothing of it is there"
        raise RefusedError(
            f"the {root.where} has a copy by the record of the {first.where}, and {seen}; see whether it is mounted "
            "and complete, or have a copy made there anew with other_copy: accept"
        )
    revision = read_marks(second).revision if second else 0
    if revision < known[identity]:
        raise RefusedError(
            f"{MARKS} in the {root.where} has revision {revision}, and the {first.where} has seen {known[identity]}, "
            "so it was rolled back, and may hide damage; bring its newest state back, or have a copy read all there "
            "with other_copy: accept"
        )


def record_copy(first: Repository, root: Below, identity: str, revision: int | None = None) -> None:
    """Record in the first repository that a copy with this identity is in a place, and the revision of its marks.

    revision: None leaves the recorded one.
    """
    found = recorded_copies(first)
    known = found.get(root.where, {})
    following = {**known, identity: known.get(identity, 0) if revision is None else revision}
    if following != known:
        write_document(first, COPIES, {**found, root.where: following})


def recorded_copies(first: Repository) -> dict[str, dict[str, int]]:
    """The copies that were made, by the place of each: the revision of the marks that was seen, by identity."""
    found = read_document(first, COPIES) or {}
    try:
        return {
            place: {identity: number(seen) for identity, seen in fields(known).items()}
            for place, known in found.items()
        }
    except ValueError as error:
        raise StateError(f"{COPIES} in the {first.where} cannot be read: {error}; see who has written it") from error


def publish(catalog: Catalog, second: Repository) -> None:
    """Write a record of the first catalog in the second repository, without the marks, which are of the first one.

    Raises RefusedError where the second one has another record of that number.
    """
    records = Sealed(second.records, second.keys)
    key = Log(records, CatalogLog.NAME).key(catalog.number)
    body = json.dumps(copied_body(catalog), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    # what is there already needs no right to write
    if records.get(key) is None and records.create(key, body):
        return
    there = CatalogLog(records).of(catalog.number)
    if replace(unmarked(there), copied=False) != replace(unmarked(catalog), copied=False):
        raise RefusedError(
            f"{key} in the {second.where} is another one than in the first repository, so runs have worked on both; "
            f"where the latter is right, remove all below {CatalogLog.NAME}/ in the {second.where}, and run again"
        )


def _refuse_same(first: Repository, *places: Below) -> None:
    """Raises InputError where one of these places is the first repository under another name."""
    identity = read_identity(first.records, first.keys)
    for place in places:
        if identity and _identity_there(first, place) == identity:
            raise InputError(
                f"copy: the {place.where} is the {first.where} under another name, or a clone of it; give another "
                "place, or remove the object id in a clone"
            )


def _identity_there(first: Repository, place: Below) -> str:
    try:
        return read_identity(place, first.keys)
    except StateError:
        # other keys have sealed it, so it is another repository, which is refused with the reason when it is opened
        return ""
