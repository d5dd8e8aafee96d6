# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster as the modules return it and as a difference shows it; no value of a secret setting ever gets here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_cluster import Cluster, ClusterNode, Layout
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_passwords import Rotation
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import Desired
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_cluster import faults, layout, plan_cluster
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_passwords import accepted_after
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_overview import (
    fault_facts,
    node_facts,
    unread,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_topology import passwords_shown


def cluster_shown(
    current: Cluster,
    seen: Layout,
    names: Mapping[str, str],
    wanted: Mapping[str, str] | None = None,
    rotation: Rotation | None = None,
) -> dict[str, Any]:
    """Who serves and who follows, and the managed settings; those `wanted` in place of those that are there.

    rotation: where it has been carried out.
    """
    return {
        "nodes": seen.shown(),
        "settings": {
            str(one.endpoint): {
                **{name: one.node.config.get(name) for name in sorted(names)},
                **(wanted or {}),
                "masterauth": "right" if wanted or one.node.authenticates else "differs",
            }
            for one in current.nodes
        },
        "users": {
            str(one.endpoint): {grant.name: grant.shown(after=wanted is not None) for grant in one.node.grants}
            for one in current.nodes
            if one.node.grants
        },
        **passwords_shown(
            {one.endpoint: accepted_after(one.node.accepted, rotation) or one.node.accepted for one in current.nodes}
        ),
    }


def cluster_facts(seen: Cluster, name: str) -> dict[str, Any]:
    """Who serves how many slots, and who follows whom."""
    there = layout(seen)
    return {
        "mode": "cluster",
        "name": name,
        "primary": None,
        "primaries": [{"host": at.host, "port": at.port, "slots": slots} for at, slots in there.slots.items()],
        "replicas": [
            {
                "host": one.endpoint.host,
                "port": one.endpoint.port,
                "follows": str(there.follows[one.endpoint]),
                "link_up": one.node.link_up,
                "offset": one.node.history.offset,
                "lag_s": one.node.lag_s,
            }
            for one in seen.nodes
            if one.endpoint in there.follows
        ],
        "sentinels": [],
        "quorum_ok": None,
        "evicted_keys": sum(one.node.evicted_keys for one in seen.nodes),
    }


def look_over_cluster(desired: Desired, nodes: Sequence[ClusterNode | GantryError]) -> dict[str, Any]:
    """All that is known of a cluster; a node that does not answer is told and hides nothing else."""
    read = Cluster(tuple(state for state in nodes if isinstance(state, ClusterNode)))
    silent = [str(state) for state in nodes if isinstance(state, GantryError)]
    steps: Sequence[Step] = ()
    refused = silent[0] if silent else None
    if refused is None:
        try:
            steps = plan_cluster(read, desired).steps
        except GantryError as error:
            refused = str(error)
    return {
        "primary": None,
        "nodes": [
            {
                **node_facts(where, state.node if isinstance(state, ClusterNode) else state, None),
                **({"slots": state.myself.slots} if isinstance(state, ClusterNode) else {}),
            }
            for where, state in zip(desired.nodes, nodes)
        ],
        "sentinels": [],
        **fault_facts([*unread(desired.nodes, nodes), *faults(read)]),
        "next_steps": [step.as_dict() for step in steps],
        "refused": refused,
        "unfinished_failover": None,
    }
