# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of one operation: there while it is unfinished, readable by its owner alone, and locked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(str(tmp_path / "state"), "main")


def test_what_was_written_is_read_until_it_is_removed(journal: Journal) -> None:
    assert journal.read() is None
    with journal.lock(Deadline(1)):
        journal.write({"former": 1})
        journal.write({"former": 2})
    assert journal.read() == {"former": 2}
    assert os.stat(journal.path).st_mode & 0o777 == 0o600
    assert os.stat(journal.directory).st_mode & 0o777 == 0o700
    journal.remove()
    journal.remove()
    assert journal.read() is None


def test_a_write_that_was_cut_off_leaves_the_one_before(journal: Journal) -> None:
    with journal.lock(Deadline(1)):
        journal.write({"former": 1})
    Path(f"{journal.path}.new").write_text('{"for')
    assert journal.read() == {"former": 1}


@pytest.mark.parametrize(("text", "words"), [('{"for', "is no JSON"), ("[1]", "holds no mapping")])
def test_a_file_that_is_no_journal_is_told(journal: Journal, text: str, words: str) -> None:
    os.makedirs(journal.directory)
    Path(journal.path).write_text(text)
    with pytest.raises(StateError, match=words):
        journal.read()


def test_two_runs_are_kept_apart(journal: Journal) -> None:
    other = journal.lock(Deadline(0.1))
    with journal.lock(Deadline(1)), pytest.raises(DeadlineError, match="the end of another run"):
        other.__enter__()
    with journal.lock(Deadline(0.1)):
        pass


def test_without_a_directory_nothing_is_locked_and_nothing_is_made(journal: Journal) -> None:
    with journal.lock(Deadline(0.1), make=False):
        assert not os.path.exists(journal.directory)


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(StateError, match="cannot be used"),
        Journal(str(tmp_path / "file" / "state"), "main").lock(Deadline(1)),
    ):
        pass
