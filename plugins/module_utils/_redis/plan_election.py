# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a replica of a cluster can be elected now, and when it could be again."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_cluster import Cluster, Member
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import Endpoint

# A replica begins no other election in 4 times cluster-node-timeout, and no primary votes about the same one twice in
# half of that: clusterHandleSlaveFailover and clusterSendFailoverAuthIfNeeded in the source of Redis. Later versions of
# Valkey have no such limits for a manual failover: https://github.com/valkey-io/valkey/pull/1274
_RETRY_TIMEOUTS = 4
_RETRY_AT_LEAST_S = 4.0


def unheard(current: Cluster, target: Endpoint) -> list[str]:
    """What keeps `target` from asking its primary and from winning a majority: pings that nobody has answered.

    Two nodes have a connection in each direction. Redis keeps one that delivers nothing, and calls it connected, while
    data arrives by the other one: what is sent, a vote too, waits until the kernel tries again, ever more rarely. A
    member that is not declared was not read, and is taken to hear the target.
    """
    (one,) = [one for one in current.nodes if one.endpoint == target]
    voters = [item for item in one.members if item.slots]
    views = {other.identity: other.members for other in current.nodes}
    where = current.endpoints()
    mute = [item.identity for item in voters if not item.answers]
    silent = {identity: f"{target} has no answer from {where[identity]}" for identity in mute}
    if one.myself.primary in silent:
        return [silent[one.myself.primary]]
    for voter in voters:
        if not _answers(one.identity, views.get(voter.identity, ())):
            silent.setdefault(voter.identity, f"{where[voter.identity]} has no answer from {target}")
    return [] if 2 * len(silent) < len(voters) else list(silent.values())


def retry_seconds(current: Cluster, target: Endpoint) -> float:
    """How long `target` may have to wait before it can ask for votes again."""
    (one,) = [one for one in current.nodes if one.endpoint == target]
    return max(_RETRY_AT_LEAST_S, _RETRY_TIMEOUTS * int(one.node.config["cluster-node-timeout"]) / 1000)


def _answers(identity: str, seen: tuple[Member, ...]) -> bool:
    return all(item.answers for item in seen if item.identity == identity)
