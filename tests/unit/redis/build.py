# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Topologies for the unit tests: short to write, and right wherever a test does not say otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_request import read_request
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    Desired,
    Endpoint,
    History,
    Node,
    Sentinel,
    Topology,
)

ONE, TWO, THREE = (Endpoint(f"10.0.0.{number}", 6379) for number in (1, 2, 3))
S_ONE, S_TWO, S_THREE = (Endpoint(f"10.0.0.{number}", 26379) for number in (1, 2, 3))
CONFIG = {
    "maxmemory": "0",
    "maxmemory-policy": "noeviction",
    "appendonly": "no",
    "appendfsync": "everysec",
    "save": "3600 1 300 100 60 10000",
    "min-replicas-to-write": "0",
    "min-replicas-max-lag": "10",
}
PARAMETERS = {"quorum": 2, "down-after-milliseconds": 5000, "failover-timeout": 60000, "parallel-syncs": 1}
OTHER = "b" * 40


def params(**changes: Any) -> dict[str, Any]:
    """The module's parameters as Ansible fills them in, for three nodes with three Sentinels."""
    return {
        "nodes": [{"host": item.host, "port": item.port} for item in (ONE, TWO, THREE)],
        "sentinels": [{"host": item.host, "port": item.port} for item in (S_ONE, S_TWO, S_THREE)],
        "mode": "sentinel",
        "name": "main",
        "primary": None,
        "quorum": None,
        "sentinel_settings": {},
        "purpose": "cache",
        "settings": {"maxmemory": "256mb"},
        "memory_share": None,
        "resolve": None,
        "replicas": None,
        "failover": "never",
        "failover_timeout": 5.0,
        "move_timeout": 3600.0,
        "connect_timeout": 5.0,
        "username": None,
        "password": "hunter2",
        "former_passwords": [],
        "keep_former_passwords": False,
        "users": [],
        "purge_users": False,
        "forget_sentinels": False,
        "replication_username": None,
        "replication_password": None,
        "sentinel_username": None,
        "sentinel_password": None,
        **changes,
    }


def desired(**changes: Any) -> Desired:
    """The wish that the parameters express."""
    return read_request(params(**changes))


def replicated(**changes: Any) -> Desired:
    """The same without Sentinels."""
    return desired(mode="replicated", sentinels=[], **changes)


def node(endpoint: Endpoint, **changes: Any) -> Node:
    """A fresh, empty primary that was started with a configuration file."""
    fresh = Node(
        endpoint=endpoint,
        history=History(replid=endpoint.host.rjust(40, "f"), offset=0),
        version="8.0.2",
        config_file="/etc/redis/redis.conf",
        memory_bytes=8 * 1024**3,
        config=CONFIG,
    )
    return replace(fresh, **changes)


def replica(endpoint: Endpoint, primary: Node, **changes: Any) -> Node:
    """A replica with a live link that holds what its primary holds."""
    linked = {"follows": primary.endpoint, "link_up": True, "history": primary.history, "keys": primary.keys}
    return node(endpoint, **{**linked, "config": primary.config, **changes})


def watching(endpoint: Endpoint, primary: Endpoint, *replicas: Endpoint, **changes: Any) -> Sentinel:
    """A Sentinel that watches `primary` with the default parameters."""
    seen = Sentinel(
        endpoint=endpoint,
        primary=primary,
        flags=frozenset({"master"}),
        parameters=PARAMETERS,
        replicas=frozenset(replicas),
        others=2,
        quorum_ok=True,
    )
    return replace(seen, **changes)


def fresh() -> Topology:
    """Three nodes and Sentinels that were just started."""
    return Topology(tuple(map(node, (ONE, TWO, THREE))), tuple(map(Sentinel, (S_ONE, S_TWO, S_THREE))))


def healthy(primary: Endpoint = ONE, wish: Desired | None = None) -> Topology:
    """Everything as the wish has it, under this primary, with data."""
    config = {**CONFIG, **(wish or desired()).settings}
    ruling = node(primary, keys=9, history=History("a" * 40, 900), config=config)
    others = [item for item in (ONE, TWO, THREE) if item != primary]
    nodes = {primary: ruling, **{item: replica(item, ruling) for item in others}}
    ordered = tuple(nodes[item] for item in (ONE, TWO, THREE))
    return Topology(ordered, tuple(watching(item, primary, *others) for item in (S_ONE, S_TWO, S_THREE)))


def with_nodes(topology: Topology, *nodes: Node) -> Topology:
    """The topology with some nodes exchanged."""
    changed = {item.endpoint: item for item in nodes}
    return replace(topology, nodes=tuple(changed.get(item.endpoint, item) for item in topology.nodes))


def with_sentinels(topology: Topology, *sentinels: Sentinel) -> Topology:
    """The topology with some Sentinels exchanged."""
    changed = {item.endpoint: item for item in sentinels}
    return replace(topology, sentinels=tuple(changed.get(item.endpoint, item) for item in topology.sentinels))
