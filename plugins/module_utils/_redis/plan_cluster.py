# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a cluster as it was read to the steps that are missing. Nothing here talks to a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_cluster import (
    SLOTS,
    Cluster,
    ClusterNode,
    Layout,
    Member,
    Ranges,
    as_ranges,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_faults import (
    DISK,
    INCOMPLETE,
    LINK,
    LOST,
    UNKNOWN,
    Fault,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    Desired,
    Disputed,
    Endpoint,
    Topology,
    Unsettled,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_passwords import add_steps, remove_steps
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_topology import (
    NodeStep,
    configure_steps,
    permit_steps,
    refuse_unwritable,
    wanted_settings,
    withdraw_steps,
)

# A primary may have so many slots more or less than its share, as part of all, before slots are moved.
TOLERANCE = 0.02


@dataclass(frozen=True)
class Mend(NodeStep):
    """Finish or undo the moves of slots that were cut off."""


@dataclass(frozen=True)
class Meet(NodeStep):
    """Bring the node into the cluster of `via`."""

    via: Endpoint = Endpoint("", 0)


@dataclass(frozen=True)
class Assign(NodeStep):
    """Give the node slots that nobody serves."""

    ranges: Ranges = ()


@dataclass(frozen=True)
class TakeOver(NodeStep):
    """Let a replica take the slots of its primary, with every write that it acknowledged."""


@dataclass(frozen=True)
class Replicate(NodeStep):
    """Make the node a replica of `primary`."""

    primary: Endpoint = Endpoint("", 0)
    identity: str = ""


@dataclass(frozen=True)
class Move(NodeStep):
    """Move so many slots, with their keys, to the node. source, identity: the identities of both."""

    slots: int = 0
    source: str = ""
    identity: str = ""


@dataclass(frozen=True)
class Forget(NodeStep):
    """Take a member that is not declared out of the cluster. reset: whether it answers and is to forget it too."""

    identity: str = ""
    reset: bool = True


@dataclass(frozen=True)
class ClusterPlan:
    """The steps in their order, and the layouts before and after them."""

    steps: tuple[Step, ...]
    before: Layout
    after: Layout


def plan_cluster(current: Cluster, desired: Desired) -> ClusterPlan:
    """The steps from `current` to `desired`. Raises Disputed, StateError or Unsettled; then nothing is to be done."""
    settings = wanted_settings(topology_of(current), desired)
    steps = add_steps(topology_of(current).servers, desired.rotation)
    steps += [step for one in current.nodes for step in permit_steps(one.node)]
    steps += [step for one in current.nodes for step in configure_steps(one.node, settings)]
    reference = _reference(current)
    _refuse_strangers(current, reference)
    if any(member.moving for one in current.nodes for member in one.members):
        steps.append(Mend("mend", str(reference.endpoint), "a move of slots was cut off", reference.endpoint))
    steps += _meet(current, reference)
    owners = _owners(current, reference)
    leaving = [item for item in reference.members if item.identity not in _declared(current)]
    primaries, taken = _primaries(current, desired, owners, leaving)
    steps += taken
    steps += _assign(current, primaries, owners)
    follows = _follows(current, primaries, desired.replicas)
    drained = {one.endpoint for one in current.nodes if owners.get(one.endpoint) and one.endpoint not in primaries}
    # Before slots move, as a primary that wants a replica takes no key without one; the drained ones come last.
    steps += _replicate(current, follows, lambda node: node not in drained)
    steps += _moves(current, owners, primaries)
    steps += _replicate(current, follows, lambda node: node in drained)
    steps += [_forget(item) for item in leaving]
    steps += [step for one in current.nodes for step in withdraw_steps(one.node)]
    steps += remove_steps(topology_of(current).servers, desired.rotation)
    refuse_unwritable(topology_of(current), steps)
    share = _shares(owners, primaries) if _uneven(owners, primaries) else owners
    after = Layout({one: share[one] for one in primaries}, follows)
    if desired.failover and desired.primary not in after.slots:
        steps.append(_fail_over(current, desired.primary))
        after = _failed_over(after, desired.primary)
    return ClusterPlan(tuple(steps), layout(current), after)


def _fail_over(current: Cluster, target: Endpoint) -> Step:
    """The planned failover to a replica, as the last step."""
    (one,) = [one for one in current.nodes if one.endpoint == target]
    primary = current.endpoints().get(one.myself.primary or "")
    if primary is None or not one.node.link_up:
        raise StateError(
            f"{target} is to take the slots of its primary over and has no link to one; run without failover first"
        )
    return TakeOver("take_over", str(target), f"a planned failover from {primary}", target)


def _failed_over(before: Layout, target: Endpoint) -> Layout:
    """The layout once `target` has taken the place of its primary, which follows it with all others."""
    former = before.follows[target]
    follows = {
        one: target if primary == former else primary for one, primary in before.follows.items() if one != target
    }
    return Layout(
        {target if one == former else one: slots for one, slots in before.slots.items()}, {**follows, former: target}
    )


def layout(current: Cluster) -> Layout:
    """Who serves and who follows, as the nodes say of themselves."""
    where = current.endpoints()
    mine = [one.myself for one in current.nodes]
    return Layout(
        {where[item.identity]: item.slots for item in mine if item.primary is None},
        {where[item.identity]: where[item.primary] for item in mine if item.primary in where},
    )


def faults(current: Cluster) -> list[Fault]:
    """What is not as it must be, beyond what a plan changes."""
    found: list[Fault] = []
    declared = _declared(current)
    for one in current.nodes:
        unknown = sorted(str(declared[identity].endpoint) for identity in set(declared) - one.known)
        lost = sorted(str(item.endpoint) for item in one.members if item.is_lost)
        if unknown:
            found.append(Fault(str(one.endpoint), UNKNOWN, f"{one.endpoint} does not know {unknown[0]}"))
        elif lost:
            found.append(Fault(str(one.endpoint), LOST, f"{one.endpoint} takes {lost[0]} for dead"))
        elif not one.serves:
            words = f"{one.endpoint} reports that the cluster is not complete"
            found.append(Fault(str(one.endpoint), INCOMPLETE, words))
        elif one.myself.primary is not None and not one.node.link_up:
            found.append(Fault(str(one.endpoint), LINK, f"{one.endpoint} has no link to its primary"))
        elif not one.node.persisted:
            found.append(Fault(str(one.endpoint), DISK, f"{one.endpoint} could not write its data to disk"))
    return found


def topology_of(current: Cluster) -> Topology:
    return Topology(tuple(one.node for one in current.nodes))


def _declared(current: Cluster) -> dict[str, ClusterNode]:
    return {one.identity: one for one in current.nodes}


def _reference(current: Cluster) -> ClusterNode:
    """The node whose view counts: the one with most slots, or the first where nobody has any."""
    return max(current.nodes, key=lambda one: one.myself.slots)


def _refuse_strangers(current: Cluster, reference: ClusterNode) -> None:
    """Raise where a node is of another cluster or has keys outside of this one, or slots are gone with their owner."""
    for one in current.nodes:
        outside = one.identity not in reference.known and reference.identity not in one.known
        if outside and (one.myself.slots or one.node.keys):
            raise Disputed(
                f"{one.endpoint} holds {one.node.keys} keys and {one.myself.slots} slots and is not of the cluster of "
                f"{reference.endpoint}; empty it with FLUSHALL and CLUSTER RESET, or leave it out of nodes"
            )
        for item in one.members:
            seen = next((other for other in reference.members if other.identity == item.identity), None)
            if not outside and seen is not None and seen.ranges != item.ranges:
                raise Unsettled(f"{one.endpoint} and {reference.endpoint} do not agree who serves which slots")
    lost = [item for item in reference.members if item.is_lost and item.slots]
    if lost:
        raise StateError(
            f"{lost[0].endpoint} is taken for dead with {lost[0].slots} slots and no replica took them; bring it back"
        )


def _meet(current: Cluster, reference: ClusterNode) -> list[Step]:
    return [
        Meet("meet", str(one.endpoint), f"join the cluster of {reference.endpoint}", one.endpoint, reference.endpoint)
        for one in current.nodes
        if one.identity not in reference.known
    ]


def _owners(current: Cluster, reference: ClusterNode) -> dict[Endpoint, int]:
    """How many slots each member serves, also one that is not declared."""
    where = current.endpoints()
    return {where[item.identity]: item.slots for item in reference.members if item.slots}


def _primaries(
    current: Cluster, desired: Desired, owners: dict[Endpoint, int], leaving: Sequence[Member]
) -> tuple[list[Endpoint], list[Step]]:
    """The nodes that are to serve slots, in the declared order, and the promotions by which a leaving one is replaced.

    Those that serve now go on, the ones with most slots first; then replicas of those that leave, whose slots they
    take; then nodes that have none, spread over the hosts. `owners` is brought up to date.
    """
    wanted = len(current.nodes) // (1 + desired.replicas)
    serving = sorted((one.endpoint for one in current.nodes if owners.get(one.endpoint)), key=lambda at: -owners[at])
    chosen = serving[:wanted]
    steps: list[Step] = []
    where = current.endpoints()
    for item in leaving:
        heirs = [one for one in current.nodes if one.myself.primary == item.identity and one.node.link_up]
        if item.slots and heirs and len(chosen) < wanted:
            heir = heirs[0].endpoint
            steps.append(TakeOver("take_over", str(heir), f"{item.endpoint} leaves", heir))
            owners[heir] = owners.pop(where[item.identity])
            chosen.append(heir)
    free = [one.endpoint for one in current.nodes if one.endpoint not in chosen and one.myself.primary is None]
    free = [endpoint for endpoint in free if endpoint not in serving]
    while len(chosen) < wanted and free:
        hosts = [endpoint.host for endpoint in chosen]
        best = min(free, key=lambda endpoint: hosts.count(endpoint.host))
        free.remove(best)
        chosen.append(best)
    if len(chosen) < wanted:
        raise StateError(
            f"{wanted} primaries are wanted and only {len(chosen)} nodes can be one, as the others are replicas; "
            "add an empty node, or let a replica go first"
        )
    return [one.endpoint for one in current.nodes if one.endpoint in chosen], steps


def _assign(current: Cluster, primaries: Sequence[Endpoint], owners: dict[Endpoint, int]) -> list[Step]:
    """Slots that nobody serves go to the primaries, at bootstrap only. `owners` is brought up to date."""
    reference = _reference(current)
    served = {slot for item in reference.members for first, last in item.ranges for slot in range(first, last + 1)}
    orphans = [slot for slot in range(SLOTS) if slot not in served]
    if not orphans:
        return []
    if any(one.node.keys for one in current.nodes):
        raise StateError(
            f"{len(orphans)} of {SLOTS} slots are served by no node, and there are keys; bring back the nodes that "
            "served them, or give the slots away by hand"
        )
    steps: list[Step] = []
    shares = _shares({}, primaries)
    for endpoint in primaries:
        given = orphans[: max(0, shares[endpoint] - owners.get(endpoint, 0))]
        orphans = orphans[len(given) :]
        if given:
            why = f"{len(given)} slots that no node serves"
            steps.append(Assign("assign", str(endpoint), why, endpoint, as_ranges(given)))
            owners[endpoint] = owners.get(endpoint, 0) + len(given)
    return steps


def _follows(current: Cluster, primaries: Sequence[Endpoint], replicas: int) -> dict[Endpoint, Endpoint]:
    """Whom each other node is to follow: whom it follows now, while that one has room, else one on another host."""
    where = current.endpoints()
    room = dict.fromkeys(primaries, replicas)
    found: dict[Endpoint, Endpoint] = {}
    others = [one for one in current.nodes if one.endpoint not in room]
    for one in others:
        if one.myself.primary not in where:
            continue
        primary = where[one.myself.primary]
        if room.get(primary):
            found[one.endpoint] = primary
            room[primary] -= 1
    for one in others:
        if one.endpoint not in found:
            chosen = _roomiest(room, one.endpoint.host)
            found[one.endpoint] = chosen
            room[chosen] -= 1
            _part(found, one.endpoint)
    return {one.endpoint: found[one.endpoint] for one in others}


def _roomiest(room: dict[Endpoint, int], host: str) -> Endpoint:
    """The primary with room for a replica, if there is one on another host than this."""
    return max(room, key=lambda at: (room[at] > 0, at.host != host, room[at]))


def _part(found: dict[Endpoint, Endpoint], last: Endpoint) -> None:
    """Exchange the primaries of two replicas, where the last one to choose was left with the one on its own host."""
    if found[last].host != last.host:
        return
    for other, primary in found.items():
        if primary.host != last.host and other.host != found[last].host:
            found[last], found[other] = primary, found[last]
            return


def _replicate(current: Cluster, follows: dict[Endpoint, Endpoint], chosen: Callable[[Endpoint], bool]) -> list[Step]:
    where = current.endpoints()
    identities = {endpoint: identity for identity, endpoint in where.items()}
    steps: list[Step] = []
    for one in current.nodes:
        primary = follows.get(one.endpoint)
        if primary is None or not chosen(one.endpoint) or where.get(one.myself.primary or "") == primary:
            continue
        why = f"replica of {primary}"
        steps.append(Replicate("replicate", str(one.endpoint), why, one.endpoint, primary, identities[primary]))
    return steps


def _uneven(owners: dict[Endpoint, int], primaries: Sequence[Endpoint]) -> bool:
    """Whether slots have to move: somebody else serves some, a primary has none, or too far from its share."""
    if set(owners) != set(primaries):
        return True
    share = SLOTS / len(primaries)
    return any(abs(owners[one] - share) > TOLERANCE * SLOTS for one in primaries)


def _shares(owners: dict[Endpoint, int], primaries: Sequence[Endpoint]) -> dict[Endpoint, int]:
    """Even shares of all slots; what does not divide stays where most slots are, so that least moves."""
    each, rest = divmod(SLOTS, len(primaries))
    richest = sorted(primaries, key=lambda one: -owners.get(one, 0))
    return {one: each + (richest.index(one) < rest) for one in primaries}


def _moves(current: Cluster, owners: dict[Endpoint, int], primaries: Sequence[Endpoint]) -> list[Step]:
    if not _uneven(owners, primaries):
        return []
    shares = _shares(owners, primaries)
    identities = {endpoint: identity for identity, endpoint in current.endpoints().items()}
    spare = {one: slots - shares.get(one, 0) for one, slots in owners.items() if slots > shares.get(one, 0)}
    steps: list[Step] = []
    for target in primaries:
        lacking = shares[target] - owners.get(target, 0)
        for source in list(spare):
            slots = min(lacking, spare[source])
            if slots <= 0:
                continue
            why = f"{slots} slots from {source}"
            steps.append(Move("move", str(target), why, target, slots, identities[source], identities[target]))
            spare[source] -= slots
            lacking -= slots
    return steps


def _forget(item: Member) -> Step:
    gone = item.is_lost or not item.linked
    why = "it is not declared" + (" and does not answer" if gone else "")
    return Forget("forget", str(item.endpoint), why, item.endpoint, item.identity, not gone)
