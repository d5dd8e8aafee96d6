# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry the plan of a cluster out, each step until all nodes see its effect, and prove that the cluster is healthy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    DeadlineError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Hands, carry_out
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_node import redis_cli_options, tell
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_topology import node_hands
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import Client, in_parallel
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_cluster import Cluster
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import Desired, Endpoint, Unsettled
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
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_election import retry_seconds, unheard
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_passwords import RemovePassword
from ansible_collections.gantry.odoo.plugins.module_utils._redis.read_cluster import read_cluster

TAKE_OVER_SECONDS = 10.0
# What redis-cli says before it moves anything, when its own look at all members finds a fault.
_REFUSED = "Please fix your cluster problems"


class OpenSlotsError(StateError):
    """A member of the cluster has slots whose move was cut off."""


def settled_cluster(client: Client, desired: Desired, deadline: Deadline) -> tuple[Cluster, ClusterPlan]:
    """Read and plan; while nodes do not agree yet, again until `deadline`. Raises what the last plan raised."""
    last: list[Unsettled] = []

    def probe() -> tuple[Cluster, ClusterPlan] | None:
        try:
            current = read_cluster(client, desired)
            return current, plan_cluster(current, desired)
        except Unsettled as error:
            last[:] = [error]
            return None

    try:
        return deadline.wait(probe, "a settled cluster")
    except DeadlineError:
        raise last[0] from None


def apply_cluster(client: Client, plan: ClusterPlan, desired: Desired, redis_cli: str | None, seconds: float) -> None:
    """Do the steps in their order, each within `seconds`; moves of slots have a time of their own in `desired`.

    redis_cli: the program that moves slots with their keys, where it is on this host.
    """
    cluster = ClusterHands(client, desired, redis_cli, seconds)
    hands: Hands = {**node_hands(client, desired), **cluster.by_class()}
    for step in plan.steps:
        if isinstance(step, RemovePassword):
            cluster.until_healthy()
        carry_out(step, hands)


def prove_cluster(client: Client, desired: Desired, deadline: Deadline) -> Cluster:
    """Wait until nothing of the cluster is missing, and check that planning again finds nothing to do."""
    missing: list[str] = []

    def probe() -> Cluster | None:
        try:
            seen = read_cluster(client, desired)
            missing[:] = map(str, faults(seen))
            if missing:
                return None
            left = plan_cluster(seen, desired).steps
        except Unsettled as error:
            missing[:] = [str(error)]
            return None
        missing[:] = [f"{step.target} still needs to {step.action}: {step.why}" for step in left]
        return None if missing else seen

    try:
        return deadline.wait(probe, "a healthy cluster")
    except DeadlineError as error:
        raise DeadlineError(f"after {deadline.seconds:g} s {'; '.join(missing)}") from error


