# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second repository: complete at each moment, compared by content, and of use where the first one is lost."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup import (
    apply_check,
    apply_copy,
    apply_mend,
    plan_check,
    plan_copy,
    read_compliance,
    read_copy,
    report_copy,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_rotation import rotate_copies
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep, Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import CopySeen
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_copy import Compared, Copied
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_anomalies import anomalies
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_compliance import read_evidence
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_copy import read_compared
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_restore import drill_record
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._repository import (
    apply_index,
    apply_second,
    apply_sweep,
    apply_transfer,
    model_index,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_identity import (
    make_identity,
    read_identity,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    open_repository,
    read_marks,
    rotate,
    write_marks,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import reading, writing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    FULL,
    NONE,
    PARTIAL,
    REBUILT,
    Hold,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    COPIES,
    DRILL,
    data_key,
    data_name,
    drill_key,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import plan_expire, plan_hold
from tests.unit.backup.rotting import CONTENTS, MASTER, Rotting, rotting_in

WRITES = ("put", "create", "upload", "delete")


@dataclass
class Pair:
    """A repository in a directory, and the place of its copy."""

    first: Rotting

    @property
    def stores(self) -> Stores:
        """The place of the copy."""
        directory = Directory(str(self.first.path / "copy"))
        return Stores(directory, directory, "elsewhere")

    def copy(self, masters: tuple[MasterKey, ...] = (MASTER,), **order: Any) -> Copied:
        """Copy, as odoo_backup_copy does."""
        wanted = apply_copy.Order(lock_timeout=5, **order)
        return apply_copy.copy(self.first.repository, self.stores, masters, wanted, Progress())

    def keep(self, last: int) -> None:
        """Record a policy that keeps so many backups."""
        policy = Policy("harbour", 1, 86400, 3600, Keep(last=last), drill_interval_s=86400, copies=3)
        self.first.promise(policy)

    def expire(self, name: str) -> None:
        """Mark a backup, copy that, and remove the backup, as an expiry with a grace does."""
        with writing(self.first.repository, "expiry", 5):
            now = self.first.repository.store.now()
            self.first.repository.catalog.write(lambda seen: plan_expire(seen, {name}, now), Deadline(5))
        self.copy()
        self.first.expire(name)

    def foresee(self, **order: Any) -> Copied:
        """Copy in check mode."""
        wanted = apply_copy.Order(**order)
        return apply_copy.foresee(self.first.repository, self.stores, (MASTER,), wanted, Progress())

    @property
    def second(self) -> Rotting:
        """The copy as a repository, with nothing but its location and the key."""
        found = open_repository(self.stores, "harbour", (MASTER,))
        assert found is not None
        return Rotting(self.first.path, found, self.first.names)

    def contents(self) -> dict[str, bytes]:
        """What has to be the same in both: contents and manifests, the newest catalog and the keys."""
        return same(self.first.repository)


def same(repository: Repository) -> dict[str, bytes]:
    """The contents of a repository that is not at work. The catalog is what it says, with the marks that stand here."""
    keys = [*repository.store.objects("data/"), *repository.store.objects("manifests/")]
    keys += repository.records.names("keys/", 1)
    found = {key: repository.store.get(key) for key in keys}
    catalog = repr(replace(repository.catalog.read(), copied=False)).encode()
    return {"catalog": catalog, **{key: data for key, data in found.items() if data is not None}}


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A repository with two backups, small packs and shards, and a place for its copy."""
    monkeypatch.setattr(apply_index, "PACK_BYTES", 500)
    monkeypatch.setattr(apply_index, "LARGE_BYTES", 1500)
    monkeypatch.setattr(model_index, "FILES_A_SHARD", 30)
    (tmp_path / "copy").mkdir()
    made = rotting_in(tmp_path)
    made.add(*CONTENTS)
    made.backup()
    made.add(b"new")
    made.backup()
    return Pair(made)


def actions(done: Copied) -> list[str]:
    return [step.action for step in plan_copy.steps_of(done)]


@pytest.mark.parametrize("name", ["notes", "20261122T103000.000000Z/x", "a" * 60, "evil.sh"])
def test_what_is_no_record_of_a_drill_is_not_copied(pair: Pair, name: str) -> None:
    pair.first.repository.store.put(f"drills/{name}", b"of another")
    pair.copy()
    assert not pair.second.repository.store.objects("drills/")


def test_each_byte_that_is_sent_is_counted_and_known_before(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    progress, seen = Progress(), []
    send = apply_copy._send_one

    def watched(*arguments: Any) -> None:
        send(*arguments)
        seen.extend(progress.snapshot().parts)

    monkeypatch.setattr(apply_copy, "_send_one", watched)
    wanted = apply_copy.Order(lock_timeout=5)
    done = apply_copy.copy(pair.first.repository, pair.stores, (MASTER,), wanted, progress)
    total = sum(done.plan.contents.values()) + sum(done.plan.manifests.values())
    assert {one.name for one in seen} == {"copying"}
    assert {one.bytes_total for one in seen} == {total}
    assert max(one.bytes for one in seen) == total
    assert progress.snapshot().parts == ()


def test_check_run_check_run(pair: Pair) -> None:
    foreseen, done = pair.foresee(), pair.copy()
    assert [one.as_dict() for one in plan_copy.steps_of(foreseen)] == [
        one.as_dict() for one in plan_copy.steps_of(done)
    ]
    assert actions(done) == ["copy", "publish"]
    assert same(pair.second.repository) == pair.contents()
    before = pair.first.state()
    again = pair.foresee(), pair.copy()
    assert [actions(one) for one in again] == [[], []]
    assert plan_copy.failure_of(done) == plan_copy.failure_of(again[1]) == ""
    # the first repository is only read, but for what it knows of its copy
    after = pair.first.state()
    assert {key for key in after if after[key] != before.get(key)} == {"harbour/copies"}
    assert after.keys() == before.keys()


def test_a_restore_needs_the_copy_and_the_key_alone(pair: Pair) -> None:
    entries = pair.first.repository.catalog.read().entries
    pair.copy()
    shutil.rmtree(pair.first.path / "store")
    copy = pair.second
    assert [copy.restored(one) >= {*pair.first.names[:3]} for one in entries] == [True, True]
    assert copy.restored(entries[-1]) == set(pair.first.names)
    # and it can be the first one from now on
    third = copy.backup()
    assert third.number > entries[-1].number
    assert copy.restored(third) == set(pair.first.names)


def test_a_copy_with_old_leases_of_its_own_can_be_the_first_one(pair: Pair) -> None:
    pair.copy()
    with reading(pair.second.repository, pair.second.repository.catalog.read().entries[0], "restore", 5):
        pass
    # the first one goes on for long, with more leases than seconds
    for _more in range(5):
        pair.first.backup()
    pair.copy()
    former = pair.first.repository.catalog.read()
    assert pair.second.backup().number > former.fence


def test_only_what_is_missing_is_sent(pair: Pair) -> None:
    first = pair.copy()
    assert first.plan.objects == len(pair.first.listed())
    pair.first.add(b"newer")
    pair.first.backup()
    held = set(pair.second.listed())
    second = pair.copy()
    assert set(second.plan.contents) | set(second.plan.manifests) == set(pair.first.listed()) - held
    assert second.plan.bytes < first.plan.bytes
    assert same(pair.second.repository) == pair.contents()


@pytest.fixture
def few(tmp_path: Path) -> Pair:
    """A pair with so few objects that each of them can be tried."""
    (tmp_path / "copy").mkdir()
    made = rotting_in(tmp_path)
    made.add(*CONTENTS[:4])
    made.backup()
    made.add(b"new")
    made.backup()
    return Pair(made)


@pytest.mark.parametrize("begun", [False, True])
def test_a_copy_that_is_killed_anywhere_is_usable_and_completed(
    few: Pair, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    """begun: whether there was a copy of other backups before, of which some are gone since."""
    pair = few
    old = pair.first.repository.catalog.read().entries
    if begun:
        pair.keep(1)
        pair.copy()
        pair.first.add(b"newer")
        pair.first.backup()
        pair.first.expire(old[0].name)
        (pair.first.path / "copy").rename(pair.first.path / "begun")
    known, killed = pair.first.repository.store.get(COPIES), 0
    # all of them are tried against the bucket
    for boundary in range(0, 1000, 3):
        shutil.rmtree(pair.first.path / "copy", ignore_errors=True)
        if begun:
            shutil.copytree(pair.first.path / "begun", pair.first.path / "copy")
            pair.first.repository.store.put(COPIES, known or b"")
        else:
            (pair.first.path / "copy").mkdir()
        if run_until(monkeypatch, pair, boundary) == 0:
            break
        killed += 1
        for one in complete(pair):
            assert pair.second.restored(one)
        pair.copy()
        assert same(pair.second.repository) == pair.contents()
        for leftover in pair.first.path.glob("restored-*"):
            shutil.rmtree(leftover)
        if not begun:
            # the next one begins without a copy that was there
            pair.first.repository.store.delete(["copies"])
    assert killed > 2


def complete(pair: Pair) -> Iterator[Any]:
    """The backups that a copy shows, if it has come as far as to show any."""
    found = open_repository(pair.stores, "harbour", (MASTER,))
    yield from (one for one in (found.catalog.read().entries if found else ()) if one.expired is None)


def run_until(monkeypatch: pytest.MonkeyPatch, pair: Pair, boundary: int) -> int:
    """Copy in a process that is killed before one of its writes into the copy; its exit code, 0 at the end."""
    writes = iter(range(10_000))

    def dying(name: str) -> Any:
        work = getattr(Directory, name)

        def write(store: Directory, *args: Any) -> Any:
            probes = "/probe/" in str(args[0]) or not args[0]
            if "/copy" in store.path and not probes and next(writes) == boundary:
                os.kill(os.getpid(), signal.SIGKILL)
            return work(store, *args)

        return write

    with monkeypatch.context() as patched:
        for name in WRITES:
            patched.setattr(Directory, name, dying(name))
        patched.setattr(apply_copy, "SENDERS", 1)
        process = multiprocessing.get_context("fork").Process(target=pair.copy)
        process.start()
        process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode or 0


@pytest.mark.parametrize("how", ["flip", "truncate", "remove"])
@pytest.mark.parametrize("what", ["pack", "dump", "shard", "manifest"])
def test_damage_in_the_copy_is_found_and_healed(pair: Pair, how: str, what: str) -> None:
    pair.copy()
    key = key_of(pair.first, what)
    getattr(pair.second, how)(key)
    foreseen, done = pair.foresee(), pair.copy()
    assert actions(foreseen) == actions(done)
    # what is missing is sent again, and the rest is found by reading
    assert actions(done) == (["copy"] if how == "remove" else ["heal"])
    assert plan_copy.failure_of(done) == ""
    assert same(pair.second.repository) == pair.contents()


def key_of(rotting: Rotting, what: str) -> str:
    """The key of an object that the newest backup needs."""
    entry = rotting.repository.catalog.read().entries[-1]
    manifest = rotting.manifest(entry)
    shard = next(iter(manifest.index.shards.values()))
    return {
        "pack": data_key(min(manifest.index.uses)),
        "dump": data_key(manifest.dump.held[0]),
        "shard": data_key(shard.held),
        "manifest": entry.manifest.key,
    }[what]


def test_a_share_finds_damage_in_its_turn_and_what_was_sent_is_always_read(pair: Pair) -> None:
    whole = pair.copy(parts=4)
    assert whole.check is not None
    assert whole.check.objects == len(pair.second.repository.store.objects("data/"))
    key = key_of(pair.first, "pack")
    pair.second.flip(key)
    healed = [pair.copy(parts=4).healed for _part in range(4)]
    assert sorted(healed) == [(), (), (), (key,)]


def test_damage_in_both_is_named_and_the_copy_does_not_count(pair: Pair) -> None:
    pair.copy()
    key = key_of(pair.first, "pack")
    pair.first.flip(key)
    pair.second.flip(key)
    done = pair.copy()
    assert "cannot be restored in full" in plan_copy.failure_of(done)
    record = read_compared(pair.second.repository)
    assert record is not None
    assert not record.ok
    assert done.healed == ()


def test_what_the_first_one_has_lost_is_neither_lost_in_the_copy_nor_copied_as_complete(pair: Pair) -> None:
    pair.copy()
    pair.first.remove(key_of(pair.first, "pack"))
    # the copy has it
    assert plan_copy.failure_of(pair.copy()) == ""
    pair.first.add(b"newer")
    newest = pair.first.backup()
    lost = data_key(max(pair.first.manifest(newest).index.uses))
    pair.first.remove(lost)
    before = same(pair.second.repository)
    with pytest.raises(StateError, match=f"1 objects are neither in .*, such as {lost}; run odoo_backup_check"):
        pair.copy()
    assert same(pair.second.repository) == before
    # once it is marked, the others are copied, and the backup is what it is
    pair.first.check()
    assert pair.first.entry(newest.number).restorable == PARTIAL
    assert plan_copy.failure_of(pair.copy()) == ""
    assert len(pair.second.repository.catalog.read().entries) == 3


def test_what_is_expired_leaves_the_copy_unless_it_is_read_there(pair: Pair) -> None:
    pair.copy()
    old = pair.first.repository.catalog.read().entries[0]
    pair.expire(old.name)
    with reading(pair.second.repository, old, "restore", 5):
        assert actions(pair.copy()) == ["publish"]
        assert old.manifest.key in pair.second.listed()
        assert pair.second.repository.catalog.read().entry(old.name) is None
    assert actions(pair.copy(remove=False)) == []
    assert actions(pair.copy()) == ["remove"]
    assert pair.second.listed() == pair.first.listed()


@pytest.mark.parametrize("last", [0, 1, 3])
def test_what_vanishes_from_the_first_one_stays_in_the_copy_unless_a_policy_explains_it(pair: Pair, last: int) -> None:
    """Otherwise one record, by who has the keys, takes the history from both at once. last: 0 for no policy."""
    if last:
        pair.keep(last)
    pair.copy()
    before, old = pair.second.listed(), pair.first.repository.catalog.read().entries[0]
    pair.first.expire(old.name)
    if last == 1:
        pair.copy()
        assert pair.second.repository.catalog.read().entry(old.name) is None
        return
    said = f"1 backups of the .*, such as {old.name}, are not in the .* any more, were never seen marked"
    for act in (pair.foresee, pair.copy):
        with pytest.raises(RefusedError, match=said):
            act()
    assert pair.second.listed() == before
    assert pair.second.restored(old)
    # whoever has found out why removes the records of the catalog there
    pair.second.repository.records.delete(pair.second.repository.records.names("catalog/", 1000))
    pair.copy()
    assert pair.second.listed() == pair.first.listed()


def test_a_restore_that_begins_during_a_copy_keeps_its_backup(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins when the copy has planned what goes, and before its catalog says so."""
    pair.copy()
    old = pair.first.repository.catalog.read().entries[0]
    pair.expire(old.name)
    second, publish, before = pair.second.repository, apply_copy.publish, pair.second.listed()
    with ExitStack() as restore:

        def late(catalog: Any, repository: Repository) -> None:
            restore.enter_context(reading(second, old, "restore", 5))
            publish(catalog, repository)

        monkeypatch.setattr(apply_copy, "publish", late)
        pair.copy()
        gone = set(before) - set(pair.second.listed())
        assert not [key for key in gone if key.startswith(("data/", "manifests/"))]
    monkeypatch.setattr(apply_copy, "publish", publish)
    assert actions(pair.copy()) == ["remove"]
    assert pair.second.listed() == pair.first.listed()


def test_a_marked_backup_is_not_sent_and_not_removed(pair: Pair) -> None:
    old = pair.first.repository.catalog.read().entries[0]
    with writing(pair.first.repository, "expiry", 5):
        now = pair.first.repository.store.now()
        pair.first.repository.catalog.write(lambda seen: plan_expire(seen, {old.name}, now), Deadline(5))
    pair.copy()
    assert old.manifest.key not in pair.second.listed()
    with writing(pair.first.repository, "expiry", 5):
        pair.first.repository.catalog.write(lambda seen: plan_expire(seen, (), now), Deadline(5))
    pair.copy()
    assert pair.second.restored(old)


def test_policy_and_drills_go_along(pair: Pair) -> None:
    pair.keep(1)
    pair.first.repository.store.put("drills/20261127T030000.000000Z", b"sealed")
    assert actions(pair.copy())[2:] == ["write"]
    assert pair.second.repository.store.get("drills/20261127T030000.000000Z") == b"sealed"
    pair.keep(2)
    assert actions(pair.copy()) == ["publish"]
    assert pair.second.repository.catalog.read().policy == pair.first.repository.catalog.read().policy
    assert actions(pair.copy()) == []


@pytest.mark.parametrize("left", [(MASTER,), ()])
def test_keys_that_are_rotated_go_along(pair: Pair, left: tuple[MasterKey, ...]) -> None:
    """left: the former keys that the copy is given. The first repository has wrapped the keys of the copy as well."""
    pair.copy()
    new = MasterKey("new", b"n" * 32)
    pair.first.repository = rotate(pair.first.repository, (new, MASTER))
    pair.first.add(b"newer")
    pair.first.backup()
    wanted = apply_copy.Order(lock_timeout=5)
    foreseen = apply_copy.foresee(pair.first.repository, pair.stores, (new, *left), wanted, Progress())
    assert plan_copy.failure_of(foreseen) == ""
    done = pair.copy((new, *left))
    assert plan_copy.failure_of(done) == ""
    assert actions(foreseen) == actions(done) == ["copy", "publish"]
    found = open_repository(pair.stores, "harbour", (new,))
    assert found is not None
    assert same(found) == pair.contents()


NEW = MasterKey("new", b"n" * 32)


def test_a_rotation_takes_the_copy_along_and_proves_it(pair: Pair) -> None:
    pair.copy()
    firsts = {"harbour": pair.first.repository, "north": None}
    wanted = {"harbour": "new", "north": "new"}
    foreseen = rotate_copies(firsts, pair.stores, (NEW, MASTER), wanted, True)
    held = same(pair.second.repository)
    firsts["harbour"] = rotate(pair.first.repository, (NEW, MASTER))
    done = rotate_copies(firsts, pair.stores, (NEW, MASTER), wanted, False)
    assert done[1] == foreseen[1] == {}
    assert [one.as_dict() for one in done[0]] == [one.as_dict() for one in foreseen[0]]
    assert [one.why for one in done[0]] == ["key new is to open the copy instead of estate"]
    # the former key is not needed
    found = open_repository(pair.stores, "harbour", (NEW,))
    assert found is not None
    assert {key: data for key, data in same(found).items() if not key.startswith("keys/")}.items() <= held.items()
    with pytest.raises(StateError, match="wrapped by the key 'new'"):
        open_repository(pair.stores, "harbour", (MASTER,))
    assert rotate_copies(firsts, pair.stores, (NEW,), wanted, False) == ([], {})


def test_a_copy_that_is_away_keeps_the_former_key(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.copy()
    firsts = {"harbour": rotate(pair.first.repository, (NEW, MASTER))}
    steps, failures = rotate_copies(firsts, "it is away", (NEW, MASTER), {"harbour": "new"}, False)
    assert steps == []
    assert failures == {
        "harbour": "its copy may need the former key still, so keep that in repository.keys: it is away"
    }
    # and one whose store takes the new record and does not show it
    with monkeypatch.context() as patched:
        patched.setattr(apply_second, "transfer_record", lambda *_args: None)
        steps, failures = rotate_copies(firsts, pair.stores, (NEW, MASTER), {"harbour": "new"}, False)
    assert steps == []
    assert "which is not in repository.keys" in failures["harbour"]
    # a place that has lost its copy
    shutil.rmtree(pair.first.path / "copy")
    (pair.first.path / "copy").mkdir()
    steps, failures = rotate_copies(firsts, pair.stores, (NEW, MASTER), {"harbour": "new"}, False)
    assert "nothing of it is there" in failures["harbour"]


def test_a_comparison_suffices_for_a_while(pair: Pair) -> None:
    pair.copy()
    before = read_compared(pair.second.repository)
    assert before is not None
    rotten = key_of(pair.first, "pack")
    pair.second.flip(rotten)
    pair.first.add(b"newer")
    newest = pair.first.backup()
    foreseen, done = pair.foresee(compare_interval_s=3600), pair.copy(compare_interval_s=3600)
    assert actions(foreseen) == actions(done) == ["copy", "publish"]
    assert done.check is not None
    # what was sent was read, and nothing else but the index of the new backup
    assert {data_name(key) for key in done.plan.contents} <= done.check.read
    assert data_name(rotten) not in done.check.read
    assert read_compared(pair.second.repository) == Compared(before.moment, newest.number, ok=True)
    state = same(pair.second.repository)
    assert actions(pair.copy(compare_interval_s=3600)) == []
    assert same(pair.second.repository) == state
    # the comparison that is due finds the damage
    assert pair.copy().healed == (rotten,)


def test_what_was_sent_and_cannot_be_read_is_no_good_comparison(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.copy()
    newest = pair.first.backup()
    key = key_of(pair.first, "dump")
    put = Directory.put

    def rotting(store: Directory, name: str, data: bytes) -> None:
        put(store, name, data[:-1] if name.endswith(key) else data)

    with monkeypatch.context() as patched:
        patched.setattr(Directory, "put", rotting)
        done = pair.copy(compare_interval_s=3600)
    assert f"1 backups of the copy cannot be restored in full: {pair.first.entry(newest.number).name}" in (
        plan_copy.failure_of(done)
    )
    record = read_compared(pair.second.repository)
    assert record is not None
    assert not record.ok
    # so the next one compares all
    assert pair.copy(compare_interval_s=3600).healed == (key,)
    assert pair.second.repository.catalog.read().damaged == ()


# the record of the newest backup, which the next run writes again, and the one before it as well
@pytest.mark.parametrize("records", [1, 2])
def test_a_first_one_that_was_rolled_back_is_not_copied(pair: Pair, records: int) -> None:
    newest = pair.first.repository.catalog.read().entries[-1]
    pair.copy()
    held = same(pair.second.repository)
    pair.first.repository.records.delete(pair.first.repository.records.names("catalog/", records))
    with pytest.raises(RefusedError, match=f"nothing was copied: .* lacks the backup with number {newest.number}"):
        pair.copy()
    with pytest.raises(RefusedError, match="nothing was copied"):
        pair.foresee()
    # the ledger may know it as well
    with pytest.raises(RefusedError, match=f"number {newest.number}, .*; bring its newest state back, or take a"):
        pair.copy(known=newest.number)
    assert same(pair.second.repository) == held
    # a backup that was taken since does not hide it
    pair.first.backup()
    pair.first.backup()
    if records == 1:
        pair.copy()
        assert newest.number in {one.number for one in pair.second.repository.catalog.read().entries}
        return
    with pytest.raises(RefusedError, match="nothing was copied"):
        pair.copy()
    assert same(pair.second.repository) == held


def test_a_copy_that_runs_have_worked_on_is_not_overwritten(pair: Pair) -> None:
    pair.copy()
    own = pair.second.backup()
    for _more in range(3):
        pair.first.backup()
    with pytest.raises(RefusedError, match="nothing was copied"):
        pair.copy()
    assert pair.second.restored(own)


def test_a_copy_with_newer_keys_is_not_overwritten_before_that_is_asked_for(pair: Pair) -> None:
    pair.copy()
    second = rotate(pair.second.repository, (NEW, MASTER))
    with pytest.raises(RefusedError, match=r"has newer keys than .*; where the first one is right, remove all below"):
        pair.copy((NEW, MASTER))
    found = open_repository(pair.stores, "harbour", (NEW,))
    assert found is not None
    assert found.keyring == second.keyring
    second.records.delete(second.records.names("keys/", 9))
    pair.copy(accept_new=True)
    assert same(pair.second.repository) == pair.contents()


def test_marks_are_of_one_repository(pair: Pair) -> None:
    """What rots in the first one does not spoil the copy, and the other way round."""
    pair.copy()
    pair.first.flip(key_of(pair.first, "dump"))
    pair.first.flip(key_of(pair.first, "pack"))
    pair.first.check()
    before = [one.restorable for one in pair.first.repository.catalog.read().entries]
    assert before == [PARTIAL, NONE]
    done = pair.copy()
    assert plan_copy.failure_of(done) == ""
    catalog = pair.second.repository.catalog.read()
    assert [one.restorable for one in catalog.entries] == [FULL, FULL]
    assert catalog.damaged == ()
    assert [pair.second.restored(one) >= {*pair.first.names[:3]} for one in catalog.entries] == [True, True]
    # those of the first one stand
    assert [one.restorable for one in pair.first.repository.catalog.read().entries] == before
    assert actions(pair.copy()) == []


def test_what_is_damaged_in_both_is_marked_in_the_copy_as_well(pair: Pair) -> None:
    pair.copy()
    key = key_of(pair.first, "pack")
    pair.first.flip(key)
    pair.second.flip(key)
    pair.first.check()
    pair.copy()
    catalog = pair.second.repository.catalog.read()
    assert {one.restorable for one in catalog.entries} == {PARTIAL}
    assert [data_key(one) for one in catalog.damaged] == [key]
    for done in (pair.foresee(), pair.copy(), pair.copy(compare_interval_s=3600)):
        found = report_copy.entry(done)
        assert (found["backups"], found["restorable"]) == (2, 0)
    # a backup there makes it the first one, and the marks stand
    pair.second.backup()
    after = pair.second.repository.catalog.read()
    assert [data_key(one) for one in after.damaged] == [key]
    assert not after.copied


def test_a_check_of_the_copy_marks_there_and_the_next_copy_heals(pair: Pair) -> None:
    pair.copy()
    held = same(pair.second.repository)
    key = key_of(pair.second, "pack")
    pair.second.flip(key)
    foreseen, found = pair.second.foresee(), pair.second.check()
    assert [one.as_dict() for one in plan_check.steps_of(foreseen)] == [
        one.as_dict() for one in plan_check.steps_of(found)
    ]
    assert "can be restored only in part" in plan_check.failure_of(found)
    assert {one.restorable for one in pair.second.repository.catalog.read().entries} == {PARTIAL}
    assert plan_check.steps_of(pair.second.check()) == []
    # it stays a copy, and the first one is not held up by it
    pair.first.backup()
    done = pair.copy()
    assert (plan_copy.failure_of(done), done.healed) == ("", (key,))
    assert same(pair.second.repository) == pair.contents()
    assert held.keys() < same(pair.second.repository).keys()


def test_a_copy_beside_a_newer_one_removes_nothing_that_counts(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that has read the catalog before a healing, and the copy after another run has copied that."""
    pair.copy()
    pair.first.flip(key_of(pair.first, "pack"))
    pair.first.check()
    pair.first.backup()
    read_side = read_copy.read_side

    def slow(repository: Repository, catalog: Any) -> Any:
        if repository.store.root == "elsewhere/harbour/":
            monkeypatch.setattr(read_copy, "read_side", read_side)
            pair.first.check()
            pair.copy()
        return read_side(repository, catalog)

    monkeypatch.setattr(read_copy, "read_side", slow)
    pair.copy()
    entries = pair.first.repository.catalog.read().entries
    assert [one.healed > 0 for one in entries] == [True, True, False]
    assert {one.manifest.key for one in entries} <= set(pair.second.listed())
    assert [pair.second.restored(one) >= {*pair.first.names[:3]} for one in entries] == [True] * 3
    assert plan_copy.failure_of(pair.copy()) == ""


def test_two_copies_at_once_are_one(pair: Pair) -> None:
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=pair.copy) for _twice in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert [one.exitcode for one in both] == [0, 0]
    assert same(pair.second.repository) == pair.contents()


def test_a_large_object_is_streamed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_transfer, "SMALL_BYTES", 10)
    monkeypatch.setattr(apply_transfer, "PIECE_BYTES", 7)
    pair.copy()
    assert same(pair.second.repository) == pair.contents()


@pytest.mark.parametrize("small", [10, 1_000_000])
def test_an_object_that_shrinks_while_it_is_sent_leaves_nothing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(apply_transfer, "SMALL_BYTES", small)
    key = key_of(pair.first, "pack")
    size = len(pair.first.repository.store.get(key) or b"")
    target = replace(pair.first.repository.store, root="elsewhere/")
    with pytest.raises(StateError, match=rf"{key} in the .* has {size} bytes, and had {size + 1} when it was listed"):
        apply_transfer.transfer(pair.first.repository.store, target, key, size + 1)
    assert target.get(key) is None


def test_an_object_that_has_grown_is_read_no_further(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_transfer, "PIECE_BYTES", 7)
    key, read = key_of(pair.first, "pack"), []
    target = replace(pair.first.repository.store, root="elsewhere/")
    with pytest.raises(StateError, match=rf"{key} in the .* has 14 bytes or more, and had 10 when it was listed"):
        apply_transfer.transfer(pair.first.repository.store, target, key, 10, lambda _files, size: read.append(size))
    assert sum(read) == 14
    assert target.get(key) is None


@pytest.mark.parametrize("link", ["", "link"])
def test_the_first_repository_under_another_name_is_no_copy(pair: Pair, link: str) -> None:
    """link: a symbolic link to it; without one, a clone of all its files."""
    place = pair.first.path / "other"
    if link:
        place.symlink_to(pair.first.path / "store")
    else:
        shutil.copytree(pair.first.path / "store", place)
    other = Stores(Directory(str(place)), Directory(str(place)))
    before = pair.first.state()
    for work in (apply_copy.foresee, apply_copy.copy):
        with pytest.raises(InputError, match="under another name, or a clone of it; give another place"):
            work(pair.first.repository, other, (MASTER,), apply_copy.Order(), Progress())
    with pytest.raises(InputError, match="under another name"):
        read_copy.open_copy(pair.first.repository, other, (MASTER,))
    assert pair.first.state() == before


def test_contents_of_the_first_repository_with_other_records_are_no_copy(pair: Pair) -> None:
    store = Directory(str(pair.first.path / "store"))
    linked = pair.first.path / "linked"
    linked.symlink_to(store.path)
    other = Stores(Directory(str(linked)), Directory(str(pair.first.path / "copy")), together=False)
    with pytest.raises(InputError, match="under another name"):
        apply_copy.copy(pair.first.repository, other, (MASTER,), apply_copy.Order(), Progress())


def test_a_copy_that_is_not_mounted_is_not_made_anew(pair: Pair) -> None:
    pair.copy()
    mounted, place = pair.first.path / "mounted", pair.first.path / "copy"
    place.rename(mounted)
    place.mkdir()
    for work in (pair.copy, pair.foresee):
        with pytest.raises(RefusedError, match=r"has a copy by the record of .*, and nothing of it is there"):
            work()
    assert not list(place.iterdir())
    assert "nothing of it is there" in read_copy.open_copy(pair.first.repository, pair.stores, (MASTER,))[1]
    # another disk in its place, by the word of who asks
    assert plan_copy.failure_of(pair.copy(accept_new=True)) == ""
    assert same(pair.second.repository) == pair.contents()
    # and each of the two is known from then on
    assert actions(pair.copy()) == []
    place.rename(pair.first.path / "new")
    mounted.rename(place)
    assert actions(pair.copy()) == []
    # the copy of another estate is none
    shutil.rmtree(place)
    shutil.copytree(pair.first.path / "new", place)
    pair.second.repository.records.delete(["id"])
    with pytest.raises(RefusedError, match="nothing of it is there"):
        pair.copy()


def test_compliance_finds_what_is_no_second_repository(pair: Pair) -> None:
    """The first one under another name, a copy that is gone, and one that the former key opens still."""
    first = Directory(str(pair.first.path / "store"))
    (pair.first.path / "link").symlink_to(first.path)
    link = Directory(str(pair.first.path / "link"))

    def seen(copies: Stores, *masters: MasterKey) -> CopySeen:
        (found,) = read_evidence(Stores(first, first), ["harbour"], masters, 1, {}, copies)
        assert found.copy is not None
        return found.copy

    assert seen(pair.stores, MASTER) == CopySeen()
    pair.copy()
    good = seen(pair.stores, MASTER)
    assert (good.fault, good.unknown, good.compared is not None) == ("", "", True)
    assert "under another name" in seen(Stores(link, link), MASTER).fault
    rotate(pair.first.repository, (NEW, MASTER))
    assert seen(pair.stores, NEW, MASTER).fault == seen(pair.stores, NEW).fault
    assert "the key 'estate' opens the second repository still" in seen(pair.stores, NEW).fault
    shutil.rmtree(pair.first.path / "copy")
    (pair.first.path / "copy").mkdir()
    assert "nothing of it is there" in seen(pair.stores, NEW).fault
    # a first one that is lost hides no copy
    shutil.rmtree(first.path)
    os.mkdir(first.path)
    assert seen(pair.stores, NEW) == CopySeen()


def test_a_comparison_that_is_dated_in_the_future_does_not_suffice(pair: Pair) -> None:
    pair.copy()
    second = pair.second.repository
    record = read_compared(second)
    assert record is not None
    ahead = replace(record, moment=record.moment + timedelta(days=400))
    write_marks(second, replace(read_marks(second), compared=plan_copy.compared_body(ahead)))
    pair.copy(compare_interval_s=86400)
    after = read_compared(second)
    assert after is not None
    assert after.moment < ahead.moment - timedelta(days=399)


def test_a_drill_that_is_dated_in_the_future_does_not_end_the_search_for_a_good_one(pair: Pair) -> None:
    first = pair.first.repository
    for days in (-1, 400):
        begun = first.store.now() + timedelta(days=days)
        key = drill_key(f"{begun:%Y%m%dT%H%M%S.%fZ}")
        first.store.put(key, first.keys.seal(DRILL, key, drill_record("harbour", begun, {"rto_s": 1, "rpo_s": 1}, "")))
        os.utime(pair.first.path / "store" / "harbour" / key, (begun.timestamp(), begun.timestamp()))
    (seen,) = read_evidence(Stores(first.store.inner, first.records.inner), ["harbour"], (MASTER,), 1, {})
    assert [one.ok for one in seen.drills] == [True, True]
    assert seen.drills[1].begun < first.store.now()


def test_compliance_finds_what_a_second_repository_has_lost_since_it_was_compared(pair: Pair) -> None:
    first = pair.first.repository
    pair.copy()

    def fault() -> str:
        stores = Stores(first.store.inner, first.records.inner)
        (found,) = read_evidence(stores, ["harbour"], (MASTER,), 1, {}, pair.stores)
        assert found.copy is not None
        return found.copy.fault

    assert fault() == ""
    newest = first.catalog.read().entries[-1]
    dump = data_key(pair.second.manifest(newest).dump.held[0])
    whole = pair.second.repository.store.get(dump)
    pair.second.truncate(dump)
    assert fault() == f"1 objects of backup {newest.name} are missing or cut off in the second repository"
    pair.second.remove(dump)
    assert fault() == f"1 objects of backup {newest.name} are missing or cut off in the second repository"
    pair.second.repository.store.put(dump, whole)
    assert fault() == ""
    pair.second.flip(newest.manifest.key)
    assert "is damaged" in fault()
    pair.second.flip(newest.manifest.key)
    # older backups are not proven by the newest one
    (older,) = (one for one in first.catalog.read().entries if one != newest)
    dump_of_older = data_key(pair.second.manifest(older).dump.held[0])
    whole = pair.second.repository.store.get(dump_of_older)
    pair.second.truncate(dump_of_older)
    assert fault() == f"1 objects of backup {older.name} are missing or cut off in the second repository"
    pair.second.repository.store.put(dump_of_older, whole)
    manifest = pair.second.repository.store.get(older.manifest.key)
    pair.second.remove(older.manifest.key)
    assert fault() == f"1 backups, such as {older.name}, are missing in the second repository"
    pair.second.repository.store.put(older.manifest.key, manifest)
    assert fault() == ""
    # a check of the copy alone has marked it, and no comparison was made since
    pair.second.flip(dump)
    pair.second.check()
    assert fault() == f"1 backups, such as {newest.name}, cannot be restored in full from the second repository"


def test_a_repository_has_one_identity(pair: Pair) -> None:
    first = pair.first.repository
    identity = read_identity(first.records, first.keys)
    assert identity
    assert make_identity(first.records, first.store, first.keys) == identity
    pair.copy()
    second = pair.second.repository
    assert read_identity(second.records, second.keys) not in ("", identity)
    second.records.put("id", b"forged")
    with pytest.raises(StateError, match=r"id in the .* is damaged"):
        read_identity(second.records, second.keys)


def test_the_same_place_and_an_empty_first_one_are_refused(pair: Pair, tmp_path: Path) -> None:
    directory = Directory(str(pair.first.path / "store"))
    with pytest.raises(InputError, match="as repository is; give another place"):
        apply_copy.copy(pair.first.repository, Stores(directory, directory), (MASTER,), apply_copy.Order(), Progress())
    (tmp_path / "other").mkdir()
    empty = rotting_in(tmp_path / "other")
    with pytest.raises(StateError, match="has no complete backup to copy"):
        apply_copy.copy(empty.repository, pair.stores, (MASTER,), apply_copy.Order(), Progress())
    pair.first.lose_catalog()
    with pytest.raises(StateError, match="its catalog is lost"):
        pair.copy()


def test_a_catalog_that_is_made_anew_has_the_policy_and_the_holds_of_its_copy(pair: Pair) -> None:
    pair.keep(3)
    promised = pair.first.repository.catalog.read().policy
    first = pair.first.repository.catalog.read().entries[0]
    hold = Hold("claim-4711", "a claim", "2031-12-31", (first.name,))
    pair.first.repository.catalog.write(lambda seen: plan_hold(seen, [hold], ()), Deadline(5))
    pair.copy()
    pair.first.lose_catalog()
    for work in (apply_check.foresee, apply_check.check):
        found = work(pair.first.repository, pair.first.order(rebuild=True), Progress(), pair.second.repository)
        assert len(found.warnings) == 1
    made = pair.first.repository.catalog.read()
    assert (made.policy, made.holds) == (promised, (hold, REBUILT))


def test_holds_of_a_copy_that_cannot_be_read_are_named_and_all_backups_stay(pair: Pair) -> None:
    pair.copy()
    second = pair.second
    second.flip(second.repository.records.names("catalog/", 1)[0])
    pair.first.lose_catalog()
    found = apply_check.check(pair.first.repository, pair.first.order(rebuild=True), Progress(), second.repository)
    assert "the holds in the copy cannot be read: " in found.warnings[0]
    assert pair.first.repository.catalog.read().holds == (REBUILT,)


def test_what_an_expiry_removes_while_a_check_mends_is_neither_damaged_nor_sent_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The expiry has asked who reads before the check took its leases, and removes after that."""
    pair.copy()
    first = pair.first
    old, newest = first.repository.catalog.read().entries
    first.remove(data_key(first.manifest(newest).dump.held[0]))
    replaced = apply_mend._replace_all
    left: list[list[str]] = []

    def overtaken(*arguments: Any) -> list[str]:
        monkeypatch.setattr(apply_mend, "_replace_all", replaced)
        with monkeypatch.context() as unaware:
            unaware.setattr(apply_sweep, "being_read", lambda _repository: set())
            left.append(first.expire(old.name))
        return replaced(*arguments)

    monkeypatch.setattr(apply_mend, "_replace_all", overtaken)
    found = apply_check.check(first.repository, first.order(), Progress(), pair.second.repository)
    assert plan_check.failure_of(found) == ""
    assert [one.entry.number for one in found.found] == [newest.number]
    # what was lost came back, and nothing else
    dump = data_key(first.manifest(newest).dump.held[0])
    assert first.listed() == sorted({*left[0], dump})
    assert found.mended == (dump,)


def test_compliance_does_not_miss_what_an_expiry_removes_meanwhile(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pair.first
    old, newest = first.repository.catalog.read().entries
    asked = read_compliance._manifests

    def overtaken(*arguments: Any) -> Any:
        first.expire(old.name)
        return asked(*arguments)

    monkeypatch.setattr(read_compliance, "_manifests", overtaken)
    place = Directory(str(first.path / "store"))
    (seen,) = read_evidence(Stores(place, place), ["harbour"], (MASTER,), 9, {})
    assert (seen.faults, [one.number for one in seen.catalog.entries]) == ((), [newest.number])
    assert set(seen.written) == {newest.number}


def test_lost_keys_are_critical_and_come_back_from_the_copy(pair: Pair) -> None:
    pair.copy()
    before, first = pair.contents(), pair.first.repository
    (key,) = first.records.names("keys/", 9)
    first.records.delete([key])
    place = Directory(str(pair.first.path / "store"))
    (seen,) = read_evidence(Stores(place, place), ["harbour"], (MASTER,), 1, {})
    (fault,) = seen.faults
    assert "has lost its wrapped data keys: nothing is below keys/" in fault.sentence
    assert [(one.kind, one.severity) for one in anomalies(seen, place.now())] == [("unsealed", "critical")]
    assert pair.second.restored(first.catalog.read().entries[0])
    first.records.put(key, pair.second.repository.records.get(key) or b"")
    assert pair.contents() == before
    assert rotting_in(pair.first.path).repository.keys == first.keys
