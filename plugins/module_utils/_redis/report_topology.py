# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The topology as the module returns it and as a diff shows it; no value of a secret setting ever gets here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_passwords import Accepted
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import Endpoint, Topology, edges


def shown(topology: Topology, settings: Iterable[str]) -> dict[str, Any]:
    """The edges, the managed settings, and the Sentinels' parameters."""
    names = sorted(settings)
    return {
        **edges(topology),
        "settings": {
            str(node.endpoint): {
                **{name: node.config.get(name) for name in names},
                "masterauth": "right" if node.authenticates else "differs",
            }
            for node in topology.nodes
        },
        "users": {
            str(node.endpoint): {grant.name: grant.shown() for grant in node.grants}
            for node in topology.nodes
            if node.grants
        },
        **passwords_shown({item.endpoint: item.accepted for item in topology.servers}),
        "sentinel_parameters": {str(item.endpoint): dict(item.parameters) for item in topology.sentinels},
    }


def passwords_shown(accepted: Mapping[Endpoint, Accepted | None]) -> dict[str, Any]:
    """Which of the module's own passwords each server accepts, where one is changed."""
    found = {str(where): one.shown() for where, one in accepted.items() if one is not None}
    return {"passwords": found} if found else {}


def topology_facts(topology: Topology, primary: Endpoint, mode: str, name: str) -> dict[str, Any]:
    """The topology that was read: who is primary, how far replicas are behind, what the Sentinels say."""
    node = topology.node(primary)
    offset = node.history.offset if node is not None else 0
    return {
        "mode": mode,
        "name": name,
        "primary": {"host": primary.host, "port": primary.port},
        "replicas": [
            {
                "host": node.endpoint.host,
                "port": node.endpoint.port,
                "follows": str(node.follows) if node.follows else None,
                "link_up": node.link_up,
                "offset": node.history.offset,
                # Nodes are read one after the other; a replica read later than its primary is not ahead of it.
                "lag_bytes": max(0, offset - node.history.offset),
                "lag_s": node.lag_s,
            }
            for node in topology.nodes
            if node.endpoint != primary
        ],
        "sentinels": [
            {
                "host": item.endpoint.host,
                "port": item.endpoint.port,
                "primary": str(item.primary) if item.primary else None,
                "quorum": item.parameters.get("quorum"),
                "quorum_ok": item.quorum_ok,
                "other_sentinels": item.others,
            }
            for item in topology.sentinels
        ],
        "quorum_ok": all(item.quorum_ok for item in topology.sentinels) if topology.sentinels else None,
        "evicted_keys": sum(node.evicted_keys for node in topology.nodes),
    }
