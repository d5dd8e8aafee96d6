# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories and files of a host: planned, put in place, and reported without secrets."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_files import apply_files
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import sync_file_system
from ansible_collections.gantry.odoo.plugins.module_utils._core.options_files import items_from
from ansible_collections.gantry.odoo.plugins.module_utils._core.plan_files import Found, Item, plan_files
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_files import owner_ids, read_items
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_files import shown

OPTION = {"path": "/x", "content": None, "secret": None, "once": False, "owner": "root", "group": None, "mode": "0644"}
ME = str(os.getuid())


def items(directory: Path) -> tuple[Item, ...]:
    """A directory, and two files in it."""
    inside = str(directory / "made")
    return (
        Item(inside, ME, 0o750),
        Item(f"{inside}/kept.conf", ME, 0o640, "a = 1\n", once=True),
        Item(f"{inside}/plain.conf", ME, 0o600, "b = 2\n", group=str(os.getgid())),
    )


def test_items_are_made_corrected_and_then_left_alone(tmp_path: Path) -> None:
    wanted = items(tmp_path)
    steps = plan_files(wanted, read_items(wanted))
    assert [step.action for step in steps] == ["create"] * 3
    apply_files(steps)
    assert plan_files(wanted, read_items(wanted)) == ()
    before = os.stat(wanted[2].path).st_ino
    Path(wanted[1].path).write_text("by Redis", encoding="utf-8")
    Path(wanted[0].path).chmod(0o700)
    steps = plan_files(wanted, read_items(wanted))
    assert [(step.target, step.why) for step in steps] == [(wanted[0].path, "its owner or mode differs")]
    apply_files(steps)
    assert os.stat(wanted[0].path).st_mode & 0o777 == 0o750
    assert os.stat(wanted[2].path).st_ino == before
    Path(wanted[2].path).write_bytes(b"b = 2\r\n")
    (step,) = plan_files(wanted, read_items(wanted))
    assert step.why == "its text differs"
    apply_files([step])
    assert Path(wanted[2].path).read_bytes() == b"b = 2\n"
    assert not list(Path(wanted[0].path).glob("*.new"))


def test_what_is_made_above_a_closed_directory_stays_open_to_others(tmp_path: Path) -> None:
    closed = Item(str(tmp_path / "above" / "closed"), ME, 0o700)
    apply_files(plan_files([closed], read_items([closed])))
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "above").stat().st_mode) == 0o777 & ~umask
    assert stat.S_IMODE((tmp_path / "above" / "closed").stat().st_mode) == 0o700


def test_a_path_that_is_something_else_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="is not a file; move it away"):
        read_items([Item(str(tmp_path), ME, 0o644, "text")])


def test_an_account_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert owner_ids("nobody-of-this-name") is None
    assert owner_ids("70") == (70, 70)
    assert owner_ids("70", "0") == (70, 0)
    wanted = [Item(str(tmp_path / "x"), "nobody-of-this-name", 0o644, "text")]
    with pytest.raises(StateError, match="there is no such account"):
        apply_files(plan_files(wanted, read_items(wanted)))
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([{**OPTION, "path": "x"}], "x is not an absolute path"),
        ([{**OPTION, "mode": "u=rw"}], "the mode of /x is 'u=rw'"),
        ([{**OPTION, "mode": "416"}, OPTION], "/x is listed twice"),
    ],
)
def test_bad_input_is_one_sentence(options: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        items_from(options)


def test_options_become_items() -> None:
    directory, file, secret = items_from(
        [OPTION, {**OPTION, "path": "/y", "content": ""}, {**OPTION, "path": "/z", "secret": "s", "group": "70"}]
    )
    assert (directory.text, file.text, secret.text) == (None, "", "s")
    assert (file.mode, secret.group) == (0o644, "70")


def test_a_secret_is_not_in_the_diff() -> None:
    wanted = [Item("/plain", ME, 0o644, "new"), Item("/secret", ME, 0o600, "hidden")]
    found = {item.path: Found(True, item.mode, "old-hidden") for item in wanted}
    before, after = shown(plan_files(wanted, found), found, {"/secret"})
    assert after == {"/plain": {"mode": "0644", "content": "new"}, "/secret": {"mode": "0600"}}
    assert "content" not in before["/secret"]


def test_a_file_system_that_cannot_be_synced_is_an_error(tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    sync_file_system(directory)
    os.close(directory)
    with pytest.raises(OSError, match="Bad file descriptor"):
        sync_file_system(directory)
