# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planned failover: what it does, when it is refused, and who rules whatever state it was cut off in."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    NO_FAILOVER,
    Disputed,
    Endpoint,
    History,
    PlannedFailover,
    Role,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_failover import (
    primary_of,
    until_next,
    with_failover,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_topology import make_plan, plan_or_resolve

from .build import (
    ONE,
    OTHER,
    S_ONE,
    THREE,
    TWO,
    desired,
    fresh,
    healthy,
    node,
    replicated,
    watching,
    with_nodes,
    with_sentinels,
)

HANDOVER = PlannedFailover(ONE, TWO)
MASTER, REPLICA = Role(None), Role(ONE)
WAITING, HANDING = Role(None, "waiting-for-sync"), Role(TWO, "failover-in-progress")
STRANGER = Endpoint("10.9.9.9", 6379)


def wish(**changes):
    return desired(primary="10.0.0.2", failover="planned", **changes)


def actions(steps) -> list[tuple[str, str]]:
    return [(step.action, step.target) for step in steps]


def test_a_failover_promotes_then_attaches_the_others_then_tells_the_sentinels():
    plan = with_failover(make_plan(healthy(ONE, wish()), wish()), wish())
    assert plan.steps == ()
    assert plan.failover == HANDOVER
    assert actions(plan.failover_steps) == [
        ("failover", "10.0.0.2:6379"),
        ("follow", "10.0.0.3:6379"),
        ("monitor", "10.0.0.1:26379"),
        ("monitor", "10.0.0.2:26379"),
        ("monitor", "10.0.0.3:26379"),
    ]
    assert [item.follows for item in plan.after.nodes] == [TWO, None, TWO]
    assert {item.primary for item in plan.after.sentinels} == {TWO}


def test_where_the_primary_rules_already_nothing_is_failed_over():
    plan = with_failover(make_plan(healthy(TWO, wish()), wish()), wish())
    assert (plan.steps, plan.failover_steps, plan.failover) == ((), (), None)


def test_a_new_topology_begins_under_its_primary_without_a_failover():
    plan = with_failover(make_plan(fresh(), wish()), wish())
    assert (plan.primary, plan.failover) == (TWO, None)


def test_what_is_not_whole_is_mended_before_the_failover():
    broken = with_nodes(healthy(ONE, wish()), node(THREE, config=healthy(ONE, wish()).nodes[0].config))
    plan = with_failover(make_plan(broken, wish()), wish())
    assert actions(plan.steps) == [("follow", "10.0.0.3:6379")]
    assert plan.steps[0].primary == ONE
    assert plan.failover_steps[1].primary == TWO


def test_a_node_that_must_never_rule_is_refused():
    topology = healthy(ONE, wish())
    shy = replace(topology.nodes[1], config={**topology.nodes[1].config, "replica-priority": "0"})
    with pytest.raises(RefusedError, match=r"10\.0\.0\.2:6379 .* replica-priority is 0"):
        with_failover(make_plan(with_nodes(topology, shy), wish()), wish())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"primary": None}, "primary names no node"),
        ({"primary": "10.0.0.9"}, "primary '10.0.0.9' is no node"),
        ({"primary": "10.0.0.2", "resolve": "10.0.0.1"}, "end the split brain first"),
        ({"primary": "10.0.0.2", "failover_timeout": 0.5}, "failover_timeout must be from 1 to 60 seconds, not 0.5"),
        ({"primary": "10.0.0.2", "connect_timeout": 9.0}, "connect_timeout must be at most 5 seconds"),
        ({"primary": "10.0.0.2", "name": "main ../x"}, "name 'main ../x' must be letters"),
    ],
)
def test_a_failover_that_cannot_be_meant_is_one_sentence(changes, words):
    with pytest.raises(InputError, match=words) as caught:
        desired(failover="planned", **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("former", "target", "primary"),
    [
        (MASTER, REPLICA, ONE),
        (WAITING, REPLICA, None),
        (HANDING, REPLICA, None),
        (HANDING, MASTER, TWO),
        (Role(TWO), MASTER, TWO),
        (None, MASTER, TWO),
        (None, REPLICA, None),
        (MASTER, None, ONE),
        (WAITING, None, None),
        (None, None, None),
        # FAILOVER was given up while the target took over: not decided before the former one says that it has ended
        (WAITING, MASTER, None),
        (None, Role(THREE), THREE),
        (Role(THREE), Role(THREE), THREE),
    ],
)
def test_who_rules_is_known_from_what_both_say(former, target, primary):
    assert primary_of(HANDOVER, former, target) == primary


