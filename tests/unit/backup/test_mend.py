# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A check heals a repository from its copy, where that is proven to be intact, and by nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup import (
    apply_check,
    plan_check,
    plan_copy,
    read_copy,
    report_check,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_check import Check
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_copy import read_compared
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import FULL, NONE, PARTIAL
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import data_key
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_files import read_shard
from tests.unit.backup.rotting import MASTER
from tests.unit.backup.test_copy import Pair, key_of, pair, same

__all__ = ["pair"]


def check(pair: Pair, parts: int = 1, rebuild: bool = False) -> Check:
    return apply_check.check(
        pair.first.repository, pair.first.order(parts, rebuild), Progress(), pair.second.repository
    )


def foresee(pair: Pair) -> Check:
    return apply_check.foresee(pair.first.repository, pair.first.order(), Progress(), pair.second.repository)


def steps(found: Check) -> list[dict[str, str]]:
    return [step.as_dict() for step in plan_check.steps_of(found)]


@pytest.mark.parametrize("how", ["flip", "truncate", "remove"])
@pytest.mark.parametrize("what", ["pack", "dump", "shard", "manifest"])
def test_damage_is_replaced_by_what_the_copy_has(pair: Pair, how: str, what: str) -> None:
    pair.copy()
    before = pair.contents()
    key = key_of(pair.first, what)
    getattr(pair.first, how)(key)
    foreseen = foresee(pair)
    assert pair.contents() != before
    found = check(pair)
    assert steps(foreseen) == steps(found)
    assert [(one["action"], one["target"]) for one in steps(found)] == [("replace", f"harbour/{key}")]
    assert plan_check.failure_of(found) == ""
    # without a new manifest, a mark, or a new object
    assert pair.contents() == before
    assert report_check.entry(found)["replaced"] == [key]
    assert report_check.before(found) != report_check.after(found)
    again = check(pair)
    assert steps(again) == []
    assert report_check.before(again) == report_check.after(again)


def test_a_manifest_that_is_there_again_shows_what_else_is_damaged(pair: Pair) -> None:
    pair.copy()
    before = pair.contents()
    manifest, dump = key_of(pair.first, "manifest"), key_of(pair.first, "dump")
    pair.first.remove(dump)
    pair.first.remove(manifest)
    assert check(pair).mended == tuple(sorted([manifest, dump]))
    assert pair.contents() == before


def test_a_mark_of_a_check_before_is_taken_away(pair: Pair) -> None:
    pair.copy()
    key = key_of(pair.first, "dump")
    pair.first.remove(key)
    assert plan_check.failure_of(pair.first.check())
    newest = pair.first.repository.catalog.read().entries[-1]
    assert newest.restorable == NONE
    assert plan_check.failure_of(check(pair)) == ""
    assert pair.first.entry(newest.number).restorable == FULL
    assert pair.first.repository.catalog.read().damaged == ()


def test_what_is_damaged_in_both_stays_and_is_not_overwritten(pair: Pair) -> None:
    pair.copy()
    key = key_of(pair.first, "pack")
    pair.first.flip(key)
    pair.second.flip(key, 45)
    held = pair.first.repository.store.get(key)
    found = check(pair)
    assert found.mended == ()
    assert plan_check.failure_of(found)
    assert pair.first.repository.store.get(key) == held
    assert {one.restorable for one in pair.first.repository.catalog.read().entries} == {PARTIAL}


@pytest.mark.parametrize("what", ["pack", "dump", "shard", "manifest"])
def test_a_copy_that_lacks_the_newest_backup_heals_what_it_has(pair: Pair, what: str) -> None:
    pair.copy()
    key = key_of(pair.first, what)
    pair.first.add(b"newer")
    pair.first.backup()
    before = pair.contents()
    pair.first.remove(key)
    foreseen, found = foresee(pair), check(pair)
    assert steps(foreseen) == steps(found)
    assert found.mended == (key,)
    assert plan_check.failure_of(found) == ""
    assert pair.contents() == before


def test_a_stale_copy_is_proven_for_the_newest_backup_too(pair: Pair) -> None:
    """A file that the newest backup alone uses is damaged in the copy, and another one here."""
    (name,) = pair.first.add(b"of both packs")
    pair.first.backup()
    old = pair.first.repository.catalog.read().entries[-1]
    place = next(
        files[name]
        for shard in pair.first.manifest(old).index.shards.values()
        if name in (files := read_shard(pair.first.repository, shard))
    )
    pair.copy()
    pair.first.backup()
    key = data_key(place.held)
    pair.second.flip(key, place.offset + place.length - 1)
    pair.first.flip(key, place.offset + 40)
    found = check(pair)
    assert found.mended == ()
    assert "the copy does not heal them: " in plan_check.failure_of(found)


