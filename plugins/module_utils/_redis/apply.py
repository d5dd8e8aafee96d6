# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry a plan out, and prove afterwards that the topology is whole: links up, Sentinels in agreement, quorum there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import FrozenSet, Iterable, List, Optional, Sequence, Tuple

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._redis.client import Client
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model import (
    Desired,
    Disputed,
    Endpoint,
    Node,
    Sentinel,
    Topology,
    Unsettled,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan import (
    Configure,
    Follow,
    Plan,
    Promote,
    Snapshot,
    Watch,
    make_plan,
    plan_or_resolve,
)


@dataclass(frozen=True)
class SnapshotPlace:
    """Where losers' data goes: a directory of this host, and the redis-cli that copies it (None when not found)."""

    directory: str
    redis_cli: Optional[str]


def settled_plan(client: Client, desired: Desired, deadline: Deadline) -> Tuple[Topology, Plan]:
    """Read and plan; while the topology moves by itself, again until `deadline`. Raises what the last plan raised."""

    def look(waited: bool) -> Tuple[Topology, Plan]:
        current = client.read(desired)
        return current, plan_or_resolve(current, desired, waited)

    def probe() -> Optional[Tuple[Topology, Plan]]:
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


def apply_plan(client: Client, plan: Plan, desired: Desired, place: SnapshotPlace, deadline: Deadline) -> List[str]:
    """Do the steps in their order and return the files that snapshots were kept in."""
    files = _snapshot(client, [step for step in plan.steps if isinstance(step, Snapshot)], desired, place, deadline)
    watches = [step for step in plan.steps if isinstance(step, Watch)]
    for step in plan.steps:
        if isinstance(step, Configure):
            client.change_node(step.node, client.settings_commands(step.settings, step.authenticate, step.together))
        elif isinstance(step, Promote):
            client.change_node(step.node, [("REPLICAOF", "NO", "ONE")])
        elif isinstance(step, Follow):
            client.change_node(step.node, [("REPLICAOF", client.address(step.master), str(step.master.port))])
    if watches:
        wait_whole(client, desired, plan, deadline, sentinels=False)
    for watch in watches:
        client.change_sentinel(watch.sentinel, sentinel_commands(client, desired.name, watch))
    return files


def sentinel_commands(client: Client, name: str, step: Watch) -> List[Sequence[str]]:
    """What a Sentinel is sent. The credentials stand first in SET: parameters that are right prove that it got them."""
    commands: List[Sequence[str]] = []
    parameters = dict(step.parameters)
    if step.replace:
        commands.append(("SENTINEL", "REMOVE", name))
    if step.start:
        quorum = str(parameters["quorum"])
        address = client.address(step.master)
        commands.append(("SENTINEL", "MONITOR", name, address, str(step.master.port), quorum))
    words = [word for pair in parameters.items() for word in (pair[0], str(pair[1]))]
    commands.append(("SENTINEL", "SET", name, *client.sentinel_credentials(), *words))
    return commands


def wait_whole(client: Client, desired: Desired, plan: Plan, deadline: Deadline, sentinels: bool = True) -> Topology:
    """Wait until nothing of the topology is missing and return it. Raises DeadlineError with what still is."""
    missing: List[str] = []

    def probe() -> Optional[Topology]:
        try:
            seen = client.read(desired)
        except Unsettled as error:
            missing[:] = [str(error)]
            return None
        missing[:] = faults(seen, desired, plan.master, sentinels)
        return None if missing else seen

    try:
        return deadline.wait(probe, "the whole topology")
    except DeadlineError as error:
        raise DeadlineError(f"after {deadline.seconds:g} s {'; '.join(missing)}") from error


def faults(seen: Topology, desired: Desired, master: Endpoint, sentinels: bool = True) -> List[str]:
    """What is not as it must be, beyond what a plan changes."""
    found = [words for node in seen.nodes for words in _node_faults(node, master)]
    if sentinels:
        nodes = frozenset(node.endpoint for node in seen.nodes)
        others = len(desired.sentinels) - 1
        found += [words for item in seen.sentinels for words in _sentinel_faults(item, master, nodes, others)]
    return found


def _node_faults(node: Node, master: Endpoint) -> Iterable[str]:
    if not node.persisted:
        yield f"{node.endpoint} could not write its data to disk"
    if node.endpoint == master:
        if not node.is_master:
            yield f"{node.endpoint} is no master, it follows {node.follows}"
    elif node.follows != master:
        yield f"{node.endpoint} follows {node.follows}, not {master}"
    elif not node.link_up:
        yield f"{node.endpoint} has no link to {master}"


def _sentinel_faults(item: Sentinel, master: Endpoint, nodes: FrozenSet[Endpoint], others: int) -> Iterable[str]:
    unknown = sorted(nodes - {master} - item.replicas)
    if item.master != master:
        yield f"Sentinel {item.endpoint} watches {item.master}, not {master}"
    elif {"disconnected", "s_down"} & item.flags:
        # A Sentinel that was given the password again connects anew, which takes it a moment.
        yield f"Sentinel {item.endpoint} has no link to {master}: see whether it has the right password"
    elif not item.quorum_ok:
        yield f"Sentinel {item.endpoint} has no quorum: {item.quorum_words}"
    elif item.others < others:
        yield f"Sentinel {item.endpoint} knows {item.others} of {others} others"
    elif unknown:
        yield f"Sentinel {item.endpoint} does not know the replica {unknown[0]}"


def prove(client: Client, plan: Plan, desired: Desired, deadline: Deadline) -> Topology:
    """Wait for the whole topology, and check that planning again finds nothing to do."""
    seen = wait_whole(client, desired, plan, deadline)
    left = make_plan(seen, desired).steps
    if left:
        raise StateError(f"after all steps {left[0].target} still needs to {left[0].action}: {left[0].why}")
    return seen


def _snapshot(
    client: Client, steps: Sequence[Step], desired: Desired, place: SnapshotPlace, deadline: Deadline
) -> List[str]:
    losers = [step.node for step in steps if isinstance(step, Snapshot)]
    if not losers:
        return []
    if place.redis_cli is None:
        raise StateError(f"redis-cli is not on this host and is needed to save the data of {losers[0]}; install it")
    os.makedirs(place.directory, mode=0o700, exist_ok=True)
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    files = []
    for loser in losers:
        path = os.path.join(place.directory, f"{desired.name}-{loser.host}-{loser.port}-{stamp}.rdb")
        client.snapshot(loser, path, place.redis_cli, deadline)
        files.append(path)
    return files