@pytest.mark.parametrize(
    ("told", "seconds"),
    [([], 0), ([5.0], 0), ([5.0, 6.0], 0.82), ([4.0, 5.0, 6.0], 0.82), ([5.9, 6.0], 0), ([4.0, 5.0], 0)],
)
def test_the_moment_is_just_before_the_next_acknowledgement(told, seconds):
    assert until_next(told, 6.1) == pytest.approx(seconds)


def test_two_masters_are_a_dispute():
    with pytest.raises(Disputed, match="split brain"):
        primary_of(HANDOVER, MASTER, MASTER)


def test_nobody_rules_who_does_not_take_writes():
    states = (NO_FAILOVER, "waiting-for-sync", "failover-in-progress")
    formers = [None, *itertools.starmap(Role, itertools.product((None, TWO, THREE), states))]
    targets = [None, *itertools.starmap(Role, itertools.product((None, ONE, THREE), states))]
    for former, target in itertools.product(formers, targets):
        try:
            primary = primary_of(HANDOVER, former, target)
        except Disputed:
            continue
        if primary == ONE:
            assert former == MASTER
        if primary == TWO:
            assert target is not None
            assert target.follows is None


# A failover that was cut off is told from the topology alone, so that any host can finish it.


def cut_off():
    """The Sentinels still name the first node, which has was replaced."""
    before, after = healthy(ONE), healthy(TWO)
    return replace(after, sentinels=before.sentinels)


def test_a_failover_that_was_cut_off_is_finished_once_the_sentinels_had_their_time():
    with pytest.raises(Disputed, match=r"name 10\.0\.0\.1:6379") as caught:
        plan_or_resolve(cut_off(), desired(), waited=False)
    assert caught.value.transient
    plan = plan_or_resolve(cut_off(), desired(), waited=True)
    assert plan.primary == TWO
    assert actions(plan.steps) == [
        *(("write", f"10.0.0.{number}:6379") for number in (1, 2, 3)),
        *(("monitor", f"10.0.0.{number}:26379") for number in (1, 2, 3)),
    ]
    assert plan.steps[-1].primary == TWO


def test_it_is_not_finished_while_another_node_has_a_write_of_its_own():
    topology = with_nodes(cut_off(), replace(cut_off().nodes[2], history=History(OTHER, 950)))
    with pytest.raises(Disputed):
        plan_or_resolve(topology, desired(), waited=True)


def test_it_is_not_finished_in_favour_of_a_node_that_is_no_master_or_not_declared():
    for follows in (THREE, STRANGER):
        nodes = [replace(item, follows=follows) for item in cut_off().nodes[:2]]
        with pytest.raises(Disputed):
            plan_or_resolve(with_nodes(cut_off(), *nodes), desired(), waited=True)


def test_sentinels_of_which_some_forgot_the_name_are_all_pointed_to_the_new_master():
    half = with_sentinels(healthy(TWO), replace(watching(S_ONE, TWO), primary=None))
    assert actions(make_plan(half, desired()).steps) == [("monitor", "10.0.0.1:26379")]


def test_the_former_master_that_came_back_as_one_follows_where_the_journal_knows_it():
    wish_ = desired(purpose="session")
    back = node(ONE, keys=8, history=History(OTHER, 950), config=healthy(TWO, wish_).nodes[0].config)
    strangers = [watching(item.endpoint, TWO, THREE) for item in healthy(TWO).sentinels]
    topology = with_sentinels(with_nodes(healthy(TWO, wish_), back), *strangers)
    with pytest.raises(Disputed, match="split brain"):
        make_plan(topology, wish_)
    plan = make_plan(topology, replace(wish_, returned=ONE))
    assert actions(plan.steps) == [("snapshot", "10.0.0.1:6379"), ("follow", "10.0.0.1:6379")]
    with pytest.raises(Disputed, match="split brain"):
        make_plan(replace(topology, sentinels=()), replace(replicated(purpose="session"), returned=THREE))
