# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One edge for all tests of Traefik: a fresh host on which the role has run, with two backends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ansible import PlaybookRun
from tests.lab.hosts import Lab

from .edge import CERTIFICATE, KEY, Edge

HOST = "edge1"


@dataclass(frozen=True)
class RoleRuns:
    """What the role said on a fresh host: in check mode, for real, and again."""

    planned: PlaybookRun
    first: PlaybookRun
    second: PlaybookRun


@pytest.fixture(scope="session")
def bare_edge(lab: Lab) -> Edge:
    """A fresh host with two backends and a certificate, and no Traefik."""
    edge = Edge(lab.host(HOST))
    if edge.host.attempt(["test", "-e", "/usr/local/bin/traefik"])[0] == 0:
        # A host that an earlier session kept is not fresh.
        edge.host.container.remove(force=True)
        edge = Edge(lab.host(HOST))
    edge.start_backend(9001)
    edge.start_backend(9002)
    edge.issue()
    return edge


@pytest.fixture(scope="session")
def run_role(run_playbook: Callable[..., PlaybookRun]) -> Callable[..., PlaybookRun]:
    """`run_role("main", check=False, traefik_x=...)` runs entry points of the role on the edge."""

    def call(*entry_points: str, check: bool = False, **variables: Any) -> PlaybookRun:
        given = {
            "traefik_binary_source": str(Path(sys.executable).with_name("traefik")),
            "traefik_acme_challenge_url": "http://127.0.0.1:9002",
            "traefik_certificates": [{"name": "harbour", "certificate": CERTIFICATE, "key": KEY}],
            **variables,
        }
        tasks = [
            {
                "name": f"Run {one}",
                "ansible.builtin.include_role": {"name": "gantry.odoo.traefik", "tasks_from": f"{one}.yml"},
            }
            for one in entry_points
        ]
        return run_playbook([{"hosts": HOST, "gather_facts": False, "vars": given, "tasks": tasks}], check=check)

    return call


@pytest.fixture(scope="session")
def role_runs(bare_edge: Edge, run_role: Callable[..., PlaybookRun]) -> RoleRuns:
    """The role's life on a fresh host."""
    return RoleRuns(
        planned=run_role("main", "certificates", check=True),
        first=run_role("main", "certificates"),
        second=run_role("main", "certificates"),
    )


@pytest.fixture(scope="session")
def edge(bare_edge: Edge, role_runs: RoleRuns) -> Edge:
    """The edge with Traefik on it."""
    role_runs.first.expect_success()
    return bare_edge


@pytest.fixture
def declare(edge: Edge, ansible_module: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """`declare([route, ...], check=, fails=, **options)` calls traefik_route on the edge."""

    def call(routes: list[dict[str, Any]], check: bool = False, fails: bool = False, **options: Any) -> dict[str, Any]:
        given = {"routes": routes, "validate_command": ["/usr/local/bin/traefik"], **options}
        return ansible_module(HOST, "gantry.odoo.traefik_route", given, check=check, fails=fails)

    return call
