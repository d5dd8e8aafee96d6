# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for every test: one that cannot run has failed, two runs do the same, and areas may run side by side."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.quality import areas

hypothesis.settings.register_profile("same-every-time", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("same-every-time")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--resume FILE`: leave out the tests that the file says have passed, and add to it those that do."""
    parser.addoption("--resume", default="", help="a file that remembers what has passed, so that a run can go on")


def pytest_configure(config: pytest.Config) -> None:
    """Let a run that can be resumed remember what has passed."""
    if config.getoption("resume"):
        config.pluginmanager.register(_Resumed(Path(config.getoption("resume"))))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The areas with the largest budget begin, so that the last to end is a small one."""
    minutes = areas.budgets().tests
    items.sort(key=lambda item: -minutes.get(areas.area_of(item.nodeid), 0.0))


class _OneWorkerEach(LoadScopeScheduling):
    """All tests of an area go to one worker, which prepares the hosts of the area once."""

    def _split_scope(self, nodeid: str) -> str:
        return areas.area_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Share areas out, not tests."""
    return _OneWorkerEach(config, log)


class _Resumed:
    """A run that leaves out what has passed before. record: a file of node ids, a line each."""

    def __init__(self, record: Path) -> None:
        self.record = record

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        passed = set(self.record.read_text(encoding="utf-8").splitlines()) if self.record.exists() else set()
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in passed])
        items[:] = [item for item in items if item.nodeid not in passed]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.record.parent.mkdir(parents=True, exist_ok=True)
            with self.record.open("a", encoding="utf-8") as stream:
                stream.write(f"{report.nodeid}\n")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Report a test that skipped itself as failed."""
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """Report a file that skipped itself as failed."""
    return _refuse_skip((yield))


def _refuse_skip(report: Any) -> Any:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"A test that cannot run has failed. {reason}"
    return report
