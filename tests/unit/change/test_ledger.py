# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger shows each alteration, and a kill in the middle of a line costs that line only."""

from __future__ import annotations

import multiprocessing
import stat
from datetime import date

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change import apply_ledger, model_ledger
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError


def fill(path, count=3):
    for number in range(count):
        apply_ledger.append(path, {"event": "opened", "number": number}, Deadline(5))


def test_lines_follow_one_another(tmp_path):
    path = tmp_path / "ledger" / "changes.jsonl"
    fill(path)
    entries = apply_ledger.load(path)
    assert [entry.sequence for entry in entries] == [1, 2, 3]
    assert entries[0].previous == model_ledger.GENESIS
    assert entries[2].previous == entries[1].hash
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [1, 2])
def test_an_altered_line_is_found(tmp_path, number):
    path = tmp_path / "changes.jsonl"
    fill(path)
    lines = path.read_text().splitlines(keepends=True)
    lines[number - 1] = lines[number - 1].replace('"opened"', '"closed"')
    path.write_text("".join(lines))
    with pytest.raises(StateError, match=f"damaged at line {number}"):
        apply_ledger.load(path)


@pytest.mark.parametrize("number", [0, 1])
def test_a_line_that_was_taken_out_is_found(tmp_path, number):
    path = tmp_path / "changes.jsonl"
    fill(path)
    lines = path.read_text().splitlines(keepends=True)
    del lines[number]
    path.write_text("".join(lines))
    with pytest.raises(StateError, match="damaged"):
        apply_ledger.append(path, {"event": "closed"}, Deadline(5))


def test_a_line_that_a_kill_cut_off_is_taken_away(tmp_path):
    path = tmp_path / "changes.jsonl"
    fill(path)
    whole = path.read_bytes()
    # in the middle of a character
    path.write_bytes(whole + '{"event":"opé'.encode()[:-1])
    assert len(apply_ledger.load(path)) == 3
    apply_ledger.append(path, {"event": "closed"}, Deadline(5))
    assert path.read_bytes().startswith(whole)
    assert [entry.body["event"] for entry in apply_ledger.load(path)] == ["opened"] * 3 + ["closed"]


@pytest.mark.parametrize(
    "line",
    [
        b"[1]",
        b"1",
        b"",
        b"{}",
        b'{"sequence": 4',
        b"\xff",
        b'{"a": "\\ud800", "sequence": 4, "previous": "", "hash": ""}',
    ],
)
def test_a_line_that_is_no_entry_is_one_sentence(tmp_path, line):
    path = tmp_path / "changes.jsonl"
    fill(path)
    path.write_bytes(path.read_bytes() + line + b"\n")
    for use in (lambda: apply_ledger.load(path), lambda: apply_ledger.append(path, {"event": "closed"}, Deadline(5))):
        with pytest.raises(StateError, match=r"damaged at line 4: it is not an entry .*; restore the ledger"):
            use()


@pytest.mark.parametrize("facts", [{"day": date(2026, 11, 22)}, {1: "a", "b": 2}])
def test_what_is_no_json_is_refused_and_the_ledger_stays(tmp_path, facts):
    path = tmp_path / "changes.jsonl"
    fill(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="cannot hold this entry as JSON"):
        apply_ledger.append(path, {"event": "closed", "facts": facts}, Deadline(5))
    assert path.read_bytes() == before


def test_two_writers_do_not_lose_a_line(tmp_path):
    path = tmp_path / "changes.jsonl"
    writers = [multiprocessing.Process(target=fill, args=(path, 20)) for _number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
        assert writer.exitcode == 0
    assert len(apply_ledger.load(path)) == 60


def test_a_ledger_that_cannot_be_written_stops_the_change(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="no change goes on without it"):
        apply_ledger.append(tmp_path / "file" / "changes.jsonl", {"event": "opened"}, Deadline(5))
