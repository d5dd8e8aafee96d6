# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Redis Cluster is: members with slots, each as the nodes that were read see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    Desired,
    Endpoint,
    Node,
    just_installed,
)

# Of every Redis Cluster: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
SLOTS = 16384

Ranges = tuple[tuple[int, int], ...]


def count(ranges: Ranges) -> int:
    """How many slots the ranges hold, both ends included."""
    return sum(last - first + 1 for first, last in ranges)


def as_ranges(slots: Sequence[int]) -> Ranges:
    """Sorted slots as ranges, both ends included."""
    found: list[tuple[int, int]] = []
    for slot in slots:
        if found and slot == found[-1][1] + 1:
            found[-1] = (found[-1][0], slot)
        else:
            found.append((slot, slot))
    return tuple(found)


@dataclass(frozen=True)
class Member:
    """A node of the cluster as another one sees it.

    moving: whether a slot is on its way to or from it. answers: whether it has answered the other one's last ping.
    """

    identity: str
    endpoint: Endpoint
    flags: frozenset[str] = frozenset()
    primary: str | None = None
    ranges: Ranges = ()
    moving: bool = False
    linked: bool = True
    answers: bool = True

    @property
    def slots(self) -> int:
        """How many slots it serves."""
        return count(self.ranges)

    @property
    def is_lost(self) -> bool:
        """Whether it is taken for dead."""
        return bool({"fail", "fail?", "noaddr"} & self.flags)


@dataclass(frozen=True)
class ClusterNode:
    """A declared node as it was read. members: as it sees them, itself included. serves: its cluster_state."""

    node: Node
    identity: str
    members: tuple[Member, ...]
    serves: bool = False

    @property
    def endpoint(self) -> Endpoint:
        """Where it is."""
        return self.node.endpoint

    @property
    def myself(self) -> Member:
        """The node as it sees itself."""
        return next(member for member in self.members if member.identity == self.identity)

    @property
    def known(self) -> frozenset[str]:
        """The identities that it knows; a handshake that is under way counts for nothing."""
        return frozenset(member.identity for member in self.members if "handshake" not in member.flags)


def new_node(endpoint: Endpoint, desired: Desired) -> ClusterNode:
    """A node that was never started: empty, and alone."""
    return ClusterNode(just_installed(endpoint, desired), str(endpoint), (Member(str(endpoint), endpoint),))


@dataclass(frozen=True)
class Cluster:
    """The declared nodes in their order, as they were read."""

    nodes: tuple[ClusterNode, ...]

    def endpoints(self) -> dict[str, Endpoint]:
        """Where each member is; a declared one by its declared name."""
        found = {member.identity: member.endpoint for node in self.nodes for member in node.members}
        found.update((node.identity, node.endpoint) for node in self.nodes)
        return found


def new_cluster(desired: Desired) -> Cluster:
    """The nodes when none of them was ever started."""
    return Cluster(tuple(new_node(endpoint, desired) for endpoint in desired.nodes))


@dataclass(frozen=True)
class Layout:
    """Who serves how many slots, and who follows whom, by endpoint."""

    slots: dict[Endpoint, int]
    follows: dict[Endpoint, Endpoint]

    def shown(self) -> dict[str, str]:
        """As a difference shows it."""
        primaries = {str(one): f"primary with {slots} slots" for one, slots in self.slots.items()}
        return {**primaries, **{str(one): f"replica of {primary}" for one, primary in self.follows.items()}}
