# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry the plan of a cluster out, each step until all nodes see its effect, and prove that the cluster is whole."""

from __future__ import annotations

from typing import Callable

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_topology import configure, permit
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import Client
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection_cluster import ClusterClient
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_cluster import Cluster
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import Desired, Unsettled
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_cluster import (
    Assign,
    ClusterPlan,
    Forget,
    Meet,
    Mend,
    Move,
    Replicate,
    TakeOver,
    faults,
    plan_cluster,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_topology import Configure, Permit

TAKE_OVER_SECONDS = 10.0


def settled_cluster(client: ClusterClient, desired: Desired, deadline: Deadline) -> tuple[Cluster, ClusterPlan]:
    """Read and plan; while nodes do not agree yet, again until `deadline`. Raises what the last plan raised."""
    last: list[Unsettled] = []

    def probe() -> tuple[Cluster, ClusterPlan] | None:
        try:
            current = client.read(desired)
            return current, plan_cluster(current, desired)
        except Unsettled as error:
            last[:] = [error]
            return None

    try:
        return deadline.wait(probe, "a settled cluster")
    except DeadlineError:
        raise last[0] from None


def apply_cluster(nodes: Client, client: ClusterClient, plan: ClusterPlan, desired: Desired, seconds: float) -> None:
    """Do the steps in their order, each within `seconds`; moves of slots have a time of their own in `desired`."""
    for step in plan.steps:
        _perform(step, nodes, client, desired, Deadline(seconds))


def prove_cluster(client: ClusterClient, desired: Desired, deadline: Deadline) -> Cluster:
    """Wait until nothing of the cluster is missing, and check that planning again finds nothing to do."""
    missing: list[str] = []

    def probe() -> Cluster | None:
        seen = client.read(desired)
        missing[:] = faults(seen)
        if missing:
            return None
        try:
            left = plan_cluster(seen, desired).steps
        except Unsettled as error:
            missing[:] = [str(error)]
            return None
        missing[:] = [f"{step.target} still needs to {step.action}: {step.why}" for step in left]
        return None if missing else seen

    try:
        return deadline.wait(probe, "the whole cluster")
    except DeadlineError as error:
        raise DeadlineError(f"after {deadline.seconds:g} s {'; '.join(missing)}") from error


def _perform(step: Step, nodes: Client, client: ClusterClient, desired: Desired, deadline: Deadline) -> None:
    """One step of a plan, between any two of which a kill must do no harm."""
    _STEPS[type(step)](nodes, client, step, desired, deadline)


def _configure(nodes: Client, _client: ClusterClient, step: Configure, _desired: Desired, _deadline: Deadline) -> None:
    configure(nodes, step)


def _permit(nodes: Client, _client: ClusterClient, step: Permit, desired: Desired, _deadline: Deadline) -> None:
    permit(nodes, step, desired)


def _mend(_nodes: Client, client: ClusterClient, step: Mend, desired: Desired, deadline: Deadline) -> None:
    client.mend(step.node, Deadline(desired.move_timeout))
    _until(client, desired, deadline, "the end of moves", lambda seen: not _moving(seen))


def _meet(_nodes: Client, client: ClusterClient, step: Meet, desired: Desired, deadline: Deadline) -> None:
    client.meet(step.node, step.via)

    def known(seen: Cluster) -> bool:
        by_place = {one.endpoint: one for one in seen.nodes}
        one, other = by_place[step.node], by_place[step.via]
        return one.identity in other.known and other.identity in one.known

    _until(client, desired, deadline, f"the meeting of {step.node} and {step.via}", known)


def _assign(_nodes: Client, client: ClusterClient, step: Assign, _desired: Desired, _deadline: Deadline) -> None:
    client.assign(step.node, step.ranges)


def _take_over(_nodes: Client, client: ClusterClient, step: TakeOver, desired: Desired, _deadline: Deadline) -> None:
    client.take_over(step.node)
    # Redis gives a manual failover up after 5 s, and the primary serves as before: CLUSTER_MF_TIMEOUT in its source.
    _until(
        client,
        desired,
        Deadline(TAKE_OVER_SECONDS),
        f"{step.node} taking over",
        lambda seen: all(one.myself.slots for one in seen.nodes if one.endpoint == step.node),
    )


def _replicate(_nodes: Client, client: ClusterClient, step: Replicate, desired: Desired, deadline: Deadline) -> None:
    # Gossip takes a moment to tell a node of the one that it is to follow, and that it is a primary by now.
    def known(seen: Cluster) -> bool:
        (one,) = [one for one in seen.nodes if one.endpoint == step.node]
        return any(item.identity == step.identity and item.master is None for item in one.members)

    _until(client, desired, deadline, f"{step.node} knowing {step.master} as a primary", known)
    client.replicate(step.node, step.identity)


def _move(_nodes: Client, client: ClusterClient, step: Move, desired: Desired, deadline: Deadline) -> None:
    # redis-cli refuses a cluster whose nodes do not agree yet, and a node that has just come takes no keys.
    _until(client, desired, deadline, "agreement of all nodes", lambda seen: _agree(seen) and not _moving(seen))
    client.move(step.node, step.source, step.identity, step.slots, Deadline(desired.move_timeout))


def _forget(_nodes: Client, client: ClusterClient, step: Forget, desired: Desired, deadline: Deadline) -> None:
    if step.reset:
        client.reset(step.node)
    client.forget(step.identity, desired.nodes)
    _until(
        client,
        desired,
        deadline,
        f"forgetting {step.node}",
        lambda seen: all(step.identity not in one.known for one in seen.nodes),
    )


_STEPS: dict = {
    Permit: _permit,
    Configure: _configure,
    Mend: _mend,
    Meet: _meet,
    Assign: _assign,
    TakeOver: _take_over,
    Replicate: _replicate,
    Move: _move,
    Forget: _forget,
}


def _agree(seen: Cluster) -> bool:
    """Whether every node knows all others, sees the same node serve each slot, and calls the cluster whole."""
    views = {frozenset((item.identity, item.ranges) for item in one.members if item.slots) for one in seen.nodes}
    everybody = frozenset(one.identity for one in seen.nodes)
    return len(views) == 1 and all(one.whole and everybody <= one.known for one in seen.nodes)


def _moving(seen: Cluster) -> bool:
    return any(item.moving for one in seen.nodes for item in one.members)


def _until(
    client: ClusterClient, desired: Desired, deadline: Deadline, what: str, reached: Callable[[Cluster], bool]
) -> None:
    deadline.wait(lambda: True if reached(client.read(desired)) else None, what)
