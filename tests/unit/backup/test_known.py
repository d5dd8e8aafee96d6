# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A repository that was rolled back is found by who knows its newest backup. On real directories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from ansible_collections.gantry.odoo.plugins.filter.backup_outcomes import backup_outcomes
from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_copy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_check import Order, check, foresee
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_interrupted import with_interrupted
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import Fault, Judgement
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import Survey, steps_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_compliance import judge_tenant
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_known import rolled_back
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_compliance import read_evidence, read_store
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import Absent, read_absent
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_restore import Choice, choose
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._repository import apply_turns
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    read_manifest,
    read_manifest_names,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import objects_of
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import writing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Entry, Stay
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import ManifestName, data_key
from ansible_collections.gantry.odoo.plugins.module_utils._repository.options import known_from
from ansible_collections.gantry.odoo.plugins.modules import backup_policy
from tests.unit.backup.evidence import evidence, judged, kinds
from tests.unit.backup.rotting import CONTENTS, MASTER, Rotting, rotting_in
from tests.unit.backup.test_newest import found
from tests.unit.backup.test_policies_of_many import call, params, repositories


@pytest.fixture
def rotting(tmp_path: Path) -> Rotting:
    """A repository without a backup, and a filestore with some files."""
    made = rotting_in(tmp_path)
    made.add(*CONTENTS)
    return made


def lost(rotting: Rotting, number: int) -> str:
    """What the catalog lacks."""
    return rolled_back(rotting.repository.catalog.read(), number, "there")


def roll_back(rotting: Rotting, records: int) -> None:
    """Remove the newest records of the catalog, as anyone can who may delete objects."""
    rotting.repository.records.delete(rotting.repository.records.names("catalog/", records))


def test_a_repository_as_it_was_left_is_never_called_rolled_back(rotting: Rotting) -> None:
    assert lost(rotting, 0) == ""
    first, second = rotting.backup(), rotting.backup()
    assert lost(rotting, first.number) == lost(rotting, second.number) == ""
    # another backup, an expiry of the newest one, and the mark of a check come between
    third = rotting.backup()
    rotting.expire(third.name, first.name)
    rotting.check()
    assert [lost(rotting, one.number) for one in (first, second, third)] == ["", "", ""]


# the commit of the newest backup is one record, and the fence of its run the one before
@pytest.mark.parametrize("records", [1, 2])
def test_a_catalog_without_its_newest_records_is_found(rotting: Rotting, records: int) -> None:
    first, second = rotting.backup(), rotting.backup()
    roll_back(rotting, records)
    # the ledger says so, and no run that was killed explains it
    rotting.known = second.number
    assert rotting.repository.catalog.read().entries == (first,)
    assert f"lacks the backup with number {second.number}" in lost(rotting, second.number)
    assert f"its newest one is {first.name}, number {first.number}" in lost(rotting, second.number)
    # a later backup does not hide it
    third = rotting.backup()
    assert lost(rotting, second.number)
    assert lost(rotting, third.number) == ""


def test_an_older_copy_of_the_store_is_found(rotting: Rotting) -> None:
    rotting.backup()
    older = rotting.state()
    second = rotting.backup()
    for path in [path for path in (rotting.path / "store").rglob("*") if path.is_file()]:
        path.unlink()
    for name, data in older.items():
        (rotting.path / "store" / name).write_bytes(data)
    assert lost(rotting, second.number)


def test_a_restore_is_refused_and_goes_on_with_consent(rotting: Rotting) -> None:
    first, second = rotting.backup(), rotting.backup()
    said: list[str] = []
    assert choose(rotting.repository, Choice("latest", known=second.number), said.append).number == second.number
    roll_back(rotting, 1)
    for wanted in ("latest", first.name):
        with pytest.raises(RefusedError, match="accept the older one with rolled_back: accept") as caught:
            choose(rotting.repository, Choice(wanted, known=second.number), said.append)
        assert "\n" not in str(caught.value)
    assert said == []
    chosen = choose(rotting.repository, Choice("latest", known=second.number, accept_older=True), said.append)
    assert chosen.number == first.number
    assert ["which was accepted" in sentence for sentence in said] == [True]


