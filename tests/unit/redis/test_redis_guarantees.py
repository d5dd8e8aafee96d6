# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The six guarantees of redis_topology, one section each."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_answers import node_from
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_settings import normalise, wanted
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    AddressBook,
    Disputed,
    Endpoint,
    History,
    Topology,
    Unsettled,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_topology import (
    Follow,
    Promote,
    Snapshot,
    Watch,
    make_plan,
    plan_or_resolve,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.read_addresses import resolve_addresses
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_topology import shown

from .build import (
    CONFIG,
    ONE,
    OTHER,
    S_ONE,
    S_THREE,
    S_TWO,
    THREE,
    TWO,
    desired,
    fresh,
    healthy,
    node,
    replica,
    replicated,
    watching,
    with_nodes,
    with_sentinels,
)

LONE_WRITES = History(OTHER, 950)


def actions(plan) -> list[tuple[str, str]]:
    return [(step.action, step.target) for step in plan.steps]


# 1. The live primary is authoritative; inventory order counts only at bootstrap.


def test_at_bootstrap_the_declared_primary_becomes_master():
    plan = make_plan(fresh(), desired(primary="10.0.0.2"))
    assert plan.primary == TWO
    assert [step.node for step in plan.steps if isinstance(step, Follow)] == [ONE, THREE]


def test_at_bootstrap_the_first_node_is_the_primary_by_default():
    assert make_plan(fresh(), desired()).primary == ONE


@pytest.mark.parametrize("live", [ONE, TWO, THREE])
@pytest.mark.parametrize("primary", [None, "10.0.0.1", "10.0.0.2", "10.0.0.3"])
def test_a_live_master_is_kept_whatever_the_inventory_says(live, primary):
    wish = desired(primary=primary)
    plan = make_plan(healthy(live, wish), wish)
    assert plan.primary == live
    assert plan.steps == ()


@pytest.mark.parametrize("live", [ONE, TWO, THREE])
def test_a_live_master_is_kept_without_sentinels_too(live):
    wish = replicated(primary="10.0.0.1")
    plan = make_plan(replace(healthy(live, wish), sentinels=()), wish)
    assert plan.primary == live
    assert plan.steps == ()


def test_the_only_node_with_data_becomes_master_whatever_the_inventory_says():
    topology = with_nodes(fresh(), node(THREE, keys=4, history=LONE_WRITES))
    assert make_plan(topology, desired(primary="10.0.0.1")).primary == THREE


def test_a_master_that_is_followed_rules_even_when_it_is_empty():
    ruling = node(TWO)
    topology = Topology((node(ONE), ruling, replica(THREE, ruling)))
    assert make_plan(topology, replicated(primary="10.0.0.1")).primary == TWO


# 2. Never REPLICAOF a node that holds the newest replid and offset.


def test_a_lone_master_with_data_is_not_demoted_under_a_followed_one():
    wish = replicated()
    topology = with_nodes(replace(healthy(ONE, wish), sentinels=()), node(THREE, keys=5, history=LONE_WRITES))
    with pytest.raises(Disputed, match=r"split brain: 10\.0\.0\.1:6379 is a primary .*; 10\.0\.0\.3:6379 is a primary"):
        make_plan(topology, wish)


def test_a_node_that_is_ahead_in_the_same_history_is_not_demoted():
    wish = replicated()
    ahead = node(THREE, keys=9, follows=Endpoint("10.9.9.9", 6379), history=History("a" * 40, 901))
    with pytest.raises(Disputed):
        make_plan(with_nodes(replace(healthy(ONE, wish), sentinels=()), ahead), wish)


@pytest.mark.parametrize(
    ("held", "contained"),
    [
        (History("a" * 40, 900), True),
        (History("a" * 40, 901), False),
        (History("c" * 40, 499), True),
        (History("c" * 40, 500), False),
        (History(OTHER, 1), False),
        # Promoted or restarted, and no write since.
        (History(OTHER, 700, replid2="a" * 40, second_offset=701), True),
        (History(OTHER, 701, replid2="a" * 40, second_offset=701), False),
        (History(OTHER, 950, replid2="a" * 40, second_offset=951), False),
    ],
)
def test_a_history_contains_only_what_is_known_to_be_its_own(held, contained):
    ruling = History("a" * 40, 900, replid2="c" * 40, second_offset=500)
    assert ruling.contains(held) is contained


def test_an_empty_node_may_always_join():
    wish = replicated()
    topology = with_nodes(replace(healthy(ONE, wish), sentinels=()), node(THREE, config={**CONFIG, **wish.settings}))
    assert actions(make_plan(topology, wish)) == [("follow", "10.0.0.3:6379")]


@pytest.mark.parametrize("holders", [set(pair) for pair in itertools.combinations((ONE, TWO, THREE), 2)])
def test_no_plan_demotes_a_holder_of_data_nobody_else_has(holders):
    histories = {ONE: History("1" * 40, 10), TWO: History("2" * 40, 10), THREE: History("3" * 40, 10)}
    nodes = [node(item, keys=1, history=histories[item]) for item in sorted(holders)]
    for wish in (replicated(), desired()):
        with pytest.raises(Disputed):
            make_plan(with_nodes(fresh(), *nodes), wish)


# 3. Split brain = more than one primary, different replids, or Sentinels disagreeing.
#    Refuse unless `resolve:` says who wins, and snapshot the loser's RDB first.


def split() -> Topology:
    ruling = node(ONE, keys=3, history=History("a" * 40, 900))
    rival = node(TWO, keys=7, history=LONE_WRITES)
    return Topology((ruling, rival, replica(THREE, rival)))


def test_two_masters_are_refused():
    with pytest.raises(Disputed, match=r"split brain: .*7 keys, history bbbbbbbb at offset 950.*resolve"):
        plan_or_resolve(split(), replicated(), waited=True)


@pytest.mark.parametrize(("winner", "losers"), [(ONE, [TWO, THREE]), (TWO, [ONE])])
def test_resolve_names_the_winner_and_the_losers_are_saved_first(winner, losers):
    plan = plan_or_resolve(split(), replicated(resolve=winner.host), waited=False)
    saved = [step.node for step in plan.steps if isinstance(step, Snapshot)]
    demoted = [step.node for step in plan.steps if isinstance(step, Follow)]
    assert plan.primary == winner
    assert saved == losers
    assert demoted == losers
    kinds = [step.action for step in plan.steps if step.action != "configure"]
    assert kinds == ["snapshot"] * len(losers) + ["follow"] * len(losers)


def test_resolve_may_promote_a_replica():
    ruling = node(ONE, keys=3, history=LONE_WRITES)
    lost = Endpoint("10.9.9.9", 6379)
    topology = Topology(tuple(replace(replica(item, ruling), follows=lost) for item in (ONE, TWO, THREE)))
    with pytest.raises(Disputed, match=r"none of the declared nodes is a primary \(.* follows 10\.9\.9\.9"):
        plan_or_resolve(topology, replicated(), waited=True)
    plan = plan_or_resolve(topology, replicated(resolve="10.0.0.2"), waited=True)
    assert [step.node for step in plan.steps if isinstance(step, Promote)] == [TWO]


def test_a_resolve_that_was_left_behind_moves_no_healthy_master():
    wish = desired(resolve="10.0.0.3")
    plan = plan_or_resolve(healthy(TWO, wish), wish, waited=True)
    assert plan.primary == TWO
    assert plan.steps == ()


def test_sentinels_that_disagree_are_given_time_and_then_refused():
    topology = with_sentinels(healthy(ONE), watching(S_TWO, TWO))
    with pytest.raises(Disputed, match="the Sentinels disagree") as caught:
        plan_or_resolve(topology, desired(), waited=False)
    assert caught.value.transient


def test_resolve_ends_the_disagreement_of_sentinels_only_after_waiting():
    topology = with_sentinels(healthy(ONE), watching(S_TWO, TWO))
    wish = desired(resolve="10.0.0.1")
    with pytest.raises(Disputed):
        plan_or_resolve(topology, wish, waited=False)
    (step,) = plan_or_resolve(topology, wish, waited=True).steps
    assert isinstance(step, Watch)
    assert step.replace
    assert step.primary == ONE


def test_sentinels_that_watch_a_foreign_master_are_refused():
    foreign = Endpoint("10.9.9.9", 6379)
    topology = with_sentinels(healthy(ONE), *(watching(item, foreign) for item in (S_ONE, S_TWO, S_THREE)))
    with pytest.raises(Disputed, match=r"watch 10\.9\.9\.9:6379 .* not a declared node"):
        make_plan(topology, desired())


def test_nothing_is_planned_while_a_failover_is_under_way():
    moving = with_sentinels(healthy(ONE), watching(S_TWO, ONE, flags=frozenset({"primary", "failover_in_progress"})))
    with pytest.raises(Unsettled, match="failover from"):
        plan_or_resolve(moving, desired(resolve="10.0.0.1"), waited=True)
    handing = with_nodes(healthy(ONE), replace(healthy(ONE).nodes[0], failover="waiting-for-sync"))
    with pytest.raises(Unsettled, match="waiting-for-sync"):
        plan_or_resolve(handing, desired(resolve="10.0.0.1"), waited=True)


# 4. Returning nodes start as replicas.


@pytest.mark.parametrize("purpose", ["cache", "session", "queue", "ratelimit"])
def test_a_node_that_returns_after_an_election_becomes_a_replica(purpose):
    wish = desired(purpose=purpose)
    back = node(ONE, keys=8, history=LONE_WRITES, config={**CONFIG, **wish.settings})
    plan = make_plan(with_nodes(healthy(TWO, wish), back), wish)
    assert plan.primary == TWO
    kept = [("snapshot", "10.0.0.1:6379")] if purpose in ("session", "queue") else []
    assert actions(plan) == [*kept, ("follow", "10.0.0.1:6379")]


def test_a_node_that_only_a_minority_of_sentinels_knows_is_not_taken_for_a_returning_one():
    topology = with_nodes(healthy(TWO), node(ONE, keys=8, history=LONE_WRITES))
    topology = with_sentinels(topology, watching(S_ONE, TWO, THREE), watching(S_TWO, TWO, THREE))
    with pytest.raises(Disputed, match="split brain"):
        make_plan(topology, desired())


def test_a_replica_of_a_replica_is_brought_under_the_master():
    topology = healthy(ONE)
    chained = replace(topology.nodes[2], follows=TWO)
    assert actions(make_plan(with_nodes(topology, chained), desired())) == [("follow", "10.0.0.3:6379")]


# 5. Compare configuration after normalising units and aliases.


@pytest.mark.parametrize(
    ("name", "given", "seen"),
    [
        ("maxmemory", "256mb", "268435456"),
        ("maxmemory", "256 MB", "268435456"),
        ("maxmemory", "1g", "1000000000"),
        ("maxmemory", "100", "100"),
        ("appendonly", "True", "yes"),
        ("appendonly", "no", "no"),
        ("save", "3600  1 \n 300 100", "3600 1 300 100"),
        ("maxmemory-policy", "allkeys-lru", "allkeys-lru"),
        (
            "client-output-buffer-limit",
            "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60",
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        ),
    ],
)
def test_values_are_compared_after_normalising(name, given, seen):
    assert normalise(name, given) == normalise(name, seen)


def test_old_names_mean_the_new_settings():
    settings = wanted("cache", 1, {"min-slaves-to-write": 1, "Slave-Priority": 10})
    assert settings["min-replicas-to-write"] == "1"
    assert settings["replica-priority"] == "10"


def test_a_name_and_its_address_are_one_node():
    nodes = (Endpoint("cache1", 6379), Endpoint("cache2", 6379))
    book = AddressBook({"cache1": ("10.0.0.1", "fd00::1"), "cache2": ("10.0.0.2",)}, nodes)
    assert book.identify("10.0.0.1", 6379) == nodes[0]
    assert book.identify("fd00::1", 6379) == nodes[0]
    assert book.identify("cache2", 6379) == nodes[1]
    assert book.identify("10.0.0.1", 6380) == Endpoint("10.0.0.1", 6380)
    assert book.identify("::ffff:10.0.0.1", 6379) == nodes[0]
    assert book.identify("FD00:0:0:0::1", 6379) == nodes[0]
    assert book.address(nodes[0]) == "10.0.0.1"


def test_a_name_that_somebody_else_uses_is_resolved_too():
    nodes = (Endpoint("10.0.0.1", 6379), Endpoint("cache2", 6379))
    names = {"cache1.example": ("10.0.0.1",), "alias2.example": ("fd00::9", "10.0.0.2")}
    book = AddressBook({"cache2": ("10.0.0.2",)}, nodes, lookup=lambda name: names.get(name, ()))
    assert book.identify("cache1.example", 6379) == nodes[0]
    assert book.identify("alias2.example", 6379) == nodes[1]
    assert book.identify("alias2.example", 6380) == Endpoint("alias2.example", 6380)
    assert book.identify("elsewhere.example", 6379) == Endpoint("elsewhere.example", 6379)


def test_one_place_is_declared_once():
    twice = [{"host": host, "port": 6379} for host in ("127.0.0.1", "localhost")]
    with pytest.raises(InputError, match=r"127\.0\.0\.1:6379 and localhost:6379 are the same place, 127\.0\.0\.1"):
        resolve_addresses(desired(mode="replicated", sentinels=[], nodes=twice))


# 6. Diff shows topology edges, configuration and ACL, never secrets.

INFO = {
    "redis_mode": "standalone",
    "role": "master",
    "master_replid": "a" * 40,
    "master_replid2": "0" * 40,
    "master_repl_offset": 5,
    "second_repl_offset": -1,
    "db0": {"keys": 3, "expires": 0},
    "db7": {"keys": 4, "expires": 0},
}


def test_no_secret_reaches_the_model_or_the_difference():
    config = {
        **CONFIG,
        "requirepass": "hunter2",
        "masterauth": "hunter2",
        "masteruser": "",
        "tls-key-file-pass": "hunter2",
    }
    seen = node_from(ONE, INFO, config, AddressBook({}, (ONE,)), ("", "hunter2"))
    assert seen.keys == 7
    assert seen.authenticates
    topology = Topology((seen,))
    assert "hunter2" not in repr(topology)
    assert "hunter2" not in json.dumps(shown(topology, config))


def test_a_wrong_masterauth_is_a_step_that_does_not_name_it():
    seen = node_from(ONE, INFO, {**CONFIG, "masterauth": "old"}, AddressBook({}, (ONE,)), ("", "hunter2"))
    wish = desired(mode="standalone", sentinels=[], nodes=[{"host": "10.0.0.1", "port": 6379}])
    (step,) = make_plan(Topology((replace(seen, config_file="/etc/redis.conf"),)), wish).steps
    assert "masterauth differs" in step.why
    assert "hunter2" not in repr(step)
    assert "old" not in repr(step)


def test_the_difference_shows_edges_before_and_after():
    topology = fresh()
    plan = make_plan(topology, desired())
    before, after = shown(topology, ["maxmemory"]), shown(plan.after, ["maxmemory"])
    assert before["nodes"]["10.0.0.2:6379"] == "primary"
    assert after["nodes"]["10.0.0.2:6379"] == "replica of 10.0.0.1:6379"
    assert after["sentinels"]["10.0.0.3:26379"] == "10.0.0.1:6379"
    assert after["settings"]["10.0.0.3:6379"]["maxmemory"] == str(256 * 1024**2)
