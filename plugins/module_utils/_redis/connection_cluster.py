# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All input and output with a Redis Cluster that is not that of a single node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import Client, in_parallel
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_answers import mode_of
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_cluster import (
    Cluster,
    ClusterNode,
    Ranges,
    new_node,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_cluster_answers import members_from
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import Desired, Endpoint

# What redis-cli says before it moves anything, when its own look at all members finds a fault.
_REFUSED = "Please fix your cluster problems"


class OpenSlotsError(StateError):
    """A member of the cluster has slots whose move was cut off."""


class ClusterClient:
    """A cluster by way of the connections of `client`; slots are moved by redis-cli, which knows how."""

    def __init__(self, client: Client, redis_cli: str | None) -> None:
        self._client = client
        self._redis_cli = redis_cli

    def read(self, desired: Desired) -> Cluster:
        """All nodes at once. Raises UnreachableError naming the first that does not answer."""
        return Cluster(tuple(in_parallel(lambda endpoint: self._read_one(endpoint, desired), desired.nodes)))

    def look(self, desired: Desired) -> list[ClusterNode | GantryError]:
        """Each node as it was read, or the sentence of why it was not."""

        def look_at(endpoint: Endpoint) -> ClusterNode | GantryError:
            try:
                return self._read_one(endpoint, desired)
            except GantryError as error:
                return error

        return in_parallel(look_at, desired.nodes)

    def meet(self, node: Endpoint, via: Endpoint) -> None:
        """Introduce the node to the cluster of `via`; what comes of it is seen later."""
        self._tell(node, "CLUSTER", "MEET", self._client.address(via), str(via.port))

    def assign(self, node: Endpoint, ranges: Ranges) -> None:
        """Give the node slots that nobody serves. One command each for Redis 6, which knows no ranges."""
        slots = [str(slot) for first, last in ranges for slot in range(first, last + 1)]
        self._tell(node, "CLUSTER", "ADDSLOTS", *slots)

    def replicate(self, node: Endpoint, identity: str) -> None:
        """Make the node a replica of the member with this identity."""
        self._tell(node, "CLUSTER", "REPLICATE", identity)

    def take_over(self, replica: Endpoint) -> None:
        """Start a manual failover: the primary pauses writes until the replica has them all. OK proves nothing yet."""
        self._tell(replica, "CLUSTER", "FAILOVER")

    def forget(self, identity: str, nodes: Sequence[Endpoint]) -> None:
        """Let all `nodes` forget a member at once, before one of them is told of it again by another."""
        in_parallel(lambda node: self._tell(node, "CLUSTER", "FORGET", identity, unless="Unknown node"), list(nodes))

    def reset(self, node: Endpoint) -> None:
        """Let a node that has left know nothing of the cluster; a replica drops its copy of the data."""
        try:
            self._tell(node, "CLUSTER", "RESET")
        except UnreachableError:
            # It is not declared, so that nobody promised that it answers; the others forget it all the same.
            return

    def move(self, via: Endpoint, source: str, target: str, slots: int, deadline: Deadline) -> None:
        """Move so many slots with their keys, one after the other, while clients go on.

        Raises OpenSlotsError, before anything moves, where redis-cli finds a member with a move that was cut off.
        """
        words = ["--cluster-from", source, "--cluster-to", target, "--cluster-slots", str(slots), "--cluster-yes"]
        try:
            self._run("reshard", via, words, f"moving {slots} slots", deadline)
        except StateError as error:
            if _REFUSED in str(error):
                raise OpenSlotsError(str(error)) from error
            raise

    def mend(self, via: Endpoint, deadline: Deadline) -> None:
        """Finish or undo moves that were cut off."""
        self._run("fix", via, [], "mending a move of slots", deadline)

    def _read_one(self, endpoint: Endpoint, desired: Desired) -> ClusterNode:
        new = new_node(endpoint, desired)
        return self._client.ask(endpoint, lambda at, link: self._read_node(at, link, desired), new)

    def _read_node(self, endpoint: Endpoint, link: Any, desired: Desired) -> ClusterNode:
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
        members = members_from(nodes, endpoint, self._client.book)
        whole = "cluster_state:ok" in state.split()
        node = self._client.with_spellings(self._client.node(endpoint, info, config), link, desired)
        return ClusterNode(node, identity, members, whole)

    def _tell(self, endpoint: Endpoint, *words: str, unless: str = "") -> None:
        self._client.tell(endpoint, words, unless)

    def _run(self, verb: str, via: Endpoint, words: Sequence[str], what: str, deadline: Deadline) -> None:
        if self._redis_cli is None:
            raise StateError(f"redis-cli is not on this host and is needed for {what}; install it")
        arguments, environment = self._client.redis_cli_options()
        argv: list[str] = [self._redis_cli, *arguments, "--cluster", verb, f"{via.host}:{via.port}", *words]
        run(argv, deadline, what=what, env=environment)
