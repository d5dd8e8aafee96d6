# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A check heals a repository from its copy, where that is proven to be intact, and by nothing else."""

from __future__ import annotations

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_check, plan_check, report_check
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_check import Check
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import FULL, NONE, PARTIAL
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import data_key
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


def test_a_copy_that_lacks_the_newest_backup_heals_nothing(pair: Pair) -> None:
    pair.copy()
    pair.first.add(b"newer")
    pair.first.backup()
    pair.first.remove(key_of(pair.first, "pack"))
    assert check(pair).mended == ()
    # the mark lets the copy follow, and then it heals
    pair.copy()
    assert len(check(pair).mended) == 1
    assert plan_check.failure_of(check(pair)) == ""


def test_a_share_replaces_what_it_reads(pair: Pair) -> None:
    pair.copy()
    pack = key_of(pair.first, "pack")
    pair.first.flip(pack)
    mended = [check(pair, parts=3).mended for _part in range(3)]
    assert sorted(mended) == [(), (), (pack,)]


def test_a_catalog_is_made_anew_and_its_backups_are_replaced(pair: Pair) -> None:
    pair.copy()
    before = {key: data for key, data in same(pair.first.repository).items() if not key.startswith("catalog/")}
    lost = data_key(pair.first.manifest(pair.first.repository.catalog.read().entries[0]).dump.held[0])
    pair.first.remove(lost)
    pair.first.lose_catalog()
    found = check(pair, rebuild=True)
    assert (found.rebuilt, found.mended) == (True, (lost,))
    assert plan_check.failure_of(found) == ""
    after = {key: data for key, data in same(pair.first.repository).items() if not key.startswith("catalog/")}
    assert after == before
