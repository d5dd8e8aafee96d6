# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work of root below directories of another account, which has put links there or does so meanwhile."""

from __future__ import annotations

import hashlib
import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_files import apply_files
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_metrics import read_metrics
from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import (
    Owner,
    made_below,
    made_directory,
    opened_directory,
    opened_file,
    opened_path,
    remove_entry,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import replace_file
from ansible_collections.gantry.odoo.plugins.module_utils._core.plan_files import Item, Put
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_files import read_items
from ansible_collections.gantry.odoo.plugins.module_utils._filestore import apply_move
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.apply_copy import copy_blobs
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import blobs, check_filestore, sizes
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_config import read_config

# an account that no package makes
ODOO = Owner(61234, 61234)
ROUNDS = 300


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A directory of another account."""
    for above in (tmp_path, *tmp_path.parents):
        if above.stat().st_uid == os.getuid() and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o011)
    made = tmp_path / "store"
    made.mkdir()
    os.chown(made, ODOO.uid, ODOO.gid)
    return made


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A directory of root, which is as it was at the end."""
    made = tmp_path / "victim"
    (made / "05").mkdir(parents=True)
    (made / "secret").write_text("of root")
    (made / "05" / "secret").write_text("of root")
    before = state(made)
    yield made
    assert state(made) == before


def state(directory: Path) -> dict[str, tuple[int, int, int, str]]:
    """All below a directory, with owner, mode and content."""
    found = {}
    for path in (directory, *sorted(directory.rglob("*"))):
        seen = path.lstat()
        text = path.read_text() if path.is_file() else ""
        found[str(path)] = (seen.st_uid, seen.st_gid, seen.st_mode, text)
    return found


def plant(path: Path, target: Path) -> None:
    """Put a link of the other account somewhere."""
    path.symlink_to(target)
    os.chown(path, ODOO.uid, ODOO.gid, follow_symlinks=False)


def exchange(name: str, victim: Path, number: int) -> None:
    """Put a link in the place of a directory, and a directory in that of the link."""
    with suppress(OSError):
        os.rename(name, f"aside{number}")
    with suppress(OSError):
        os.symlink(victim, name)
    with suppress(OSError):
        os.unlink(name)
    try:
        os.rename(f"aside{number}", name)
    except OSError:
        with suppress(OSError):
            os.mkdir(name)


@contextmanager
def racing(where: Path, name: str, victim: Path) -> Iterator[Callable[[], int]]:
    """Let the other account exchange a directory for a link to `victim`; how often it did so, when it is asked."""
    stop_reads, stop_writes = os.pipe()
    said_reads, said_writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(ODOO.gid)
            os.setuid(ODOO.uid)
            os.chdir(where)
            os.close(stop_writes)
            number = 0
            while not select.select([stop_reads], [], [], 0)[0]:
                exchange(name, victim, number)
                number += 1
            os.write(said_writes, str(number).encode())
        finally:
            os._exit(0)

    def stopped() -> int:
        os.close(stop_writes)
        os.waitpid(child, 0)
        return int(os.read(said_reads, 20))

    try:
        yield stopped
    finally:
        with suppress(ProcessLookupError):
            os.kill(child, 9)
        with suppress(ChildProcessError):
            os.waitpid(child, 0)
        for handle in (stop_reads, said_reads, said_writes):
            os.close(handle)


def test_a_link_of_another_account_is_followed_nowhere(store: Path, victim: Path) -> None:
    plant(store / "link", victim)
    for path in (store / "link", store / "link/05", store / "link/new"):
        with pytest.raises(OSError, match="account 61234 made a link"), opened_directory(str(path)):
            pass
        with pytest.raises(OSError, match="account 61234 made a link"), made_directory(str(path), ODOO):
            pass


def test_a_link_of_root_is_followed(store: Path, victim: Path) -> None:
    (store / "absolute").symlink_to(victim)
    (store / "relative").symlink_to("../victim/./05")
    (store / "chain").symlink_to("absolute")
    for name, inside in (("absolute", {"05", "secret"}), ("relative", {"secret"}), ("chain", {"05", "secret"})):
        with opened_directory(str(store / name)) as directory:
            assert set(os.listdir(directory)) == inside
    (store / "round").symlink_to("round")
    with pytest.raises(OSError, match="round"), opened_directory(str(store / "round")):
        pass


def test_what_is_made_belongs_to_the_account(store: Path) -> None:
    with made_directory(str(store / "a/b"), ODOO) as directory, made_below(directory, "c", ODOO):
        pass
    for path in ("a", "a/b", "a/b/c"):
        seen = (store / path).stat()
        assert (seen.st_uid, seen.st_gid, oct(seen.st_mode)) == (ODOO.uid, ODOO.gid, "0o40750")


def test_a_directory_of_a_killed_run_is_given_away_and_one_with_content_is_not(store: Path) -> None:
    (store / "05").mkdir()
    (store / "keys").mkdir()
    (store / "keys/secret").write_text("of root")
    with opened_directory(str(store)) as directory:
        for name in ("05", "keys"):
            with made_below(directory, name, ODOO):
                pass
    assert ((store / "05").stat().st_uid, (store / "keys").stat().st_uid) == (ODOO.uid, os.getuid())


def test_no_link_and_no_pipe_is_read(store: Path, victim: Path) -> None:
    plant(store / "link", victim / "secret")
    os.mkfifo(store / "pipe")
    with opened_directory(str(store)) as directory:
        for name in ("link", "pipe"):
            with pytest.raises(OSError, match=name):
                opened_file(directory, name)


def test_no_descriptor_is_left(store: Path, victim: Path) -> None:
    plant(store / "link", victim)
    before = len(os.listdir("/proc/self/fd"))
    for _round in range(5):
        for path in (store / "link/05", store / "nothing", store):
            with suppress(OSError), opened_directory(str(path)):
                pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_link_is_removed_and_not_followed(store: Path, victim: Path) -> None:
    (store / "tree").mkdir()
    plant(store / "tree/05", victim)
    plant(store / "link", victim)
    with opened_directory(str(store)) as directory:
        for name in ("tree", "link", "nothing"):
            remove_entry(directory, name)
    assert list(store.iterdir()) == []


@pytest.mark.parametrize("act", ["remove", "move", "move_to", "copy_from", "copy_to", "look", "list", "note", "role"])
def test_whatever_is_done_behind_a_planted_link_is_refused(store: Path, victim: Path, act: str) -> None:
    (store / "filestore").mkdir()
    plant(store / "data", victim.parent)
    behind, plain = str(store / "data/victim"), str(store / "filestore/harbour")
    Path(plain).mkdir()
    wanted = Item(behind, mode=0o777, owner=str(ODOO.uid))
    acts: dict[str, Callable[[], object]] = {
        "remove": lambda: apply_move.remove(behind),
        "move": lambda: apply_move.move(behind, f"{plain}2"),
        "move_to": lambda: apply_move.move(plain, f"{behind}/new"),
        "copy_from": lambda: copy_blobs(behind, plain, []),
        "copy_to": lambda: copy_blobs(plain, f"{behind}/new", []),
        "look": lambda: check_filestore(behind, [], verify_content=True, held={}),
        "list": lambda: (list(blobs(behind)), sizes(behind)),
        "note": lambda: replace_file(f"{behind}/secret", "of Odoo", 0o644),
        "role": lambda: apply_files([Put("make", behind, "", wanted)]),
    }
    with pytest.raises((StateError, OSError), match="account 61234 made a link"):
        acts[act]()


def test_a_file_that_waits_to_be_renamed_is_never_written_through_a_link(store: Path, victim: Path) -> None:
    plant(store / "note.new", victim / "secret")
    replace_file(str(store / "note"), "of root", 0o644)
    assert (store / "note").read_text() == "of root"
    assert not (store / "note").is_symlink()


def test_a_move_that_has_to_copy_follows_no_link(store: Path, victim: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: object, **_named: object) -> None:
        monkeypatch.undo()
        raise OSError(18, "Invalid cross-device link")

    content = b"a file"
    digest = hashlib.sha1(content).hexdigest()
    (store / "from" / digest[:2]).mkdir(parents=True)
    (store / "from" / digest[:2] / digest).write_bytes(content)
    os.chown(store / "from" / digest[:2] / digest, ODOO.uid, ODOO.gid)
    monkeypatch.setattr(os, "rename", refuse)
    assert apply_move.move(str(store / "from"), str(store / "to"))
    assert (store / "to" / digest[:2] / digest).read_bytes() == content
    assert (store / "to" / digest[:2] / digest).stat().st_uid == ODOO.uid
    assert sorted(path.name for path in store.iterdir()) == ["to"]
    plant(store / "to" / digest[:2] / "link", victim / "secret")
    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(StateError, match="cannot become"):
        apply_move.move(str(store / "to"), str(store / "away"))
    assert (store / "to" / digest[:2] / digest).read_bytes() == content


def test_a_directory_that_is_exchanged_for_a_link_meanwhile_leads_nowhere(store: Path, victim: Path) -> None:
    """Neither is anything made, given away, written or removed behind the link."""
    done = refused = 0
    with racing(store, "05", victim) as stopped:
        while done < ROUNDS or refused < ROUNDS:
            try:
                with opened_directory(str(store)) as directory, made_below(directory, "05", ODOO) as below:
                    os.close(os.open("new", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=below))
                    remove_entry(below, "secret")
                    remove_entry(below, "new")
                with opened_directory(str(store / "05")) as below:
                    remove_entry(below, "05")
                with opened_directory(str(store)) as directory:
                    remove_entry(directory, "05")
                done += 1
            except OSError:
                refused += 1
        assert stopped() > ROUNDS


def test_a_file_by_its_path_is_read_behind_links_of_root_alone(store: Path, victim: Path) -> None:
    (store / "odoo.conf").symlink_to(victim / "secret")
    with opened_path(str(store / "odoo.conf")) as stream:
        assert stream.read() == (victim / "secret").read_bytes()
    plant(store / "theirs.conf", victim / "secret")
    plant(store / "etc", victim)
    for path in (store / "theirs.conf", store / "etc/secret"):
        with pytest.raises(OSError, match="account 61234 made a link"):
            opened_path(str(path))
    os.mkfifo(store / "pipe")
    for path in (store / "pipe", store):
        with pytest.raises(OSError, match="it is no regular file"):
            opened_path(str(path))


def test_no_reader_of_a_configuration_follows_a_link_of_another_account(store: Path, victim: Path) -> None:
    plant(store / "odoo.conf", victim / "secret")
    path = str(store / "odoo.conf")
    with pytest.raises(InputError, match="account 61234 made a link"):
        read_config(path, "root")
    for read in (lambda: read_items([Item(path, "root", 0o644, "text")]), lambda: read_metrics(path)):
        with pytest.raises(OSError, match="account 61234 made a link"):
            read()


def test_no_directory_for_a_file_is_made_behind_a_link_of_another_account(store: Path, victim: Path) -> None:
    plant(store / "etc", victim)
    item = Item(str(store / "etc/cron.d/x"), str(os.getuid()), 0o644, "text")
    with pytest.raises(OSError, match="account 61234 made a link"):
        apply_files([Put("write", item.path, "it is not there", item)])
    assert not (victim / "cron.d").exists()
    made = Item(str(store / "a/b/x"), str(os.getuid()), 0o644, "text")
    apply_files([Put("write", made.path, "it is not there", made)])
    assert Path(made.path).read_text() == "text"
