# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives runs their turns in the repository of one tenant, to change it or to read its backups."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import Lease
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import HeldError, LostError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import require_refusal
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    LEASE_S,
    RECORD_S,
    Readers,
    Repository,
    require_catalog,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Entry, Left, Stay
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import objects_in
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    MANIFEST,
    ManifestName,
    parse_note,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import (
    added,
    plan_begin,
    plan_commit,
    plan_rebuild,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_process import is_gone, this_process

RENEW_S = LEASE_S / 4
_WRITE, _READ = "write", "read:"


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
            listed = added(seen, after)
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


def is_at_work(repository: Repository) -> bool:
    """Whether a run holds that lease whose process is not known to be gone: the next run would wait for it."""
    now = repository.leases.objects.now()
    held = (lease for lease in repository.leases.read().held if lease.until > now and _WRITE in lease.covers)
    return any(not is_gone(lease.holder) for lease in held)


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
