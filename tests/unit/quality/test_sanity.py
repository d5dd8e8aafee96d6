# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-test printed becomes a verdict in which nothing is left out."""

from __future__ import annotations

import pytest

from tests.quality.sanity import verdict

TWO = ['Running sanity test "import"', 'Running sanity test "validate-modules"']


@pytest.mark.parametrize(
    ("lines", "exit_code", "passed", "failed"),
    [
        (TWO, 0, {"import", "validate-modules"}, set()),
        (
            [*TWO, "ERROR: Found 1 validate-modules issue(s) which need to be resolved:"],
            1,
            {"import"},
            {"validate-modules"},
        ),
        (['Skipping sanity test "pylint" on Python 3.13', *TWO], 0, {"import", "validate-modules"}, {"pylint"}),
        (TWO, 1, {"import", "validate-modules"}, {"ansible-test"}),
        ([], 0, set(), {"ansible-test"}),
    ],
    ids=["all good", "one found something", "one was left out", "it ended without a finding", "it ran nothing"],
)
def test_verdict(lines: list[str], exit_code: int, passed: set[str], failed: set[str]) -> None:
    assert verdict(lines, exit_code) == (passed, failed)
