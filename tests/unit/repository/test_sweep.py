# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a removal takes away, and what it leaves where it is."""

from __future__ import annotations

import tracemalloc
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import LostError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Record
from ansible_collections.gantry.odoo.plugins.module_utils._repository import apply_sweep
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    make_repository,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import foresee, sweep
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import reading, writing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Index, Use
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName, data_key
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import plan_begin, plan_expire

MASTER = MasterKey("estate", b"k" * 32)


def repository_in(path: Path, prefix: str = "", tenant: str = "harbour") -> Repository:
    """The repository of a tenant in a directory."""
    store = Directory(str(path))
    return make_repository(Stores(store, store, prefix), tenant, [MASTER])


def backup(repository: Repository, shared: tuple[DataName, ...] = ()) -> Entry:
    """A backup with a dump and an object of its own."""
    with writing(repository, "backup", 5) as turn:
        dump, own = DataName(turn.number, 0), DataName(turn.number, 1)
        for held in (dump, own):
            repository.store.put(data_key(held), str(held).encode())
        uses = {held: Use(1, 1, 1) for held in (*shared, own)}
        moment = datetime.now(timezone.utc)
        entry = Entry(turn.number, moment, moment, "", "19.0", 1, len(uses), len(uses))
        return turn.commit(entry, {"dump": {"held": [str(dump)]}, "index": Index(uses=uses).as_body()})


def expire(repository: Repository, *entries: Entry, grace_s: int = 0) -> list[str]:
    """Mark backups and remove what is due; the names of those that went."""
    with writing(repository, "expiry", 5) as turn:
        now = repository.store.now()
        names = {one.name for one in entries}
        catalog = repository.catalog.write(lambda seen: plan_expire(seen, names, now), Deadline(5))
        return [one.name for one in sweep(turn.after(catalog), grace_s).gone]


def held(repository: Repository) -> set[str]:
    """The objects with contents."""
    return {key.removeprefix("data/") for key in repository.store.objects("data/")}


def test_only_what_no_other_backup_needs_is_removed(tmp_path: Path) -> None:
    repository = repository_in(tmp_path)
    first = backup(repository)
    second = backup(repository, shared=(DataName(first.number, 1),))
    assert expire(repository, first) == [first.name]
    assert held(repository) == {f"{first.number}/1", f"{second.number}/0", f"{second.number}/1"}
    assert expire(repository, second) == [second.name]
    assert held(repository) == set()
    assert not repository.store.objects("manifests/")


def test_a_mark_is_no_removal_before_its_grace_has_ended(tmp_path: Path) -> None:
    repository = repository_in(tmp_path)
    first = backup(repository)
    before = held(repository)
    assert expire(repository, first, grace_s=3600) == []
    assert expire(repository, grace_s=3600) == []
    assert [one.expired for one in repository.catalog.read().entries] == [None]
    assert held(repository) == before


def test_a_backup_that_is_read_stays_until_it_is_not(tmp_path: Path) -> None:
    repository = repository_in(tmp_path)
    first = backup(repository)
    with reading(repository, first, "restore", 5):
        assert expire(repository, first) == []
        assert len(held(repository)) == 2
    assert expire(repository, first) == [first.name]
    with pytest.raises(StateError, match="was removed meanwhile; choose another"), reading(repository, first, "x", 5):
        pass


def test_an_overtaken_expiry_removes_nothing(tmp_path: Path) -> None:
    repository = repository_in(tmp_path)
    first = backup(repository)
    before = held(repository)
    with writing(repository, "expiry", 5) as turn:
        now = repository.store.now()
        marked = repository.catalog.write(lambda seen: plan_expire(seen, {first.name}, now), Deadline(5))
        # it sleeps for longer than its lease, and another run begins
        repository.catalog.write(lambda seen: plan_begin(seen, turn.number + 1), Deadline(5))
        with pytest.raises(LostError, match="was overtaken by lease"):
            sweep(turn.after(marked), 0)
    assert held(repository) == before


def test_what_is_not_known_to_be_unneeded_stays(tmp_path: Path) -> None:
    repository = repository_in(tmp_path)
    first, second = backup(repository), backup(repository)
    before = held(repository)
    repository.store.put(f"manifests/{second.number}", b"rot")
    with pytest.raises(StateError, match=f"manifests/{second.number} .* is damaged"):
        expire(repository, first)
    assert held(repository) == before


@pytest.mark.parametrize(("prefix", "tenant"), [("harbour", "data"), ("harbour/data", "7"), ("harbour", "manifests")])
def test_a_tenant_whose_root_lies_within_that_of_another_is_left_alone(
    tmp_path: Path, prefix: str, tenant: str
) -> None:
    outer, inner = repository_in(tmp_path), repository_in(tmp_path, prefix, tenant)
    gone, stays = backup(outer), backup(inner)
    before = held(inner)
    assert expire(outer, gone) == [gone.name]
    assert held(inner) == before
    assert inner.catalog.read().entry(stays.name)
    assert expire(inner, stays) == [stays.name]


def test_what_is_foreseen_is_what_is_removed(tmp_path: Path) -> None:
    repository = repository_in(tmp_path)
    first, _second = backup(repository), backup(repository)
    seen = repository.catalog.read()
    now = repository.store.now()
    marked = plan_expire(seen, {first.name}, now - timedelta(seconds=1))
    foreseen = foresee(repository, marked, seen.fence + 1, 0, now)
    assert [one.name for one in foreseen.gone] == expire(repository, first)
    assert {str(name) for name in foreseen.objects} == {f"{first.number}/0", f"{first.number}/1"}
    assert foreseen.others == (f"manifests/{first.number}",)


def test_an_interrupted_removal_is_finished_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = repository_in(tmp_path)
    first = backup(repository)
    kept = backup(repository)
    with monkeypatch.context() as patched:

        def killed(*_arguments: object) -> int:
            raise KeyboardInterrupt

        patched.setattr(Directory, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            expire(repository, first)
    assert [one.name for one in repository.catalog.read().entries] == [kept.name]
    assert len(held(repository)) == 4
    assert expire(repository) == []
    assert held(repository) == {f"{kept.number}/0", f"{kept.number}/1"}


def test_a_record_of_another_hand_is_refused(tmp_path: Path) -> None:
    repository = repository_in(tmp_path)
    entry = backup(repository)
    newest = repository.catalog.read()
    forged = Record(newest.number + 1, {**newest.as_body(), "entries": []})
    key = f"catalog/{(999_999_999 - forged.number) // 1000:06d}/{(999_999_999 - forged.number) % 1000:03d}"
    repository.records.create(key, b'{"fence": 0, "given_up": 0, "entries": []}')
    with pytest.raises(StateError, match="is damaged: it is no sealed content"):
        repository.catalog.read()
    repository.records.delete([key])
    assert repository.catalog.read().entry(entry.name)


def test_what_many_backups_share_is_held_once(tmp_path: Path) -> None:
    repository = repository_in(tmp_path)
    shared = tuple(DataName(1, place) for place in range(800))
    for _backup in range(2):
        backup(repository, shared)
    few = peak(repository)
    for _backup in range(38):
        backup(repository, shared)
    many = peak(repository)
    assert many < few * 6, (few, many)


def peak(repository: Repository) -> int:
    """The memory in bytes that a look at all that is used takes at most."""
    catalog = repository.catalog.read()
    tracemalloc.start()
    try:
        assert len(apply_sweep._used(repository, catalog, ())) >= 800
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
