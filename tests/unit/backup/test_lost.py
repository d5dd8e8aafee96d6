# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest is believed about no object that is not there."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup import read_compliance
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep, Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import (
    DIRECTORY,
    Evidence,
    Judgement,
    StoreFacts,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import (
    Survey,
    fresh_enough,
    refuse_lost,
    said_of_marked,
    steps_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_compliance import judge_tenant
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_compliance import read_evidence
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_freshness import latest_backups
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_restore import Choice, choose
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_metrics import render
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository import read_contents
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import FULL, NONE, PARTIAL, Catalog
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName, data_key
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_location import Location
from tests.unit.backup.rotting import CONTENTS, MASTER, Rotting, rotting_in


@pytest.fixture
def harbour(tmp_path: Path) -> Rotting:
    """A tenant with a filestore and no backup."""
    tenant = rotting_in(tmp_path)
    tenant.add(*CONTENTS)
    return tenant


def data_of(tenant: Rotting) -> list[str]:
    """The keys of all contents."""
    return sorted(tenant.repository.store.objects("data/"))


def marks(tenant: Rotting) -> list[str]:
    """How far each backup can be restored, by the catalog."""
    return [one.restorable for one in tenant.repository.catalog.read().entries]


def a_pack(tenant: Rotting) -> str:
    """The key of an object with files of the newest backup."""
    newest = tenant.repository.catalog.read().entries[-1]
    return data_key(min(tenant.manifest(newest).index.uses))


def test_a_backup_on_lost_contents_sends_all_files_again(harbour: Rotting) -> None:
    harbour.backup()
    for key in data_of(harbour):
        harbour.remove(key)
    entry = harbour.backup(1)
    assert marks(harbour) == [NONE, FULL]
    assert harbour.restored(entry) == set(harbour.names)


@pytest.mark.parametrize("how", ["remove", "truncate"])
def test_a_backup_sends_the_files_of_a_lost_object_again(harbour: Rotting, how: str) -> None:
    first = harbour.backup()
    getattr(harbour, how)(a_pack(harbour))
    entry = harbour.backup(1)
    assert marks(harbour) == [PARTIAL, FULL]
    assert harbour.restored(entry) == set(harbour.names)
    assert harbour.is_counted(entry)
    harbour.check()
    assert (marks(harbour), harbour.restored(first)) == ([FULL, FULL], set(harbour.names))


def test_a_part_of_an_index_that_is_lost_is_written_again(harbour: Rotting) -> None:
    shard = harbour.manifest(harbour.backup()).index.shards[""]
    harbour.remove(data_key(shard.held))
    entry = harbour.backup(1)
    assert marks(harbour) == [NONE, FULL]
    assert harbour.restored(entry) == set(harbour.names)


def test_what_an_interrupted_backup_has_left_is_used_only_where_it_is_there(harbour: Rotting) -> None:
    harbour.backup()
    more = harbour.add(*(b"later %d" % number for number in range(9)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.unit.backup.rotting.manifest_body", lambda _manifest: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            harbour.backup(1)
    for key in harbour.repository.store.objects("sent/"):
        harbour.remove(f"data/{key.removeprefix('sent/').partition('-')[0]}")
    entry = harbour.backup(2)
    assert harbour.restored(entry) >= set(more)
    assert marks(harbour) == [FULL, FULL]


def test_a_file_that_only_a_lost_object_had_is_lost(harbour: Rotting) -> None:
    harbour.backup()
    harbour.remove(a_pack(harbour))
    (harbour.path / "filestore" / harbour.names[0]).unlink()
    entry = harbour.backup(1)
    assert harbour.manifest(entry).filestore.missing == (harbour.names[0],)
    assert entry.restorable == PARTIAL


def test_older_backups_are_marked_once_one_has_lost_anything(harbour: Rotting) -> None:
    first = harbour.backup()
    harbour.add(*(b"later %d" % number for number in range(9)))
    second, third = harbour.backup(1), harbour.backup(2)
    for entry in (first, second):
        harbour.remove(data_key(harbour.manifest(entry).dump.held[0]))
    for key in data_of(harbour):
        if key.startswith(f"data/{second.number}/"):
            harbour.remove(key)
    fourth = harbour.backup(3)
    assert marks(harbour) == [NONE, NONE, harbour.entry(third.number).restorable, FULL]
    assert harbour.restored(fourth) == set(harbour.names)


def test_a_backup_that_has_lost_its_dump_is_not_young_enough(harbour: Rotting) -> None:
    now = datetime.now(timezone.utc)
    entry = harbour.backup()
    age_s = 10 * 366 * 86400
    assert fresh_enough(harbour.repository.catalog.read(), age_s, now) is not None
    harbour.remove(data_key(harbour.manifest(entry).dump.held[0]))
    second = harbour.backup(1)
    harbour.remove(data_key(harbour.manifest(second).dump.held[0]))
    harbour.remove(second.manifest.key)
    third = harbour.backup(2)
    assert marks(harbour) == [NONE, NONE, FULL]
    fresh = fresh_enough(harbour.repository.catalog.read(), age_s, now)
    assert fresh is not None
    assert fresh.number == third.number


def test_a_backup_reads_one_manifest_where_nothing_is_lost(harbour: Rotting, monkeypatch: pytest.MonkeyPatch) -> None:
    for hours in range(4):
        harbour.backup(hours)
    asked: list[int] = []
    read = harbour.manifest(harbour.repository.catalog.read().entries[-1])
    monkeypatch.setattr(
        "ansible_collections.gantry.odoo.plugins.module_utils._backup.read_lost.manifest_of",
        lambda _repository, entry: asked.append(entry.number) or read,
    )
    harbour.backup(5)
    assert asked == [read.number]


def test_marks_of_lost_objects_are_steps_and_said(harbour: Rotting) -> None:
    entry = harbour.backup()
    harbour.remove(a_pack(harbour))
    harbour.backup(1)
    marked = (harbour.entry(entry.number),)
    seen = Survey(Catalog(), None, marked=marked)
    assert steps_of("harbour", "harbour", seen)[0].as_dict() == {
        "action": "mark",
        "target": f"harbour/{entry.name}",
        "why": "objects of it are missing or cut off, so it can be restored without some files",
    }
    assert said_of_marked(marked) == [
        f"backup {entry.name}: objects of it are missing or cut off, so it can be restored without some files; find "
        "out who removes them, and run odoo_backup_check, which heals what another backup or the copy has"
    ]


def test_a_backup_whose_objects_are_gone_at_its_end_is_refused() -> None:
    refuse_lost(set(), "store")
    with pytest.raises(StateError, match=r"^1 objects that the new backup needs, such as data/7/1, are missing or cut"):
        refuse_lost({DataName(7, 1)}, "store")


def seen_of(tenant: Rotting, manifests: int = 1) -> Evidence:
    """What compliance observes of the tenant."""
    inner = tenant.repository.store.inner
    (seen,) = read_evidence(Stores(inner, inner), ["harbour"], (MASTER,), manifests, {})
    return seen


def judged(tenant: Rotting) -> Judgement:
    """What follows from that by a policy of tier 2."""
    tenant.promise(Policy("harbour", 2, 10**9, 3600, Keep(last=5)))
    return judge_tenant(seen_of(tenant), StoreFacts(DIRECTORY, tenant.repository.store.now(), versioning=False))


def test_backups_whose_objects_are_gone_do_not_comply(harbour: Rotting) -> None:
    entries = [harbour.backup(), harbour.backup(1)]
    good = judged(harbour)
    states = {one.name: one.state for one in good.parts}
    assert (states["rpo"], states["integrity"], good.latest) == ("ok", "ok", entries[-1])
    count = len(harbour.manifest(entries[-1]).index.objects()) + 1
    for key in data_of(harbour):
        harbour.remove(key)
    bad = judged(harbour)
    states = {one.name: one.state for one in bad.parts}
    assert (states["rpo"], states["integrity"], bad.latest) == ("violated", "violated", None)
    lost = [one for one in bad.findings if one.kind == "lost"]
    assert [one.backup for one in lost] == [one.name for one in entries]
    assert {one.severity for one in lost} == {"critical"}
    assert lost[-1].sentence == f"{count} objects of backup {entries[-1].name} are missing or cut off"


def test_an_older_backup_of_which_nothing_is_left_is_lost(harbour: Rotting) -> None:
    first = harbour.backup()
    # a database that refers to no file any more
    harbour.names = []
    second = harbour.backup(1)
    assert harbour.manifest(second).index.objects() == set()
    harbour.backup(2)
    assert seen_of(harbour).lost == {}
    shutil.rmtree(harbour.path / "store/harbour/data" / str(first.number))
    assert set(seen_of(harbour).lost) == {first.name}


def test_an_older_backup_whose_directory_is_empty_is_marked_by_the_next_one(harbour: Rotting) -> None:
    first = harbour.backup()
    harbour.names = []
    harbour.backup(1)
    for key in harbour.repository.store.objects(f"data/{first.number}/"):
        harbour.remove(key)
    assert seen_of(harbour).lost == {}
    harbour.backup(2)
    assert marks(harbour) == [NONE, FULL, FULL]
    assert [one.backup for one in judged(harbour).findings if one.kind == "damaged"] == [first.name]


def test_compliance_lists_the_contents_of_the_newest_backup_alone(
    harbour: Rotting, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hours in range(4):
        harbour.names = []
        newest = harbour.backup(hours)
    listed: list[str] = []
    real = read_contents.stored_sizes
    monkeypatch.setattr(
        read_contents, "stored_sizes", lambda repository, prefix: listed.append(prefix) or real(repository, prefix)
    )
    seen = seen_of(harbour)
    assert (seen.lost, listed) == ({}, [f"data/{newest.number}/"])
    listed.clear()
    inner = harbour.repository.store.inner
    contents = read_contents.contents_of(Stores(inner, inner), harbour.repository)
    assert {name: contents[name] for name in contents} == real(harbour.repository)
    # each directory once, although all are listed and then asked for
    assert len(listed) == len(set(listed)) == 4


def test_a_backup_that_is_removed_while_it_is_looked_at_is_not_lost(
    harbour: Rotting, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _second = harbour.backup(), harbour.backup(1)
    contents = read_compliance.contents_of

    def late(stores: Stores, repository: Repository) -> Mapping[DataName, int]:
        harbour.expire(first.name)
        return contents(stores, repository)

    monkeypatch.setattr(read_compliance, "contents_of", late)
    assert seen_of(harbour, 2).lost == {}


def test_a_full_check_is_dated(harbour: Rotting) -> None:
    harbour.backup()
    assert seen_of(harbour).checked is None
    for _part in range(2):
        harbour.check(parts=3)
        assert seen_of(harbour).checked is None
    harbour.check(parts=3)
    first = seen_of(harbour).checked
    assert first is not None
    harbour.check(parts=3)
    assert seen_of(harbour).checked == first
    harbour.foresee()
    assert seen_of(harbour).checked == first
    harbour.check()
    # the round of parts goes on after a check of everything
    assert harbour.foresee(parts=3).part.number == 1
    last = seen_of(harbour).checked
    assert last is not None
    assert last > first
    assert judged(harbour).checked == last
    text = render([judged(harbour)], last, "store")
    assert f'_check_last_full_timestamp_seconds{{repository="store",tenant="harbour"}} {last.timestamp():.3f}' in text


def test_a_backup_that_has_lost_objects_is_chosen_by_no_restore(harbour: Rotting) -> None:
    first, second = harbour.backup(), harbour.backup(1)
    harbour.remove(data_key(harbour.manifest(second).dump.held[0]))
    said: list[str] = []
    assert choose(harbour.repository, Choice("latest"), said.append).number == first.number
    assert said == [f"backup {second.name} is newer than {first.name} and damaged, so {first.name} is restored"]
    with pytest.raises(StateError, match=f"backup {second.name} in the .* cannot be restored"):
        choose(harbour.repository, Choice(second.name), said.append)
    harbour.remove(a_pack(harbour))
    with pytest.raises(StateError, match=f"backup {first.name} in the .* lacks files"):
        choose(harbour.repository, Choice(first.name), said.append)


def test_a_gate_is_shown_no_backup_whose_dump_is_gone(harbour: Rotting) -> None:
    location = Location((MASTER,), directory=str(harbour.path / "store"))
    harbour.backup()
    second = harbour.backup(1)
    newest = latest_backups(location, ["harbour", "another"])
    harbour.remove(data_key(harbour.manifest(second).dump.held[0]))
    assert latest_backups(location, ["harbour"])["harbour"] < newest["harbour"]
