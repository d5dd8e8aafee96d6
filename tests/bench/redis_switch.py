# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three nodes and three Sentinels under four writers: the writes that a planned failover and SENTINEL FAILOVER lose."""

from __future__ import annotations

from collections.abc import Callable

from tests.bench.erp import Erp
from tests.bench.harness import Result, sent
from tests.bench.redis_host import rig
from tests.integration.redis.audit import WRITERS, Audit, audited
from tests.integration.redis.rig import LOOPBACK, MODULE, Rig, declared
from tests.lab.progress import say
from tests.lab.wait import until

NODES, SENTINELS = (7501, 7502, 7503), (8501, 8502, 8503)
RUNS = 5
WRITES = 200_000
OURS, PEER = "gantry.odoo.redis_topology, planned failover", "SENTINEL FAILOVER"


def run(erp: Erp) -> list[Result]:
    """Lost writes of each, and the longest time that a writer waited."""
    host = rig(erp.lab)
    host.start(*NODES)
    host.start(*SENTINELS, sentinel=True)
    wish = declared(NODES, SENTINELS, settings={"maxmemory": "512mb"})
    declare = sent(erp.lab, host.host, MODULE, wish)
    failovers = {
        port: sent(erp.lab, host.host, MODULE, {**wish, "primary": f"{LOOPBACK}:{port}", "failover": "planned"})
        for port in NODES[:2]
    }

    def planned() -> None:
        failovers[NODES[1] if host.master_of(NODES[0]) is None else NODES[0]]()

    def unplanned() -> None:
        old = host.named_master(SENTINELS[0])
        assert host.cli(SENTINELS[0], "SENTINEL", "FAILOVER", "main") == "OK"
        until(lambda: None if host.named_master(SENTINELS[0]) != old else "the old master", "the failover", 30)

    audits: dict[str, list[Audit]] = {OURS: [], PEER: []}
    for number in range(RUNS):
        for name, act in ((OURS, planned), (PEER, unplanned)):
            audit = _audited(host, act)
            audits[name].append(audit)
            told = f"lost {audit.lost} of {audit.acknowledged} writes, longest gap {audit.longest_gap_s:.3f} s"
            say("redis-switch", f"run {number + 1}: {name} {told}")
            until(lambda: _converges(declare), "a healthy topology", 120)
            host.cli(host.primary(NODES), "FLUSHALL")
    return [
        Result(
            "redis-switch",
            OURS,
            {name: [float(one.lost) for one in found] for name, found in audits.items()},
            {
                "lost": sum(one.lost for one in audits[OURS]),
                "acknowledged": [one.acknowledged for one in audits[OURS]],
                "longest_gap_s": round(max(one.longest_gap_s for one in audits[OURS]), 3),
                "gaps_s": [round(one.longest_gap_s, 3) for one in audits[OURS]],
                "peer_acknowledged": [one.acknowledged for one in audits[PEER]],
                "peer_longest_gap_s": round(max(one.longest_gap_s for one in audits[PEER]), 3),
            },
            "lost writes",
        )
    ]


def _audited(host: Rig, act: Callable[[], None]) -> Audit:
    with audited(host.host, NODES, SENTINELS, writes=WRITES // WRITERS) as audit:
        act()
    return audit


def _converges(declare: Callable[[], object]) -> str | None:
    """Whether the module finds or makes everything whole; after SENTINEL FAILOVER the old master still moves."""
    try:
        declare()
    except AssertionError as error:
        return str(error)
    return None
