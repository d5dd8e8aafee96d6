# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens the repository of one tenant, and gives runs their turns in it."""

from __future__ import annotations

import json
import re
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import parse_document
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import Lease
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import HeldError, LostError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import (
    Record,
    StateLog,
    require_conditions,
    require_refusal,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository import sealing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_identity import make_identity
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Below, Sealed, Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    Catalog,
    Entry,
    Left,
    Marks,
    Stay,
    from_body,
    marks_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import objects_in
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import (
    Keyring,
    MasterKey,
    data_keys_body,
    keyring_from,
    keys_for,
    parse_data_keys,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    KEYS,
    MANIFEST,
    MARKS,
    ManifestName,
    data_name,
    data_prefix,
    manifest_name,
    parse_note,
    tenant_root,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import (
    plan_begin,
    plan_commit,
    plan_rebuild,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_process import is_gone, this_process
from ansible_collections.gantry.odoo.plugins.module_utils._repository.sealing import DataKeys

# A lease that is not renewed for so long may be taken by another run.
LEASE_S = 60
RENEW_S = LEASE_S / 4
# How long a run waits for its turn to write one record.
RECORD_S = 30
# The first keys of a listing may be those of a tenant whose root lies within this one.
LOOKED_AT = 1000
_CATALOG = re.compile(r"catalog/[0-9]{6}/[0-9]{3}")
_UNOPENED = "without them none of its backups can be opened, and no new ones are made beside those"
_WRITE, _READ = "write", "read:"


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
class KeyLog(StateLog[Keyring]):
    """The records of a tenant's wrapped data keys."""

    NAME = "keys"

    def parsed(self, record: Record | None) -> Keyring:
        """The keyring that a record says."""
        return Keyring() if record is None else keyring_from(record.number, record.body, self.objects.where)


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
    try:
        keyring = KeyLog(records).read()
    except StateError as error:
        raise StateError(f"{error}; {_UNOPENED}; {_keys_from(store, records)}") from error
    if not keyring.number:
        _require_nothing(store, records)
        return None
    keys = unwrap(keyring, tenant, masters, records.where)
    return Repository(tenant, store, records, keys, keyring.wrapped_by, keyring.number)


def _require_nothing(store: Below, records: Below) -> None:
    """Raises StateError where something was sealed by keys that are not there any more."""
    found = [key for key in store.names("manifests/", LOOKED_AT) if manifest_name(key)]
    found += [key for key in store.names("data/", LOOKED_AT) if data_name(key)]
    found += [key for key in records.names(f"{CatalogLog.NAME}/", LOOKED_AT) if _CATALOG.fullmatch(key)]
    if found:
        raise StateError(
            f"the {records.where} has lost its wrapped data keys: nothing is below {KeyLog.NAME}/, and {found[0]} is "
            f"there; {_UNOPENED}; {_keys_from(store, records)}"
        )


def _keys_from(store: Below, records: Below) -> str:
    """What to do where wrapped data keys are lost, as a clause."""
    sources = ["its second repository, which can still be read"]
    if store.where != records.where and store.names(f"{KeyLog.NAME}/", 1):
        sources.insert(0, f"the {store.where}, which has a copy of it")
    return f"copy the newest record of {KeyLog.NAME}/ back from {', or '.join(sources)}, or from its versions"


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
            f"lack, so they are older ones; {_keys_from(repository.store, repository.records)}"
        )


def wrap(keys: Mapping[int, bytes], tenant: str, master: MasterKey, number: int = 1) -> Keyring:
    """The keyring that holds data keys for who has the master key."""
    body = json.dumps(data_keys_body(keys)).encode()
    return Keyring(number, master.name, DataKeys(tenant, {1: master.secret}).seal(KEYS, master.name, body))


def unwrap(keyring: Keyring, tenant: str, masters: Sequence[MasterKey], where: str) -> DataKeys:
    """The data keys of a keyring. Raises StateError where the master keys do not open it."""
    fitting = [one for one in keys_for(tenant, masters) if one.name == keyring.wrapped_by]
    if not fitting:
        raise StateError(
            f"the data keys in the {where} are wrapped by the key {keyring.wrapped_by!r}, which is not in "
            "repository.keys; add it there"
        )
    what = f"the wrapped data keys in the {where} (key {keyring.wrapped_by!r} of repository.keys)"
    try:
        opened = DataKeys(tenant, {1: fitting[0].secret}).open(KEYS, keyring.wrapped_by, keyring.wrapped, what)
    except StateError as error:
        raise StateError(
            f"{error}; give the right key of that name, or, where record {keyring.number} of {KeyLog.NAME} is damaged, "
            "copy it back from the second repository, which can still be read, or from its versions; none are made anew"
        ) from error
    return DataKeys(tenant, parse_data_keys(parse_document(opened, what), where))


@dataclass(frozen=True)
class Turn:
    """The right of one run to change a repository. number: its fencing number, which names what it writes.

    listed: the backup of the run before it that was interrupted at its end, which is in the catalog from now on.
    """

    repository: Repository
    number: int
    catalog: Catalog
    lost: threading.Event
    listed: tuple[Entry, ...] = ()

    def commit(self, entry: Entry, manifest: Mapping[str, Any], stay: Stay | None = None) -> Entry:
        """Make a backup complete: write its manifest, then the catalog. Raises LostError where another run began.

        stay: how long it is kept whatever a policy says.
        """
        objects = objects_in(manifest, entry.manifest.key)
        self.write_manifest(entry.manifest, manifest)
        catalog = self.repository.catalog.write(
            lambda seen: plan_commit(seen, entry, objects, stay), Deadline(RECORD_S)
        )
        return next(one for one in catalog.entries if one.number == entry.number)

    def write_manifest(self, name: ManifestName, manifest: Mapping[str, Any]) -> None:
        """Write a manifest, which counts when the catalog says so."""
        self.require()
        body = json.dumps(manifest, sort_keys=True).encode()
        self.repository.store.put(name.key, self.repository.keys.seal(MANIFEST, name.key, body))

    def after(self, catalog: Catalog) -> Turn:
        """The same turn, with what the catalog says now."""
        return replace(self, catalog=catalog)

    def require(self) -> None:
        """Raise LostError where the lease is known to be lost; each write of the catalog makes sure of it by itself."""
        if self.lost.is_set():
            raise LostError(f"the lease on the {self.repository.where} was lost while at work; run again")


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
    """What the last copy, or a check, has found of the objects of a copy."""
    return marks_from(read_document(repository, MARKS), repository.where)


def write_marks(repository: Repository, marks: Marks) -> None:
    """Record what is damaged in a copy, whose catalog cannot say it, as it is that of the first repository."""
    if read_marks(repository).as_body() != marks.as_body():
        write_document(repository, MARKS, marks.as_body())


@contextmanager
def writing(
    repository: Repository, kind: str, wait_s: float, settled: Callable[[Catalog], Catalog] = lambda seen: seen
) -> Iterator[Turn]:
    """The turn to change the repository, for the time of the block. Raises DeadlineError after `wait_s` seconds.

    settled: the catalog as the run before would have left it, which is written in the same record as the fence.
    """
    # a key that only adds backups may write leases, and no keys
    require_refusal(repository.records, Register.NAME)
    # a copy of a repository has leases of its own, which may be fewer
    fence = repository.catalog.read().fence
    with _held(repository.leases, kind, (_WRITE,), wait_s, fence) as (lease, lost):
        number = lease.fencing_number
        listed: tuple[Entry, ...] = ()

        def begin(seen: Catalog) -> Catalog:
            nonlocal listed
            require_catalog(repository, seen)
            if seen.fence == number:
                return seen
            after = settled(seen)
            listed = after.entries[len(seen.entries) :]
            return plan_begin(after, number)

        catalog = repository.catalog.write(begin, Deadline(RECORD_S))
        yield Turn(repository, number, catalog, lost, listed)


def rebuild_catalog(repository: Repository, left: Left, wait_s: float) -> Catalog:
    """Write a catalog in the place of one that is lost. Raises StateError where there is one."""
    require_refusal(repository.records, Register.NAME)
    highest = max((max(one.number, one.healed) for one in left.entries), default=0)
    with _held(repository.leases, "rebuild", (_WRITE,), wait_s, highest) as (lease, _lost):
        number = lease.fencing_number
        if left.unread:
            plan_rebuild(repository.catalog.read(), number, left)
            # objects of such a note may be gone, and it would not be given up
            repository.store.delete([key for key in repository.store.objects("sent/") if parse_note(key)])
        return repository.catalog.write(lambda seen: plan_rebuild(seen, number, left), Deadline(RECORD_S))


def require_catalog(repository: Repository, seen: Catalog) -> None:
    """Raises StateError where backups have manifests, and no catalog says that they are complete."""
    if not seen.number and read_manifest_names(repository):
        raise StateError(
            f"the {repository.where} has manifests of backups and no catalog, so its catalog is lost; "
            "run odoo_backup_check with rebuild: true"
        )


@contextmanager
def reading(repository: Repository, entry: Entry, kind: str, wait_s: float) -> Iterator[Entry]:
    """Keep a backup from being removed for the time of the block, which is given what the catalog says of it now.

    Raises StateError where it is gone already.
    """
    with reading_all(repository, (entry,), kind, wait_s):
        found = _find(repository, entry)
        if found.expired:
            # a removal that began before this lease was taken does not know of it
            _wait_for_turn(repository, wait_s)
            found = _find(repository, entry)
        yield found


@contextmanager
def reading_all(repository: Repository, entries: Sequence[Entry], kind: str, wait_s: float) -> Iterator[None]:
    """Keep backups from being removed for the time of the block, but for a removal that has begun already."""
    if not entries:
        yield
        return
    mine = uuid.uuid4().hex
    # those who read never meet one another, so nobody else would end what a killed one has left
    _break_left(repository.readers)
    with _held(repository.readers, kind, tuple(f"{_READ}{one.number}:{mine}" for one in entries), wait_s):
        yield


def _find(repository: Repository, entry: Entry) -> Entry:
    found = repository.catalog.read().entry(entry.name)
    if found is None or found.number != entry.number:
        raise StateError(f"backup {entry.name} in the {repository.where} was removed meanwhile; choose another")
    return found


def being_read(repository: Repository) -> set[int]:
    """The numbers of the backups that are being read.

    Who reads takes a lease and looks for marks after that. So whoever asks here after it has marked a backup is told of
    all who have not seen the mark.
    """
    parts = (part.split(":") for part in _covered(repository.readers) if part.startswith(_READ))
    try:
        return {int(number) for _read, number, *_mine in parts}
    except ValueError as error:
        raise StateError(
            f"a lease in {Readers.NAME} of the {repository.where} names no backup ({error}); see who has written it"
        ) from error


def being_written(repository: Repository) -> bool:
    """Whether a run holds the lease to change the repository."""
    return _WRITE in _covered(repository.leases)


def _covered(leases: Register) -> set[str]:
    """All parts that leases cover which have not expired."""
    now = leases.objects.now()
    return {part for lease in leases.read().held if lease.until > now for part in lease.covers}


@contextmanager
def _held(
    leases: Register, kind: str, covers: tuple[str, ...], wait_s: float, above: int = 0
) -> Iterator[tuple[Lease, threading.Event]]:
    lease = _take(leases, kind, covers, wait_s, above)
    lost, done = threading.Event(), threading.Event()
    renewing = threading.Thread(target=_renew, args=(leases, lease.fencing_number, lost, done), daemon=True)
    renewing.start()
    try:
        yield lease, lost
    finally:
        done.set()
        renewing.join()
        # the work is done or has failed with words of its own; a lease that stays ends by itself
        with suppress(GantryError):
            leases.release(lease.fencing_number, Deadline(RECORD_S))


def _take(leases: Register, kind: str, covers: tuple[str, ...], wait_s: float, above: int) -> Lease:
    holder = this_process(kind)
    deadline = Deadline(wait_s)
    said = ""

    def attempt() -> Lease | None:
        nonlocal said
        try:
            return leases.take(covers, holder, Deadline(RECORD_S), above)
        except HeldError as error:
            said = str(error)
            _break_left(leases)
            return None

    try:
        return deadline.wait(attempt, "the lease", interval=0.5)
    except DeadlineError as error:
        raise DeadlineError(
            f"the {leases.objects.where} was in use for {wait_s:g} s: {said}; wait for it to end, or give a longer "
            "lock_timeout"
        ) from error


def _break_left(leases: Register) -> None:
    """End the leases of processes that are gone, so that nobody waits for those to expire."""
    for lease in leases.read().held:
        if is_gone(lease.holder):
            # another run may have ended it as well
            with suppress(LostError):
                leases.take_away(lease.fencing_number, lease.holder.where, "its process is gone", Deadline(RECORD_S))


def _renew(leases: Register, number: int, lost: threading.Event, done: threading.Event) -> None:
    """Prolong a lease until the work is done. A store that does not answer is asked again."""
    while not done.wait(RENEW_S):
        try:
            leases.renew(number, Deadline(RENEW_S))
        except LostError:
            lost.set()
            return
        except GantryError:
            continue


def _wait_for_turn(repository: Repository, wait_s: float) -> None:
    def free() -> bool | None:
        return None if being_written(repository) else True

    Deadline(wait_s).wait(free, f"the end of the work on the {repository.where}", interval=0.5)
