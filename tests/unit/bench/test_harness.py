# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How runs become figures: the median, the fastest peer, and more than 1 where ours is the faster one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.bench import __main__ as bench
from tests.bench.__main__ import table
from tests.bench.harness import Contender, Result, Timed, compare

RESULT = Result("clone", "ours", {"ours": [1.0, 9.0, 2.0], "fast": [5.0, 4.0, 3.0], "slow": [10.0]}, {"files": 3})


def test_the_fastest_peer_is_the_one_that_counts() -> None:
    told = RESULT.as_dict()
    assert (told["bench"], told["unit"], told["ours"], told["peer"], told["ratio"]) == ("clone", "s", 2.0, 4.0, 2.0)
    assert (told["runs"], told["files"]) == (3, 3)
    assert told["ratios"] == {"fast": 2.0, "slow": 5.0}


def test_contenders_take_turns_and_what_surrounds_a_run_is_not_timed() -> None:
    order: list[str] = []

    def contender(name: str, runs: int) -> Contender:
        def run() -> Timed:
            order.append(name)
            return Timed(1.0, "")

        return Contender(name, run, lambda: order.append("before"), lambda: order.append("after"), runs)

    result = compare("turns", [contender("ours", 2), contender("peer", 1)])
    assert order == ["before", "ours", "after", "before", "peer", "after", "before", "ours", "after"]
    assert result.seconds == {"ours": [1.0, 1.0], "peer": [1.0]}


def test_the_page_has_a_row_for_each_peer() -> None:
    rows = [line for line in table([RESULT]).splitlines() if line.startswith("| clone")]
    assert rows == ["| clone | s | 3 | 2.00 | fast | 4.00 | 2.0 |", "| clone | s | 3 | 2.00 | slow | 10.00 | 5.0 |"]


def test_a_benchmark_without_a_peer_has_no_ratio() -> None:
    alone = Result("estate", "ours", {"ours": [3.0, 1.0, 2.0]})
    told = alone.as_dict()
    assert (told["ours"], told["peer"], told["ratio"], told["peers"]) == (2.0, None, None, {})
    assert "| estate | s | 3 | 2.00 | - | - | - |" in table([alone]).splitlines()


def test_what_is_measured_in_one_go_is_asked_for_by_any_of_its_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measured(*names: str) -> list[Result]:
        return [replace(RESULT, bench=name) for name in names]

    groups = {
        ("backup-noop", "backup-first", "restore"): lambda _erp: measured("backup-noop", "backup-first", "restore"),
        ("policy",): lambda _erp: measured("policy"),
    }
    monkeypatch.setattr(bench, "BENCHES", groups)
    monkeypatch.setattr(bench, "Erp", lambda: None)
    monkeypatch.setenv("GANTRY_KEEP_LAB", "1")
    assert bench.main(["backup-first"]) == 0
    told = [json.loads(line)["bench"] for line in capsys.readouterr().out.splitlines()]
    assert told == ["restore", "backup-noop", "backup-first"]
    assert bench.main(["backup-frist"]) == 2
    assert "backup-first" in capsys.readouterr().err
