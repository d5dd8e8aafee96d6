# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a Redis Cluster: bootstrap, join, leave, and what is refused; a cluster in memory carries it out."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    InputError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_cluster import (
    SLOTS,
    Cluster,
    ClusterNode,
    Member,
    as_ranges,
    count,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_cluster_answers import members_from
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    AddressBook,
    Disputed,
    Endpoint,
    Unsettled,
)
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
    layout,
    plan_cluster,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_election import retry_seconds, unheard
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_cluster import look_over_cluster
from ansible_collections.gantry.odoo.plugins.modules import redis_topology

from .build import CONFIG, ONE, desired, node


def at(number: int) -> Endpoint:
    """Two nodes on each host."""
    return Endpoint(f"10.0.0.{number // 2 + 1}", 6379 + number % 2)


def wish(*numbers: int, replicas: int = 1, **changes: Any):
    """These nodes as a cluster."""
    nodes = [{"host": at(number).host, "port": at(number).port} for number in numbers]
    return desired(mode="cluster", nodes=nodes, sentinels=[], replicas=replicas, **changes)


@dataclass
class Memory:
    """Nodes by number: whom each follows, and the slots that each serves; `inside` holds those that met."""

    inside: set[int] = field(default_factory=set)
    follows: dict[int, int] = field(default_factory=dict)
    slots: dict[int, set[int]] = field(default_factory=dict)
    keys: int = 0
    dead: frozenset[int] = frozenset()
    moving: bool = False

    def read(self, *numbers: int, wanted: Any) -> Cluster:
        """What the client would read from these nodes."""
        config = {**CONFIG, **wanted.settings}
        return Cluster(tuple(self._node(number, config) for number in numbers))

    def _node(self, number: int, config: dict[str, str]) -> ClusterNode:
        seen = {number} | (self.inside if number in self.inside else set())
        keys = self.keys if self.slots.get(number) else 0
        state = node(at(number), config=config, keys=keys, link_up=True)
        return ClusterNode(state, name(number), tuple(map(self._member, sorted(seen))), serves=True)

    def _member(self, number: int) -> Member:
        return Member(
            name(number),
            at(number),
            frozenset({"fail"}) if number in self.dead else frozenset(),
            name(self.follows[number]) if number in self.follows else None,
            as_ranges(sorted(self.slots.get(number, ()))),
            self.moving,
        )

    def carry_out(self, plan: ClusterPlan) -> None:
        """Do what the steps say, as Redis would."""
        for step in plan.steps:
            if isinstance(step, Meet):
                self.inside |= {number_of(step.node), number_of(step.via)}
            elif isinstance(step, Assign):
                given_ = {slot for first, last in step.ranges for slot in range(first, last + 1)}
                self.slots.setdefault(number_of(step.node), set()).update(given_)
            elif isinstance(step, Replicate):
                assert not self.slots.get(number_of(step.node)), "a node with slots cannot follow"
                self.follows[number_of(step.node)] = number_of(step.primary)
            elif isinstance(step, TakeOver):
                heir = number_of(step.node)
                former = self.follows.pop(heir)
                self.slots[heir], self.slots[former] = self.slots[former], set()
                self.follows[former] = heir
            elif isinstance(step, Move):
                source, target = int(step.source), int(step.identity)
                moved = sorted(self.slots[source])[: step.slots]
                assert len(moved) == step.slots, "more slots are moved than there are"
                self.slots[source] -= set(moved)
                self.slots.setdefault(target, set()).update(moved)
            elif isinstance(step, Forget):
                gone = int(step.identity)
                assert not self.slots.get(gone), "a member with slots is forgotten"
                self.inside.discard(gone)
                self.follows.pop(gone, None)


def name(number: int) -> str:
    return str(number)


def number_of(endpoint: Endpoint) -> int:
    return next(number for number in range(40) if at(number) == endpoint)


def converge(memory: Memory, *numbers: int, replicas: int = 1) -> ClusterPlan:
    """Plan, carry out, and be sure that nothing is left to do and all is as declared."""
    wanted = wish(*numbers, replicas=replicas)
    plan = plan_cluster(memory.read(*numbers, wanted=wanted), wanted)
    memory.carry_out(plan)
    again = plan_cluster(memory.read(*numbers, wanted=wanted), wanted)
    assert again.steps == ()
    assert again.before == plan.after
    assert memory.inside == set(numbers)
    primaries = {number for number in numbers if memory.slots.get(number)}
    assert len(primaries) == len(numbers) // (1 + replicas)
    assert sum(len(memory.slots[number]) for number in primaries) == SLOTS
    assert sorted(memory.follows) == sorted(set(numbers) - primaries)
    for primary in primaries:
        assert list(memory.follows.values()).count(primary) == replicas
        assert abs(len(memory.slots[primary]) - SLOTS / len(primaries)) <= SLOTS * 0.02
    return plan


