# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that goes on trusts only tests that passed to their end, on exactly this tree."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.quality.resumed import Resumed, tree_digest


def test_every_change_of_the_tree_is_another_tree(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("built\n")
    seen = [tree_digest(tmp_path)]
    untracked = tmp_path / "a.py"
    for change in (
        lambda: untracked.write_text("a"),
        lambda: untracked.write_text("b"),
        lambda: untracked.chmod(0o755),
        lambda: untracked.rename(tmp_path / "b.py"),
        (tmp_path / "b.py").unlink,
    ):
        change()
        seen.append(tree_digest(tmp_path))
    assert len(set(seen[:-1])) == 5
    assert seen[-1] == seen[0]
    (tmp_path / "built").write_text("a")
    assert tree_digest(tmp_path) == seen[0]


def test_outside_of_a_repository_nothing_is_trusted(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        tree_digest(tmp_path)


@pytest.mark.parametrize(("phases", "recorded"), [("ppp", True), ("ppf", False), ("pfp", False), ("fp", False)])
def test_what_failed_at_any_phase_is_run_again(tmp_path: Path, phases: str, recorded: bool) -> None:
    resumed = Resumed(tmp_path / "record")
    names = ("setup", "call", "teardown") if len(phases) == 3 else ("setup", "teardown")
    for when, phase in zip(names, phases):
        report: Any = pytest.TestReport("a::b", ("a", 1, "b"), {}, "passed" if phase == "p" else "failed", None, when)
        resumed.pytest_runtest_logreport(report)
    assert resumed.record.exists() is recorded
