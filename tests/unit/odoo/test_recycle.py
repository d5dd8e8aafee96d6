# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken back out of the recycle directory is what this run put there, whatever the clocks say."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.gantry.odoo.plugins.module_utils._filestore.apply_move import recycle, restore_recycled

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
