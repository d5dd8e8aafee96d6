# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges for benchmarks: hosts with Traefik as the role sets it up, each with a certificate of the lab's authority."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.harness import Timed, sent
from tests.integration.ansible import run_playbook
from tests.integration.traefik.edge import CERTIFICATE, KEY, NAME, Edge
from tests.lab import pki
from tests.lab.hosts import Lab

TRAEFIK = "/usr/local/bin/traefik"
MODULE = "gantry.odoo.traefik_route"
VARIABLES: dict[str, Any] = {
    "traefik_binary_source": str(Path(sys.executable).with_name("traefik")),
    "traefik_certificates": [{"name": "harbour", "certificate": CERTIFICATE, "key": KEY}],
}


def prepare(lab: Lab, names: Sequence[str]) -> list[Edge]:
    """Edges without a route."""
    hosts = lab.up(names)
    edges = [Edge(hosts[name]) for name in names]
    for edge in edges:
        certify(lab, edge)
    run_role(lab, names, "main", "certificates")
    for edge in edges:
        if edge.host.attempt(["test", "-e", "/etc/traefik/dynamic/gantry-routes.yml"])[0] == 0:
            declare(lab, edge, [], purge=True)()
    return edges


def certify(lab: Lab, edge: Edge) -> None:
    """Put a new pair on an edge; the role has Traefik serve it."""
    certificate, key = pki.issue(lab.state, [NAME], [])
    edge.host.write(CERTIFICATE, certificate)
    edge.host.write(KEY, key, mode=0o600)


def run_role(lab: Lab, names: Sequence[str], *entry_points: str, serial: int = 0) -> None:
    """Run entry points of the role on edges, on `serial` at once."""
    tasks = [
        {"name": one, "ansible.builtin.include_role": {"name": "gantry.odoo.traefik", "tasks_from": one}}
        for one in entry_points
    ]
    play = {"hosts": ",".join(names), "gather_facts": False, "vars": VARIABLES, "tasks": tasks}
    play |= {"serial": serial} if serial else {}
    run_playbook([play], lab.state.inventory, diff=False).expect_success()


def declare(lab: Lab, edge: Edge, routes: Sequence[dict[str, Any]], **options: Any) -> Any:
    """A call of the module for routes, timed on the edge; it is called once by this."""
    return sent(lab, edge.host, MODULE, {"routes": list(routes), "validate_command": [TRAEFIK], **options})


def start_backend(edge: Edge, port: int) -> None:
    """Start a backend on an edge, instead of one from before."""
    edge.host.attempt(["systemctl", "stop", f"backend-{port}"])
    edge.start_backend(port)


def changed(done: Timed) -> bool:
    """Whether a call of the module changed anything."""
    return '"changed": true' in done.stdout