def test_no_latest_backup_is_restored_where_a_manifest_says_that_a_later_one_was_complete(
    rotting: Rotting,
) -> None:
    first, second = rotting.backup(), rotting.backup()
    # without its commit and its fence
    roll_back(rotting, 2)
    said: list[str] = []
    with pytest.raises(RefusedError, match=f"a manifest of backup {second.number}, .*; or name a backup, or accept"):
        choose(rotting.repository, Choice("latest"), said.append)
    assert said == []
    for choice in (Choice(first.name), Choice("latest", accept_older=True)):
        assert choose(rotting.repository, choice, said.append).number == first.number
    assert [f"a manifest of backup {second.number}" in one for one in said] == [True, True]


@pytest.mark.parametrize("work", [check, foresee])
def test_no_catalog_is_made_anew_that_lacks_a_known_backup(rotting: Rotting, work: Callable[..., object]) -> None:
    first, second = rotting.backup(), rotting.backup()
    rotting.remove(second.manifest.key)
    rotting.lose_catalog()
    order = Order(rebuild=True, known=second.number, lock_timeout=5)
    with pytest.raises(RefusedError, match=f"lacks the backup with number {second.number}"):
        work(rotting.repository, order, Progress())
    assert rotting.repository.catalog.read() == Catalog()
    check(rotting.repository, Order(rebuild=True, known=first.number, lock_timeout=5), Progress())
    assert len(rotting.repository.catalog.read().entries) == 1


def test_compliance_finds_it_critical() -> None:
    assert kinds(judged(evidence(known=10))) == []
    # b11 was complete, and is in no record any more
    found = judged(evidence(known=11, where="the bucket"))
    assert kinds(found) == [("rolled_back", "critical", "")]
    assert not found.compliant
    assert found.rules["zero_errors"] == "violated"
    # a tenant whose repository is gone altogether
    gone = judged(evidence(known=11, catalog=Catalog(), written={}, opened={}))
    assert ("rolled_back", "critical", "") in kinds(gone)
    # a catalog that cannot be read says so itself
    unread = judged(evidence(known=11, catalog=Catalog(), written={}, opened={}, faults=(Fault("", "damaged"),)))
    assert kinds(unread) == [("unsealed", "critical", "")]


@pytest.mark.parametrize("check_mode", [True, False])
def test_no_policy_expires_what_was_rolled_back(tmp_path: Path, check_mode: bool) -> None:
    made = repositories(tmp_path)
    call(tmp_path)
    before = made["harbour"].catalog.read()
    outcome = call(tmp_path, check=check_mode, known={"harbour": 5, "north": 0})
    assert [one["tenant"] for one in outcome.facts["failures"]] == ["harbour"]
    assert "lacks the backup with number 5" in outcome.failure
    assert made["harbour"].catalog.read() == before
    accepted = call(tmp_path, check=check_mode, known={"harbour": 5}, rolled_back="accept")
    assert accepted.failure == ""


def test_a_backup_beside_it_is_no_proof() -> None:
    taken = {"tenant": "harbour", "id": "20261127T030000Z", "number": 9}
    result = {"backups": [taken], "failures": [{"tenant": "harbour", "error": "it was rolled back"}]}
    (entry,) = backup_outcomes(result, ["harbour"])
    assert (entry["ok"], entry["error"], entry["id"]) == (False, "it was rolled back", "20261127T030000Z")


@pytest.mark.parametrize("values", [{"harbour": "x"}, {"harbour": -1}, {"harbour": None}, {"Harbour": 1}])
def test_what_is_no_number_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(InputError):
        known_from(values)


@pytest.mark.parametrize("records", [1, 2, 3])
def test_a_catalog_that_was_rolled_back_to_its_beginning_holds_an_unknown_number_of_backups(
    rotting: Rotting, tmp_path: Path, records: int
) -> None:
    """Without a ledger: an empty database for a tenant that has backups would be made otherwise."""
    rotting.backup()
    rotting.backup()
    roll_back(rotting, records)
    (told,) = found(tmp_path, "harbour")
    if records < 3:
        # the first backup is in the catalog, and what came after it shows by its manifest
        assert (told["backups"], told["backup"] != "") == (1, True)
        assert any("which is later than all that its catalog knows" in one for one in told["warnings"]) == (
            records == 2
        )
    else:
        assert (told["backups"], told["backup"]) == (None, "")
        assert "so the catalog was rolled back" in told["error"]


def test_an_empty_catalog_whose_backups_were_removed_holds_none(rotting: Rotting, tmp_path: Path) -> None:
    entry = rotting.backup()
    rotting.expire(entry.name)
    (told,) = found(tmp_path, "harbour")
    assert (told["backups"], told["backup"]) == (0, "")
    (refused,) = found(tmp_path, "harbour", known_backups={"harbour": entry.number + 100})
    assert refused["backups"] is None