@dataclass(frozen=True)
class ClusterHands:
    """What carries out the steps of a cluster, each until all nodes see its effect. seconds: for each of them."""

    client: Client
    desired: Desired
    redis_cli: str | None
    seconds: float

    def by_class(self) -> Hands:
        """The hand of each step."""
        return {
            Mend: self.mend,
            Meet: self.meet,
            Assign: self.assign,
            TakeOver: self.take_over,
            Replicate: self.replicate,
            Move: self.move,
            Forget: self.forget,
        }

    def mend(self, step: Mend) -> None:
        """Finish or undo moves of slots that were cut off."""
        self._mend(step.node, Deadline(self.desired.move_timeout))
        self._until("the end of moves", lambda seen: not _moving(seen))

    def meet(self, step: Meet) -> None:
        """Introduce a node to another, and wait until they know each other."""
        self._tell(step.node, "CLUSTER", "MEET", self.client.address(step.via), str(step.via.port))

        def known(seen: Cluster) -> bool:
            by_place = {one.endpoint: one for one in seen.nodes}
            one, other = by_place[step.node], by_place[step.via]
            return one.identity in other.known and other.identity in one.known

        self._until(f"the meeting of {step.node} and {step.via}", known)

    def assign(self, step: Assign) -> None:
        """Give a node slots that nobody serves. One command each for Redis 6, which knows no ranges."""
        slots = [str(slot) for first, last in step.ranges for slot in range(first, last + 1)]
        self._tell(step.node, "CLUSTER", "ADDSLOTS", *slots)

    def take_over(self, step: TakeOver) -> None:
        """Promote a replica: its primary pauses writes until the replica has them all. OK proves nothing yet."""
        retry_s = self._until_electable(step.node)
        self._tell(step.node, "CLUSTER", "FAILOVER")
        # Redis gives up after 5 s, and the primary serves as before: CLUSTER_MF_TIMEOUT in its source.
        try:
            self._until(
                f"{step.node} taking over",
                lambda seen: all(one.myself.slots for one in seen.nodes if one.endpoint == step.node),
                TAKE_OVER_SECONDS,
            )
        except DeadlineError as error:
            raise DeadlineError(
                f"{error}, so its primary serves as before; see the log of {step.node} for why, and run again after "
                f"{retry_s:g} s, as Redis may hold no other election before"
            ) from error

    def replicate(self, step: Replicate) -> None:
        """Make a node a replica. It must know its primary as one, which gossip brings late and may unsay."""

        def follows(seen: Cluster) -> bool:
            (one,) = [one for one in seen.nodes if one.endpoint == step.node]
            if one.myself.primary == step.identity:
                return True
            if any(item.identity == step.identity and item.primary is None for item in one.members):
                words = ("CLUSTER", "REPLICATE", step.identity)
                tell(self.client, step.node, words, unless="I can only replicate")
            return False

        self._until(f"{step.node} following {step.primary}", follows)

    def move(self, step: Move) -> None:
        """Move slots with their keys, one after the other, while clients go on."""
        # redis-cli refuses a cluster whose nodes do not agree yet, and a node that has just come takes no keys.
        deadline = Deadline(self.desired.move_timeout)
        self._until("agreement of all nodes", lambda seen: _agree(seen) and not _moving(seen))
        try:
            self._reshard(step, deadline)
        except OpenSlotsError:
            # A member that is not declared is not read, and a move that was cut off may be open on it alone.
            self._mend(step.node, deadline)
            self._until("agreement of all nodes", _agree)
            self._reshard(step, deadline)

    def forget(self, step: Forget) -> None:
        """Take a member out of the cluster. All forget it at once, before one of them is told of it by another."""
        if step.reset:
            self._reset(step.node)
        words = ("CLUSTER", "FORGET", step.identity)
        in_parallel(lambda node: tell(self.client, node, words, unless="Unknown node"), list(self.desired.nodes))
        self._until(f"forgetting {step.node}", lambda seen: all(step.identity not in one.known for one in seen.nodes))

    def until_healthy(self) -> None:
        """Wait until nothing of the cluster is missing."""
        self._until("a healthy cluster", lambda seen: not faults(seen))

    def _until_electable(self, node: Endpoint) -> float:
        """Wait until votes would reach a node, as its primary pauses writes in vain otherwise.

        Returns the seconds until it may ask for votes again, should it not win.
        """
        silent: list[str] = []
        retry: list[float] = []

        def heard(seen: Cluster) -> bool:
            silent[:], retry[:] = unheard(seen, node), [retry_seconds(seen, node)]
            return not silent

        try:
            self._until(f"{node} being heard", heard)
        except DeadlineError as error:
            raise DeadlineError(
                f"{node} was not told to take over, as after {self.seconds:g} s {'; '.join(silent) or error}; "
                "let the nodes reach each other's cluster bus and run again"
            ) from error
        return retry[0]

    def _reset(self, node: Endpoint) -> None:
        """Let a node that has left know nothing of the cluster; a replica drops its copy of the data."""
        try:
            self._tell(node, "CLUSTER", "RESET")
        except UnreachableError:
            # It is not declared, so that nobody promised that it answers; the others forget it all the same.
            return

    def _mend(self, via: Endpoint, deadline: Deadline) -> None:
        self._run("fix", via, [], "mending a move of slots", deadline)

    def _reshard(self, step: Move, deadline: Deadline) -> None:
        """Raises OpenSlotsError, before anything moves, where redis-cli finds a member with a move that was cut off."""
        words = ["--cluster-from", step.source, "--cluster-to", step.identity, "--cluster-slots", str(step.slots)]
        try:
            self._run("reshard", step.node, [*words, "--cluster-yes"], f"moving {step.slots} slots", deadline)
        except StateError as error:
            if _REFUSED in str(error):
                raise OpenSlotsError(str(error)) from error
            raise

    def _run(self, verb: str, via: Endpoint, words: Sequence[str], what: str, deadline: Deadline) -> None:
        if self.redis_cli is None:
            raise StateError(f"redis-cli is not on this host and is needed for {what}; install it")
        arguments, environment = redis_cli_options(self.client.access)
        argv: list[str] = [self.redis_cli, *arguments, "--cluster", verb, f"{via.host}:{via.port}", *words]
        run(argv, deadline, what=what, env=environment)

    def _tell(self, node: Endpoint, *words: str) -> None:
        tell(self.client, node, words)

    def _until(self, what: str, reached: Callable[[Cluster], bool], seconds: float | None = None) -> None:
        def probe() -> bool | None:
            try:
                return True if reached(read_cluster(self.client, self.desired)) else None
            except Unsettled:
                # a replica that takes over a copy is loading it
                return None

        Deadline(self.seconds if seconds is None else seconds).wait(probe, what)


def _agree(seen: Cluster) -> bool:
    """Whether every node knows all others, sees the same node serve each slot, and reports that it is complete."""
    views = {frozenset((item.identity, item.ranges) for item in one.members if item.slots) for one in seen.nodes}
    everybody = frozenset(one.identity for one in seen.nodes)
    return len(views) == 1 and all(one.serves and everybody <= one.known for one in seen.nodes)


def _moving(seen: Cluster) -> bool:
    return any(item.moving for one in seen.nodes for item in one.members)
