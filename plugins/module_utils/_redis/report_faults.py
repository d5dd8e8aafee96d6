# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is missing in a topology that was read: links that are down, Sentinels that disagree, disks that are full."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_faults import (
    DISK,
    GONE,
    LINK,
    LOGIN,
    MONITOR,
    OTHERS,
    QUORUM,
    REPLICAS,
    ROLE,
    WATCHES,
    Fault,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    Desired,
    Endpoint,
    Node,
    Sentinel,
    Topology,
)


def faults(seen: Topology, desired: Desired, primary: Endpoint, sentinels: bool = True) -> list[Fault]:
    """What is not as it must be, beyond what a plan changes."""
    found = [Fault(str(node.endpoint), *one) for node in seen.nodes for one in _node_faults(node, primary)]
    if sentinels:
        nodes = frozenset(node.endpoint for node in seen.nodes)
        others = len(desired.sentinels) - 1
        found += [
            Fault(str(item.endpoint), *one)
            for item in seen.sentinels
            for one in _sentinel_faults(item, primary, nodes, others)
        ]
        for item in seen.sentinels:
            found += [Fault(str(item.endpoint), *one) for one in _member_faults(item, seen, desired, primary)]
    return found


def _member_faults(item: Sentinel, seen: Topology, desired: Desired, primary: Endpoint) -> Iterable[tuple[str, str]]:
    wrong = seen.wrong_login(item, primary, desired.sentinel_user)
    if wrong:
        yield LOGIN, f"Sentinel {item.endpoint} {wrong}"
    gone = seen.gone(item, desired)
    if gone:
        yield (
            GONE,
            f"Sentinel {item.endpoint} counts {gone[0]}, which is not declared and does not answer, to the "
            "majority that a failover needs; start it, or set forget_sentinels where it is gone for good",
        )


def _node_faults(node: Node, primary: Endpoint) -> Iterable[tuple[str, str]]:
    if not node.persisted:
        yield DISK, f"{node.endpoint} could not write its data to disk"
    if node.endpoint == primary:
        if not node.is_primary:
            yield ROLE, f"{node.endpoint} is no primary, it follows {node.follows}"
    elif node.is_primary:
        yield ROLE, f"{node.endpoint} is a primary beside {primary}"
    elif node.follows != primary:
        yield ROLE, f"{node.endpoint} follows {node.follows}, not {primary}"
    elif not node.link_up:
        yield LINK, f"{node.endpoint} has no link to {primary}"


def _sentinel_faults(
    item: Sentinel, primary: Endpoint, nodes: frozenset[Endpoint], others: int
) -> Iterable[tuple[str, str]]:
    unknown = sorted(nodes - {primary} - item.replicas)
    if item.primary != primary:
        yield WATCHES, f"Sentinel {item.endpoint} watches {item.primary}, not {primary}"
    elif {"disconnected", "s_down"} & item.flags:
        # A Sentinel that was given the password again connects anew, which takes it a moment.
        yield MONITOR, f"Sentinel {item.endpoint} has no link to {primary}: see whether it has the right password"
    elif not item.quorum_ok:
        yield QUORUM, f"Sentinel {item.endpoint} has no quorum: {item.quorum_words}"
    elif item.others < others:
        yield OTHERS, f"Sentinel {item.endpoint} knows {item.others} of {others} others"
    elif unknown:
        yield REPLICAS, f"Sentinel {item.endpoint} does not know the replica {unknown[0]}"
