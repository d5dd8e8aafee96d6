# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is stored in a directory stays below it, whatever another store calls its objects."""

from __future__ import annotations

import os
import signal
import time
from io import BytesIO
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
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
