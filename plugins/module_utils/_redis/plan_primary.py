# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who the primary is, and which node may become its replica: the live topology decides, not the inventory's order."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    Desired,
    Disputed,
    Endpoint,
    Node,
    Topology,
    Unsettled,
)

_RESOLVE = "set resolve to the node whose data wins"


def refuse_moving(current: Topology) -> None:
    """Raise Unsettled while a node or a Sentinel is in the middle of a failover."""
    for node in current.nodes:
        if node.failover != "no-failover":
            raise Unsettled(
                f"{node.endpoint} is in the middle of a failover (FAILOVER is {node.failover}); run again when it ended"
            )
    for item in current.sentinels:
        if "failover_in_progress" in item.flags:
            raise Unsettled(
                f"a failover from {item.primary} is under way at Sentinel {item.endpoint}; run again when it ended"
            )


def find_primary(current: Topology, desired: Desired) -> Endpoint:
    """The node that is, or at bootstrap becomes, the primary.

    In this order: what the Sentinels agree on, the primary that declared nodes follow, the only node that holds data.
    `primary` counts only where all nodes are empty and nothing knows a primary.
    Raises Disputed for split brain.
    """
    watched = _named_by_sentinels(current, desired)
    if watched is not None:
        return watched
    primaries = [node for node in current.nodes if node.is_primary]
    if not primaries:
        seen = ", ".join(f"{node.endpoint} follows {node.follows}" for node in current.nodes)
        raise Disputed(f"none of the declared nodes is a primary ({seen}); {_RESOLVE}")
    followed = [node for node in primaries if current.followers(node.endpoint)]
    candidates = followed or [node for node in primaries if not node.is_empty]
    if len(candidates) > 1:
        raise split_brain(candidates)
    if candidates:
        return candidates[0].endpoint
    if current.node(desired.primary) in primaries:
        return desired.primary
    raise Disputed(
        f"{desired.primary} is to be the first primary and already follows {_follows(current, desired.primary)}; "
        f"{_RESOLVE}"
    )


def may_follow(node: Node, primary: Node, current: Topology) -> bool:
    """Whether `node` can become a replica of `primary` without losing a write that only it holds."""
    return (
        node.is_empty or primary.history.contains(node.history) or node.endpoint in current.followers(primary.endpoint)
    )


def is_returning(node: Node, primary: Node, current: Topology, desired: Desired) -> bool:
    """Whether another became primary while `node` was away, so that its writes since are given up."""
    if node.endpoint == desired.returned:
        return True
    knowing = [
        item for item in current.sentinels if node.endpoint in item.replicas and item.primary == primary.endpoint
    ]
    return 2 * len(knowing) > len(desired.sentinels)


def split_brain(rivals: Sequence[Node]) -> Disputed:
    """The refusal, with what a person needs to choose: who claims to be primary, and how much each one holds."""
    seen = "; ".join(
        f"{node.endpoint} {'is a primary' if node.is_primary else f'follows {node.follows}'} with {node.keys} keys, "
        f"history {node.history.replid[:8]} at offset {node.history.offset}"
        for node in rivals
    )
    return Disputed(
        f"split brain: {seen}. Nothing was changed; {_RESOLVE}, the others' data is saved to snapshot_dir first"
    )


def _named_by_sentinels(current: Topology, desired: Desired) -> Endpoint | None:
    """The primary that every Sentinel with an opinion names; None when none has one."""
    named: list[Endpoint] = sorted({item.primary for item in current.sentinels if item.primary is not None})
    if not named:
        return None
    if len(named) > 1:
        seen = ", ".join(f"{item.endpoint} says {item.primary}" for item in current.sentinels if item.primary)
        # The Sentinels that did not lead an election learn its outcome up to 2 s later.
        raise Disputed(
            f"split brain: the Sentinels disagree about the primary {desired.name} ({seen}). "
            f"Nothing was changed; {_RESOLVE}",
            transient=True,
        )
    node = current.node(named[0])
    if node is None:
        raise Disputed(
            f"the Sentinels watch {named[0]} as the primary {desired.name}, which is not a declared node; "
            f"declare it, or {_RESOLVE}"
        )
    if not node.is_primary:
        raise Disputed(
            f"the Sentinels name {node.endpoint} as the primary {desired.name}, and it follows {node.follows}; "
            f"{_RESOLVE}",
            transient=True,
            evident=_took_over(current, node),
        )
    return node.endpoint


def _took_over(current: Topology, former: Node) -> Endpoint | None:
    """The primary that replaced `former` in a failover which ended there, known by its having every write."""
    target = current.node(former.follows)
    if target is None or not target.is_primary:
        return None
    others = [node for node in current.nodes if node != target]
    if all(target.history.contains(node.history) or node.is_empty for node in others):
        return target.endpoint
    return None


def _follows(current: Topology, endpoint: Endpoint) -> Endpoint | None:
    node = current.node(endpoint)
    return node.follows if node is not None else None