def actions(plan: ClusterPlan) -> list[str]:
    return [action for action, _group in itertools.groupby(step.action for step in plan.steps)]


def test_a_bootstrap_spreads_primaries_over_hosts_and_replicas_over_other_hosts():
    memory = Memory()
    plan = converge(memory, *range(6))
    assert actions(plan) == ["meet", "assign", "replicate"]
    assert {number for number in range(6) if memory.slots.get(number)} == {0, 2, 4}
    assert all(at(one).host != at(other).host for one, other in memory.follows.items())
    assert plan.before.shown()[str(at(0))] == "primary with 0 slots"
    assert plan.after.shown()[str(at(0))] == "primary with 5462 slots"


def test_a_cluster_on_hosts_without_the_library_is_foretold_as_a_cluster():
    warnings: list[str] = []
    outcome = redis_topology.predict_unread(Call({}, warn=warnings.append), wish(*range(6)))
    assert len(warnings) == 1
    assert {step.action for step in outcome.steps or ()} == {"configure", "meet", "assign", "replicate"}
    assert outcome.facts["topology"]["mode"] == "cluster"


def test_a_bootstrap_that_was_cut_off_is_finished():
    memory = Memory()
    wanted = wish(*range(6))
    plan = plan_cluster(memory.read(*range(6), wanted=wanted), wanted)
    for boundary in range(len(plan.steps)):
        memory = Memory()
        memory.carry_out(replace(plan, steps=plan.steps[:boundary]))
        converge(memory, *range(6))


@given(st.data())
def test_any_change_of_nodes_ends_in_the_declared_cluster(data):
    replicas = data.draw(st.integers(0, 2))
    counts = [data.draw(st.integers(3, 5)) * (1 + replicas) for _change in range(2)]
    memory = Memory()
    first = list(range(counts[0]))
    converge(memory, *first, replicas=replicas)
    memory.keys = 7
    stay = data.draw(st.permutations(first))[: data.draw(st.integers(1, counts[0]))][: counts[1]]
    then = sorted(stay) + list(range(20, 20 + counts[1] - len(stay)))
    candidates = [number for number in then if number >= 20 or memory.slots.get(number)]
    heirs = {memory.follows[number] for number in stay if number in memory.follows} - set(stay)
    if len(candidates) + len(heirs) < counts[1] // (1 + replicas):
        # too few primaries stay, and no empty nodes come
        wanted = wish(*then, replicas=replicas)
        with pytest.raises(StateError, match="can be one"):
            plan_cluster(memory.read(*then, wanted=wanted), wanted)
    else:
        converge(memory, *then, replicas=replicas)


def test_a_leaving_primary_hands_its_slots_to_its_replica_when_nobody_else_can_serve():
    memory = Memory()
    converge(memory, *range(8))
    leaver = next(number for number in range(8) if memory.slots.get(number))
    idle = next(number for number, primary in memory.follows.items() if primary != leaver)
    before = {number: len(slots) for number, slots in memory.slots.items()}
    rest = [number for number in range(8) if number not in (leaver, idle)] + [20, 21]
    plan = converge(memory, *rest)
    assert "take_over" in actions(plan)
    assert sum(step.slots for step in plan.steps if isinstance(step, Move)) == 0
    assert before[leaver] in {len(slots) for slots in memory.slots.values()}


def test_a_planned_failover_is_the_last_step_and_swaps_a_primary_and_its_replica():
    wanted = wish(*range(6))
    memory = Memory()
    memory.carry_out(plan_cluster(memory.read(*range(6), wanted=wanted), wanted))
    replica, primary = next(iter(memory.follows.items()))
    there = f"{at(replica).host}:{at(replica).port}"
    planned = wish(*range(6), primary=there, failover="planned")
    plan = plan_cluster(memory.read(*range(6), wanted=planned), planned)
    (step,) = plan.steps
    assert (type(step), step.target, step.why) == (TakeOver, there, f"a planned failover from {at(primary)}")
    memory.carry_out(plan)
    seen = memory.read(*range(6), wanted=planned)
    assert layout(seen) == plan.after
    assert plan_cluster(seen, planned).steps == ()