def test_a_newest_dump_that_was_not_copied_is_said_so(pair: Pair) -> None:
    pair.copy()
    pair.first.backup()
    key = key_of(pair.first, "dump")
    pair.first.remove(key)
    found = check(pair)
    assert found.mended == ()
    assert f"the copy does not heal them: {key} in the directory" in plan_check.failure_of(found)
    assert "/copy, elsewhere/harbour is missing" in plan_check.failure_of(found)
    # the mark lets the copy follow
    assert plan_copy.failure_of(pair.copy()) == ""


@pytest.mark.parametrize("broken", ["listing", "reading", "sending"])
def test_a_copy_that_fails_in_the_middle_hinders_no_marks(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """broken: at which of its requests the copy, or the disk of the first repository, fails."""
    pair.copy()
    keys = sorted([key_of(pair.first, "dump"), key_of(pair.first, "pack")])
    for key in keys:
        pair.first.flip(key)
    place = "/store" if broken == "sending" else "/copy"
    name = {"listing": "objects", "reading": "get", "sending": "put"}[broken]
    work = getattr(Directory, name)

    def failing(store: Directory, key: str, *args: Any) -> Any:
        meant = {"listing": True, "reading": "/manifests/" in key, "sending": key == f"harbour/{keys[0]}"}[broken]
        if store.path.endswith(place) and meant:
            raise UnreachableError("the disk is gone")
        return work(store, key, *args)

    with monkeypatch.context() as patched:
        patched.setattr(Directory, name, failing)
        found = check(pair)
    mended = (keys[1],) if broken == "sending" else ()
    assert found.mended == mended
    assert "damaged objects could not all be replaced by those of the directory" in plan_check.failure_of(found)
    assert "the disk is gone" in plan_check.failure_of(found)
    catalog = pair.first.repository.catalog.read()
    assert [data_key(one) for one in catalog.damaged] == [key for key in keys if key not in mended]
    assert any(one.restorable != FULL for one in catalog.entries)
    # the next one goes on
    assert plan_check.failure_of(check(pair)) == ""


def test_a_copy_whose_disk_is_full_is_recorded_as_damaged(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.copy()
    key = key_of(pair.second, "pack")
    pair.second.flip(key)
    put = Directory.put

    def full(store: Directory, name: str, data: bytes) -> None:
        if name.endswith(key):
            raise UnreachableError("No space left on device")
        put(store, name, data)

    with monkeypatch.context() as patched:
        patched.setattr(Directory, "put", full)
        done = pair.copy()
    assert "cannot be restored in full" in plan_copy.failure_of(done)
    assert "No space left on device" in plan_copy.failure_of(done)
    record = read_compared(pair.second.repository)
    assert record is not None
    assert not record.ok
    assert pair.copy().healed == (key,)


@pytest.mark.parametrize("stores", ["copy.directory: there is no directory /mnt", ""])
def test_a_copy_that_is_away_is_a_sentence(pair: Pair, stores: str) -> None:
    second, why = read_copy.open_copy(pair.first.repository, stores or pair.stores, (MASTER,))
    assert second is None
    assert why.startswith("the copy could not be asked: copy.directory") if stores else "has no copy yet" in why


def test_a_share_replaces_what_it_reads(pair: Pair) -> None:
    pair.copy()
    pack = key_of(pair.first, "pack")
    pair.first.flip(pack)
    mended = [check(pair, parts=3).mended for _part in range(3)]
    assert sorted(mended) == [(), (), (pack,)]


def test_a_catalog_is_made_anew_and_its_backups_are_replaced(pair: Pair) -> None:
    pair.copy()
    before = {key: data for key, data in same(pair.first.repository).items() if key != "catalog"}
    lost = data_key(pair.first.manifest(pair.first.repository.catalog.read().entries[0]).dump.held[0])
    pair.first.remove(lost)
    pair.first.lose_catalog()
    found = check(pair, rebuild=True)
    assert (found.rebuilt, found.mended) == (True, (lost,))
    assert plan_check.failure_of(found) == ""
    after = {key: data for key, data in same(pair.first.repository).items() if key != "catalog"}
    assert after == before
