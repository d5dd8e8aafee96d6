# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol of a repository: backups, expiries and readers at once, which stall, lose answers, repeat and die."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_check import Order, check
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_interrupted import writing_after
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Dump
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_check import Check
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import entry_of, manifest_body
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import read_unexplained
from ansible_collections.gantry.odoo.plugins.module_utils._core import deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import Holder
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_below import Below
from ansible_collections.gantry.odoo.plugins.module_utils._repository import apply_turns
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    make_repository,
    read_manifest,
    read_manifest_names,
    stored_sizes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_send import send_shard
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import objects_of, sweep
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import reading
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import FULL, Entry, Hold
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Index, Place, Use, shard_bytes
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    DUMP,
    FILE,
    NOTE,
    DataName,
    ManifestName,
    data_key,
    note_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import (
    lacking,
    plan_expire,
    plan_hold,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_files import (
    former_files,
    left_files,
    notes_left,
)
from tests.unit.backup.build import MANIFEST

from .scheduled import DONE, KILLED, MODES, Memory, Run, Scheduled, current, later

MASTER = MasterKey("estate", b"k" * 32)
GRACE_S = 3600
CONTENTS = [f"file {number}".encode() for number in range(3)]
CHECK = Order(lock_timeout=0)


def name_of(content: bytes) -> str:
    """The name of a file with this content."""
    digest = hashlib.sha1(content).hexdigest()
    return f"{digest[:2]}/{digest}"


NAMES = sorted(map(name_of, CONTENTS))
FILES = {name_of(content): content for content in CONTENTS}


def take_backup(repository: Repository, keep: int) -> Entry:
    """As odoo_backup does it: stand on the newest backup and on what interrupted ones left, send the rest, commit.

    keep: how many of the files are not sent again. With all of them the index is used again as well, unread.
    """
    with writing_after(repository, "backup", 0, 0) as turn:
        places = map(partial(DataName, turn.number), itertools.count())
        notes = notes_left(turn)
        stored = stored_sizes(repository)
        former, left = former_files(turn, stored), left_files(turn, tuple(notes), stored)
        doubted = former.index.objects() & set(turn.catalog.damaged)
        dump = send_dump(repository, next(places))
        if keep == len(NAMES) and former.index.shards and not doubted:
            index = former.index
        else:
            known = {**left.below(""), **former.below("")}
            files = {name: known[name] for name in NAMES[:keep] if name in known and known[name].held not in doubted}
            for name in [name for name in NAMES if name not in files]:
                files[name] = send_file(repository, next(places), name)
                notes.append(note_of(files[name].held, [name]))
            shard, _sent = send_shard(repository, next(places), "", files)
            index = Index(0, {"": shard}, {one.held: Use(1, one.length, one.length) for one in files.values()})
        filestore = replace(MANIFEST.filestore, missing=())
        manifest = replace(MANIFEST, number=turn.number, dump=dump, index=index, filestore=filestore)
        entry = turn.commit(entry_of(manifest, repository.store.now()), manifest_body(manifest))
        repository.store.delete([note.key for note in notes])
    return entry


def send_dump(repository: Repository, held: DataName) -> Dump:
    """A dump."""
    sealed = repository.keys.seal(DUMP, data_key(held), b"dump")
    repository.store.put(data_key(held), sealed)
    return Dump((held,), (len(sealed),), 4, hashlib.sha256(b"dump").hexdigest())


def send_file(repository: Repository, held: DataName, name: str) -> Place:
    """A file in an object of its own, with its note."""
    sealed = repository.keys.seal(FILE, name, FILES[name])
    repository.store.put(data_key(held), sealed)
    place = Place(len(FILES[name]), held, 0, len(sealed))
    note = note_of(held, [name])
    repository.store.put(note.key, repository.keys.seal(NOTE, note.key, shard_bytes({name: place})))
    return place


def expire(repository: Repository, kept: int, grace_s: int) -> None:
    """As backup_policy does it: mark all but the newest `kept` backups, and remove those whose grace has ended."""
    with writing_after(repository, "expiry", 0, 0) as turn:
        marked = [one.name for one in turn.catalog.entries][: -kept or None]
        now = repository.store.now()
        catalog = repository.catalog.write(lambda seen: plan_expire(seen, marked, now), Deadline(0))
        sweep(turn.after(catalog), grace_s)


def read_backup(repository: Repository, which: int) -> None:
    """As odoo_restore does it: choose a backup, keep it, and read all that it needs."""
    entries = repository.catalog.read().entries
    if not entries:
        return
    with reading(repository, entries[which % len(entries)], "restore", 0) as entry:
        for held in objects_of(repository, entry):
            found = repository.store.get(data_key(held))
            assert found is not None, f"{held}, which backup {entry.name} needs, is gone while it is read"


def check_all(repository: Repository) -> Check:
    """As odoo_backup_check does it. Raises StateError where there is no backup."""
    return check(repository, CHECK, Progress())


def hold_backup(repository: Repository, which: int) -> None:
    """As backup_policy does it: record that a backup is not to be removed."""
    entries = repository.catalog.read().entries
    if not entries:
        return
    name = entries[which % len(entries)].name
    placed = [Hold(f"hold-{name.lower()}", "a claim", "", (name,))]
    repository.catalog.write(lambda seen: plan_hold(seen, placed, ()), Deadline(0))


class Protocol(RuleBasedStateMachine):
    """Runs that a scheduler steps in any order. What is in the catalog is complete, at every moment."""

    # the orders in which requests of different runs were done, each with the way that it went
    explored: ClassVar[set[tuple[str, ...]]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []
        self.memory = Memory()
        self.store = Scheduled(self.memory)
        self.repository = make_repository(Stores(self.store, self.store), "harbour", [MASTER])
        self.runs: list[Run] = []
        self.started = 0
        self.rotted = 0
        self.begun: dict[str, int] = {}
        self.seen: set[int] = set()
        self.late: set[int] = set()

    def start(self, what: str, work: Any, *arguments: int) -> None:
        """Begin a run with a connection of its own."""
        client = Scheduled(self.memory, self.store.late)
        mine = replace(self.repository, store=Below(client, "harbour/"), records=Below(client, "harbour/"))
        self.started += 1
        self.runs.append(Run(f"{what} {self.started}", lambda: work(mine, *arguments)))

    @precondition(lambda self: len(self.runs) < 4)
    @rule(keep=st.integers(0, 3))
    def backup(self, keep: int) -> None:
        """Another backup begins."""
        self.start("backup", take_backup, keep)

    @precondition(lambda self: len(self.runs) < 4)
    @rule(kept=st.integers(0, 2), grace_s=st.sampled_from([0, GRACE_S]))
    def expiry(self, kept: int, grace_s: int) -> None:
        """Another expiry begins."""
        self.start("expiry", expire, kept, grace_s)

    @precondition(lambda self: len(self.runs) < 4)
    @rule(which=st.integers(0, 5))
    def restore(self, which: int) -> None:
        """Somebody begins to read a backup."""
        self.start("restore", read_backup, which)

    @precondition(lambda self: len(self.runs) < 4)
    @rule()
    def check(self) -> None:
        """Another check begins."""
        self.start("check", check_all)
        self.begun[self.runs[-1].name] = self.rotted

    @rule(which=st.integers(0, 20))
    def rot(self, which: int) -> None:
        """A byte of an object changes."""
        sound = [key for key in self.store.objects("harbour/data/") if not self.memory.is_rotten(key)]
        if sound:
            self.memory.rot(sound[which % len(sound)])
            self.rotted += 1

    @precondition(lambda self: len(self.runs) < 4)
    @rule(which=st.integers(0, 5))
    def hold(self, which: int) -> None:
        """Somebody begins to place a hold on a backup."""
        self.start("hold", hold_backup, which)

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, 3), count=st.integers(1, 40), mode=st.sampled_from([*MODES, DONE, DONE]))
    def go_on(self, which: int, count: int, mode: str) -> None:
        """A run does some requests, and then one in another way."""
        run = self.runs[which % len(self.runs)]
        for way in [*[DONE] * (count - 1), mode]:
            if run.ended:
                break
            self.step(run, way)
        self.end(run)

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, 3))
    def cut_off(self, which: int) -> None:
        """A run is killed when its manifest is there, and before the catalog says so; then its lease ends."""
        run, manifests = self.runs[which % len(self.runs)], len(self.seen)
        while not run.ended and len(self.seen) == manifests:
            self.step(run, DONE)
        if not run.ended:
            self.step(run, KILLED)
            later(self.memory, 61)
        self.end(run)

    def step(self, run: Run, way: str) -> None:
        """A run does its next request in this way."""
        self.order.append(f"{run.name} {way}")
        before = self.memory.version
        run.step(way)
        if self.memory.version != before:
            self.complete()

    def end(self, run: Run) -> None:
        """What a run that has ended has to have left; nothing is asked of one that has not."""
        if run.ended:
            self.runs.remove(run)
            assert run.error is None or isinstance(run.error, Exception) or run.dead
            if isinstance(run.error, AssertionError):
                raise run.error
            if isinstance(run.result, Check) and self.begun[run.name] == self.rotted:
                self.marked(run.result)

    @rule(seconds=st.sampled_from([1, 30, 61, 1800, 3601]))
    def time_passes(self, seconds: int) -> None:
        """Whoever is in the middle of something stalls for so long."""
        later(self.memory, seconds)

    @precondition(lambda self: self.store.late)
    @rule(which=st.integers(0, 5))
    def arrive(self, which: int) -> None:
        """A request that was long on its way arrives."""
        self.order.append("arrival")
        self.store.late.pop(which % len(self.store.late))()
        self.complete()

    def complete(self) -> None:
        """Every backup of the catalog has its manifest and all its objects, and each that a hold names is there."""
        catalog = self.repository.catalog.read()
        held_back = {name for hold in catalog.holds for name in hold.backups}
        assert held_back <= {one.name for one in catalog.entries}
        for entry in catalog.entries:
            assert read_manifest(self.repository, entry.manifest)
            for held in objects_of(self.repository, entry):
                assert f"harbour/{data_key(held)}" in self.memory.held, f"backup {entry.name} lacks {held}"
        numbers = {one.number for one in read_manifest_names(self.repository)}
        # a request that arrives after the next run began cannot have been seen by it
        self.late |= {number for number in numbers - self.seen if number < catalog.fence}
        self.seen |= numbers
        forgotten = lacking(catalog, numbers) - self.late - {catalog.fence}
        assert not forgotten, f"backups {forgotten} have manifests, and the runs after them did not list them"

    def rotten(self, entry: Entry) -> bool:
        """Whether an object that a backup needs is damaged."""
        return any(self.memory.is_rotten(f"harbour/{data_key(held)}") for held in objects_of(self.repository, entry))

    def marked(self, found: Check) -> None:
        """Each backup that a check has read is marked as what it is, where nothing has changed since."""
        checked = {one.entry.number for one in found.found}
        for entry in self.repository.catalog.read().entries:
            if entry.number in checked:
                assert (entry.restorable == FULL) == (not self.rotten(entry)), entry

    def teardown(self) -> None:
        """End the runs that stand still, and see that a next one works."""
        self.explored.add(tuple(self.order))
        for run in self.runs:
            while not run.ended:
                run.step(KILLED)
        for late in self.store.late:
            late()
        later(self.memory, 3 * GRACE_S)
        placed = [one.name for one in self.repository.catalog.read().holds]
        self.repository.catalog.write(lambda seen: plan_hold(seen, (), placed), Deadline(0))
        # what an interrupted backup left may have rotted before the first one uses it
        for _twice in range(2):
            entry = take_backup(self.repository, len(NAMES))
            self.marked(check_all(self.repository))
            catalog = self.repository.catalog.read()
            assert self.late or read_unexplained(self.repository, catalog, None, ()) == ""
        assert not self.rotten(entry)
        expire(self.repository, 1, GRACE_S)
        later(self.memory, 2 * GRACE_S)
        expire(self.repository, 1, GRACE_S)
        self.complete()
        (entry,) = self.repository.catalog.read().entries
        assert entry.restorable == FULL
        assert set(self.store.objects("harbour/manifests/")) == {f"harbour/{entry.manifest.key}"}
        needed = {f"harbour/{data_key(held)}" for held in objects_of(self.repository, entry)}
        assert {key for key in self.memory.held if key.startswith("harbour/data/")} == needed
        assert not self.store.objects("harbour/sent/")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No run waits in the time of this machine, and each is a process of its own."""
    monkeypatch.setattr(deadline.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(apply_turns, "this_process", lambda kind: Holder(kind, current(), "here"))


Protocol.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class TestProtocol(Protocol.TestCase):  # type: ignore[misc,name-defined]
    """The state machine, as pytest runs it."""


def test_a_manifest_that_is_gone_is_one_sentence() -> None:
    store = Scheduled(Memory())
    repository = make_repository(Stores(store, store), "harbour", [MASTER])
    with pytest.raises(StateError, match="manifests/7 in the store in memory, harbour is missing"):
        read_manifest(repository, ManifestName(7))
    assert json.dumps(repository.catalog.read().as_body())
