# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planned failover: its steps, and which node is the primary while it is under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    NO_FAILOVER,
    Desired,
    Disputed,
    Endpoint,
    Node,
    PlannedFailover,
    Role,
    Topology,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_topology import (
    Follow,
    NodeStep,
    Plan,
    Watch,
    refuse_unreadable,
)

# Seconds before a replica's acknowledgement in which what was written last still reaches it.
LEAD = 0.08


@dataclass(frozen=True)
class FailOver(NodeStep):
    """Promote the node, once it has every write that the primary acknowledged."""


def wanted_failover(plan: Plan, desired: Desired) -> PlannedFailover | None:
    """The planned failover that the caller asked for, None where the declared primary is the primary already."""
    if not desired.failover or plan.primary == desired.primary:
        return None
    return PlannedFailover(plan.primary, desired.primary)


def with_failover(plan: Plan, desired: Desired) -> Plan:
    """The plan, followed by a planned failover. Raises RefusedError for a node that must never be a primary."""
    failover = wanted_failover(plan, desired)
    if failover is None:
        return plan
    refuse_target(plan.after.node(failover.target))
    for node in plan.after.nodes:
        refuse_unreadable(node)
    return replace(
        plan,
        after=after_failover(plan.after, failover.target),
        failover=failover,
        failover_steps=failover_steps(plan.after, desired, failover),
    )


def refuse_target(target: Node | None) -> None:
    """Raise RefusedError for a node whose settings say that it is never to be a primary."""
    if target is not None and target.config.get("replica-priority") == "0":
        raise RefusedError(
            f"{target.endpoint} is to become the primary and its replica-priority is 0, which forbids it; "
            "raise the priority or name another primary"
        )


def failover_steps(current: Topology, desired: Desired, failover: PlannedFailover) -> tuple[Step, ...]:
    """The failover itself, the replicas that follow the new primary, and the Sentinels that watch it."""
    former, target = failover.former, failover.target
    steps: list[Step] = [FailOver("failover", str(target), f"take over from {former}, as declared", target)]
    steps += [
        Follow("follow", str(node.endpoint), f"replica of {target}; it followed {former}", node.endpoint, target)
        for node in current.nodes
        if node.endpoint not in (former, target)
    ]
    parameters = tuple(desired.sentinel_parameters.items())
    steps += [
        Watch(
            "monitor",
            str(item.endpoint),
            f"monitor {target} as {desired.name} instead of {former}",
            item.endpoint,
            target,
            True,
            True,
            parameters,
        )
        for item in current.sentinels
    ]
    return tuple(steps)


def resumed_steps(failover: PlannedFailover | None) -> tuple[Step, ...]:
    """What is told of a failover that an earlier run left open."""
    if failover is None:
        return ()
    why = f"an earlier run was cut off while {failover.former} was replaced"
    return (Step("resume", str(failover.target), why),)


def after_failover(current: Topology, target: Endpoint) -> Topology:
    """The topology that the failover leads to."""
    return Topology(
        nodes=tuple(replace(node, follows=None if node.endpoint == target else target) for node in current.nodes),
        sentinels=tuple(replace(item, primary=target) for item in current.sentinels),
    )


def primary_of(failover: PlannedFailover, former: Role | None, target: Role | None) -> Endpoint | None:
    """The primary by what the two say, None while that is open. A role is None where the node does not answer.

    It is the target once that takes writes, since it becomes a primary only after it has every write and the former one
    has ended taking them; the former one when FAILOVER was given up; a third one where Sentinels elected it meanwhile.

    Raises Disputed when both take writes, which no order of steps here leads to.
    """
    if target is not None and target.follows is None:
        if former is None or former.follows is not None:
            return failover.target
        if former.failover != NO_FAILOVER:
            return None
        raise Disputed(
            f"split brain: both {failover.former} and {failover.target} are primaries after a failover was cut off; "
            "set resolve to the node whose data wins, the other's is saved to snapshot_dir first"
        )
    if target is not None and target.follows != failover.former:
        return target.follows
    if former is not None and former.follows is None and former.failover == NO_FAILOVER:
        return failover.former
    return None


def until_next(told: Sequence[float], now: float) -> float:
    """Seconds from `now` until just before the next of the events that took place at the times `told`.

    0 where there were fewer than two, or where they come so often that waiting for one gains nothing.
    """
    if len(told) < 2 or told[-1] - told[-2] < 5 * LEAD:
        return 0.0
    return max(0.0, 2 * told[-1] - told[-2] - LEAD - now)
