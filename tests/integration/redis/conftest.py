# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host with Redis processes, and ways to call the module on it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.direct import Direct
from tests.lab.hosts import Lab

from .rig import MODULE, STAGES, Rig

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
def four_beats(topology: Callable[..., dict[str, Any]]) -> Callable[[dict[str, Any]], list[dict[str, Any]]]:
    """Call the module in check mode, really, and both once more; the four results."""
    return lambda args: [topology(args, check=check) for _name, check in BEATS]


@pytest.fixture(scope="session")
def played_beats(run_playbook: Callable[..., Any]) -> Callable[[Rig, dict[str, Any]], list[dict[str, Any]]]:
    """The same by a playbook from the command line."""

    def call(rig: Rig, args: dict[str, Any]) -> list[dict[str, Any]]:
        tasks = [{"name": name, MODULE: args, "check_mode": check} for name, check in BEATS]
        run = run_playbook(
            [{"hosts": rig.host.name, "gather_facts": False, "tasks": tasks}], command_line=True
        ).expect_success()
        by_task = {event.task: event.result for event in run.events}
        return [by_task[name] for name, _check in BEATS]

    return call


@pytest.fixture(scope="session")
def direct(installed: Rig) -> Direct:
    """The module without a playbook around it, killed between the stages of a planned failover."""
    return Direct.on(installed.host, MODULE.rpartition(".")[2], STAGES)


@pytest.fixture(scope="session")
def topology(direct: Direct) -> Callable[..., dict[str, Any]]:
    """Call redis_topology once: `topology(args, check=, fails=)`."""
    return functools.partial(called, direct)


def called(module: Direct, args: dict[str, Any], check: bool = False, fails: bool = False) -> dict[str, Any]:
    """The result of a call that succeeds, or one that fails."""
    result = module.call(**args, _ansible_check_mode=check)
    assert bool(result.get("failed")) == fails, result.get("msg", "succeeded")
    return result
