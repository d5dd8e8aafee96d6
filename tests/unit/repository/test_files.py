# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a filestore on their way into a repository, which is a directory here, and back."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_files
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_files import (
    damaged_files,
    fetch,
    missing_files,
    prune,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import Owner
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._repository import apply_index, model_index
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_bring import bring
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_index import Files, Sender, Source
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    make_repository,
    stored_sizes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import writing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import (
    Index,
    index_from,
    pieces_of,
    wasteful,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName, data_key
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_files import (
    FormerFiles,
    left_files,
    notes_left,
    read_shard,
)

OWNER = Owner(os.getuid(), os.getgid())


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs, shards and large files of a few files or bytes, so that small filestores have many."""
    monkeypatch.setattr(apply_index, "PACK_BYTES", 2000)
    monkeypatch.setattr(apply_index, "LARGE_BYTES", 1500)
    monkeypatch.setattr(model_index, "FILES_A_SHARD", 8)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository in a directory."""
    store = Directory(str(tmp_path / "store"))
    return make_repository(Stores(store, store), "harbour", [MasterKey("estate", b"k" * 32)])


class Disk:
    """A filestore on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: set[str] = set()

    def add(self, *contents: bytes) -> list[str]:
        """Write files; their names."""
        found = []
        for content in contents:
            digest = hashlib.sha1(content).hexdigest()
            name = f"{digest[:2]}/{digest}"
            (self.path / digest[:2]).mkdir(parents=True, exist_ok=True)
            (self.path / name).write_bytes(content)
            found.append(name)
        self.names |= set(found)
        return found


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """An empty filestore."""
    return Disk(tmp_path / "filestore")


def numbered(first: int, last: int) -> list[bytes]:
    """Contents that differ, some of them large."""
    return [b"file %d " % number * (300 if number % 20 == 0 else 5) for number in range(first, last)]


def send(repository: Repository, disk: Disk, before: Index | None = None, doubted: tuple[DataName, ...] = ()) -> Files:
    """Send what the repository lacks, as a backup does that is interrupted at its end."""
    with writing(repository, "backup", 0) as turn:
        left = left_files(turn, notes_left(turn), stored_sizes(repository))
        former = FormerFiles(repository, before or Index())
        sender = Sender(turn, former, left, doubted, Deadline(60))
        return sender.send(Source(str(disk.path), sorted(disk.names), len(disk.names)), require_all=False)


def forget_notes(repository: Repository) -> None:
    """As a backup does that is complete."""
    repository.store.delete(list(repository.store.objects("sent/")))


def restored(repository: Repository, index: Index, target: Path) -> dict[str, bytes]:
    """What a restore brings, by name."""
    for shard in index.shards.values():
        files = read_shard(repository, shard)
        for name in files:
            (target / name[:2]).mkdir(parents=True, exist_ok=True)
        for piece in pieces_of(files.items(), gap=100, largest=4000):
            assert not bring(repository, piece, str(target), OWNER)
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in target.glob("??/*")}


def test_files_come_back_as_they_were(repository: Repository, disk: Disk, tmp_path: Path) -> None:
    disk.add(*numbered(0, 400))
    files = send(repository, disk)
    assert (files.sent, files.orphans, files.kept, files.lost) == (400, 0, (), ())
    index = index_from(files.index.as_body(), "manifest")
    assert index == files.index
    assert (index.width, index.files, len(index.shards)) == (2, 400, len({name[:2] for name in disk.names}))
    assert index.bytes == sum(len(content) for content in numbered(0, 400))
    assert 20 < len(index.uses) < 60
    brought = restored(repository, index, tmp_path / "target")
    assert brought == {name: (disk.path / name).read_bytes() for name in disk.names}


def test_a_backup_sends_what_is_new_and_rewrites_the_shards_that_changed(repository: Repository, disk: Disk) -> None:
    disk.add(*numbered(0, 400))
    first = send(repository, disk).index
    forget_notes(repository)
    again = send(repository, disk, first)
    assert (again.sent, again.sent_bytes, again.index) == (0, 0, first)
    (new,) = disk.add(b"one more")
    (gone,) = disk.add(b"file 1 " * 5)
    disk.names.discard(gone)
    more = send(repository, disk, first)
    assert (more.sent, more.orphans) == (1, 1)
    changed = {prefix for prefix, shard in more.index.shards.items() if first.shards.get(prefix) != shard}
    assert changed == {new[:2], gone[:2]}
    assert sum(use.files for use in more.index.uses.values()) == 400


@pytest.mark.parametrize(("few", "many"), [(3, 300), (300, 3)])
def test_an_index_is_divided_in_another_way_when_its_size_changes(
    repository: Repository, disk: Disk, tmp_path: Path, few: int, many: int
) -> None:
    disk.add(*numbered(0, few))
    first = send(repository, disk).index
    forget_notes(repository)
    if many > few:
        disk.add(*numbered(few, many))
    else:
        disk.names = set(sorted(disk.names)[:many])
    second = send(repository, disk, first)
    assert second.index.width != first.width
    assert second.sent == max(many - few, 0)
    assert set(restored(repository, second.index, tmp_path / "target")) == disk.names


def test_an_interrupted_backup_is_gone_on_with(repository: Repository, disk: Disk, tmp_path: Path) -> None:
    disk.add(*numbered(0, 200))
    send(repository, disk)
    disk.add(*numbered(200, 250))
    second = send(repository, disk)
    assert second.sent == 50
    third = send(repository, disk)
    assert third.sent == 0
    assert len({name.number for name in third.index.uses}) == 2
    assert set(restored(repository, third.index, tmp_path / "target")) == disk.names


def test_a_file_that_is_on_the_disk_no_more_is_kept_and_one_that_is_nowhere_is_lost(
    repository: Repository, disk: Disk, tmp_path: Path
) -> None:
    kept, *_others = disk.add(*numbered(0, 100))
    first = send(repository, disk).index
    forget_notes(repository)
    (disk.path / kept).unlink()
    lost = f"00/00{'1' * 38}"
    disk.names |= {lost, "s3://bucket/abcd", "0g/nothing", "00/short"}
    second = send(repository, disk, first)
    assert (second.sent, second.kept) == (0, (kept,))
    assert set(second.lost) == {lost, "s3://bucket/abcd", "0g/nothing", "00/short"}
    third = send(repository, disk, second.index)
    assert (third.index, third.kept, set(third.lost)) == (second.index, second.kept, set(second.lost))
    assert kept in restored(repository, third.index, tmp_path / "target")


def test_files_of_objects_in_doubt_are_sent_again(repository: Repository, disk: Disk, tmp_path: Path) -> None:
    disk.add(*numbered(0, 100))
    first = send(repository, disk).index
    forget_notes(repository)
    damaged = min(first.uses)
    repository.store.put(data_key(damaged), b"rot")
    second = send(repository, disk, first, (damaged,))
    assert second.sent == first.uses[damaged].files
    assert damaged not in second.index.objects()
    assert set(restored(repository, second.index, tmp_path / "target")) == disk.names


def test_a_damaged_file_of_a_pack_does_not_hold_up_the_others(
    repository: Repository, disk: Disk, tmp_path: Path
) -> None:
    disk.add(*numbered(1, 8))
    index = send(repository, disk).index
    (held,) = index.uses
    data = bytearray(repository.store.get(data_key(held)) or b"")
    files = {name: place for shard in index.shards.values() for name, place in read_shard(repository, shard).items()}
    victim = sorted(files)[3]
    data[files[victim].offset + 40] ^= 1
    repository.store.put(data_key(held), bytes(data))
    target = tmp_path / "target"
    for name in files:
        (target / name[:2]).mkdir(parents=True, exist_ok=True)
    (piece,) = pieces_of(files.items(), gap=100, largest=4000)
    brought = bring(repository, piece, str(target), OWNER)
    assert list(brought) == [victim]
    assert "forged" in brought[victim]
    assert {path.relative_to(target).as_posix() for path in target.glob("??/*")} == set(files) - {victim}


@pytest.mark.parametrize("size", [10, 1600])
def test_a_damaged_file_of_the_disk_is_not_sent(
    repository: Repository, disk: Disk, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    (name,) = disk.add(b"x" * size)
    (disk.path / name).write_bytes(b"y" * size)
    with pytest.raises(StateError, match=f"{name} is damaged: its SHA-1 is not its name"):
        send(repository, disk)
    assert not repository.store.objects("sent/")


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_link_or_a_pipe_in_the_place_of_a_file_is_refused(repository: Repository, disk: Disk, kind: str) -> None:
    (name,) = disk.add(b"content")
    (disk.path / name).unlink()
    if kind == "link":
        (disk.path / name).symlink_to("/etc/hostname")
    else:
        os.mkfifo(disk.path / name)
    with pytest.raises(StateError, match=r"cannot be read|is no regular file"):
        send(repository, disk)


def test_a_link_in_the_place_of_a_directory_holds_nothing(repository: Repository, disk: Disk, tmp_path: Path) -> None:
    (name,) = disk.add(b"content")
    (disk.path / name[:2]).rename(tmp_path / "elsewhere")
    (disk.path / name[:2]).symlink_to(tmp_path / "elsewhere")
    assert send(repository, disk).lost == (name,)


def test_a_restore_into_planted_links_touches_nothing_behind_them(
    repository: Repository, disk: Disk, tmp_path: Path
) -> None:
    disk.add(*numbered(0, 40))
    index = send(repository, disk).index
    target, victim = tmp_path / "target", tmp_path / "victim"
    target.mkdir()
    names = sorted(disk.names)
    for name in names:
        (victim / name[:2]).mkdir(parents=True, exist_ok=True)
        (victim / name[:2] / "secret").write_text("of root")
    planted = names[0][:2]
    (target / planted).symlink_to(victim / planted)
    (target / names[-1][:2]).mkdir(exist_ok=True)
    (target / names[-1][:2] / names[-1][3:]).symlink_to(victim / planted / "secret")
    before = {path: (path.lstat().st_mtime_ns, path.lstat().st_uid) for path in victim.rglob("*")}
    with pytest.raises(UnreachableError, match="cannot be written: Not a directory"):
        fetch(repository, index, str(target), Owner(61234, 61234), False, Deadline(60))
    prune(repository, index, str(target))
    assert fetch(repository, index, str(target), Owner(61234, 61234), False, Deadline(60)) == {}
    assert damaged_files(str(target), names, Deadline(60)) == []
    assert {path: (path.lstat().st_mtime_ns, path.lstat().st_uid) for path in victim.rglob("*")} == before
    assert all((target / name).lstat().st_uid == 61234 and not (target / name).is_symlink() for name in names)


def test_a_file_that_lost_its_content_with_the_power_is_brought_again(
    repository: Repository, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.add(*numbered(0, 40))
    index, target = send(repository, disk).index, tmp_path / "target"
    synced: list[int] = []
    monkeypatch.setattr(apply_files, "sync_file_system", lambda _there: synced.append(len(list(target.glob("??/*")))))
    names = sorted(disk.names)
    brought: list[int] = []
    owner = Owner(os.getuid(), os.getgid())

    def count(files: int, _size: int) -> None:
        brought.append(files)

    for _run in range(2):
        brought.clear()
        assert fetch(repository, index, str(target), owner, False, Deadline(60), count) == {}
        assert damaged_files(str(target), names, Deadline(60)) == []
        size = (target / names[7]).stat().st_size
        (target / names[7]).write_bytes(b"\0" * size)
    # all in the first run, and in the second one no other
    assert sum(brought) == 1
    assert synced == [40, 40]


def test_a_file_that_the_database_refers_to_is_missed(disk: Disk) -> None:
    disk.add(*numbered(0, 40))
    names, looked = sorted(disk.names), []
    for name in names[3:5]:
        (disk.path / name).unlink()
    (disk.path / names[4]).symlink_to("/etc/hostname")
    found = missing_files(str(disk.path), [*names, "s3://elsewhere"], lambda files, _size: looked.append(files))
    assert list(found) == [*names[3:5], "s3://elsewhere"]
    assert sum(looked) == 41


def test_files_of_wasteful_objects_are_told() -> None:
    use = model_index.Use
    uses = {DataName(1, place): use(1, 10 if place < 4 else 100, 100) for place in range(10)}
    assert wasteful(uses) == {DataName(1, place) for place in range(4)}
    assert not wasteful({DataName(1, place): use(1, 10 if place < 2 else 100, 100) for place in range(10)})
