# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest is believed about no object that is not there."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import (
    Survey,
    fresh_enough,
    refuse_lost,
    said_of_marked,
    steps_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import FULL, NONE, PARTIAL, Catalog
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName, data_key
from tests.unit.backup.rotting import CONTENTS, Rotting, rotting_in


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
    with pytest.raises(AssertionError):
        harbour.backup(1)


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
        "ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_backup.manifest_of",
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
