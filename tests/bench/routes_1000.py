# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand routes on one edge: one call that finds all as declared, and one that finds a single other one.

No peer has an edge that it proves. So the bounds are the measure: a call that changes one route may take as much longer
as Traefik takes to read a document of this size twice, alone and live.
"""

from __future__ import annotations

import json
import statistics
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.bench import edges
from tests.bench.erp import Erp
from tests.bench.harness import RUNS, Contender, Result, compare
from tests.integration.traefik.edge import Edge
from tests.lab.progress import say

ROUTES = 1000
BOUND_S, MORE_BOUND_S, LIVE_BOUND_S = 3.0, 1.5, 3.0
# One node with a process for requests and one for websockets.
BACKEND, WEBSOCKETS = 9101, 9102
NODE = {
    kind: [{"url": f"http://127.0.0.1:{port}"}]
    for kind, port in (("servers", BACKEND), ("websocket_servers", WEBSOCKETS))
}
FILE = "/etc/traefik/dynamic/gantry-routes.yml"
BEFORE_S, AFTER_S = 31_536_000, 86_400
# Asks a kept connection for the last route until its answer is that of the change: when, and when the file was placed.
_WATCH = """
import http.client, json, os, ssl, sys, time
name, path, wanted, ends = sys.argv[1], sys.argv[2], f"max-age={sys.argv[3]}", time.time() + 60
edge = http.client.HTTPSConnection("127.0.0.1", context=ssl._create_unverified_context(), timeout=10)
while time.time() < ends:
    edge.request("GET", "/", headers={"Host": name})
    answer = edge.getresponse()
    answer.read()
    if answer.getheader("Strict-Transport-Security") == wanted:
        print(json.dumps({"seen": time.time(), "placed": os.stat(path).st_mtime, "status": answer.status}))
        break
    time.sleep(0.05)
"""


def run(erp: Erp) -> list[Result]:
    """Three calls of each; what is changed goes there and back."""
    (edge,) = edges.prepare(erp.lab, ["edge1"])
    for port in (BACKEND, WEBSOCKETS):
        edges.start_backend(edge, port)
    there = edges.declare(erp.lab, edge, routes(AFTER_S))
    back = edges.declare(erp.lab, edge, routes(BEFORE_S))
    found = compare("routes-1000", [Contender("gantry.odoo.traefik_route, already right", back)], routes=ROUTES)
    assert not edges.changed(back()), "a second call changes something"
    seconds, live = [], []
    for number in range(RUNS):
        call, wanted = (there, AFTER_S) if number % 2 == 0 else (back, BEFORE_S)
        with ThreadPoolExecutor() as pool:
            watch = pool.submit(_watch, edge, wanted)
            done = call()
            live.append(watch.result())
        assert edges.changed(done), "a call with another route changes nothing"
        seconds.append(done.seconds)
        say("routes-1000", f"run {number + 1}: one changed {seconds[-1]:.3f} s, live after {live[-1]:.3f} s")
    # others are measured on this edge as well
    edges.declare(erp.lab, edge, [], purge=True)
    right_s, changed_s = found.median(found.ours), statistics.median(seconds)
    facts = {
        **found.facts,
        "bound_s": BOUND_S,
        "changed_one_s": round(changed_s, 3),
        "changed_bound_s": round(right_s + MORE_BOUND_S, 3),
        "live_s": round(max(live), 3),
        "live_bound_s": LIVE_BOUND_S,
    }
    return [Result(found.bench, found.ours, found.seconds, facts)]


def routes(last_hsts_s: int) -> list[dict[str, Any]]:
    """As an estate declares them; the last one differs by what browsers are told."""
    made: list[dict[str, Any]] = [
        {"name": f"tenant{number:04}-public", "hosts": [f"tenant{number:04}.example"], **NODE}
        for number in range(ROUTES)
    ]
    made[-1]["hsts_seconds"] = last_hsts_s
    return made


def _watch(edge: Edge, wanted: int) -> float:
    """The seconds from the new file to the first answer of the route as it says."""
    name = routes(wanted)[-1]["hosts"][0]
    out = edge.host.run(["python3", "-c", _WATCH, name, FILE, str(wanted)])
    assert out, f"{name} was not served as declared within 60 s"
    seen = json.loads(out)
    return float(seen["seen"] - seen["placed"])