def test_a_failover_to_a_node_without_a_link_is_refused():
    wanted = wish(*range(6))
    memory = Memory()
    memory.carry_out(plan_cluster(memory.read(*range(6), wanted=wanted), wanted))
    replica = next(iter(memory.follows))
    planned = wish(*range(6), primary=f"{at(replica).host}:{at(replica).port}", failover="planned")
    seen = memory.read(*range(6), wanted=planned)
    cut = Cluster(tuple(replace(one, node=replace(one.node, link_up=False)) for one in seen.nodes))
    with pytest.raises(StateError, match="has no link to one; run without failover first"):
        plan_cluster(cut, planned)


@pytest.mark.parametrize(
    ("mute", "said"),
    [
        # a majority of three still votes
        ([(1, 3)], []),
        ([(3, 1)], []),
        ([(0, 3)], []),
        ([(1, 3), (3, 1)], []),
        # nobody but the primary itself can tell the replica when it has everything
        ([(3, 0)], ["{3} has no answer from {0}"]),
        ([(0, 3), (1, 3)], ["{0} has no answer from {3}", "{1} has no answer from {3}"]),
        ([(0, 3), (3, 2)], ["{3} has no answer from {2}", "{0} has no answer from {3}"]),
        # replicas do not vote
        ([(4, 3), (5, 3), (3, 4)], []),
    ],
)
def test_a_replica_is_elected_where_its_primary_and_a_majority_hear_it(mute: list[tuple[int, int]], said: list[str]):
    memory = Memory(set(range(6)), {3: 0, 4: 1, 5: 2}, {0: {0}, 1: {1}, 2: {2}})
    seen = memory.read(*range(6), wanted=wish(*range(6)))
    pairs = {(name(one), name(other)) for one, other in mute}
    cut = Cluster(
        tuple(
            replace(
                one,
                members=tuple(
                    replace(item, answers=(one.identity, item.identity) not in pairs) for item in one.members
                ),
            )
            for one in seen.nodes
        )
    )
    assert unheard(cut, at(3)) == [sentence.format(*map(at, range(6))) for sentence in said]


@pytest.mark.parametrize(("timeout_ms", "seconds"), [("15000", 60.0), ("2000", 8.0), ("500", 4.0)])
def test_an_election_may_be_held_again_after_four_times_the_timeout(timeout_ms: str, seconds: float):
    wanted = wish(*range(6), settings={"cluster-node-timeout": timeout_ms})
    assert retry_seconds(Memory().read(*range(6), wanted=wanted), at(1)) == seconds


def test_new_nodes_get_slots_and_old_ones_keep_most():
    memory = Memory()
    converge(memory, *range(6))
    plan = converge(memory, *range(8))
    moved = sum(step.slots for step in plan.steps if isinstance(step, Move))
    assert actions(plan) == ["meet", "replicate", "move"]
    assert moved == SLOTS // 4


def test_a_small_unevenness_is_left_alone():
    memory = Memory()
    converge(memory, *range(6))
    some = set(sorted(memory.slots[0])[:300])
    memory.slots[0] -= some
    memory.slots[2] |= some
    wanted = wish(*range(6))
    assert plan_cluster(memory.read(*range(6), wanted=wanted), wanted).steps == ()


def test_a_move_that_was_cut_off_is_mended_first():
    memory = Memory()
    converge(memory, *range(6))
    memory.moving = True
    wanted = wish(*range(6))
    (step,) = plan_cluster(memory.read(*range(6), wanted=wanted), wanted).steps
    assert isinstance(step, Mend)


def test_a_node_with_keys_or_slots_of_its_own_is_refused():
    memory, other = Memory(), Memory(keys=3)
    converge(memory, *range(6))
    converge(other, *range(20, 26))
    wanted = wish(*range(6), 20, 22)
    mixed = Cluster(
        (*memory.read(*range(6), wanted=wanted).nodes, *other.read(20, 22, wanted=wanted).nodes),
    )
    with pytest.raises(Disputed, match=r"holds 3 keys and 546\d slots and is not of the cluster"):
        plan_cluster(mixed, wanted)


def test_slots_that_went_with_their_owner_are_never_given_away():
    memory = Memory(keys=3)
    converge(memory, *range(6))
    memory.dead = frozenset({0})
    wanted = wish(2, 3, 4, 5, 20, 21)
    with pytest.raises(StateError, match=r"taken for dead with 546\d slots"):
        plan_cluster(memory.read(2, 3, 4, 5, 20, 21, wanted=wanted), wanted)
    memory.dead, memory.slots[0] = frozenset(), set()
    wanted = wish(*range(6))
    with pytest.raises(StateError, match="slots are served by no node, and there are keys"):
        plan_cluster(memory.read(*range(6), wanted=wanted), wanted)


