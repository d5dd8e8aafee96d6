# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is stored in a directory stays below it, whatever another store calls its objects."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory


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