def expiry(rotting: Rotting, last: int, check: bool = False, warn: list[str] | None = None, **given: str) -> Outcome:
    """An expiry without a ledger and without a grace. last: how many backups are kept. warn: what it warns of."""
    asked = params(rotting.path / "store", "harbour", **given)
    asked["policies"][0]["keep"] = {"last": last}
    return backup_policy.work(Call(asked, check, *([warn.append] if warn is not None else [])))


# to a catalog with the first backup alone, and to an empty one, where only the backup of its last run is listed again
@pytest.mark.parametrize("records", [4, 5])
def test_no_expiry_removes_what_only_manifests_know_of(rotting: Rotting, records: int) -> None:
    """Without a ledger: a backup after the rollback raises the fence above what was forgotten."""
    first, second, third = rotting.backup(), rotting.backup(), rotting.backup()
    roll_back(rotting, records)
    fourth = rotting.backup(hours=1)
    assert numbers(rotting) == [first.number, fourth.number]
    before = rotting.listed()
    for check_mode in (True, False):
        refused = expiry(rotting, 9, check_mode)
        assert "2 backups that are to be kept have manifests there, such as" in refused.failure
        assert f"(manifests/{second.number})" in refused.failure
        assert "or accept the older state with rolled_back: accept" in refused.failure
        assert "\n" not in refused.failure
    assert rotting.listed() == before
    with pytest.raises(RefusedError, match=r"nothing was copied: the catalog in the .* is not believed"):
        copied(rotting)
    (found,) = [one for one in compliance(rotting).findings if one.kind == "unlisted"]
    assert (found.severity, f"(manifests/{third.number})" in found.sentence) == ("critical", True)
    # what the policy does not keep may go, and so may the rest with consent
    assert expiry(rotting, 1).failure == ""
    assert [one.number for one in rotting.repository.catalog.read().entries] == [fourth.number]