def test_nodes_that_do_not_agree_yet_are_given_time():
    memory = Memory()
    converge(memory, *range(6))
    wanted = wish(*range(6))
    current = memory.read(*range(6), wanted=wanted)
    stale = replace(current.nodes[3], members=tuple(replace(item, ranges=()) for item in current.nodes[3].members))
    nodes = tuple(stale if one.identity == stale.identity else one for one in current.nodes)
    with pytest.raises(Unsettled, match="do not agree"):
        plan_cluster(Cluster(nodes), wanted)


def test_what_is_not_whole_is_told():
    memory = Memory()
    converge(memory, *range(6))
    wanted = wish(*range(6))
    assert faults(memory.read(*range(6), wanted=wanted)) == []
    memory.dead = frozenset({5})
    assert str(faults(memory.read(*range(6), wanted=wanted))[0]) == f"{at(0)} takes {at(5)} for dead"


@pytest.mark.parametrize(
    ("numbers", "changes", "words"),
    [
        (range(5), {}, "5 nodes cannot be primaries with 1 replicas each"),
        (range(4), {}, "a cluster needs three primaries"),
        (range(6), {"primary": "10.0.0.1:6379"}, "primary is set and mode is cluster"),
        (range(6), {"resolve": "10.0.0.1:6379"}, "resolve is set and mode is cluster"),
        (range(6), {"replicas": -1}, "6 nodes cannot be primaries with -1 replicas"),
    ],
)
def test_a_cluster_that_cannot_be_meant_is_one_sentence(numbers, changes, words):
    with pytest.raises(InputError, match=words):
        wish(*numbers, **changes)


def test_slots_as_ranges():
    assert as_ranges([0, 1, 2, 5, 7, 8]) == ((0, 2), (5, 5), (7, 8))
    assert count(((0, 2), (5, 5), (7, 8))) == 6


# Written by hand in the documented form: slot 2 is on its way from the first to the second node.
NODES = """\
6ea41166c85a91c961110e5b97868de0531de8f0 127.0.0.1:7401@17401 myself,master - 0 0 1 connected 3-5460 [2->-3a7b]
3a7b6e2f0d5c4b1a99887766554433221100ffee 10.0.0.2:6379@16379,cache2 master - 0 1763850000000 2 connected 0-1 5461
aa7b6e2f fd00::3:6379@16379 slave 3a7b6e2f0d5c4b1a99887766554433221100ffee 0 1 2 connected
bb7b6e2f0d5c4b1a99887766554433221100ffee :0@0 master,fail,noaddr - 1 1 3 disconnected
"""


def test_cluster_nodes_is_read_as_redis_writes_it():
    book = AddressBook({"cache2": ("10.0.0.2",)}, (Endpoint("cache2", 6379),))
    mine, second, third, lost = members_from(NODES, ONE, book)
    assert (mine.endpoint, mine.ranges, mine.moving, mine.primary, mine.flags) == (
        ONE,
        ((3, 5460),),
        True,
        None,
        frozenset({"master"}),
    )
    assert (second.endpoint, second.ranges, second.slots, second.moving) == (
        Endpoint("cache2", 6379),
        ((0, 1), (5461, 5461)),
        3,
        False,
    )
    assert (third.endpoint, third.primary) == (Endpoint("fd00::3", 6379), second.identity)
    assert (lost.is_lost, lost.linked, mine.is_lost) == (True, False, False)
    assert [item.answers for item in (mine, second, third, lost)] == [True, True, True, False]


def test_what_the_info_module_tells_of_a_cluster():
    memory = Memory()
    converge(memory, *range(6))
    wanted = wish(*range(6))
    silent = UnreachableError(f"{at(5)} cannot be reached: Connection refused; check that it runs")
    nodes = memory.read(*range(6), wanted=wanted).nodes
    told = look_over_cluster(wanted, nodes)
    assert (told["faults"], told["next_steps"], told["refused"]) == ([], [], None)
    assert sorted(item["slots"] for item in told["nodes"]) == [0, 0, 0, 5461, 5461, 5462]
    told = look_over_cluster(wanted, [*nodes[:5], silent])
    assert told["nodes"][5]["answers"] is False
    assert told["faults"][0] == told["refused"] == str(silent)
