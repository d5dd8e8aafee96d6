# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hundred edits of routes on two live edges under load, with one dead server in each pool.

Traefik takes each server for healthy again whenever it reads its routes, until the next check of health. So the dead
one is asked for a while after each reload, and the peer is the same module, called for each edit by itself.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench import edges
from tests.bench.erp import Erp
from tests.bench.harness import Result
from tests.integration.traefik.edge import NAME, Edge, Load
from tests.lab.progress import say
from tests.lab.spec import EDGES
from tests.lab.wait import until

EDITS, BATCH = 100, 10
# the peer is slow, and does the same each time
PEER_EDITS = 20
BACKEND = 9001
ALIVE, DEAD = f"http://127.0.0.1:{BACKEND}", "http://127.0.0.1:9009"
INTERVAL_S = 2  # the module's own
CLIENTS, RATE = 4, 50.0
HSTS_S = (31_536_000, 86_400)
ROUTER = "gantry.tenant0.http@file"
# whichever pool it is: requests are sent to one route only
POOLS = 'service="gantry.pool-'
OURS, PEER = f"gantry.odoo.traefik_route, {BATCH} edits a call", "gantry.odoo.traefik_route, an edit a call"
_METRIC = re.compile(r"^(?P<name>[a-z_]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Churn:
    """What the edits of one kind did. to_dead: attempts at the dead server. bound: those that reloads force."""

    failed: int
    sent: int
    dropped: int
    to_dead: int
    bound: int
    reloads: int
    seconds: float


def run(erp: Erp) -> list[Result]:
    """Edits in batches, and then one by one."""
    made = edges.prepare(erp.lab, EDGES)
    for edge in made:
        edges.start_backend(edge, BACKEND)
    ours, peer = _churn(erp, made, EDITS, BATCH), _churn(erp, made, PEER_EDITS, 1)
    for name, one in ((OURS, ours), (PEER, peer)):
        told = f"{one.failed} of {one.sent} failed, {one.to_dead} to the dead server (at most {one.bound})"
        say("route-churn", f"{name}: {told}, {one.reloads} reloads in {one.seconds:.0f} s")
    facts = {
        "edits": EDITS,
        "peer_edits": PEER_EDITS,
        "failed_requests": ours.failed + peer.failed,
        "dropped_connections": ours.dropped + peer.dropped,
        "sent": ours.sent + peer.sent,
        "to_dead_backend": ours.to_dead,
        "to_dead_bound": ours.bound,
        "reloads": ours.reloads,
        "peer_to_dead_backend": peer.to_dead,
        "peer_to_dead_bound": peer.bound,
        "peer_reloads": peer.reloads,
        "churn_s": round(ours.seconds, 1),
        "peer_churn_s": round(peer.seconds, 1),
    }
    each = {OURS: [ours.to_dead / EDITS], PEER: [peer.to_dead / PEER_EDITS]}
    return [Result("route-churn", OURS, each, facts, "requests to the dead server for an edit")]


def _churn(erp: Erp, made: Sequence[Edge], edits: int, size: int) -> Churn:
    """Edits on all edges, one after the other, and what the clients of each have seen. size: edits a call."""
    calls = [_calls(erp, edge, size) for edge in made]
    for edge in made:
        until(lambda one=edge: _is_up(one), f"the health check of {edge.host.name}", 30)  # type: ignore[misc]
    before = [_counted(edge) for edge in made]
    begun = time.monotonic()
    with Load(made[0], CLIENTS, RATE) as one, Load(made[1], CLIENTS, RATE) as two:
        for number in range(edits // size):
            for edit in calls:
                assert edges.changed(edit[number % 2]()), "an edit changed nothing"
        # the checks of the last reload are part of it
        time.sleep(INTERVAL_S + 1)
    seconds = time.monotonic() - begun
    after = [_counted(edge) for edge in made]
    loads = (one, two)
    for load in loads:
        assert {server for _sent, server in load.answers} <= {str(BACKEND)}
        for failure in itertools.islice(load.failures, 3):
            say("route-churn", f"{load.edge.host.name}: {failure}")
    reloads = [now[1] - then[1] for then, now in zip(before, after)]
    # each attempt at the dead server is followed by one at the other, so a request makes one; and those under way
    bounds = [
        min(len(load.answers), count * (INTERVAL_S * len(load.answers) / seconds + CLIENTS))
        for count, load in zip(reloads, loads)
    ]
    return Churn(
        failed=sum(len(load.failures) for load in loads),
        sent=sum(len(load.answers) + len(load.failures) for load in loads),
        dropped=sum(load.dropped for load in loads),
        to_dead=sum(now[0] - then[0] for then, now in zip(before, after)),
        bound=round(sum(bounds)),
        reloads=sum(reloads),
        seconds=seconds,
    )


def _calls(erp: Erp, edge: Edge, size: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Two calls that undo each other, each for so many routes; the second one has been made."""
    there, back = (edges.declare(erp.lab, edge, routes(size, hsts), purge=True) for hsts in HSTS_S)
    return there, back


def routes(count: int, hsts_s: int) -> list[dict[str, Any]]:
    """The first one is that of the load."""
    servers = [{"url": ALIVE}, {"url": DEAD}]
    return [
        {
            "name": f"tenant{number}",
            "hosts": [f"tenant{number}.example" if number else NAME],
            "servers": servers,
            "hsts_seconds": hsts_s,
        }
        for number in range(count)
    ]


def _is_up(edge: Edge) -> str | None:
    """None where Traefik knows who is dead."""
    service = edge.api(f"/api/http/routers/{ROUTER}")["service"]
    seen = edge.api(f"/api/http/services/{service}@file").get("serverStatus") or {}
    return None if seen == {ALIVE: "UP", DEAD: "DOWN"} else json.dumps(seen)


def _counted(edge: Edge) -> tuple[int, int]:
    """How many attempts at a server failed, and how often Traefik has read its routes."""
    script = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/metrics').read().decode())"
    failed = reloads = 0
    for found in _METRIC.finditer(edge.host.run(["python3", "-c", script])):
        labels = found["labels"] or ""
        if found["name"] == "traefik_service_requests_total" and 'code="502"' in labels and POOLS in labels:
            failed += int(float(found["value"]))
        elif found["name"] == "traefik_config_reloads_total":
            reloads = int(float(found["value"]))
    return failed, reloads
