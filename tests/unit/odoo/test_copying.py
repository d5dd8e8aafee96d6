# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that come over shared or copied, each accounted for."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore import apply_copy as copying


@pytest.fixture
def filestore(tmp_path: Path) -> tuple[Path, list[str]]:
    """A filestore of forty files, and their names."""
    names = []
    for number in range(40):
        content = f"attachment {number}".encode()
        digest = hashlib.sha1(content).hexdigest()
        path = tmp_path / "source" / digest[:2] / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        names.append(f"{digest[:2]}/{digest}")
    return tmp_path / "source", names


@pytest.mark.parametrize("how", ["auto", "hardlink", "copy"])
def test_every_file_comes_over_whole(filestore: tuple[Path, list[str]], tmp_path: Path, how: str) -> None:
    source, names = filestore
    copied = copying.copy_blobs(str(source), str(tmp_path / "target"), names, how)
    assert (len(copied.names), copied.missing) == (40, ())
    for name in names:
        assert hashlib.sha1((tmp_path / "target" / name).read_bytes()).hexdigest() == name.split("/")[1]
    shared = os.stat(source / names[0]).st_ino == os.stat(tmp_path / "target" / names[0]).st_ino
    assert shared == (copied.how == "hardlink")


def test_only_what_is_referred_to_comes_over(filestore: tuple[Path, list[str]], tmp_path: Path) -> None:
    source, names = filestore
    copied = copying.copy_blobs(str(source), str(tmp_path / "target"), names[:3])
    assert len(copied.names) == 3
    assert sum(len(files) for _path, _folders, files in os.walk(tmp_path / "target")) == 3


def test_what_the_source_lacks_is_told(filestore: tuple[Path, list[str]], tmp_path: Path) -> None:
    source, names = filestore
    os.unlink(source / names[5])
    copied = copying.copy_blobs(str(source), str(tmp_path / "target"), names)
    assert (len(copied.names), copied.missing) == (39, (names[5],))


def test_nothing_to_copy_is_no_error(tmp_path: Path) -> None:
    assert copying.copy_blobs(str(tmp_path / "source"), str(tmp_path / "target"), []).names == ()


def test_a_way_that_the_file_system_refuses_is_followed_by_the_next(
    filestore: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_source: str, _target: str) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    source, names = filestore
    monkeypatch.setitem(copying._WAYS, "reflink", refuse)
    monkeypatch.setitem(copying._WAYS, "hardlink", refuse)
    assert copying.copy_blobs(str(source), str(tmp_path / "target"), names).how == "copy"
    with pytest.raises(StateError, match=r"hardlink from .* is not possible: Invalid cross-device link"):
        copying.copy_blobs(str(source), str(tmp_path / "other"), names, "hardlink")


def test_a_full_disk_is_told_at_once(
    filestore: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_source: str, _target: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    source, names = filestore
    monkeypatch.setattr(copying, "_WAYS", {"copy": full})
    with pytest.raises(StateError, match="No space left on device"):
        copying.copy_blobs(str(source), str(tmp_path / "target"), names)


@pytest.mark.parametrize("where", ["source", "target"])
def test_a_link_in_the_place_of_a_directory_is_not_followed(
    filestore: tuple[Path, list[str]], tmp_path: Path, where: str
) -> None:
    source, names = filestore
    shard, victim, target = names[0][:2], tmp_path / "victim", tmp_path / "target"
    (source / shard).rename(victim) if where == "source" else victim.mkdir()
    target.mkdir()
    (tmp_path / where / shard).symlink_to(victim)
    before = sorted(path.name for path in victim.iterdir())
    with pytest.raises(StateError, match=f"/{shard} cannot be copied"):
        copying.copy_blobs(str(source), str(target), names, "copy")
    assert sorted(path.name for path in victim.iterdir()) == before


@pytest.mark.parametrize("way", ["link", "pipe"])
def test_what_is_no_plain_file_is_refused(filestore: tuple[Path, list[str]], tmp_path: Path, way: str) -> None:
    source, names = filestore
    (source / names[0]).unlink()
    if way == "link":
        (source / names[0]).symlink_to("/etc/hostname")
    else:
        os.mkfifo(source / names[0])
    with pytest.raises(StateError, match=rf"/{names[0][:2]} cannot be copied"):
        copying.copy_blobs(str(source), str(tmp_path / "target"), names, "copy")


def test_a_name_that_odoo_gives_to_no_file_counts_as_missing(filestore: tuple[Path, list[str]], tmp_path: Path) -> None:
    source, names = filestore
    odd = ["", "aa", "../../etc/shadow", "ab/" + "c" * 300, f"{names[0]}\0"]
    copied = copying.copy_blobs(str(source), str(tmp_path / "target"), [*names, *odd])
    assert set(copied.missing) == set(odd)
    assert len(copied.names) == 40
