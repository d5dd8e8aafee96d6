# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what proves the promises of policies: catalogs, manifests, drills, and what the store says. Changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest, Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import (
    BUCKET,
    DIRECTORY,
    CopySeen,
    Drill,
    Evidence,
    Fault,
    Lock,
    Opened,
    StoreFacts,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_locks import Locks
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import parse_stamp
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_policy import policy_in
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_check import full_check
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_copy import diverged
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_locks import telling
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_check import recorded_part
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_copy import read_compared
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_locks import read_locks
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_lost import Lost, Read, read_lost
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import Absent, manifest_of, read_absent
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    BAD_VALUES,
    GantryError,
    InputError,
    RefusedError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import (
    MOST,
    figure,
    flag,
    parse_document,
    text,
)
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import CLOCK_SKEW, Keeping, Stored
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    open_repository,
    read_manifest_names,
    stored_sizes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_second import (
    open_second,
    refuse_lost,
    root_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores, open_stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import FULL, Catalog, Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    DRILL,
    DataName,
    ManifestName,
    data_key,
    manifest_key,
    manifest_name,
    tenant_root,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_location import Location
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_contents import contents_of

# How far back a good drill is looked for; one behind more failures than that is no proof any more.
DRILLS = 20


@dataclass(frozen=True)
class First:
    """The first repository of a tenant, to compare its copy with. stored: the size of each object with contents."""

    repository: Repository
    catalog: Catalog = Catalog()
    stored: Mapping[DataName, int] = field(default_factory=dict)


def read_store(stores: Stores) -> StoreFacts:
    """What the store says of itself. A question that it refuses to answer is unknown, with its reason."""
    if not isinstance(stores.contents, Keeping):
        return StoreFacts(DIRECTORY, stores.contents.now(), versioning=False)
    bucket, refused = stores.contents, []
    answers: dict[str, bool | str | None] = {"versioning": None, "region": None}
    for name, ask in (("versioning", bucket.versioning), ("region", bucket.region)):
        try:
            answers[name] = ask()
        except (StateError, UnreachableError) as error:
            refused.append(str(error))
    versioning, region = answers["versioning"], answers["region"]
    return StoreFacts(
        BUCKET,
        bucket.now(),
        versioning if isinstance(versioning, bool) else None,
        region if isinstance(region, str) else None,
        "; ".join(refused),
    )


def read_second(location: Location, now: datetime) -> tuple[Stores | str, StoreFacts]:
    """The stores of the second repository, or why they do not answer, and what they say. now: by the first one's clock.

    One that is away hides nothing of the first.
    """
    try:
        stores = open_stores(location)
        return stores, read_store(stores)
    except (StateError, UnreachableError) as error:
        return str(error), StoreFacts(BUCKET, now, unknown=str(error))


def read_evidence(
    stores: Stores,
    tenants: Sequence[str],
    masters: Sequence[MasterKey],
    manifests: int,
    known: Mapping[str, int],
    copies: Stores | str | None = None,
) -> Iterator[Evidence]:
    """What is observed of each tenant. manifests: how many of the newest are opened. known: see Evidence, by tenant.

    copies: the stores of the second repository, or why they do not answer; None where it is not asked.

    Raises UnreachableError where the store does not answer. What of one tenant cannot be unsealed is a fault of it.
    """
    latest = stores.contents.now() + CLOCK_SKEW

    def evidence(tenant: str) -> Evidence:
        seen = _evidence(stores, tenant, masters, manifests, latest, copies)
        return replace(seen, known=known.get(tenant, 0), where=f"{stores.contents.where}, {tenant}")

    if stores.contents.readers == 1:
        yield from map(evidence, tenants)
        return
    with ThreadPoolExecutor(stores.contents.readers) as pool:
        yield from pool.map(evidence, tenants)


def _evidence(
    stores: Stores,
    tenant: str,
    masters: Sequence[MasterKey],
    manifests: int,
    latest: datetime,
    copies: Stores | str | None,
) -> Evidence:
    faults: list[Fault] = []
    repository = None
    try:
        repository = open_repository(stores, tenant, masters)
        catalog = repository.catalog.read() if repository else Catalog()
    except StateError as error:
        # what is wrong with the first one hides nothing of the second
        first = First(repository) if repository else None
        return Evidence(tenant, faults=(Fault("", str(error)),), copy=_copy(first, copies, tenant, masters))
    if repository is None:
        return Evidence(tenant, copy=_copy(None, copies, tenant, masters))
    first = First(repository, catalog, contents_of(stores, repository))
    policy = policy_in(catalog, lambda why: faults.append(Fault("", why)))
    listed = _manifests(stores, repository)
    named = {manifest_key(one.number, one.healed): one.number for one in catalog.entries}
    written = {number: listed[key] for key, number in named.items() if key in listed}
    newest = [one for one in catalog.entries if one.expired is None][-manifests:]
    read = lru_cache(maxsize=len(newest))(partial(manifest_of, repository))
    opened, newest_keys = _opened(read, newest, faults)
    lost = read_lost(read, catalog, first.stored, newest)
    locked_until, asked = _locked(stores, repository, newest_keys)
    locks, older = _older_locks(stores, repository, catalog, policy, faults)
    drills = _drills(repository, faults, latest)
    absent = _absent(repository, catalog, listed.keys() - named.keys(), faults)
    checked = _checked(repository, faults)
    catalog, missed = _still_there(repository, catalog, written, lost, faults)
    return Evidence(
        tenant,
        policy,
        catalog,
        written,
        opened,
        missed,
        drills,
        locked_until,
        asked,
        tuple(one for one in older if catalog.entry(one.backup)),
        locks,
        absent=absent,
        copy=_copy(first, copies, tenant, masters),
        lost={
            one.name: lost.counts.get(one.number, 0) for one in catalog.entries if one.number in lost.marks.restorable
        },
        checked=checked,
    )


def _copy(
    first: First | None, copies: Stores | str | None, tenant: str, masters: Sequence[MasterKey]
) -> CopySeen | None:
    """What is observed of the second repository. One that does not answer is unknown, and the first is judged."""
    if copies is None or isinstance(copies, str):
        return None if copies is None else CopySeen(unknown=copies)
    try:
        repository, fault = _second(first, copies, tenant, masters)
        record = read_compared(repository) if repository else None
        if repository is None or record is None:
            return CopySeen(fault=fault)
        catalog = repository.catalog.read()
        entry = next((one for one in catalog.entries if one.number == record.number), None)
        manifests = frozenset(read_manifest_names(repository))
        there = entry is not None and entry.manifest in manifests
        fault = fault or _newer(first, repository, catalog)
        fault = fault or _lost_in_copy(first, repository, catalog, manifests, entry if there else None)
    except (InputError, RefusedError) as error:
        return CopySeen(fault=str(error))
    except (StateError, UnreachableError) as error:
        return CopySeen(unknown=str(error))
    return CopySeen(record, min(entry.snapshot, entry.stored) if entry and there else None, fault=fault)


def _newer(first: First | None, repository: Repository, catalog: Catalog) -> str:
    """What the catalog of the second repository says and that of the first one does not, as a clause.

    Nothing is known of a first one that cannot be read, or has no catalog, which is said otherwise.
    """
    if first is None or not first.catalog.number:
        return ""
    if not diverged(first.catalog, catalog, first.repository.where, repository.where):
        return ""
    # a copy may have ended since
    return diverged(first.repository.catalog.read(), catalog, first.repository.where, repository.where)


def _lost_in_copy(
    first: First | None,
    repository: Repository,
    catalog: Catalog,
    manifests: Collection[ManifestName],
    entry: Entry | None,
) -> str:
    """What the second repository has lost since it was compared, as a clause; empty for nothing.

    entry: the newest backup that was compared, None where it is not there, which is said otherwise.
    """
    # what a backup lacks in both was taken without it, or is said of the first one
    there = {one.number: one.restorable for one in first.catalog.entries} if first else {}
    marked = [
        one.name
        for one in catalog.entries
        if one.restorable not in (FULL, there.get(one.number, FULL)) and one.expired is None
    ]
    if marked:
        return f"{len(marked)} backups, such as {marked[0]}, cannot be restored in full from the second repository"
    if entry is None:
        return ""
    stored, numbers = stored_sizes(repository), {one.number for one in catalog.entries}
    absent = [one.name for one in catalog.entries if one.manifest not in manifests]
    opened: Sequence[Entry] = (entry,)
    if first is not None:
        absent += [one.name for one in first.catalog.entries if one.number < entry.number and one.number not in numbers]
        shared = (name for name in first.stored if name.number in numbers and name.number <= entry.number)
        # what a backup has written is needed by that one at least, so a difference is worth all manifests
        opened = catalog.entries if any(first.stored[name] != stored.get(name) for name in shared) else opened
    if absent:
        return f"{len(absent)} backups, such as {absent[0]}, are missing in the second repository"
    read = lru_cache(maxsize=1)(partial(manifest_of, repository))
    try:
        read(entry)
    except StateError as error:
        return str(error)
    lost = read_lost(read, catalog, stored, opened)
    bad = [one for one in catalog.entries if one.number in lost.marks.restorable and one.expired is None]
    if not bad:
        return ""
    count, others = lost.counts.get(bad[0].number), f", and of {len(bad) - 1} more," if bad[1:] else ""
    what = f"{count} objects" if count else "the manifest"
    return f"{what} of backup {bad[0].name}{others} are missing or cut off in the second repository"


def _second(
    seen: First | None, copies: Stores, tenant: str, masters: Sequence[MasterKey]
) -> tuple[Repository | None, str]:
    """The second repository of a tenant, and why it is none, as a clause. seen: None where it cannot be read."""
    if seen is None:
        return open_repository(copies, tenant, masters), ""
    first = seen.repository
    second = open_second(first, copies, masters)
    refuse_lost(first, second, root_of(first, copies), accept=False)
    if second is None or second.wrapped_by == first.wrapped_by:
        return second, ""
    return second, (
        f"the key {second.wrapped_by!r} opens the second repository still, and {first.wrapped_by!r} the first one, so "
        "the former key is needed"
    )


def _still_there(
    repository: Repository,
    seen: Catalog,
    written: Mapping[int, datetime | None],
    lost: Lost,
    faults: Sequence[Fault],
) -> tuple[Catalog, tuple[Fault, ...]]:
    """The catalog and the faults without backups that were removed, or healed, while they were looked at."""
    if not faults and not lost.marks.restorable and all(one.number in written for one in seen.entries):
        return seen, ()
    try:
        current = {one.manifest for one in repository.catalog.read().entries}
    except StateError as error:
        return seen, (*faults, Fault("", str(error)))
    gone = {one.name for one in seen.entries if one.manifest not in current}
    entries = tuple(one for one in seen.entries if one.name not in gone)
    return replace(seen, entries=entries), tuple(one for one in faults if one.backup not in gone)


def _checked(repository: Repository, faults: list[Fault]) -> datetime | None:
    """When checks had read everything for the last time."""
    try:
        return full_check(recorded_part(repository))
    except StateError as error:
        faults.append(Fault("", str(error)))
        return None


def _absent(repository: Repository, catalog: Catalog, keys: Iterable[str], faults: list[Fault]) -> tuple[Entry, ...]:
    """The backups that manifests show and the catalog does not. keys: of the manifests that it does not name."""
    try:
        absent = read_absent(repository, catalog, [name for key in keys if (name := manifest_name(key))])
    except StateError as error:
        absent = Absent(unread=(str(error),))
    faults += (Fault("", one) for one in (*absent.unread, *absent.foreign))
    return absent.entries


def _manifests(stores: Stores, repository: Repository) -> Mapping[str, datetime | None]:
    """When each manifest that is there was written, by key.

    A server dates its objects itself; in a directory it is the writer who does, so there it is None.
    """
    if isinstance(stores.contents, Keeping):
        return {key: one.modified for key, one in repository.store.objects("manifests/").items()}
    return dict.fromkeys(repository.store.names("manifests/", sys.maxsize))


def _opened(read: Read, newest: Sequence[Entry], faults: list[Fault]) -> tuple[dict[str, Opened], list[str]]:
    """The newest manifests, as far as they are authentic, and the keys of what makes the newest of these backups."""
    opened: dict[str, Opened] = {}
    keys: list[str] = []
    for entry in newest:
        try:
            manifest = read(entry)
        except StateError as error:
            faults.append(Fault(entry.name, str(error)))
            continue
        took = manifest.finished_time - manifest.snapshot_time
        opened[entry.name] = Opened(sum(manifest.database.tables.values()), took.total_seconds())
        keys = _keys(manifest, entry)
    return opened, keys


def _locked(stores: Stores, repository: Repository, keys: Sequence[str]) -> tuple[datetime | None, bool]:
    """Until when the objects that make the newest backup are locked, and whether that was answered."""
    if not keys:
        return None, False
    if not isinstance(stores.contents, Keeping):
        return None, True
    root = tenant_root(stores.prefix, repository.tenant)
    try:
        found = [stores.contents.retention(root + key) for key in keys]
    except (StateError, UnreachableError):
        return None, False
    known = [one.until for one in found if one is not None]
    return (min(known) if len(known) == len(keys) else None), True


def _older_locks(
    stores: Stores, repository: Repository, catalog: Catalog, policy: Policy | None, faults: list[Fault]
) -> tuple[Locks | None, tuple[Lock, ...]]:
    """The record of the locks, and those of two older backups at most; nothing where the policy asks for no locks."""
    if policy is None or policy.immutability != "lock":
        return None, ()
    try:
        locks = read_locks(repository)
    except StateError as error:
        faults.append(Fault("", str(error)))
        locks = None
    return locks, tuple(_lock(stores, repository, one) for one in telling(catalog, locks))


def _lock(stores: Stores, repository: Repository, entry: Entry) -> Lock:
    try:
        until, answered = _locked(stores, repository, _keys(manifest_of(repository, entry), entry))
    except StateError:
        return Lock(entry.name, answered=False)
    return Lock(entry.name, until, answered)


def _keys(manifest: Manifest, entry: Entry) -> list[str]:
    """The keys of what stands for a backup when its lock is asked for."""
    return [entry.manifest.key, *map(data_key, manifest.dump.held)]


def _drills(repository: Repository, faults: list[Fault], latest: datetime) -> tuple[Drill, ...]:
    """The newest drills, back to a good one. latest: the moment after which one is dated in the future."""
    found: list[Drill] = []
    listed = sorted(repository.store.objects("drills/").items(), reverse=True)
    for key, stored in listed[:DRILLS]:
        try:
            found.append(_drill(repository, key, stored))
        except GantryError as error:
            if isinstance(error, UnreachableError):
                raise
            faults.append(Fault("", str(error)))
            continue
        if found[-1].ok and found[-1].begun <= latest:
            break
    return tuple(found)


def _drill(repository: Repository, key: str, stored: Stored) -> Drill:
    where = f"{key} in the {repository.where}"
    sealed = repository.store.get(key)
    if sealed is None:
        raise StateError(f"{where} is listed and cannot be read; see whether the store is consistent")
    return drill_of(parse_document(repository.keys.open(DRILL, key, sealed, where), where), stored.modified, where)


def drill_of(body: Mapping[str, Any], modified: datetime, where: str) -> Drill:
    """The drill that a record holds. modified: when the store dates it. Raises StateError where it is none of ours."""
    try:
        begun, rpo_s = min(parse_stamp(body["begun"]), modified), body["rpo_s"]
        # a drill may begin before the snapshot of a backup, by another clock
        age_s = None if rpo_s is None else figure(rpo_s, -MOST)
        return Drill(begun, flag(body["ok"]), text(body["backup"]), figure(body["rto_s"]), age_s, text(body["error"]))
    except BAD_VALUES as error:
        raise StateError(f"{where} is not the record of a drill: {error!r}; remove it, and run a drill") from error
