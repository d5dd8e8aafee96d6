# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writers at work on a rig while a test changes its topology, and what they tell in the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.hosts import Host
from tests.lab.wait import until

from .rig import LOOPBACK, PASSWORD

DIRECTORY = "/srv/redis-audit"
PROGRAM = Path(__file__).with_name("auditor.py")
Place = int | tuple[str, int]
AT_MOST_S = 400
WRITERS = 4


@dataclass
class Audit:
    """acknowledged, lost: writes. longest_gap_s: seconds without an acknowledged write, of the worst-off writer."""

    host: Host
    acknowledged: int = 0
    lost: int = -1
    longest_gap_s: float = 0.0

    def collect(self, report: dict[str, Any]) -> None:
        """Take what the program told."""
        self.acknowledged, self.lost = report["acknowledged"], report["lost"]
        self.longest_gap_s = report["longest_gap_s"]


@contextmanager
def audited(
    host: Host,
    nodes: Sequence[Place],
    sentinels: Sequence[Place] = (),
    *,
    writes: int = 1000,
    replicas: int = 0,
    cluster: bool = False,
    leisure_s: float = 0.002,
    authority: str = "",
) -> Iterator[Audit]:
    """Let four writers work through the block, each at least `writes`; the audit is filled in when the block has ended.

    nodes, sentinels: a port of the host's loopback, or an address and a port.
    replicas: how many must have a write before it counts as acknowledged. cluster: whether keys are spread by slots.
    leisure_s: seconds between two writes of one that has its number.
    authority: the host's file with whom to trust, where they are behind TLS.
    """
    host.run(["rm", "-rf", DIRECTORY])
    job = {
        "nodes": list(map(_pair, nodes)),
        "sentinels": list(map(_pair, sentinels)),
        "name": "main",
        "password": PASSWORD,
        "writers": WRITERS,
        "writes": writes,
        "replicas": replicas,
        "cluster": cluster,
        "leisure_s": leisure_s,
        "authority": authority,
        "at_most_s": AT_MOST_S,
    }
    host.run(["mkdir", DIRECTORY])
    host.write(f"{DIRECTORY}/job.json", json.dumps(job), mode=0o600)
    host.write(f"{DIRECTORY}/auditor.py", PROGRAM.read_bytes())
    start = f"exec timeout {AT_MOST_S + 120} python3 {DIRECTORY}/auditor.py {DIRECTORY} > {DIRECTORY}/log 2>&1"
    host.container.exec_run(["sh", "-c", start], detach=True)
    try:
        flows = f"ls {DIRECTORY}/flows-* 2>/dev/null | wc -l"
        until(lambda: None if host.run(["sh", "-c", flows]).strip() == str(WRITERS) else _log(host), "writes", 30)
        audit = Audit(host)
        yield audit
    finally:
        host.run(["touch", f"{DIRECTORY}/stop"])
    until(lambda: None if _there(host, "report.json") else _log(host), "the report of the audit", 120)
    audit.collect(json.loads(host.read(f"{DIRECTORY}/report.json")))


def _pair(place: Place) -> tuple[str, int]:
    return (LOOPBACK, place) if isinstance(place, int) else place


def _there(host: Host, name: str) -> bool:
    return host.attempt(["test", "-e", f"{DIRECTORY}/{name}"])[0] == 0


def _log(host: Host) -> str:
    return host.attempt(["tail", "-n", "3", f"{DIRECTORY}/log"])[1].strip() or "nothing yet"
