# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test run that goes on where an earlier one on the same tree was cut off."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.quality.tree import listed


def tree_digest(root: Path) -> str:
    """A digest of every file that Git tracks or would add: its name, mode and content. Raises CalledProcessError
    outside of a repository."""
    digest = hashlib.sha256()
    for name in listed(root):
        path = root / name
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "none"
        mode = path.lstat().st_mode if path.is_symlink() or path.exists() else 0
        digest.update(f"{name}\0{mode:o}\0{content}\n".encode())
    return digest.hexdigest()[:16]


class Resumed:
    """A run that leaves out what has passed before. record: a file of node ids, a line each."""

    def __init__(self, record: Path) -> None:
        self.record = record
        self.left_out = 0
        self._good: dict[str, bool] = {}

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what is on record."""
        passed = set(self.record.read_text(encoding="utf-8").splitlines()) if self.record.exists() else set()
        known = [item for item in items if item.nodeid in passed]
        self.left_out = len(known)
        config.hook.pytest_deselected(items=known)
        items[:] = [item for item in items if item.nodeid not in passed]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a test once its set-up, its call and its clearing up have all passed."""
        self._good[report.nodeid] = self._good.get(report.nodeid, True) and report.passed
        if report.when == "teardown" and self._good.pop(report.nodeid):
            self.record.parent.mkdir(parents=True, exist_ok=True)
            with self.record.open("a", encoding="utf-8") as stream:
                stream.write(f"{report.nodeid}\n")

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Count a run that had nothing left to do as passed."""
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self.left_out:
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how many tests an earlier run has passed."""
        if self.left_out:
            terminalreporter.write_line(
                f"{self.left_out} tests had passed on this tree before; {self.record} lists them"
            )
