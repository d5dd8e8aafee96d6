# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-test printed becomes a verdict in which nothing is left out."""

from __future__ import annotations

import pytest

from tests.quality.sanity import named, verdict

TWO = ['Running sanity test "import"', 'Running sanity test "validate-modules"']
BOTH = {"import", "validate-modules"}


@pytest.mark.parametrize(
    ("lines", "exit_code", "passed", "failed"),
    [
        (TWO, 0, BOTH, set()),
        (
            [*TWO, "ERROR: Found 1 validate-modules issue(s) which need to be resolved:"],
            1,
            {"import"},
            {"validate-modules"},
        ),
        (['Skipping sanity test "pylint" on Python 3.13', *TWO], 0, BOTH, {"pylint"}),
        (["WARNING: Skipping sanity test 'pylint' on Python 3.13", *TWO], 0, BOTH, {"pylint"}),
        (TWO[:1], 0, {"import"}, {"validate-modules"}),
        ([*TWO, "No tests applicable."], 0, {"import"}, {"validate-modules"}),
        ([*TWO, "Running sanity test 'pslint'", "No tests applicable.\n"], 0, BOTH | {"pslint"}, set()),
        (TWO, 1, BOTH, {"ansible-test"}),
        ([], 0, set(), BOTH | {"ansible-test"}),
    ],
    ids=[
        "all good", "one found something", "one was left out", "one was left out in single quotes", "one did not begin",
        "one looked at nothing", "one has nothing to look at", "it ended without a finding", "it ran nothing",
    ],
)  # fmt: skip
def test_verdict(lines: list[str], exit_code: int, passed: set[str], failed: set[str]) -> None:
    assert verdict(lines, exit_code, BOTH) == (passed, failed)


def test_the_list_of_tests_is_told_from_warnings() -> None:
    assert named("WARNING: Using locale\nimport\nvalidate-modules\n") == ["import", "validate-modules"]
