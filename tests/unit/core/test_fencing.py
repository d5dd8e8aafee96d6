# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that was overtaken is refused where a later one has worked, and waits where one is at work."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    DeadlineError,
    InputError,
    RefusedError,
    StateError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.fencing import Fencing


def fencing(path: Path) -> Fencing:
    return Fencing(str(path / "root" / ".fencing"), "Odoo on this host")


def test_the_number_only_rises(tmp_path: Path) -> None:
    guarded = fencing(tmp_path)
    for number in (16, 17, 17, None, 0):
        with guarded.held(number, Deadline(5)):
            pass
    with pytest.raises(
        RefusedError, match="Odoo on this host was changed under the fencing number 17, and this change has 16, so"
    ):
        guarded.require(16)
    with pytest.raises(RefusedError), guarded.held(16, Deadline(5)):
        raise AssertionError("it was let in")
    guarded.keep(16)
    guarded.require(17)
    assert (tmp_path / "root/.fencing").read_text(encoding="utf-8") == "17\n"


def test_two_do_not_work_at_once(tmp_path: Path) -> None:
    guarded = fencing(tmp_path)
    with guarded.held(1, Deadline(5)):
        another = guarded.held(2, Deadline(0.2))
        with pytest.raises(DeadlineError, match="the end of another run on Odoo on this host"), another:
            raise AssertionError("it was let in")
        # who waits in vain has claimed nothing
        guarded.require(1)


def test_a_damaged_number_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/.fencing").write_bytes(b"\xff")
    with pytest.raises(StateError, match="fencing holds no number"):
        fencing(tmp_path).require(1)
    with pytest.raises(InputError, match="fencing_number is -1; it takes the one of a change"):
        fencing(tmp_path).require(-1)
