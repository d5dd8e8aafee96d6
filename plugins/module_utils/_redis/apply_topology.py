# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry a plan out, and prove afterwards that the topology is whole: links up, Sentinels in agreement, quorum there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Hands, carry_out
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import Client
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    Desired,
    Disputed,
    Endpoint,
    Topology,
    Unsettled,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_topology import (
    Configure,
    Follow,
    Permit,
    Plan,
    Promote,
    Snapshot,
    Watch,
    Write,
    make_plan,
    plan_or_resolve,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_faults import faults


@dataclass(frozen=True)
class SnapshotPlace:
    """Where losers' data goes: a directory of this host, and the redis-cli that copies it (None when not found)."""

    directory: str
    redis_cli: str | None


def settled_plan(client: Client, desired: Desired, deadline: Deadline) -> tuple[Topology, Plan]:
    """Read and plan; while the topology moves by itself, again until `deadline`. Raises what the last plan raised."""

    def look(waited: bool) -> tuple[Topology, Plan]:
        current = client.read(desired)
        return current, plan_or_resolve(current, desired, waited)

    def probe() -> tuple[Topology, Plan] | None:
        try:
            return look(waited=False)
        except Disputed as dispute:
            if not dispute.transient:
                raise
        except Unsettled:
            pass
        return None

    try:
        return deadline.wait(probe, "a settled topology")
    except DeadlineError:
        return look(waited=True)


def apply_plan(client: Client, plan: Plan, desired: Desired, place: SnapshotPlace, deadline: Deadline) -> list[str]:
    """Do the steps in their order and return the files that snapshots were kept in."""
    hands: Hands = {
        **node_hands(client, desired),
        Snapshot: lambda step: snapshot(client, step, desired, place, deadline),
        Write: lambda step: client.persist([step.node]),
        Promote: lambda step: client.change_node(step.node, [("REPLICAOF", "NO", "ONE")]),
        Follow: lambda step: follow(client, step.node, step.primary),
    }
    watches = [step for step in plan.steps if isinstance(step, Watch)]
    files = [carry_out(step, hands) for step in plan.steps if isinstance(step, Snapshot)]
    for step in plan.steps:
        if not isinstance(step, (Snapshot, Watch)):
            carry_out(step, hands)
    if watches:
        wait_whole(client, desired, plan.primary, deadline, sentinels=False)
        watch_all(client, desired.name, watches)
    return [file for file in files if file]


def node_hands(client: Client, desired: Desired) -> Hands:
    """What carries out the steps that a cluster and a replicated topology share."""
    return {
        Configure: lambda step: configure(client, step),
        Permit: lambda step: permit(client, step, desired),
    }


def configure(client: Client, step: Configure) -> None:
    """Set what a step holds."""
    client.change_node(step.node, client.settings_commands(step.settings, step.authenticate, step.together))


def permit(client: Client, step: Permit, desired: Desired) -> None:
    """Make the users of a step what they are declared as, or delete them where they are declared as absent or not."""
    declared = {user.name: user for user in desired.users if user.present}
    commands: list[Sequence[str]] = [declared[name].words() for name in step.names if name in declared]
    gone = [name for name in step.names if name not in declared]
    if gone:
        commands.append(("ACL", "DELUSER", *gone))
    client.change_node(step.node, commands, save_users=step.save)


def follow(client: Client, node: Endpoint, primary: Endpoint) -> None:
    """Make the node a replica of `primary`."""
    client.change_node(node, [("REPLICAOF", client.address(primary), str(primary.port))])


def watch_all(client: Client, name: str, steps: Sequence[Watch]) -> None:
    """Point the Sentinels. All forget the old primary before one learns the new: a Sentinel that still knew it would
    tell the others, with a newer epoch, to go back to it."""
    client.change_sentinels({step.sentinel: [("SENTINEL", "REMOVE", name)] for step in steps if step.replace})
    client.change_sentinels({step.sentinel: sentinel_commands(client, name, step) for step in steps})


def sentinel_commands(client: Client, name: str, step: Watch) -> list[Sequence[str]]:
    """What a Sentinel is sent. The credentials stand first in SET: parameters that are right prove that it got them."""
    commands: list[Sequence[str]] = []
    parameters = dict(step.parameters)
    if step.start:
        quorum = str(parameters["quorum"])
        address = client.address(step.primary)
        commands.append(("SENTINEL", "MONITOR", name, address, str(step.primary.port), quorum))
    words = [word for pair in parameters.items() for word in (pair[0], str(pair[1]))]
    commands.append(("SENTINEL", "SET", name, *client.sentinel_credentials(), *words))
    return commands


def wait_whole(
    client: Client, desired: Desired, primary: Endpoint, deadline: Deadline, sentinels: bool = True
) -> Topology:
    """Wait until nothing of the topology is missing and return it. Raises DeadlineError with what still is."""
    missing: list[str] = []

    def probe() -> Topology | None:
        try:
            seen = client.read(desired)
        except Unsettled as error:
            missing[:] = [str(error)]
            return None
        missing[:] = faults(seen, desired, primary, sentinels)
        return None if missing else seen

    try:
        return deadline.wait(probe, "the whole topology")
    except DeadlineError as error:
        raise DeadlineError(f"after {deadline.seconds:g} s {'; '.join(missing)}") from error


def prove(client: Client, primary: Endpoint, desired: Desired, deadline: Deadline) -> Topology:
    """Wait for the whole topology under `primary`, and check that planning again finds nothing to do."""
    seen = wait_whole(client, desired, primary, deadline)
    left = make_plan(seen, desired).steps
    if left:
        raise StateError(f"after all steps {left[0].target} still needs to {left[0].action}: {left[0].why}")
    return seen


def snapshot(client: Client, step: Snapshot, desired: Desired, place: SnapshotPlace, deadline: Deadline) -> str:
    """Keep the data of a node that is to give it up, and return the file."""
    if place.redis_cli is None:
        raise StateError(f"redis-cli is not on this host and is needed to save the data of {step.node}; install it")
    os.makedirs(place.directory, mode=0o700, exist_ok=True)
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    path = os.path.join(place.directory, f"{desired.name}-{step.node.host}-{step.node.port}-{stamp}.rdb")
    client.snapshot(step.node, path, place.redis_cli, deadline)
    return path
