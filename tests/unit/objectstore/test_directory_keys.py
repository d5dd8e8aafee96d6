# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is stored in a directory stays below it, whatever another store calls its objects."""

from __future__ import annotations

import errno
import os
import signal
import time
from io import BytesIO
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import LEFT_S, Directory


@pytest.mark.parametrize("key", ["drills/../../cron.d/att", "../att", "/etc/att", "drills//att", "drills/./att", ""])
def test_no_key_leads_out(tmp_path: Path, key: str) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "att").write_text("of another")
    store = Directory(str(tmp_path / "store"))
    for work in (
        lambda: store.put(key, b"x"),
        lambda: store.create(key, b"x"),
        lambda: store.upload(key, BytesIO(b"x"), 1),
        lambda: store.get(key),
        lambda: list(store.pieces(key, 10)),
        lambda: store.delete([key]),
    ):
        with pytest.raises(StateError, match="leads elsewhere"):
            work()
    assert (tmp_path / "att").read_text() == "of another"
    assert not (tmp_path / "cron.d").exists()


def killed_while_writing(store: Directory) -> Path:
    """What a process leaves that is killed in the middle of an object."""

    class Killer:
        def __init__(self) -> None:
            self.given = False

        def read(self, _size: int = -1) -> bytes:
            if self.given:
                os.kill(os.getpid(), signal.SIGKILL)
            self.given = True
            return b"half"

    child = os.fork()
    if child == 0:
        try:
            store.upload("data/1/1", Killer(), 8)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    (left,) = Path(store.path, ".staged").iterdir()
    return left


@pytest.mark.parametrize(("age_s", "stays"), [(LEFT_S - 60, True), (LEFT_S + 60, False)])
def test_what_a_killed_run_has_left_goes_after_a_day(tmp_path: Path, age_s: int, stays: bool) -> None:
    left = killed_while_writing(Directory(str(tmp_path / "store")))
    assert left.stat().st_size in (0, 4)
    then = time.time() - age_s
    os.utime(left, (then, then))
    store = Directory(str(tmp_path / "store"))
    store.put("data/2/1", b"whole")
    assert left.exists() == stays
    assert [path.name for path in Path(store.path, ".staged").iterdir()] == [left.name] * stays
    assert store.get("data/2/1") == b"whole"


OF_ANOTHER = "of another"


@pytest.mark.parametrize("link", [".staged", "harbour", "harbour/data", "harbour/data/1"])
def test_no_link_in_a_store_is_followed(tmp_path: Path, link: str) -> None:
    # what is below the other place has the names of the store's own, and is old enough to be cleaned
    other = tmp_path / "other"
    for name in ("old", "1", "1/2", "data/1/2", "data/1/3"):
        if name.rsplit("/", maxsplit=1)[-1] != "1":
            (other / name).parent.mkdir(parents=True, exist_ok=True)
            (other / name).write_text(OF_ANOTHER)
            os.utime(other / name, (0, 0))
    place = tmp_path / "store" / link
    place.parent.mkdir(parents=True)
    place.symlink_to(other)
    store = Directory(str(tmp_path / "store"))
    before = sorted(path for path in other.rglob("*"))
    for work in (
        lambda: store.put("harbour/data/1/2", b"x"),
        lambda: store.create("harbour/data/1/4", b"x"),
        lambda: store.delete(["harbour/data/1/2"]) if link != ".staged" else store.now(),
        lambda: store.get("harbour/data/1/2") if link != ".staged" else store.now(),
        lambda: list(store.pieces("harbour/data/1/2", 10)) if link != ".staged" else store.now(),
        lambda: store.objects("harbour/") if link != ".staged" else store.now(),
        lambda: store.names("harbour/data/", 10) if link != ".staged" else store.now(),
        lambda: store.directories("harbour/data/") if link != ".staged" else store.now(),
    ):
        with pytest.raises(StateError, match=r"link.*see who made it, and remove it$"):
            work()
    assert sorted(path for path in other.rglob("*")) == before
    assert all(path.is_dir() or path.read_text() == OF_ANOTHER for path in before)


def test_a_link_or_a_pipe_in_the_place_of_an_object_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "att").write_text(OF_ANOTHER)
    store = Directory(str(tmp_path / "store"))
    store.put("keys/1", b"x")
    Path(store.path, "keys/2").symlink_to(tmp_path / "att")
    os.mkfifo(Path(store.path, "keys/3"))
    for key in ("keys/2", "keys/3"):
        for work in (store.get, lambda key: list(store.pieces(key, 10))):
            with pytest.raises(StateError, match=f"{key[-1]} in it is a link, or of another kind"):
                work(key)
    with pytest.raises(StateError, match="holds a link, keys/2; see who made it"):
        store.names("keys/", 10)
    assert not store.create("keys/2", b"y")
    store.put("keys/2", b"y")
    assert store.get("keys/2") == b"y"
    assert (tmp_path / "att").read_text() == OF_ANOTHER


def test_directories_are_listed_without_what_is_in_them(tmp_path: Path) -> None:
    store = Directory(str(tmp_path / "store"))
    assert store.directories("data/") == []
    for key in ("data/1/0", "data/1/1", "data/2/0", "data/object", "other/3/0"):
        store.put(key, b"x")
    store.delete(["data/2/0"])
    assert sorted(store.directories("data/")) == ["1", "2"]


def test_directories_of_a_store_are_for_its_owner_alone(tmp_path: Path) -> None:
    store = Directory(str(tmp_path / "a/store"))
    store.put("harbour/data/1/1", b"x")
    made = [path for path in (tmp_path / "a", *(tmp_path / "a").rglob("*")) if path.is_dir()]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o700}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_directory_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnreachableError) as raised:
        Directory(str(tmp_path)).create("leases/999999/986", b"x")
    assert str(raised.value) == (
        f"the directory {tmp_path} could not write leases/999999/986: {os.strerror(code)}; make its file system larger "
        "or remove other files from it, as an expiry needs space as well, and run again"
    )
