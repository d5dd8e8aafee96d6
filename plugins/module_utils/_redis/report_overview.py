# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a topology fares, as redis_topology_info returns it; what does not answer is told and hides nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Union

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_faults import (
    CUT_OFF,
    NO_PRIMARY,
    UNREACHABLE,
    UNREAD,
    Fault,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    Desired,
    Disputed,
    Endpoint,
    Node,
    PlannedFailover,
    Sentinel,
    Topology,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_primary import find_primary
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_topology import make_plan
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_faults import faults

Seen = Union[Node, GantryError]
SeenSentinel = Union[Sentinel, GantryError]


def look_over(
    desired: Desired, nodes: Sequence[Seen], sentinels: Sequence[SeenSentinel], left: PlannedFailover | None
) -> dict[str, Any]:
    """All that is known of the topology. left: the failover that an earlier run did not end."""
    read = Topology(
        tuple(state for state in nodes if isinstance(state, Node)),
        tuple(state for state in sentinels if isinstance(state, Sentinel)),
    )
    silent = [state for state in (*nodes, *sentinels) if isinstance(state, GantryError)]
    primary = _primary(read, desired)
    broken = unread([*desired.nodes, *desired.sentinels], [*nodes, *sentinels])
    if primary is None:
        broken.append(Fault("", NO_PRIMARY, "no single node is the primary"))
    else:
        broken += faults(read, desired, primary)
    if left is not None:
        broken.append(Fault("", CUT_OFF, f"a failover from {left.former} to {left.target} was cut off"))
    steps, refused = _next(read, desired, silent)
    return {
        "primary": _endpoint(primary),
        "nodes": [node_facts(where, state, read.node(primary)) for where, state in zip(desired.nodes, nodes)],
        "sentinels": [sentinel_facts(where, state) for where, state in zip(desired.sentinels, sentinels)],
        **fault_facts(broken),
        "next_steps": [step.as_dict() for step in steps],
        "refused": refused,
        "unfinished_failover": {"former": _endpoint(left.former), "target": _endpoint(left.target)} if left else None,
    }


def unread(endpoints: Sequence[Endpoint], states: Sequence[object]) -> list[Fault]:
    """A fault for each process that was not read."""
    return [
        Fault(str(where), UNREACHABLE if isinstance(state, UnreachableError) else UNREAD, str(state))
        for where, state in zip(endpoints, states)
        if isinstance(state, GantryError)
    ]


def fault_facts(found: Sequence[Fault]) -> dict[str, Any]:
    """Faults for people, and for a comparison with those of another moment."""
    return {"faults": [one.sentence for one in found], "fault_details": [asdict(one) for one in found]}


def _primary(read: Topology, desired: Desired) -> Endpoint | None:
    try:
        return find_primary(read, desired)
    except Disputed:
        return None


def _next(read: Topology, desired: Desired, silent: Sequence[GantryError]) -> tuple[Sequence[Step], str | None]:
    """The steps of a run now, or why there would be none."""
    if silent:
        return (), str(silent[0])
    try:
        return make_plan(read, desired).steps, None
    except GantryError as error:
        return (), str(error)


def _endpoint(endpoint: Endpoint | None) -> dict[str, Any] | None:
    return None if endpoint is None else {"host": endpoint.host, "port": endpoint.port}


def node_facts(endpoint: Endpoint, state: Node | GantryError, primary: Node | None) -> dict[str, Any]:
    """One data node for a person or a monitor. primary: the primary, where that is known."""
    where: dict[str, Any] = {"host": endpoint.host, "port": endpoint.port}
    if isinstance(state, GantryError):
        return {**where, "answers": False, "error": str(state)}
    health = asdict(state.health)
    limit = state.health.max_bytes
    behind = None if primary is None or state.is_primary else max(0, primary.history.offset - state.history.offset)
    return {
        **where,
        "answers": True,
        "role": "primary" if state.is_primary else "replica",
        "follows": str(state.follows) if state.follows else None,
        "link_up": None if state.is_primary else state.link_up,
        "syncing": state.syncing,
        "lag_s": None if state.is_primary else state.lag_s,
        "lag_bytes": behind,
        "offset": state.history.offset,
        "history": state.history.replid,
        "version": state.version,
        "key_count": state.keys,
        "evicted_keys": state.evicted_keys,
        "memory_pressure": round(state.health.used_bytes / limit, 3) if limit else None,
        **health,
    }


def sentinel_facts(endpoint: Endpoint, state: Sentinel | GantryError) -> dict[str, Any]:
    """One Sentinel for a person or a monitor."""
    where: dict[str, Any] = {"host": endpoint.host, "port": endpoint.port}
    if isinstance(state, GantryError):
        return {**where, "answers": False, "error": str(state)}
    return {
        **where,
        "answers": True,
        "primary": str(state.primary) if state.primary else None,
        "flags": sorted(state.flags),
        "quorum_ok": state.quorum_ok,
        "quorum_words": state.quorum_words,
        "other_sentinels": state.others,
        "replicas": sorted(map(str, state.replicas)),
        "parameters": dict(state.parameters),
    }
