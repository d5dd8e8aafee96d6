# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host with Redis processes, and ways to call the module on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.lab.hosts import Lab

from .rig import MODULE, Rig

BEATS = (("check", True), ("run", False), ("check again", True), ("run again", False))


@pytest.fixture(scope="session")
def installed(lab: Lab) -> Rig:
    """The host with the programs of Redis, and none of its processes."""
    rig = Rig(lab.host("cache1", image="vm"))
    rig.install()
    return rig


@pytest.fixture(scope="module")
def rig(installed: Rig) -> Iterator[Rig]:
    """Redis processes on the lab's host cache1; those of one file are gone before the next, which they would slow."""
    installed.stop_all()
    yield installed
    installed.stop_all()


@pytest.fixture(scope="session")
def four_beats(run_playbook: Callable[..., Any]) -> Callable[[Rig, dict[str, Any]], list[dict[str, Any]]]:
    """Call the module in check mode, really, and both once more; the four results."""

    def call(rig: Rig, args: dict[str, Any]) -> list[dict[str, Any]]:
        tasks = [{"name": name, MODULE: args, "check_mode": check} for name, check in BEATS]
        run = run_playbook(
            [{"hosts": rig.host.name, "gather_facts": False, "tasks": tasks}], command_line=True
        ).expect_success()
        by_task = {event.task: event.result for event in run.events}
        return [by_task[name] for name, _check in BEATS]

    return call


@pytest.fixture(scope="module")
def topology(rig: Rig, ansible_module: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Call the module once: `topology(args, check=, fails=)`."""

    def call(args: dict[str, Any], **options: Any) -> dict[str, Any]:
        return ansible_module(rig.host, MODULE, args, **options)

    return call
