# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mark goes with whatever proves the contrary: a check, a restore, a copy. What proves nothing leaves it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_check, plan_copy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_proof import record_proof
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_restore import (
    Fetch,
    FetchFiles,
    RestoreDump,
    Server,
    Survey,
    Target,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import read_whole
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_copy import read_compared
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._repository import apply_index
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    CatalogLog,
    read_marks,
    write_marks,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import writing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import FULL, PARTIAL, Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import data_key, data_name

from .build import MANIFEST
from .rotting import CONTENTS, Rotting, rotting_in
from .test_copy import Pair


@pytest.fixture
def rotting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rotting:
    """A repository with one backup in several packs."""
    monkeypatch.setattr(apply_index, "PACK_BYTES", 500)
    made = rotting_in(tmp_path)
    made.add(*CONTENTS)
    return made


def hidden(rotting: Rotting, entry: Entry) -> tuple[str, bytes]:
    """Take a pack of a backup away, as a store does that loses and finds it; its key and content."""
    key = data_key(min(rotting.manifest(entry).index.uses))
    data = rotting.repository.store.get(key) or b""
    rotting.remove(key)
    return key, data


def proven(rotting: Rotting, entry: Entry) -> str:
    """What a restore says that has read all of a backup."""
    before = rotting.repository.catalog.read()
    assert rotting.restored(entry) == set(rotting.names)
    return record_proof(rotting.repository, rotting.manifest(entry), before)


@pytest.mark.parametrize("by", ["check", "a backup that finds it missing"])
def test_a_restore_of_all_takes_the_mark_away_and_says_so(rotting: Rotting, by: str) -> None:
    first = rotting.backup()
    key, data = hidden(rotting, first)
    if by == "check":
        rotting.check()
    else:
        rotting.backup()
    assert rotting.entry(first.number).restorable == PARTIAL
    rotting.repository.store.put(key, data)
    said = proven(rotting, first)
    assert said == (
        f"backup {first.name} was restored with all {len(rotting.names)} files, which are intact, and is not marked as "
        "damaged any more"
    )
    catalog = rotting.repository.catalog.read()
    assert (rotting.entry(first.number).restorable, catalog.damaged) == (FULL, ())
    # once is enough, and a check agrees
    assert proven(rotting, first) == ""
    assert rotting.repository.catalog.read() == catalog
    found = rotting.check()
    assert {one.restorable for one in found.found} == {FULL}


@pytest.mark.parametrize("lost", [False, True])
def test_a_backup_that_ends_while_a_check_finds_its_objects_intact_is_not_left_marked(
    rotting: Rotting, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    first = rotting.backup()
    body = apply_check.read_manifest(rotting.repository, first.manifest)
    with writing(rotting.repository, "backup", 5) as turn:
        key, data = hidden(rotting, first)
        rotting.check()
        rotting.repository.store.put(key, data)
        reading, ended = apply_check.survey, []

        def meanwhile(*given: Any) -> Any:
            seen = reading(*given)
            lacks = {"filestore": {**body["filestore"], "missing": ["ff/" + "f" * 40]}} if lost else {}
            mine = replace(first, number=turn.number, name="", restorable=PARTIAL if lost else FULL)
            ended.append(turn.commit(mine, {**body, "number": turn.number, **lacks}))
            return seen

        monkeypatch.setattr(apply_check, "survey", meanwhile)
        found = rotting.check()
    assert [ended[0].name in said for said in found.warnings] == ([] if lost else [True])
    assert ended[0].restorable == PARTIAL
    assert rotting.entry(first.number).restorable == FULL
    # what it lacked when it was taken is no mark of a check
    assert rotting.entry(ended[0].number).restorable == (PARTIAL if lost else FULL)


def test_an_object_of_which_a_part_was_read_stays_marked(rotting: Rotting) -> None:
    first = rotting.backup()
    victim = rotting.names.pop(3)
    second = rotting.backup()
    rotting.names = sorted([*rotting.names, victim])
    manifest = rotting.manifest(second)
    (shared,) = [name for name, use in manifest.index.uses.items() if use.live != use.total]
    data = rotting.repository.store.get(data_key(shared)) or b""
    rotting.remove(data_key(shared))
    rotting.check()
    rotting.repository.store.put(data_key(shared), data)
    before = rotting.repository.catalog.read()
    assert before.damaged == (shared,)
    assert record_proof(rotting.repository, manifest, before)
    after = rotting.repository.catalog.read()
    assert after.damaged == (shared,)
    assert [after.entry(one.name).restorable for one in (first, second)] == [PARTIAL, FULL]  # type: ignore[union-attr]


def test_what_a_check_has_found_since_stands(rotting: Rotting) -> None:
    first = rotting.backup()
    key, data = hidden(rotting, first)
    rotting.check()
    before = rotting.repository.catalog.read()
    rotting.repository.store.put(key, data)
    other = data_key(max(rotting.manifest(first).index.uses))
    rotting.flip(other)
    rotting.check()
    assert record_proof(rotting.repository, rotting.manifest(first), before) == ""
    assert rotting.entry(first.number).restorable == PARTIAL


def test_a_key_that_may_not_record_it_leaves_the_mark_and_says_so(
    rotting: Rotting, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rotting.backup()
    key, data = hidden(rotting, first)
    rotting.check()
    rotting.repository.store.put(key, data)

    def denied(*_given: Any) -> None:
        raise UnreachableError("access is denied")

    monkeypatch.setattr(CatalogLog, "write", denied)
    said = proven(rotting, first)
    assert "it stays marked as damaged, as that could not be recorded: access is denied; run odoo_backup_check" in said
    assert rotting.entry(first.number).restorable == PARTIAL


@pytest.mark.parametrize(
    ("steps", "fetched", "left_out", "whole"),
    [
        ((FetchFiles, RestoreDump), 1.0, [], True),
        ((FetchFiles, RestoreDump), 0.5, [], False),
        ((FetchFiles, RestoreDump), 1.0, ["0a/x"], False),
        ((FetchFiles,), 1.0, [], False),
        ((RestoreDump,), 1.0, [], False),
    ],
)
def test_a_restore_that_has_not_read_everything_proves_nothing(
    steps: tuple[Any, ...], fetched: float, left_out: list[str], whole: bool
) -> None:
    files = MANIFEST.index.files
    assert files > 1
    todo = [step("do", "harbour", "") for step in steps]
    fetch = Fetch(int(files * fetched), 1)
    seen = Survey(Target(), Server(17, False, frozenset(), frozenset()), MANIFEST, fetch, [], todo)
    assert read_whole(seen, left_out) is whole


@pytest.fixture
def pair(rotting: Rotting, tmp_path: Path) -> Pair:
    """A repository with a copy."""
    (tmp_path / "copy").mkdir()
    rotting.backup()
    made = Pair(rotting)
    made.copy()
    return made


def test_a_restore_from_a_copy_takes_its_mark_away_and_leaves_it_a_copy(pair: Pair) -> None:
    second = pair.second
    (entry,) = second.repository.catalog.read().entries
    key, data = hidden(second, entry)
    second.check()
    assert second.entry(entry.number).restorable == PARTIAL
    second.repository.store.put(key, data)
    assert "is not marked as damaged any more" in proven(second, entry)
    catalog = second.repository.catalog.read()
    assert (catalog.copied, catalog.damaged, catalog.entries[0].restorable) == (True, (), FULL)


def test_a_check_of_the_copy_takes_back_what_the_comparison_said_of_it(pair: Pair) -> None:
    (entry,) = pair.second.repository.catalog.read().entries
    key = data_key(min(pair.second.manifest(entry).index.uses))
    data = pair.second.repository.store.get(key) or b""
    for side in (pair.first, pair.second):
        side.flip(key)
    assert "cannot be restored in full" in plan_copy.failure_of(pair.copy())
    bad = read_compared(pair.second.repository)
    assert bad is not None
    assert not bad.ok
    # what is damaged still is
    pair.second.check()
    assert read_compared(pair.second.repository) == bad
    pair.second.repository.store.put(key, data)
    pair.second.check(parts=10)
    # the damage is read again in any part, and the age of the comparison stays
    assert read_compared(pair.second.repository) == replace(bad, ok=True)


def test_a_copy_does_not_rest_while_a_mark_may_be_wrong(pair: Pair) -> None:
    second = pair.second.repository
    (entry,) = second.catalog.read().entries
    marked = min(pair.second.manifest(entry).index.uses)
    marks = replace(read_marks(second), restorable={entry.number: PARTIAL}, damaged=(marked,))
    write_marks(second, marks)
    foreseen, done = pair.foresee(compare_interval_s=3600), pair.copy(compare_interval_s=3600)
    assert done.check is not None
    assert marked in done.check.read
    assert [one.as_dict() for one in plan_copy.steps_of(done)] == [
        {"action": "mark", "target": f"harbour/{entry.name}", "why": "it can be restored in full from the copy"}
    ]
    assert plan_copy.steps_of(foreseen) == plan_copy.steps_of(done)
    assert (read_marks(second).damaged, dict(read_marks(second).restorable)) == ((), {})
    # then it does
    again = pair.copy(compare_interval_s=3600)
    assert again.check is not None
    assert data_name(data_key(marked)) not in again.check.read
