# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Authentic objects of an earlier day in the place of today's: what is decided by them is found, or not changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup import plan_copy, read_copy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep, Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import DIRECTORY, StoreFacts
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_policy import policy_from
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_compliance import judge_tenant
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_compliance import read_evidence
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import PARTIAL
from ansible_collections.gantry.odoo.plugins.modules import backup_policy
from tests.unit.backup.rotting import MASTER, Rotting, rotting_in
from tests.unit.backup.test_copy import Pair, key_of
from tests.unit.backup.test_policies_of_many import params


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """A repository, and a place for its copy. A policy that keeps one backup was followed by one that keeps ten."""
    for name in ("store", "copy"):
        (tmp_path / name).mkdir()
    made = Pair(rotting_in(tmp_path))
    made.first.add(b"an invoice")
    declare(made.first, 1)
    made.first.backup()
    made.first.backup(1)
    return made


def declare(tenant: Rotting, last: int, **given: Any) -> Outcome:
    """The policy of a tenant, as an inventory has it."""
    asked = {**params(tenant.path / "store", tenant.repository.tenant), "expire": False, **given}
    asked["policies"][0] |= {"keep": {"last": last}, "state": "kept" if asked["expire"] else "present"}
    return backup_policy.work(Call(asked))


def expire(tenant: Rotting) -> Outcome:
    """An expiry of a tenant that is not declared any more, by the policy that is recorded."""
    return declare(tenant, 1, expire=True)


def roll_back(root: Path, before: dict[str, bytes]) -> set[str]:
    """Put back all documents that were overwritten since; their keys. Contents stay as they are."""
    now = state_of(root)
    older = {key: data for key, data in before.items() if now.get(key, data) != data and "/data/" not in key}
    for key, data in older.items():
        (root / key).write_bytes(data)
    return older.keys()


