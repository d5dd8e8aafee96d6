# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nine nodes that are already as declared: one call for all, against a module called for each."""

from __future__ import annotations

from tests.bench.erp import Erp
from tests.bench.harness import Contender, Result, Timed, compare, sent
from tests.bench.redis_host import rig
from tests.integration.redis.rig import LOOPBACK, MODULE, PASSWORD, declared

NODES, SENTINELS = tuple(range(7601, 7610)), (8601, 8602, 8603)
RUNS = 5


def run(erp: Erp) -> list[Result]:
    """The peer sets one setting on each node; it looks at no edge and at no Sentinel."""
    host = rig(erp.lab)
    host.start(*NODES)
    host.start(*SENTINELS, sentinel=True)
    ours = sent(erp.lab, host.host, MODULE, declared(NODES, SENTINELS))
    setting = {"command": "config", "name": "maxmemory-policy", "value": "volatile-ttl"}
    login = {"login_host": LOOPBACK, "login_password": PASSWORD, "tls": False}
    peers = [
        sent(erp.lab, host.host, "community.general.redis", {**login, **setting, "login_port": port}) for port in NODES
    ]

    def loop() -> Timed:
        return Timed(sum(peer().seconds for peer in peers), "")

    return [
        compare(
            "redis-converge",
            [
                Contender("gantry.odoo.redis_topology", ours, runs=RUNS),
                Contender("community.general.redis, looped", loop, runs=RUNS),
            ],
            nodes=len(NODES),
            sentinels=len(SENTINELS),
        )
    ]
