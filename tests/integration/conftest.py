# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts that integration tests stand on: a lab of their own, started as it is needed, removed at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration import ansible
from tests.lab.hosts import Host, Lab
from tests.lab.spec import WORKERS, lab_of_tests


def lab_name() -> str:
    """The lab of this process: a worker of several has one of its own, and GANTRY_TEST_LAB names another."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    return lab_of_tests(os.environ, WORKERS[int(worker.removeprefix("gw"))] if worker else "")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab of the tests: `lab.host("db1")` starts a host. GANTRY_KEEP_LAB=1 leaves it for the next session."""
    lab = Lab(lab_name())
    yield lab
    if os.environ.get("GANTRY_KEEP_LAB") != "1":
        lab.down()


@pytest.fixture(scope="session")
def ansible_module(lab: Lab) -> Callable[..., dict[str, Any]]:
    """`ansible_module(host, "gantry.odoo.x", args, check=, diff=, fails=)` calls a module over SSH."""

    def call(host: Host | str, module: str, args: dict[str, Any], **options: Any) -> dict[str, Any]:
        name = host if isinstance(host, str) else host.name
        return ansible.run_module(lab.state.inventory, name, module, args, **options)

    return call


@pytest.fixture(scope="session")
def run_playbook(lab: Lab) -> Callable[..., ansible.PlaybookRun]:
    """`run_playbook(playbook, inventory=None, extra_vars=None, check=, ...)`, by default on the test lab."""

    def call(playbook: Any, inventory: Any = None, extra_vars: Any = None, **options: Any) -> ansible.PlaybookRun:
        return ansible.run_playbook(playbook, inventory or lab.state.inventory, extra_vars, **options)

    return call
