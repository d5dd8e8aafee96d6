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
from tests.quality.resumed import Resumed, tree_digest

hypothesis.settings.register_profile("same-every-time", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("same-every-time")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--resume PATH`: leave out the tests that have passed on this very tree, as files that begin so remember."""
    parser.addoption("--resume", default="", help="where to remember what has passed, so that a run can go on")


def pytest_configure(config: pytest.Config) -> None:
    """Let a run that can be resumed remember what has passed."""
    if config.getoption("resume"):
        record = f"{config.getoption('resume')}-{tree_digest(config.rootpath)}"
        config.pluginmanager.register(Resumed(Path(record)))


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Report a test that skipped itself, or expects to fail, as failed."""
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """Report a file that skipped itself as failed."""
    return _refuse_skip((yield))


def _refuse_skip(report: Any) -> Any:
    # pytest reports a failure that was expected as a skip, too
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"A test that cannot run, or is expected to fail, has failed. {reason}"
        report.__dict__.pop("wasxfail", None)
    return report
