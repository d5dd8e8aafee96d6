# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of backups that rot: what is found, marked, counted on no more, and healed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_check, plan_check, read_check
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_check import (
    IN_DUMP,
    IN_FILES,
    IN_INDEX,
    IN_MANIFEST,
    Check,
    Found,
    Part,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_check import after, before, entry
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import LostError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._repository import apply_index, model_index
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import objects_of
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import reading, writing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    FULL,
    NONE,
    PARTIAL,
    REBUILT,
    Marks,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    DataName,
    ManifestName,
    data_key,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.options import tenants_from
from tests.unit.backup.rotting import CONTENTS, Rotting, rotting_in


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs, shards and large files of a few files or bytes, so that small filestores have many."""
    monkeypatch.setattr(apply_index, "PACK_BYTES", 500)
    monkeypatch.setattr(apply_index, "LARGE_BYTES", 1500)
    monkeypatch.setattr(model_index, "FILES_A_SHARD", 8)


@pytest.fixture
def rotting(tmp_path: Path) -> Rotting:
    """A repository without a backup, and a filestore with some files."""
    made = rotting_in(tmp_path)
    made.add(*CONTENTS)
    return made


def actions(found: Check) -> list[str]:
    """What the steps of a check do."""
    return [step.action for step in plan_check.steps_of(found)]


def packs(rotting: Rotting, number: int) -> list[str]:
    """The keys of the objects with files of a backup, in their order."""
    return [data_key(name) for name in sorted(rotting.manifest(rotting.entry(number)).index.uses)]


def shards(rotting: Rotting, number: int) -> list[str]:
    """The keys of the parts of a backup's index."""
    return [data_key(one.held) for one in rotting.manifest(rotting.entry(number)).index.shards.values()]


def test_intact_backups_are_read_once_and_nothing_is_written(rotting: Rotting) -> None:
    rotting.backup()
    rotting.add(b"one more")
    second = rotting.backup()
    state = rotting.state()
    found = rotting.check()
    assert plan_check.steps_of(found) == []
    assert plan_check.failure_of(found) == ""
    assert [one.restorable for one in found.found] == [FULL, FULL]
    # when it was is recorded, which alone is no change
    after_check = rotting.state()
    assert after_check.pop("harbour/check")
    assert after_check == state
    assert rotting.leases() == 0
    assert entry(found)["ok"]
    # the second backup shares all objects of the first but its dump
    shared = sum(use.total for use in rotting.manifest(second).index.uses.values())
    dumps = sum(
        len(rotting.repository.store.get(f"data/{one.entry.number}/{place}") or b"")
        for one, place in zip(found.found, (rotting.manifest(one.entry).dump.held[0].place for one in found.found))
    )
    assert found.bytes == shared + dumps


# of a healing in this file, and of the record of its check at the end
WRITES = 6
DAMAGES: list[tuple[str, str, str]] = [
    ("a flipped byte in a pack", IN_FILES, PARTIAL),
    ("a pack cut off", IN_FILES, PARTIAL),
    ("a removed pack", IN_FILES, PARTIAL),
    ("two packs in one another's place", IN_FILES, PARTIAL),
    ("a removed part of the index", IN_INDEX, NONE),
    ("a flipped byte in the index", IN_INDEX, NONE),
    ("a dump cut off", IN_DUMP, NONE),
    ("a flipped byte in a dump", IN_DUMP, NONE),
    ("a removed dump", IN_DUMP, NONE),
    ("a flipped byte in a manifest", IN_MANIFEST, NONE),
    ("a removed manifest", IN_MANIFEST, NONE),
]


def damage(rotting: Rotting, number: int, what: str) -> None:
    """Damage a backup."""
    one, other = packs(rotting, number)[:2]
    dump = data_key(rotting.manifest(rotting.entry(number)).dump.held[0])
    work: dict[str, Any] = {
        "a flipped byte in a pack": lambda: rotting.flip(one),
        "a pack cut off": lambda: rotting.truncate(one),
        "a removed pack": lambda: rotting.remove(one),
        "two packs in one another's place": lambda: rotting.swap(one, other),
        "a removed part of the index": lambda: rotting.remove(shards(rotting, number)[0]),
        "a flipped byte in the index": lambda: rotting.flip(shards(rotting, number)[0]),
        "a dump cut off": lambda: rotting.truncate(dump),
        "a flipped byte in a dump": lambda: rotting.flip(dump),
        "a removed dump": lambda: rotting.remove(dump),
        "a flipped byte in a manifest": lambda: rotting.flip(f"manifests/{number}"),
        "a removed manifest": lambda: rotting.remove(f"manifests/{number}"),
    }
    work[what]()


@pytest.mark.parametrize(("what", "kind", "restorable"), DAMAGES, ids=[one[0] for one in DAMAGES])
def test_damage_is_found_marked_and_healed_by_the_next_backup(
    rotting: Rotting, what: str, kind: str, restorable: str
) -> None:
    first = rotting.backup()
    damage(rotting, first.number, what)
    state = rotting.state()
    foreseen = rotting.foresee()
    assert rotting.state() == state
    found = rotting.check()
    assert plan_check.steps_of(foreseen) == plan_check.steps_of(found)
    assert actions(found) == ["mark"]
    assert {finding.kind for finding in found.found[0].findings} == {kind}
    assert rotting.entry(first.number).restorable == restorable
    assert first.name in plan_check.failure_of(found)
    assert after(found)["backups"] == {first.name: restorable}

    again = rotting.check()
    assert plan_check.steps_of(again) == []
    assert plan_check.failure_of(again) == plan_check.failure_of(found)

    second = rotting.backup()
    assert second.restorable == FULL
    assert rotting.restored(second) == set(rotting.names)
    assert rotting.is_counted(second)
    healed = rotting.check()
    if kind in (IN_DUMP, IN_MANIFEST):
        assert actions(healed) == []
        assert rotting.entry(first.number).restorable == NONE
        return
    assert actions(healed) == ["heal"]
    assert plan_check.failure_of(healed) == ""
    assert rotting.entry(first.number).restorable == FULL
    assert rotting.repository.catalog.read().damaged == ()
    assert rotting.is_counted(first)
    assert rotting.restored(first) == set(rotting.names)
    state = rotting.state()
    assert plan_check.steps_of(rotting.check()) == []
    assert {**rotting.state(), "harbour/check": state["harbour/check"]} == state
    # what the healed backup needs no more goes with the next expiry, and the rest stays
    kept = rotting.expire()
    assert f"manifests/{first.number}" not in kept
    assert rotting.restored(first) == rotting.restored(second) == set(rotting.names)
    assert plan_check.steps_of(rotting.check()) == []


def test_a_file_is_healed_from_any_other_object_that_has_it(rotting: Rotting) -> None:
    first = rotting.backup()
    doubted = rotting.repository.catalog.read()
    # as a backup does that finds an object wasteful: its files are sent again
    marked = replace(doubted, number=doubted.number + 1, damaged=tuple(map(_name, packs(rotting, first.number)[:1])))
    rotting.repository.catalog.write(lambda _seen: marked, Deadline(5))
    second = rotting.backup()
    rotting.check()
    rotting.remove(packs(rotting, first.number)[0])
    found = rotting.check()
    assert actions(found) == ["mark", "heal"]
    assert plan_check.failure_of(found) == ""
    assert entry(found)["backups"][0]["result"] == "healed"
    assert rotting.restored(first) == rotting.restored(second) == set(rotting.names)


def _name(key: str) -> DataName:
    number, place = key.split("/")[1:]
    return DataName(int(number), int(place))


def test_files_that_were_missing_when_a_backup_was_taken_keep_it_partial(rotting: Rotting) -> None:
    full = rotting.backup()
    (lost,) = rotting.add(b"lost")
    (rotting.path / "filestore" / lost).unlink()
    partial = rotting.backup()
    assert (full.restorable, partial.restorable) == (FULL, PARTIAL)
    # a catalog of before, and one that is made anew
    marks = {full.number: FULL, partial.number: FULL}
    rotting.repository.catalog.write(lambda seen: Marks(marks).on(replace(seen, number=seen.number + 1)), Deadline(5))
    found = rotting.check()
    assert [one["restorable"] for one in entry(found)["backups"]] == [FULL, PARTIAL]
    assert [one["files_missing"] for one in entry(found)["backups"]] == [0, 1]
    assert rotting.entry(partial.number).restorable == PARTIAL
    said = plan_check.failure_of(found)
    assert f"{partial.name} (without some files: 1 files, such as {lost}, were missing when it was taken)" in said
    assert "1 of 2 backups can be restored only in part" in said
    rotting.add(b"lost")
    assert rotting.backup().restorable == FULL


def test_only_the_backups_that_need_a_damaged_file_are_marked(rotting: Rotting) -> None:
    first = rotting.backup()
    victim = rotting.names[3]
    rotting.names.remove(victim)
    second = rotting.backup()
    manifest = rotting.manifest(first)
    shard = manifest.index.shards[victim[: manifest.index.width]]
    place = read_check.read_shard(rotting.repository, shard)[victim]
    rotting.flip(data_key(place.held), place.offset + place.length - 1)
    found = rotting.check()
    assert [one.restorable for one in found.found] == [PARTIAL, FULL]
    (finding,) = found.found[0].findings
    assert (finding.files, finding.names) == (1, (victim,))
    assert rotting.restored(second) == set(rotting.names)
    assert rotting.restored(first, accept_missing=True) == set(rotting.names)
    with pytest.raises(StateError, match=r"1 files of the backup are damaged .* missing_files: list"):
        rotting.restored(first)


def test_a_backup_that_was_at_work_when_damage_was_found_is_not_taken_for_intact(rotting: Rotting) -> None:
    first = rotting.backup()
    damage(rotting, first.number, "a removed pack")
    with writing(rotting.repository, "backup", 5) as turn:
        found = rotting.check()
        assert actions(found) == ["mark"]
        manifest = rotting.manifest(first)
        body = {**apply_check.read_manifest(rotting.repository, first.manifest), "number": turn.number}
        committed = turn.commit(replace(first, number=turn.number, name=""), body)
    assert committed.restorable == PARTIAL
    assert manifest.index.objects() <= objects_of(rotting.repository, committed)


def test_a_share_reads_everything_in_so_many_calls(rotting: Rotting) -> None:
    rotting.backup()
    all_read = rotting.check()
    parts = [rotting.check(parts=4) for _call in range(5)]
    assert [one.part for one in parts] == [Part(0, 4), Part(1, 4), Part(2, 4), Part(3, 4), Part(0, 4)]
    assert [actions(one) for one in parts] == [["record_part"]] * 5
    assert sum(one.bytes for one in parts[:4]) == all_read.bytes
    assert all(one.bytes < all_read.bytes for one in parts)
    # another number of parts begins anew
    assert [rotting.check(parts=3).part for _call in range(2)] == [Part(0, 3), Part(1, 3)]
    assert rotting.foresee(parts=3).part == rotting.foresee(parts=3).part == Part(2, 3)


def test_a_share_finds_all_that_is_missing_or_cut_off_and_reads_what_was_damaged(rotting: Rotting) -> None:
    first = rotting.backup()
    keys = packs(rotting, first.number)
    rotting.remove(keys[0])
    rotting.truncate(keys[1])
    rotting.flip(keys[2])
    seen = [{finding.key for finding in rotting.check(parts=3).found[0].findings} for _call in range(3)]
    assert all({keys[0], keys[1]} <= found for found in seen)
    assert any(keys[2] in found for found in seen)
    assert {one.key for one in rotting.check(parts=100).found[0].findings} == set(keys[:3])


@pytest.mark.parametrize("boundary", range(7))
def test_a_healing_that_is_killed_is_begun_again(
    rotting: Rotting, monkeypatch: pytest.MonkeyPatch, boundary: int
) -> None:
    first = rotting.backup()
    damage(rotting, first.number, "a removed pack")
    rotting.check()
    second = rotting.backup()
    writes = 0
    with monkeypatch.context() as patched:

        def put(store: Directory, key: str, data: bytes, put: Any = Directory.put) -> None:
            nonlocal writes
            writes += 1
            if writes > boundary:
                raise KeyboardInterrupt
            put(store, key, data)

        patched.setattr(Directory, "put", put)
        try:
            rotting.check()
        except KeyboardInterrupt:
            # the last write is the record of the check
            assert rotting.entry(first.number).restorable == (PARTIAL if writes < WRITES else FULL)
    found = rotting.check()
    assert plan_check.failure_of(found) == ""
    assert rotting.restored(first) == rotting.restored(second) == set(rotting.names)
    # nothing of the interrupted one is left once it is given up
    rotting.expire()
    needed = {
        data_key(name) for one in (first, second) for name in objects_of(rotting.repository, rotting.entry(one.number))
    }
    manifests = {rotting.entry(one.number).manifest.key for one in (first, second)}
    assert set(rotting.expire()) == needed | manifests


def test_an_overtaken_healing_changes_nothing(rotting: Rotting) -> None:
    first = rotting.backup()
    damage(rotting, first.number, "a removed pack")
    rotting.check()
    rotting.backup()
    found = rotting.foresee()
    marked = rotting.repository.catalog.read()
    with writing(rotting.repository, "heal", 5) as turn:
        overtaken = replace(marked, number=turn.catalog.number + 1, fence=turn.number + 1)
        rotting.repository.catalog.write(lambda _seen: overtaken, Deadline(5))
        with pytest.raises(LostError, match="was overtaken by lease"):
            apply_check.heal(turn, found, marked)
    assert rotting.entry(first.number).restorable == PARTIAL


def test_nothing_is_healed_from_what_an_expiry_may_remove(rotting: Rotting) -> None:
    first = rotting.backup()
    damage(rotting, first.number, "a removed pack")
    rotting.check()
    second = rotting.backup()
    found = rotting.foresee()
    rotting.expire(second.name)
    with writing(rotting.repository, "heal", 5) as turn, pytest.raises(StateError, match="changed meanwhile, so none"):
        apply_check.heal(turn, found, turn.catalog)
    assert rotting.entry(first.number).healed == 0


def test_a_copy_that_has_rotted_as_well_is_no_copy(rotting: Rotting) -> None:
    first = rotting.backup()
    damage(rotting, first.number, "a removed pack")
    rotting.check()
    rotting.backup()
    (copy,) = {place.held for place in rotting.foresee().copies.files.values()}
    rotting.truncate(data_key(copy))
    rotting.repository.store.put(data_key(copy), b"x" * rotting.foresee().sizes[copy])
    part = next(Part(number, 100) for number in range(100) if not Part(number, 100).has(copy))
    found = read_check.survey(rotting.repository, rotting.repository.catalog.read(), part, Deadline(60), Progress())
    assert found.copies.files == {}
    assert [one.restorable for one in found.found] == [PARTIAL, PARTIAL]
    assert not any(one.heals for one in found.found)


def test_who_reads_a_backup_keeps_what_it_needed_before_it_was_healed(rotting: Rotting) -> None:
    first = rotting.backup()
    damage(rotting, first.number, "a flipped byte in a pack")
    rotting.check()
    rotting.backup()
    before_healing = objects_of(rotting.repository, first)
    with reading(rotting.repository, first, "restore", 5):
        rotting.check()
        assert {data_key(name) for name in before_healing} <= set(rotting.expire())
        assert first.manifest.key in rotting.listed()
    assert not {data_key(name) for name in before_healing} <= set(rotting.expire())


def test_an_expiry_goes_on_beside_a_backup_whose_manifest_is_lost(rotting: Rotting) -> None:
    first = rotting.backup()
    rotting.add(b"another")
    second, third = rotting.backup(), rotting.backup()
    rotting.remove(f"manifests/{second.number}")
    with pytest.raises(StateError, match="is missing, so this backup is damaged"):
        rotting.expire(first.name)
    rotting.check()
    rotting.expire(first.name)
    assert [one.number for one in rotting.repository.catalog.read().entries] == [second.number, third.number]
    # what it may need stays until it goes itself
    assert [key for key in rotting.listed() if key.startswith(f"data/{second.number}/")]
    rotting.expire(second.name)
    assert {key for key in rotting.listed() if key.startswith("data/")} == {
        data_key(name) for name in objects_of(rotting.repository, third)
    }


def test_a_lost_catalog_is_made_anew_from_the_manifests(rotting: Rotting) -> None:
    first = rotting.backup()
    damage(rotting, first.number, "a removed pack")
    rotting.check()
    rotting.add(b"another")
    second = rotting.backup()
    rotting.check()
    known = rotting.repository.catalog.read()
    with pytest.raises(StateError, match=r"the catalog is not lost: its record \d+ is there; leave rebuild out"):
        rotting.check(rebuild=True)
    rotting.lose_catalog()
    state = rotting.state()
    for work in (rotting.backup, rotting.check, rotting.foresee):
        with pytest.raises(StateError, match="so its catalog is lost; run odoo_backup_check with rebuild: true"):
            work()
    foreseen = rotting.foresee(rebuild=True)
    assert rotting.state() == state
    found = rotting.check(rebuild=True)
    assert plan_check.steps_of(foreseen) == plan_check.steps_of(found)
    assert actions(found) == ["rebuild_catalog"]
    assert before(found) == {"backups": {}, "damaged": [], "intact_in_copy": []}
    made = rotting.repository.catalog.read()
    stored = {one.number: one.stored for one in made.entries}
    assert made.entries == tuple(replace(one, stored=stored[one.number]) for one in known.entries)
    assert made.fence > known.fence
    assert made.given_up == made.fence - 1
    # which holds stood is not known, so nothing is removed until somebody says so
    assert made.holds == (REBUILT,)
    assert all(REBUILT.keeps(one.name, one.stored) for one in made.entries)
    assert rotting.restored(first) | {*rotting.add(b"another")} == rotting.restored(second)
    assert rotting.backup().number > made.fence


def test_a_lost_catalog_is_not_made_of_nothing_and_says_what_it_lacks(rotting: Rotting) -> None:
    with pytest.raises(StateError, match="no manifest of a backup can be read"):
        rotting.check(rebuild=True)
    first, second = rotting.backup(), rotting.backup()
    rotting.flip(f"manifests/{first.number}")
    rotting.lose_catalog()
    found = rotting.check(rebuild=True)
    assert [one.number for one in rotting.repository.catalog.read().entries] == [second.number]
    left, held = found.warnings
    assert f"a backup is left out: manifests/{first.number} in the directory" in left
    assert held.startswith("hold rebuilt-catalog keeps all backups, ")


def test_a_forged_newer_manifest_does_not_keep_a_backup_out_of_a_catalog_that_is_made_anew(rotting: Rotting) -> None:
    first, second = rotting.backup(), rotting.backup()
    forged = ManifestName(first.number, second.number + 1)
    rotting.repository.store.put(forged.key, rotting.repository.store.get(second.manifest.key) or b"")
    rotting.lose_catalog()
    found = rotting.check(rebuild=True)
    assert [one.manifest for one in rotting.repository.catalog.read().entries] == [first.manifest, second.manifest]
    assert f"an earlier manifest counts: {forged.key} in the directory" in found.warnings[0]


def test_two_checks_do_not_overwrite_what_the_other_has_found(
    rotting: Rotting, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rotting.backup()
    survey = apply_check.survey

    def slow(*arguments: Any) -> Check:
        seen = survey(*arguments)
        monkeypatch.setattr(apply_check, "survey", survey)
        damage(rotting, first.number, "a removed dump")
        rotting.check()
        return seen

    monkeypatch.setattr(apply_check, "survey", slow)
    with pytest.raises(StateError, match="another check has marked backups meanwhile; run again"):
        rotting.check()
    assert rotting.entry(first.number).restorable == NONE


def test_a_backup_that_is_removed_while_it_is_read_is_no_finding(
    rotting: Rotting, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = rotting.backup(), rotting.backup()
    found = rotting.foresee()
    rotting.expire(first.name)
    gone = replace(found, found=(replace(found.found[0], findings=(_lost(found.found[0]),)), found.found[1]))
    left = plan_check.still_there(gone, rotting.repository.catalog.read())
    assert [one.entry.number for one in left.found] == [second.number]
    assert plan_check.failure_of(left) == ""


def _lost(one: Found) -> Any:
    return read_check.Finding(one.entry.manifest.key, IN_MANIFEST, "it is missing")


def test_a_repository_without_a_backup_is_no_success(rotting: Rotting) -> None:
    with pytest.raises(StateError, match="has no complete backup to check; take one"):
        rotting.check()


@pytest.mark.parametrize(("share", "parts"), [(100, 1), (99, 2), (50, 2), (34, 3), (33, 4), (10, 10), (1, 100)])
def test_shares(share: int, parts: int) -> None:
    assert plan_check.parts_of(share) == parts
    names = [DataName(number, place) for number in range(1, 20) for place in range(20)]
    assert sorted(name for part in range(parts) for name in names if Part(part, parts).has(name)) == names


def test_bad_input_is_one_sentence() -> None:
    for share in (0, -1, 101):
        with pytest.raises(InputError, match=f"share_percent: {share} is no share; give 1 to 100"):
            plan_check.parts_of(share)
    with pytest.raises(InputError, match="tenants: harbour is listed twice"):
        tenants_from(["harbour", "north", "harbour"])
    with pytest.raises(InputError, match="cannot name a tenant"):
        tenants_from(["../north"])
    with pytest.raises(StateError, match="the record of the last check cannot be read"):
        plan_check.next_part({"parts": "x"}, 4)
