# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release as files: one digest wherever they are, placed and repaired completely, activated at once."""

from __future__ import annotations

import contextlib
import gzip
import os
import tarfile
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime import read_files
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_release import ReleaseStore, apply_steps
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Manifest, release_id
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan import plan_release


@pytest.fixture
def source(tmp_path: Path) -> Path:
    addon = tmp_path / "source/1/addons/banner"
    addon.mkdir(parents=True)
    (addon / "__init__.py").write_text("")
    (addon / "page.py").write_text("one = 1\n")
    return tmp_path / "source/1"


@pytest.fixture
def store(tmp_path: Path) -> ReleaseStore:
    (tmp_path / "host/releases").mkdir(parents=True)
    return ReleaseStore(str(tmp_path / "host"))


def packed(source: Path, tmp_path: Path) -> tuple[Manifest, str]:
    archive = tmp_path / "archive.tar.gz"
    found = read_files.entries(str(source))
    for entry in found:
        os.utime(source / entry.path, (1, 1))
    with tarfile.open(archive, "w:gz") as file:
        for entry in found:
            file.add(source / entry.path, arcname=entry.path)
    return read_files.manifest("1", found), str(archive)


def test_digest_sees_paths_modes_and_bytes(source: Path) -> None:
    def digest() -> str:
        return read_files.manifest("1", read_files.entries(str(source))).digest

    seen = [digest()]
    (source / "addons/banner/__pycache__").mkdir()
    (source / "addons/banner/__pycache__/page.pyc").write_bytes(b"x")
    assert digest() == seen[0]
    (source / "addons/banner/page.py").write_text("two = 2\n")
    seen.append(digest())
    (source / "addons/banner/page.py").chmod(0o755)
    seen.append(digest())
    (source / "addons/banner/page.py").rename(source / "addons/banner/other.py")
    seen.append(digest())
    assert len(set(seen)) == len(seen)


def test_link_is_refused(source: Path) -> None:
    (source / "addons/away").symlink_to("/etc")
    with pytest.raises(InputError, match="symbolic link"):
        read_files.entries(str(source))


def test_place_then_activate(source: Path, store: ReleaseStore, tmp_path: Path) -> None:
    wanted, archive = packed(source, tmp_path)
    os.makedirs(store.path("1"))  # the rest of an interrupted run
    store.place(wanted, archive)
    store.activate("1")
    state = store.read("1")
    assert (state.recorded, state.found, state.active) == (wanted, wanted.digest, "1")
    assert sorted(os.listdir(store.releases)) == ["1"]


def test_repair_brings_the_files_back(source: Path, store: ReleaseStore, tmp_path: Path) -> None:
    wanted, archive = packed(source, tmp_path)
    store.place(wanted, archive)
    inode = os.stat(store.path("1")).st_ino
    page = Path(store.path("1"), "addons/banner/page.py")
    page.write_text("broken")
    page.with_name("extra.py").write_text("extra")
    page.with_name("__init__.py").unlink()
    assert store.read("1").found != wanted.digest
    store.repair(wanted, archive)
    assert store.read("1").found == wanted.digest
    assert os.stat(store.path("1")).st_ino == inode


@pytest.mark.parametrize("kept", [0, 1, 20, 60, -8])
def test_an_archive_that_was_cut_is_one_sentence_and_leaves_the_release(
    source: Path, store: ReleaseStore, tmp_path: Path, kept: int
) -> None:
    wanted, archive = packed(source, tmp_path)
    store.place(wanted, archive)
    cut = tmp_path / "cut"
    with tarfile.open(cut, "w:gz") as file:
        file.add(source / "addons/banner/page.py", arcname="page.py")
    cut.write_bytes(cut.read_bytes()[:kept])
    with pytest.raises(StateError, match=r"run again$"):
        store.repair(wanted, str(cut))
    assert store.read("1").found == wanted.digest


def test_an_archive_whose_bytes_were_changed_is_one_sentence(source: Path, store: ReleaseStore, tmp_path: Path) -> None:
    wanted, archive = packed(source, tmp_path)
    with gzip.open(archive) as stream:
        # compressed without the time
        whole = gzip.compress(stream.read(), mtime=0)
    for place in range(len(whole)):
        Path(archive).write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        # a byte of the header that says nothing may change
        with contextlib.suppress(StateError):
            store.place(wanted, archive)
            assert store.read("1").found == wanted.digest


@pytest.mark.parametrize(
    "text", ["", "[1]", "{}", '{"digest": 1, "files": 1, "size": 1}', '{"digest": "a", "files": []}']
)
def test_a_manifest_that_is_none_is_one_sentence(store: ReleaseStore, text: str) -> None:
    os.makedirs(store.path("1"))
    Path(store.path("1"), "release.json").write_text(text)
    with pytest.raises(StateError, match=r"is not a manifest .*; remove that release"):
        store.read("1")


@pytest.mark.parametrize("changed", [False, True])
def test_a_release_that_a_strict_umask_closed_is_opened(
    source: Path, store: ReleaseStore, tmp_path: Path, changed: bool
) -> None:
    wanted, archive = packed(source, tmp_path)
    store.place(wanted, archive)
    assert not store.read("1").closed
    place = Path(store.path("1"))
    for path in (place, place / "addons", place / "addons/banner", place / "release.json"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    assert store.read("1").closed
    if changed:
        (place / "addons/banner/page.py").write_text("broken")
    os.utime(place / "release.json", (0, 0))
    apply_steps(store, plan_release(store.read("1"), wanted, False), wanted, archive)
    assert (store.read("1").closed, store.read("1").found) == (False, wanted.digest)
    # processes that started before have to start again
    assert (place / "release.json").stat().st_mtime > 0


def test_torn_archive_leaves_nothing_under_the_id(source: Path, store: ReleaseStore, tmp_path: Path) -> None:
    wanted, archive = packed(source, tmp_path)
    with pytest.raises(StateError, match="run again"):
        store.place(Manifest("1", "0" * 64, wanted.files, wanted.size), archive)
    assert store.read("1").recorded is None


@pytest.mark.parametrize("identity", ["", "..", "../x", "a/b", ".1", "x" * 65, "1\n"])
def test_id_that_is_no_directory(identity: str) -> None:
    with pytest.raises(InputError):
        release_id(identity)
