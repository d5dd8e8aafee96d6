# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken back out of the recycle directory is what this run put there, whatever the clocks say."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore import read
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.apply_move import recycle, remove, restore_recycled
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_build import Build
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_steps import (
    Discard,
    Drop,
    MoveFilestore,
    RecycleFilestore,
    Rename,
    moved,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login

MOMENT = datetime(2026, 11, 26, 5, tzinfo=timezone.utc)


def test_a_later_date_in_the_recycle_directory_is_left_alone(tmp_path: Path) -> None:
    stores = tmp_path / "filestore"
    later = stores / ".recycled/20270101T000000Z-harbour"
    later.mkdir(parents=True)
    (stores / "harbour").mkdir()
    (stores / "harbour/ab").write_text("of today")
    recycle(str(tmp_path), "harbour", MOMENT)
    assert not (stores / "harbour").exists()
    restore_recycled(str(tmp_path), "harbour", MOMENT)
    assert (stores / "harbour/ab").read_text() == "of today"
    assert [path.name for path in later.parent.iterdir()] == [later.name]


def test_where_no_filestore_was_given_up_nothing_is_taken_back(tmp_path: Path) -> None:
    recycle(str(tmp_path), "harbour", MOMENT)
    restore_recycled(str(tmp_path), "harbour", MOMENT)
    assert list(tmp_path.rglob("*harbour*")) == []


@pytest.mark.parametrize("to", ["elsewhere", "nowhere"])
def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path, to: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/ab").write_text("kept")
    for place in ("harbour", "nothing"):
        if place == "harbour":
            (tmp_path / place).symlink_to(tmp_path / to)
        remove(str(tmp_path / place))
        assert not (tmp_path / place).is_symlink()
    assert (tmp_path / "elsewhere/ab").read_text() == "kept"


@pytest.mark.parametrize("link", ["harbour__new", "harbour__old", "harbour"])
def test_links_in_the_place_of_filestores_stop_no_database(tmp_path: Path, link: str) -> None:
    stores = tmp_path / "filestore"
    (stores / "harbour__new").mkdir(parents=True)
    if link == "harbour__new":
        (stores / link).rmdir()
    (stores / link).symlink_to(tmp_path / "nowhere")
    build = Build(Login("nowhere", "gantry"), str(tmp_path), "harbour")
    build.publish_filestore("harbour__old")
    assert (stores / "harbour").is_dir() == (link != "harbour__new")
    assert not (stores / "harbour__new").is_symlink()


def test_a_filestore_that_is_a_mount_point_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real store").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "real store")
    monkeypatch.setattr(read, "_mounts", lambda: {f"{tmp_path}/real store/harbour"})
    with pytest.raises(StateError, match=r"harbour is a mount point, .* nothing was done; mount the directory above"):
        read.require_movable(str(tmp_path / "store/harbour"))
    read.require_movable(str(tmp_path / "store/north"))


def test_the_mounts_of_this_host_are_known() -> None:
    assert {"/", "/proc"} <= read._mounts()


def test_a_plan_says_which_filestores_it_moves() -> None:
    steps = [
        Discard("discard", "a", ""),
        RecycleFilestore("recycle_filestore", "b", ""),
        Drop("drop", "b", ""),
        Rename("rename", "c", "", "d"),
        MoveFilestore("move_filestore", "e", "", "e__new"),
    ]
    assert moved(steps) == ("a__new", "b", "d", "e__new")
