# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table at the end of `make test` says what happened."""

from __future__ import annotations

import pytest

from tests.quality.stages import Outcome, count, grouped, table


@pytest.mark.parametrize(
    ("lines", "exit_code", "expected"),
    [
        (["===== 12 passed in 3.14s ====="], 0, (12, 0)),
        (["===== 2 failed, 12 passed, 1 warning in 83.14s (0:01:23) ====="], 1, (12, 2)),
        (["12 passed in 0.50s"], 0, (12, 0)),
        (["===== 1 error in 0.20s ====="], 2, (0, 1)),
        (["===== 3 passed, 1 error in 0.20s ====="], 1, (3, 1)),
        (["24 passed, 1 failed"], 1, (24, 1)),
        (["==== 5 passed, 1 xfailed in 0.1s ===="], 0, (5, 1)),
        (["==== 5 passed, 1 skipped, 2 subtests passed in 0.1s ===="], 0, (5, 1)),
        (["==== 5 deselected in 0.10s ===="], 0, (1, 0)),
        (["All checks passed!"], 0, (1, 0)),
        (["Found 3 errors."], 1, (0, 1)),
        (["12 passed in 0.50s", "make: *** [docs-check] Error 1"], 2, (12, 1)),
        (["a line of a log: 3 failed attempts"], 0, (1, 0)),
        ([], 127, (0, 1)),
    ],
)
def test_counts_come_from_the_closing_lines(lines: list[str], exit_code: int, expected: tuple[int, int]) -> None:
    assert count(lines, exit_code) == expected


def test_table_names_what_failed_and_closes_with_the_counts() -> None:
    text = table(
        [
            Outcome("lint-python", 0, 2.0, 1, 0),
            Outcome("test-unit", 1, 20.4, 70, 2, ("FAILED tests/unit/a.py::test_b - assert 1 == 2",)),
        ]
    )
    assert "lint-python  ok            2       1       0" in text
    assert "test-unit    FAILED       20      70       2" in text
    assert "test-unit failed with exit code 1; its output is in .build/log/test-unit.log" in text
    assert "  FAILED tests/unit/a.py::test_b - assert 1 == 2" in text
    assert text.splitlines()[-1] == "71 passed, 2 failed"


def test_a_stage_that_counts_no_failure_and_ends_badly_has_failed() -> None:
    assert not Outcome("sanity", 2, 1.0, 5, 0).ok
    assert not Outcome("sanity", 0, 1.0, 5, 1).ok


def test_two_hyphens_part_the_groups_that_run_side_by_side() -> None:
    assert grouped(["lint", "unit", "--", "sanity", "--", "parts"]) == [["lint", "unit"], ["sanity"], ["parts"]]
    assert grouped([]) == [[]]