def state_of(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def found(pair: Pair) -> tuple[list[str], str]:
    """The kinds of the findings of compliance, and why the copy does not count."""
    first = pair.first.repository
    stores = Stores(first.store.inner, first.records.inner)
    (seen,) = read_evidence(stores, ["harbour"], (MASTER,), 1, {}, pair.stores)
    assert seen.copy is not None
    judgement = judge_tenant(seen, StoreFacts(DIRECTORY, first.store.now(), versioning=False))
    # the snapshots are those of a manifest of 2026
    return [one.kind for one in judgement.findings if one.kind != "misdated"], seen.copy.fault


def test_no_document_that_is_rolled_back_makes_an_older_policy_the_recorded_one(pair: Pair) -> None:
    tenant, root = pair.first, pair.first.path / "store"
    before = state_of(root)
    assert [step.action for step in declare(tenant, 10).steps or ()] == ["write_policy"]
    tenant.backup(2)
    roll_back(root, before)
    assert expire(tenant).failure == ""
    assert len(tenant.repository.catalog.read().entries) == 3
    (seen,) = read_evidence(
        Stores(tenant.repository.store.inner, tenant.repository.records.inner), ["harbour"], (MASTER,), 1, {}
    )
    assert seen.policy is not None
    assert seen.policy.keep.last == 10


def test_a_catalog_of_before_a_policy_is_not_believed_once_a_backup_has_followed(pair: Pair) -> None:
    tenant = pair.first
    former = tenant.repository.records.names("catalog/", 100)
    declare(tenant, 10)
    tenant.backup(2)
    records = tenant.repository.records.names("catalog/", 100)
    tenant.repository.records.delete([key for key in records if key not in former])
    outcome = expire(tenant)
    assert "so the catalog was rolled back" in outcome.failure
    assert len(tenant.repository.store.names("manifests/", 10)) == 3
    assert "unlisted" in found(pair)[0]


def test_a_policy_that_is_rolled_back_before_the_next_backup_is_found_by_the_copy_and_recorded_again(
    pair: Pair,
) -> None:
    tenant = pair.first
    declare(tenant, 10)
    pair.copy()
    assert found(pair) == ([], "")
    tenant.repository.records.delete(tenant.repository.records.names("catalog/", 1))
    assert policy_from(tenant.repository.catalog.read().policy or {}).keep.last == 1
    assert "so the first was rolled back, or runs have worked on the second by itself" in found(pair)[1]
    with pytest.raises(RefusedError, match="so the first was rolled back"):
        pair.copy()
    assert [step.action for step in declare(tenant, 10).steps or ()] == ["write_policy"]
    assert found(pair) == ([], "")


def test_a_policy_that_changes_while_an_expiry_waits_is_not_overlooked(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, waiting = pair.first, backup_policy.writing_after
    stricter = Policy("harbour", 1, 900, 3600, Keep(last=10), drill_interval_s=86400)

    def late(*given: Any) -> Any:
        tenant.promise(stricter)
        return waiting(*given)

    monkeypatch.setattr(backup_policy, "writing_after", late)
    assert "the policy in the" in expire(tenant).failure
    assert [one.expired for one in tenant.repository.catalog.read().entries] == [None, None]


def test_no_policy_takes_the_place_of_a_lost_catalog(pair: Pair) -> None:
    tenant = pair.first
    tenant.lose_catalog()
    assert "so its catalog is lost; run odoo_backup_check with rebuild: true" in declare(tenant, 10).failure
    assert tenant.repository.catalog.read().number == 0
    tenant.check(rebuild=True)
    assert declare(tenant, 10).failure == ""


def test_what_a_comparison_has_found_is_not_rolled_back_unseen(pair: Pair) -> None:
    first, root = pair.first, pair.first.path / "copy"
    pair.copy()
    before, key = state_of(root), key_of(first, "pack")
    for side in (first, pair.second):
        side.flip(key)
    assert plan_copy.failure_of(pair.copy()) != ""
    damaged = found(pair)[1]
    assert "cannot be restored in full from the second repository" in damaged
    assert roll_back(root, before) == {"elsewhere/harbour/marks"}
    said = r"marks in the .* has revision 1, and the .* has seen 2, so it was rolled back, and may hide damage"
    for work in (pair.copy, pair.foresee):
        with pytest.raises(RefusedError, match=said):
            work()
    assert "so it was rolled back" in found(pair)[1]
    assert "so it was rolled back" in read_copy.open_copy(first.repository, pair.stores, (MASTER,))[1]
    (root / "elsewhere/harbour/marks").unlink()
    assert "has revision 0, and" in found(pair)[1]
    # one that is accepted is read as a whole, however young the comparison seems
    assert plan_copy.failure_of(pair.copy(accept_new=True, compare_interval_s=3600, parts=9)) != ""
    assert found(pair)[1] == damaged
    assert plan_copy.failure_of(pair.copy()) != ""


def test_a_check_of_the_copy_alone_leaves_the_comparison(pair: Pair) -> None:
    pair.copy()
    before = read_copy.read_compared(pair.second.repository)
    pair.second.flip(key_of(pair.second, "pack"))
    pair.second.check()
    assert read_copy.read_compared(pair.second.repository) == before
    assert "cannot be restored in full" in found(pair)[1]


def test_what_a_backup_lacks_since_it_was_taken_is_no_damage_of_the_copy(pair: Pair) -> None:
    pair.first.names.append("ff/ff" + "0" * 38)
    entry = pair.first.backup(2)
    assert entry.restorable == PARTIAL
    pair.copy()
    assert [one.restorable for one in pair.second.repository.catalog.read().entries][-1] == PARTIAL
    assert found(pair)[1] == ""
    # where the first one cannot be asked, it is said of the copy, and not that a check has found damage
    pair.first.flip(pair.first.repository.records.names("catalog/", 1)[0])
    assert found(pair)[1] == f"1 backups, such as {entry.name}, cannot be restored in full from the second repository"
