# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading of the nodes of a cluster, all at once."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import Client, in_parallel
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_answers import mode_of
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_cluster import Cluster, ClusterNode, new_node
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_cluster_answers import members_from
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import Desired, Endpoint
from ansible_collections.gantry.odoo.plugins.module_utils._redis.read_topology import node_state


def read_cluster(client: Client, desired: Desired) -> Cluster:
    """All nodes. Raises UnreachableError naming the first that does not answer."""
    return Cluster(tuple(in_parallel(lambda endpoint: _read_one(client, endpoint, desired), desired.nodes)))


def look_at_cluster(client: Client, desired: Desired) -> list[ClusterNode | GantryError]:
    """Each node as it was read, or the sentence of why it was not."""

    def look_at(endpoint: Endpoint) -> ClusterNode | GantryError:
        try:
            return _read_one(client, endpoint, desired)
        except GantryError as error:
            return error

    return in_parallel(look_at, desired.nodes)


def _read_one(client: Client, endpoint: Endpoint, desired: Desired) -> ClusterNode:
    def question(_at: Endpoint, link: Any) -> ClusterNode:
        pipeline = link.pipeline(transaction=False)
        pipeline.info()
        pipeline.config_get("*")
        for word in ("MYID", "NODES", "INFO"):
            pipeline.execute_command("CLUSTER", word)
        answers = pipeline.execute(raise_on_error=False)
        info, config, *cluster = answers
        if isinstance(info, dict) and mode_of(info) != "cluster":
            raise StateError(
                f"{endpoint} runs as {mode_of(info)}; a node of a cluster is started with cluster-enabled yes"
            )
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        identity, nodes, state = map(str, cluster)
        members = members_from(nodes, endpoint, client.book)
        node = node_state(client, endpoint, (info, config), link, desired)
        return ClusterNode(node, identity, members, "cluster_state:ok" in state.split())

    return client.ask(endpoint, question, new_node(endpoint, desired))