def killed_backup(rotting: Rotting) -> int:
    """A backup that ends when its manifest is there, and its record is not; its number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apply_turns, "plan_commit", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            rotting.backup()
    return rotting.repository.catalog.read().fence


def numbers(rotting: Rotting) -> list[int]:
    """The backups of the catalog."""
    return [one.number for one in rotting.repository.catalog.read().entries]


def test_the_next_backup_lists_one_that_was_killed_before_its_record(rotting: Rotting) -> None:
    first, killed = rotting.backup(), killed_backup(rotting)
    refused = expiry(rotting, 9).failure
    assert f"(manifests/{killed})" in refused
    assert "take a backup, which lists the last one where that was interrupted" in refused
    assert [one.kind for one in compliance(rotting).findings if one.kind == "unlisted"] == ["unlisted"]
    second = rotting.backup()
    assert numbers(rotting) == [first.number, killed, second.number]
    assert expiry(rotting, 9).failure == ""
    assert copied(rotting)
    assert [one for one in compliance(rotting).findings if one.kind == "unlisted"] == []
    assert len(rotting.restored(rotting.entry(killed))) == len(CONTENTS)


@pytest.mark.parametrize("fresh", [True, False])
def test_a_backup_has_a_step_for_the_one_that_it_lists(rotting: Rotting, fresh: bool) -> None:
    one = rotting.backup()
    seen = Survey(Catalog(entries=(one,)), one if fresh else None, listed=(one,))
    steps = [(step.action, step.target) for step in steps_of("harbour", "erp", seen)]
    assert steps == [("list", f"harbour/{one.name}"), *([] if fresh else [("back_up", "erp")])]


def test_another_run_that_takes_a_turn_lists_it_and_says_so(rotting: Rotting) -> None:
    """It raises the fence, and after that the number would not be looked at any more."""
    first, killed = rotting.backup(), killed_backup(rotting)
    outcome = expiry(rotting, 9, rolled_back="accept")
    assert (outcome.failure, numbers(rotting)[1:]) == ("", [killed])
    rotting.truncate(pack_of(rotting, first))
    rotting.check()
    rotting.backup()
    another = killed_backup(rotting)
    (sentence,) = [one for one in rotting.check().warnings if "is in the catalog from now on" in one]
    assert sentence.startswith(f"backup {rotting.entry(another).name} is")


def test_a_record_that_was_taken_away_is_written_as_it_was(rotting: Rotting) -> None:
    rotting.backup()
    kept = rotting.backup(stay=Stay(30, "before the restore"))
    before = rotting.repository.catalog.read()
    assert [one.backups for one in before.holds] == [(kept.name,)]
    roll_back(rotting, 1)
    assert rotting.repository.catalog.read().holds == ()
    after = with_interrupted(rotting.repository, 0, rotting.repository.catalog.read())
    stored = after.entries[1].stored
    assert replace(after, entries=(after.entries[0], replace(after.entries[1], stored=kept.stored))) == before
    assert abs(stored - kept.stored) < timedelta(minutes=1)


def pack_of(rotting: Rotting, entry: Entry) -> str:
    """An object with files that a backup has sent."""
    return data_key(min(name for name in objects_of(rotting.repository, entry) if name.number == entry.number))


def incomplete(rotting: Rotting, entry: Entry) -> None:
    rotting.remove(pack_of(rotting, entry))
    roll_back(rotting, 1)


def of_a_run_before(rotting: Rotting, _entry: Entry) -> None:
    roll_back(rotting, 2)


def forged(rotting: Rotting, entry: Entry) -> None:
    roll_back(rotting, 1)
    rotting.flip(entry.manifest.key)


def removed_on_purpose(rotting: Rotting, entry: Entry) -> None:
    """Who keeps old objects writes the manifest once more, and takes all later records away."""
    manifest = rotting.repository.store.get(entry.manifest.key) or b""
    begun = rotting.repository.catalog.read().number - 1
    rotting.expire(entry.name)
    rotting.repository.store.put(entry.manifest.key, manifest)
    roll_back(rotting, rotting.repository.catalog.read().number - begun)
    assert rotting.repository.catalog.read().fence == entry.number


@pytest.mark.parametrize("change", [incomplete, of_a_run_before, forged, removed_on_purpose])
def test_nothing_else_is_listed(rotting: Rotting, change: Callable[[Rotting, Entry], None]) -> None:
    first = rotting.backup()
    rotting.add(b"one more file")
    second = rotting.backup()
    change(rotting, second)
    third = rotting.backup(hours=1)
    assert numbers(rotting) == [first.number, third.number]
    assert second.manifest.key in expiry(rotting, 9).failure
    with pytest.raises(RefusedError, match="is not believed"):
        copied(rotting)


def test_nothing_is_listed_that_was_given_up_or_that_the_ledger_knows_of(rotting: Rotting) -> None:
    entry = rotting.backup()
    gone = replace(rotting.repository.catalog.read(), entries=())
    assert [one.number for one in with_interrupted(rotting.repository, 0, gone).entries] == [entry.number]
    for other in (replace(gone, given_up=entry.number), replace(gone, fence=entry.number + 1)):
        assert with_interrupted(rotting.repository, 0, other) is other
    assert with_interrupted(rotting.repository, entry.number, gone) is gone


def test_what_was_forgotten_is_given_up_with_consent(rotting: Rotting) -> None:
    _first, second = rotting.backup(), rotting.backup()
    roll_back(rotting, 2)
    rotting.backup()
    assert expiry(rotting, 9).failure != ""
    assert expiry(rotting, 9, rolled_back="accept").failure == ""
    assert second.manifest.key not in rotting.listed()
    assert expiry(rotting, 9).failure == ""


def test_a_manifest_that_cannot_be_read_is_taken_for_one_that_stays(rotting: Rotting) -> None:
    _first, second = rotting.backup(), rotting.backup()
    roll_back(rotting, 2)
    rotting.backup()
    rotting.flip(second.manifest.key)
    before = rotting.listed()
    assert "1 manifests there cannot be read, such as " in expiry(rotting, 1).failure
    assert [one.sentence for one in compliance(rotting).findings if second.manifest.key in one.sentence]
    assert rotting.listed() == before


def planted(rotting: Rotting, above: int, data: bytes) -> str:
    """The key of an object in the place of a manifest, by who may write and has no key. above: by how much."""
    name = ManifestName(rotting.repository.catalog.read().fence + above)
    rotting.repository.store.put(name.key, data)
    return name.key


# with no form of ours, and as if it was sealed with a key that is not here
@pytest.mark.parametrize("data", [b"junk", b"G1" + (9).to_bytes(2, "big") + bytes(200)])
# below the number of the next run, and far above that of each to come
@pytest.mark.parametrize("above", [1, 10**8])
def test_an_object_that_is_no_backup_stops_nothing_and_is_named(rotting: Rotting, above: int, data: bytes) -> None:
    first = rotting.backup()
    key = planted(rotting, above, data)
    second = rotting.backup(hours=1)
    said: list[str] = []
    for check_mode in (True, False):
        assert expiry(rotting, 1, check_mode, warn=said).failure == ""
        (sentence,) = {one for one in said if key in one}
        assert f"nothing is below data/{key.split('/')[1]}/, so it is no backup" in sentence
        assert sentence.endswith("remove it")
        said.clear()
    assert numbers(rotting) == [second.number]
    assert first.manifest.key not in rotting.listed()
    assert copied(rotting)
    assert choose(rotting.repository, Choice("latest"), said.append).number == second.number
    (found,) = [one for one in compliance(rotting).findings if key in one.sentence]
    assert (found.kind, found.severity) == ("unsealed", "critical")


def test_a_manifest_of_a_key_that_is_not_here_is_a_witness(rotting: Rotting) -> None:
    """Its contents are there, whoever can open them."""
    _first, second = rotting.backup(), rotting.backup()
    roll_back(rotting, 2)
    rotting.repository.store.put(second.manifest.key, b"G1" + (9).to_bytes(2, "big") + bytes(200))
    rotting.backup()
    before = rotting.listed()
    refused = expiry(rotting, 1).failure
    assert f"{second.manifest.key} in the directory" in refused
    assert "is sealed with the data key 9, which the keys of harbour lack" in refused
    assert "remove it where it is no backup of yours" in refused
    assert rotting.listed() == before


def test_what_an_expiry_has_removed_or_a_backup_is_about_to_commit_is_not_forgotten(rotting: Rotting) -> None:
    first, second = rotting.backup(), rotting.backup()
    data = rotting.repository.store.get(first.manifest.key) or b""
    rotting.expire(first.name)
    # an old manifest that is written once more, by who has no key
    rotting.repository.store.put(first.manifest.key, data)
    assert [one for one in compliance(rotting).findings if one.kind == "unlisted"] == []
    assert expiry(rotting, 9).failure == ""
    with writing(rotting.repository, "backup", 5) as turn:
        manifest = read_manifest(rotting.repository, second.manifest)
        turn.write_manifest(ManifestName(turn.number), {**manifest, "number": turn.number})
        names = read_manifest_names(rotting.repository)
        assert ManifestName(turn.number) in names
        assert read_absent(rotting.repository, Catalog(), names) == Absent()


def copied(rotting: Rotting) -> object:
    """A copy to an empty place."""
    (rotting.path / "copy").mkdir(exist_ok=True)
    place = Directory(str(rotting.path / "copy"))
    order = apply_copy.Order(lock_timeout=5)
    return apply_copy.copy(rotting.repository, Stores(place, place, "elsewhere"), (MASTER,), order, Progress())


def compliance(rotting: Rotting) -> Judgement:
    """What compliance says of the repository."""
    place = Directory(str(rotting.path / "store"))
    stores = Stores(place, place)
    (seen,) = read_evidence(stores, ["harbour"], (MASTER,), 1, {})
    return judge_tenant(seen, read_store(stores))


def test_compliance_lists_the_manifests_once(rotting: Rotting, monkeypatch: pytest.MonkeyPatch) -> None:
    rotting.backup()
    asked: list[str] = []
    names = Directory.names

    def counted(store: Directory, prefix: str, limit: int) -> list[str]:
        asked.append(prefix)
        return names(store, prefix, limit)

    monkeypatch.setattr(Directory, "names", counted)
    assert compliance(rotting).rules
    assert asked.count("harbour/manifests/") == 1


def test_what_a_catalog_that_is_made_anew_leaves_out_is_not_removed_by_an_expiry(rotting: Rotting) -> None:
    """A manifest of a key, or of a version, that is not here now, or whose copy is intact."""
    first, second = rotting.backup(), rotting.backup(hours=1)
    manifest = rotting.repository.store.get(first.manifest.key) or b""
    rotting.flip(first.manifest.key)
    rotting.lose_catalog()
    rotting.check(rebuild=True)
    before = rotting.listed()
    assert f"such as {first.manifest.key} in the directory" in expiry(rotting, 1).failure
    assert rotting.listed() == before
    # once it can be read, it is in the next catalog
    rotting.repository.store.put(first.manifest.key, manifest)
    rotting.lose_catalog()
    rotting.check(rebuild=True)
    assert [one.number for one in rotting.repository.catalog.read().entries] == [first.number, second.number]
    assert rotting.restored(first)
