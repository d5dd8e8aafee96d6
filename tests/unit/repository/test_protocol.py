# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol of a repository: backups, expiries and readers at once, which stall, lose answers, repeat and die."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from ansible_collections.gantry.odoo.plugins.module_utils._core import deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    make_repository,
    read_manifest,
    reading,
    writing,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Below, Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import objects_of, sweep
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Entry, Hold
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Index, Place, Use, shard_bytes
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    NOTE,
    DataName,
    data_key,
    note_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import plan_expire, plan_hold
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_files import left_files, notes_left

from .scheduled import DONE, KILLED, MODES, Memory, Run, Scheduled, later

MASTER = MasterKey("estate", b"k" * 32)
GRACE_S = 3600
FILES = 3


def content(name: DataName) -> bytes:
    """What an object holds; who reads it finds out whether it is the one that was written."""
    return f"object {name}".encode()


def name_of(number: int) -> str:
    """A name of a file."""
    digits = f"{number:02x}"
    return f"{digits}/{digits}{'0' * 38}"


def take_backup(repository: Repository, keep: int) -> Entry:
    """As odoo_backup does it: stand on the newest backup and on what interrupted ones left, add some, commit.

    keep: how many objects of those are used again.
    """
    with writing(repository, "backup", 0) as turn:
        newest = max(turn.catalog.entries, key=lambda one: one.number, default=None)
        old = sorted(objects_of(repository, newest))[:keep] if newest else []
        notes = notes_left(turn)
        left = left_files(turn, tuple(notes))
        adopted = sorted({place.held for place in left.below("").values()})[:keep]
        new = [DataName(turn.number, place) for place in range(FILES)]
        for place, held in enumerate(new):
            repository.store.put(data_key(held), content(held))
            note = note_of(held, [name_of(place)])
            files = {name_of(place): Place(1, held, 0, 1)}
            repository.store.put(note.key, repository.keys.seal(NOTE, note.key, shard_bytes(files)))
            notes.append(note)
        uses = {held: Use(1, 1, 1) for held in {*old, *adopted, *new[1:]}}
        now = repository.store.now()
        entry = Entry(turn.number, now, now, "uuid", "19.0", 1, len(uses), len(uses))
        entry = turn.commit(entry, {"dump": {"held": [str(new[0])]}, "index": Index(uses=uses).as_body()})
        repository.store.delete([note.key for note in notes])
    return entry


def expire(repository: Repository, kept: int, grace_s: int) -> None:
    """As backup_policy does it: mark all but the newest `kept` backups, and remove those whose grace has ended."""
    with writing(repository, "expiry", 0) as turn:
        marked = [one.name for one in turn.catalog.entries][: -kept or None]
        now = repository.store.now()
        catalog = repository.catalog.write(lambda seen: plan_expire(seen, marked, now), Deadline(0))
        sweep(turn.after(catalog), grace_s)


def read_backup(repository: Repository, which: int) -> None:
    """As odoo_restore does it: choose a backup, keep it, and read all that it needs."""
    entries = repository.catalog.read().entries
    if not entries:
        return
    entry = entries[which % len(entries)]
    with reading(repository, entry, "restore", 0):
        for held in objects_of(repository, entry):
            found = repository.store.get(data_key(held))
            assert found == content(held), f"{held}, which backup {entry.name} needs, is gone while it is read"


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

    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory()
        self.store = Scheduled(self.memory)
        self.repository = make_repository(Stores(self.store, self.store), "harbour", [MASTER])
        self.runs: list[Run] = []
        self.clients: list[Scheduled] = []

    def start(self, what: str, work: Any, *arguments: int) -> None:
        """Begin a run with a connection of its own."""
        client = Scheduled(self.memory, self.store.late)
        mine = replace(self.repository, store=Below(client, "harbour/"), records=Below(client, "harbour/"))
        self.runs.append(Run(f"{what} {len(self.runs)}", lambda: work(mine, *arguments)))

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
            before = self.memory.version
            run.step(way)
            if self.memory.version != before:
                self.complete()
        if run.ended:
            self.runs.remove(run)
            assert run.error is None or isinstance(run.error, Exception) or run.dead
            if isinstance(run.error, AssertionError):
                raise run.error

    @rule(seconds=st.sampled_from([1, 30, 61, 1800, 3601]))
    def time_passes(self, seconds: int) -> None:
        """Whoever is in the middle of something stalls for so long."""
        later(self.memory, seconds)

    @precondition(lambda self: self.store.late)
    @rule(which=st.integers(0, 5))
    def arrive(self, which: int) -> None:
        """A request that was long on its way arrives."""
        self.store.late.pop(which % len(self.store.late))()
        self.complete()

    def complete(self) -> None:
        """Every backup of the catalog has its manifest and all its objects, and each that a hold names is there."""
        catalog = self.repository.catalog.read()
        held_back = {name for hold in catalog.holds for name in hold.backups}
        assert held_back <= {one.name for one in catalog.entries}
        for entry in catalog.entries:
            assert read_manifest(self.repository, entry.number)
            for held in objects_of(self.repository, entry):
                found = self.memory.held.get(f"harbour/{data_key(held)}")
                assert found is not None, f"backup {entry.name} lacks {held}"
                assert found[0] == content(held), f"backup {entry.name} has another {held}"

    def teardown(self) -> None:
        """End the runs that stand still, and see that a next one works."""
        for run in self.runs:
            while not run.ended:
                run.step(KILLED)
        for late in self.store.late:
            late()
        later(self.memory, 3 * GRACE_S)
        placed = [one.name for one in self.repository.catalog.read().holds]
        self.repository.catalog.write(lambda seen: plan_hold(seen, (), placed), Deadline(0))
        entry = take_backup(self.repository, 3)
        expire(self.repository, 1, GRACE_S)
        later(self.memory, 2 * GRACE_S)
        expire(self.repository, 1, GRACE_S)
        self.complete()
        assert [one.name for one in self.repository.catalog.read().entries] == [entry.name]
        needed = {f"harbour/{data_key(held)}" for held in objects_of(self.repository, entry)}
        assert {key for key in self.memory.held if key.startswith("harbour/data/")} == needed
        assert not self.store.objects("harbour/sent/")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No run waits in the time of this machine."""
    monkeypatch.setattr(deadline.time, "sleep", lambda _seconds: None)


Protocol.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class TestProtocol(Protocol.TestCase):  # type: ignore[misc,name-defined]
    """The state machine, as pytest runs it."""


def test_a_manifest_that_is_gone_is_one_sentence() -> None:
    store = Scheduled(Memory())
    repository = make_repository(Stores(store, store), "harbour", [MASTER])
    with pytest.raises(StateError, match="manifests/7 in the store in memory, harbour is missing"):
        read_manifest(repository, 7)
    assert json.dumps(repository.catalog.read().as_body())
