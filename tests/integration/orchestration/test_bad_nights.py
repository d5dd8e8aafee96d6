# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""More than one fault a night: ways that are turned around, overtaken runs, stale copies, stores that are made anew."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from tests.integration import ansible, change_store
from tests.integration.orchestration import world as worlds
from tests.integration.orchestration.rig import TENANTS, Rig
from tests.integration.orchestration.test_matrix import lose_site
from tests.integration.orchestration.test_moves import MOVE, parts, screen, sent, until_free
from tests.integration.orchestration.world import Copy
from tests.lab.state import ROOT

HARBOUR, QUARRY = TENANTS
LEAVING = {**QUARRY, "state": "decommissioned", "hold_until": "2099-01-31"}
WHARF = {**HARBOUR, "name": "wharf", "renamed_from": "harbour", "routes": [{"host": "wharf.example.com"}]}
LOST_SITE = {"recover_tier": 2, "recover_lost_servers": ["box1", "db1"]}


def left(rig: Rig) -> str:
    """The id of the change that left a part unproven."""
    return next(state.split()[0] for state in parts(rig).values() if not state.endswith(" proven"))


def lose(rig: Rig, words: str, kind: str, playbook: str, **inputs: Any) -> str:
    """Run a playbook with a fault at a step; the id of what is left, when all is repaired."""
    rig.change(fault={"words": words, "kind": kind}, harm=[])
    run = rig.play(playbook, **inputs)
    assert run.rc != 0, run.stdout[-2000:]
    rig.mend()
    until_free(rig)
    return left(rig)


def forget(rig: Rig) -> None:
    """Lose the change store, and what this controller has seen of it."""
    shutil.rmtree(rig.store)
    for seen in (rig.path / "outbox").rglob("seen"):
        seen.unlink()


def acted(rig: Rig, since: int = 0) -> list[str]:
    """The steps after the one with the number `since` that changed something."""
    world = rig.world
    return [words for number, words in enumerate(world.log, 1) if number > since and number not in world.reads]


def releases(rig: Rig) -> set[str]:
    """The releases that the nodes of app run."""
    return {node.release for node in rig.world.nodes.values() if node.group == "app" and node.running}


# Ways that are turned around.


@pytest.mark.deep
def test_to_finish_an_interrupted_undo_is_to_finish_all_of_it(rig: Rig) -> None:
    change = lose(rig, "app2 odoo stop", "cut after", "patch", patch_release="r2")
    change = lose(rig, "app1 odoo stop", "cut after", "resume", change=change, way="undo")
    rig.play("resume", change=change, way="finish").expect_success()
    assert (releases(rig), rig.world.harm, parts(rig)) == ({"r2"}, [], {})


@pytest.mark.deep
def test_to_undo_an_interrupted_finish_is_to_undo_all_of_it(rig: Rig) -> None:
    change = lose(rig, "app1 odoo stop", "cut after", "patch", patch_release="r2")
    change = lose(rig, "app2 odoo stop", "cut after", "resume", change=change, way="finish")
    rig.play("resume", change=change, way="undo").expect_success()
    assert (releases(rig), rig.world.harm, parts(rig)) == ({"r1"}, [], {})


@pytest.mark.deep
def test_a_change_that_was_refused_leaves_nothing_and_takes_nothing_away(rig: Rig) -> None:
    change = lose(rig, "app2 odoo activate", "disk full", "patch", patch_release="r2")
    assert parts(rig) == {"app1": f"{change} proven", "app2": f"{change} restored"}
    # another patch fails before it begins; the way back of the one before is still there
    rig.change(fault={"words": "app2 odoo release", "kind": "disk full"})
    rig.play("patch", patch_release="r3").expect_failure()
    rig.mend()
    until_free(rig)
    # its run ended there, before it closed the change
    last = change_store.entries(rig.store)[-1]
    assert (last["event"], last["facts"]) == ("unfinished", {"lost": "the run ended before the change was closed"})
    rig.play("resume", change=change, way="undo").expect_success()
    assert (releases(rig), rig.world.harm) == ({"r1"}, [])
    # what the gate has denied cannot be passed by the back door
    denied = rig.play("patch", patch_release="r2", patch_odoo_group="box").expect_failure()
    assert "the gate is closed" in denied.stdout
    until_free(rig)
    refused = rig.play("resume", change=left(rig), way="finish").expect_failure()
    assert "has begun nothing that could be resumed; run gantry.odoo.patch again" in refused.stdout
    assert rig.world.nodes["box1"].release == "r1"


@pytest.mark.deep
@pytest.mark.parametrize(("failed", "dead"), [("app1", "app2"), ("app2", "app1")])
def test_resume_takes_the_last_node_away_from_nobody(rig: Rig, failed: str, dead: str) -> None:
    """One node was put back. The other, which the change had done or not begun, dies before the change is finished."""
    change = lose(rig, f"{failed} odoo activate", "disk full", "patch", patch_release="r2")
    with worlds.opened(rig.file) as world:
        world.nodes[dead].running = False
    rig.change(harm=[])
    run = rig.play("resume", change=change, way="finish").expect_failure()
    assert f"{dead} does not serve release" in run.errors[-1]
    assert f"run gantry.odoo.resume -e change={left(rig)} -e way=finish" in run.errors[-1]
    assert (rig.world.nodes[failed].running, rig.world.harm) == (True, [])


def test_no_node_is_taken_away_while_another_one_that_was_proven_is_dead(rig: Rig) -> None:
    rig.change(fault={"words": "edge1 traefik routes", "nth": 3, "kind": "odoo dies", "node": "app1"})
    run = rig.play("patch", patch_release="r2").expect_failure()
    assert "to app1, which does not answer" in run.stdout
    # the last proof finds it dead, so that resume brings it back
    assert parts(rig) == {"app1": f"{left(rig)} failed", "app2": f"{left(rig)} restored"}
    assert "app2 odoo stop" not in rig.world.log
    assert rig.world.nodes["app2"].running


NO_MORE = "it served when it was done, and does not any more"


def dies(rig: Rig, words: str, nth: int, node: str, kind: str = "odoo dies") -> None:
    """Let Odoo on a node die before a step, or the host that the step is on."""
    rig.change(fault={"words": words, "nth": nth, "kind": kind, "node": node}, harm=[])


def is_repaired(rig: Rig, node: str, way: str = "finish") -> None:
    """A node that died behind its proof is named in the store, drained, and brought back by resume."""
    rig.mend()
    until_free(rig)
    rig.change(harm=[])
    rig.play("resume", change=left(rig), way=way).expect_success()
    assert (parts(rig), rig.world.harm, sent(rig)) == ({}, [], {"serve app1 app2"})
    assert releases(rig) == {"r2" if way == "finish" else "r1"}
    assert rig.world.nodes[node].running


@pytest.mark.parametrize(
    ("words", "nth", "kind", "why"),
    [
        ("edge1 traefik routes", 4, "odoo dies", "odoo prove: app1 does not serve release r2"),
        pytest.param("app1 odoo prove", 3, "host off", "app1 was lost", marks=pytest.mark.deep),
    ],
)
@pytest.mark.deep
def test_a_node_that_died_since_its_proof_is_not_done(rig: Rig, words: str, nth: int, kind: str, why: str) -> None:
    """app1 was proven, and dies while the last node of the group is patched, or when it is verified again."""
    dies(rig, words, nth, "app1", kind)
    run = rig.play("patch", patch_release="r2").expect_failure()
    assert f"app1 failed and is not proven to serve ({NO_MORE}: {why})" in run.errors[-1]
    change = left(rig)
    assert f"run gantry.odoo.resume -e change={change} -e way=finish to finish it" in run.errors[-1]
    assert parts(rig) == {"app1": f"{change} failed", "app2": f"{change} proven"}
    ended = change_store.entries(rig.store)[-1]
    assert (ended["event"], ended["facts"]["parts"]) == ("unfinished", {"app1": "failed", "app2": "proven"})
    is_repaired(rig, "app1")


@pytest.mark.deep
def test_a_node_that_died_since_it_was_put_back_does_not_serve(rig: Rig) -> None:
    more = {"words": "app2 odoo prove", "nth": 3, "kind": "odoo dies", "node": "app2"}
    rig.change(fault={"words": "app2 odoo activate", "kind": "disk full", "more": [more]})
    run = rig.play("patch", patch_release="r2").expect_failure()
    found = f"app2 failed and is not proven to serve ({NO_MORE}: odoo prove: app2 does not serve release r1)"
    assert found in run.errors[-1]
    is_repaired(rig, "app2", "undo")


@pytest.mark.deep
@pytest.mark.parametrize("way", ["finish", "undo"])
def test_a_node_that_died_since_an_earlier_change_is_not_done_by_resume(rig: Rig, way: str) -> None:
    """One node was done when the change was taken over, and dies while the other one is in hand."""
    change = lose(rig, "app2 odoo stop", "cut after", "patch", patch_release="r2")
    if way == "undo":
        # app1 is as it was, and app2 is lost on the way back
        change = lose(rig, "app1 odoo stop", "cut after", "resume", change=change, way=way)
    done, other = ("app1", "app2") if way == "finish" else ("app2", "app1")
    dies(rig, f"{other} odoo prove", 1, done)
    run = rig.play("resume", change=change, way=way).expect_failure()
    assert f"{done} failed and is not proven to serve ({NO_MORE}" in run.errors[-1]
    is_repaired(rig, done, way)


@pytest.mark.deep
def test_nodes_that_serve_again_are_taken_away_from_nobody(rig: Rig) -> None:
    """No node passed the last proof, as when their database server stalls for a moment."""
    more = {"words": "app2 odoo prove", "nth": 3, "kind": "disk full"}
    rig.change(fault={"words": "app1 odoo prove", "nth": 3, "kind": "disk full", "more": [more]})
    rig.play("patch", patch_release="r2").expect_failure()
    change = left(rig)
    assert parts(rig) == {"app1": f"{change} failed", "app2": f"{change} failed"}
    rig.change(step=0, log=[], reads=[])
    is_repaired(rig, "app1")
    assert not {"app1 odoo stop", "app2 odoo stop"} & set(rig.world.log)


@pytest.mark.deep
def test_a_last_proof_that_fails_without_the_store_is_recorded_later(rig: Rig) -> None:
    more = {"words": "app2 odoo prove", "nth": 3, "kind": "odoo dies"}
    rig.change(fault={"words": "app1 odoo prove", "nth": 3, "kind": "store gone", "more": [more]})
    said = rig.play("patch", patch_release="r2").expect_failure().errors[-1]
    rig.mend()
    until_free(rig)
    change = said.partition("change=")[2].partition(" ")[0]
    rig.play("resume", change=change, way="finish").expect_success()
    entries = change_store.entries(rig.store)
    assert [entry["facts"]["part"] for entry in entries if entry["event"] == "failed"] == ["app2"]
    assert (releases(rig), parts(rig), rig.world.nodes["app2"].running) == ({"r2"}, {}, True)


@pytest.mark.deep
@pytest.mark.parametrize("resumed", [False, True])
def test_a_node_of_redis_that_died_since_its_proof_is_named(rig: Rig, resumed: bool) -> None:
    """A replica dies while the primary is upgraded, or when an interrupted change has nothing to restart any more."""
    if resumed:
        change = lose(rig, "cache2 redis restart", "cut after", "patch_redis")
        dies(rig, "cache2 redis upgrade", 1, "cache2")
        run = rig.play("resume", change=change, way="finish").expect_failure()
        assert "cache2 failed and is not proven to serve (" in run.errors[-1]
    else:
        dies(rig, "cache1 redis restart", 1, "cache2")
        run = rig.play("patch_redis").expect_failure()
        assert run.errors[-1].endswith("repair that, and run gantry.odoo.patch_redis with the same inputs")
        assert "cache3" not in run.errors[-1]
    assert "Redis is not healthy: cache2 does not answer" in run.errors[-1]
    assert change_store.entries(rig.store)[-1]["event"] == "unfinished"
    with worlds.opened(rig.file) as world:
        world.caches["cache2"].running = True
    rig.mend()
    until_free(rig)
    (rig.play("resume", change=left(rig), way="finish") if resumed else rig.play("patch_redis")).expect_success()
    assert ({one.version for one in rig.world.caches.values()}, parts(rig)) == ({"8.0.2"}, {})


@pytest.mark.deep
def test_a_move_that_is_resumed_is_recorded_as_it_is(rig: Rig) -> None:
    """The destination was open, and not every edge sent its users there."""
    rig.change(fault={"words": "edge2 traefik routes", "nth": 2, "kind": "disk full"})
    rig.play("migrate", **MOVE).expect_failure()
    rig.mend()
    until_free(rig)
    rig.play("resume", change=left(rig), way="finish").expect_success()
    rig.play("precheck").expect_success()
    assert (sent(rig), rig.world.harm) == ({"serve box1"}, [])


@pytest.mark.deep
def test_a_host_that_is_gone_for_good_does_not_keep_the_change_open(rig: Rig) -> None:
    change = lose(rig, "app2 odoo stop", "host off", "patch", patch_release="r2")
    with worlds.opened(rig.file) as world:
        del world.nodes["app2"]
    rig.play("site", site_released_hosts=["app2"]).expect_success()
    assert parts(rig) == {"app1": f"{change} proven"}
    rig.play("resume", change=change, way="finish").expect_success()
    assert (releases(rig), parts(rig), rig.world.harm) == ({"r2"}, {}, [])


@pytest.mark.parametrize("gone", ["edge2", pytest.param("app1", marks=pytest.mark.deep)])
def test_a_change_is_resumed_although_a_host_is_gone_for_good(rig: Rig, gone: str) -> None:
    """A node is out of service, and meanwhile an edge dies, or the node does."""
    change = lose(rig, "app1 odoo stop", "cut after", "patch", patch_release="r2")
    with worlds.opened(rig.file) as world:
        (world.routes if gone == "edge2" else world.nodes).pop(gone)
    if gone == "edge2":
        refused = rig.play("site", site_released_hosts=[gone]).expect_failure()
        assert "app1 left and is not proven to serve" in refused.errors[-1]
    refused = rig.play("resume", change=change, way="finish").expect_failure()
    assert f'or first gantry.odoo.resume with -e \'{{"resume_released_hosts": ["{gone}"]}}\'' in refused.errors[-1]
    rig.change(harm=[])
    released = {"resume_released_hosts": [gone], "change_downtime_minutes": 5}
    rig.play("resume", change=change, way="finish", **released).expect_success()
    assert (releases(rig), parts(rig), rig.world.harm) == ({"r2"}, {}, [])
    rig.play("site", site_released_hosts=[gone]).expect_success()
    rig.play("precheck").expect_success()


@pytest.mark.deep
def test_a_change_is_resumed_while_no_database_server_answers(rig: Rig) -> None:
    change = lose(rig, "edge1 traefik certificates", "cut after", "renew_certificates")
    rig.change(gone=["db1", "box1"])
    assert "is done" in rig.play("resume", change=change, way="finish").stdout
    assert parts(rig) == {}


@pytest.mark.deep
def test_a_change_is_resumed_without_a_database_server_whatever_ansible_cfg_says(rig: Rig) -> None:
    """any_errors_fatal in the configuration of the controller is no reason to wait for a server that is off."""
    change = lose(rig, "app2 odoo stop", "cut after", "patch", patch_release="r2")
    rig.change(gone=["box1"])
    run = rig.play("resume", change=change, way="finish", env={"ANSIBLE_ANY_ERRORS_FATAL": "1"})
    assert "is done" in run.stdout
    assert (releases(rig), parts(rig), rig.world.harm) == ({"r2"}, {}, [])


def left_with_a_certificate(rig: Rig) -> str:
    """A renewal that is killed when one edge has installed the new certificate; its id."""
    rig.change(certificates=dict(OLD), served=dict(OLD), orders=[])
    change = lose(rig, "edge1 traefik certificates", "controller killed before", "renew_certificates", renew_force=True)
    assert (rig.world.certificates, rig.world.served) == ({"edge1": 2, "edge2": 1}, OLD)
    return change


OLD, NEW = {"edge1": 1, "edge2": 1}, {"edge1": 2, "edge2": 2}


@pytest.mark.parametrize("edge", ["edge2", pytest.param("edge1", marks=pytest.mark.deep)])
def test_a_certificate_of_a_killed_run_that_an_edge_does_not_serve_is_put_back_on_all(rig: Rig, edge: str) -> None:
    change = left_with_a_certificate(rig)
    rig.change(fault={"words": f"{edge} traefik certificates", "kind": "disk full"})
    rig.play("resume", change=change, way="finish").expect_failure()
    assert (rig.world.certificates, rig.world.served) == (OLD, OLD)


@pytest.mark.deep
def test_a_certificate_of_a_killed_run_is_proven_on_its_edge_and_given_to_the_others(rig: Rig) -> None:
    change = left_with_a_certificate(rig)
    # nothing else is begun before
    assert "gantry.odoo.resume" in rig.play("renew_certificates").expect_failure().errors[-1]
    rig.play("resume", change=change, way="finish").expect_success()
    assert (rig.world.certificates, rig.world.served, rig.world.orders) == (NEW, NEW, ["edge1"])


@pytest.mark.deep
def test_a_run_that_is_killed_before_it_records_what_was_forced_orders_it_once(rig: Rig) -> None:
    rig.change(certificates=dict(OLD), served=dict(OLD), orders=[])
    change = lose(rig, "edge1 certificate main", "controller killed after", "renew_certificates", renew_force=True)
    assert rig.world.certificates == {"edge1": 2, "edge2": 1}
    rig.play("resume", change=change, way="finish").expect_success()
    assert (rig.world.certificates, rig.world.served, rig.world.orders) == (NEW, NEW, ["edge1"])


@pytest.mark.deep
def test_a_host_without_a_release_is_named_before_the_estate_is_touched(rig: Rig) -> None:
    with worlds.opened(rig.file) as world:
        world.nodes["app2"].release = ""
    refused = rig.play("site").expect_failure()
    assert (
        "app2 runs no release yet, and this controller has no release r1 for it in odoo_release_source"
        in refused.stdout
    )
    assert not [line for line in rig.world.log if not line.endswith((" facts", " reach"))]


@pytest.mark.deep
def test_a_node_that_some_edges_use_again_is_drained_before_it_is_put_back(rig: Rig) -> None:
    rig.change(fault={"words": "edge2 traefik routes", "nth": 2, "kind": "disk full"})
    rig.play("patch", patch_release="r2").expect_failure()
    assert (releases(rig), rig.world.harm) == ({"r1"}, [])
    assert sent(rig) == {"serve app1 app2"}


@pytest.mark.deep
@pytest.mark.parametrize(
    ("playbook", "inputs"),
    [
        ("patch", {"patch_release": "r2"}),
        ("migrate", MOVE),
        ("restore", {"tenant": "harbour"}),
        ("decommission", {"tenant": "quarry", "odoo_tenants": [HARBOUR, LEAVING]}),
    ],
)
def test_users_that_one_edge_does_not_let_go_are_let_in_on_all(rig: Rig, playbook: str, inputs: dict[str, Any]) -> None:
    rig.play("backup").expect_success()
    before = [on(rig, edge, tenant) for edge in rig.world.routes for tenant in ("harbour", "quarry")]
    rig.change(given_up=["harbour"], harm=[], fault={"words": "edge2 traefik routes", "kind": "disk full"})
    rig.play(playbook, **inputs).expect_failure()
    after = [on(rig, edge, tenant) for edge in rig.world.routes for tenant in ("harbour", "quarry")]
    assert (after, rig.world.harm) == (before, [])


@pytest.mark.deep
@pytest.mark.parametrize("by_hand", [False, True])
def test_a_source_that_is_open_again_is_copied_again(rig: Rig, by_hand: bool) -> None:
    fault = "box1 odoo_database harbour open"
    change = lose(rig, fault, "controller killed before" if by_hand else "controller killed after", "migrate", **MOVE)
    if by_hand:
        with worlds.opened(rig.file) as world:
            world.servers["db1"]["harbour"].open = True
            for route in (one for listed in world.routes.values() for one in listed):
                route["mode"] = "serve"
            world.users()
    else:
        change = lose(rig, "edge2 traefik routes", "controller killed after", "resume", change=change, way="undo")
    rig.change(harm=[])
    rig.play("resume", change=change, way="finish").expect_success()
    assert (sent(rig), rig.world.harm) == ({"serve box1"}, [])


# Edges that are off.


def out(rig: Rig, change: str, edge: str = "edge1") -> dict[str, Any]:
    """Take an edge out of the inventory; the inputs that finish a change without it."""
    with worlds.opened(rig.file) as world:
        del world.routes[edge]
    return {"change": change, "way": "finish", "resume_released_hosts": [edge]}


def on(rig: Rig, edge: str, tenant: str = "harbour") -> str:
    """What an edge does with users of a tenant."""
    (route,) = [one for one in rig.world.routes[edge] if one["name"].startswith(tenant)]
    return " ".join([route["mode"], *worlds.undrained(route)])


WAY_OUT = 'take it out of the inventory and add -e \'{"resume_released_hosts": ["edge1"]}\' to gantry.odoo.resume'


@pytest.mark.deep
def test_an_edge_that_fails_to_answer_keeps_no_users_from_a_new_home(rig: Rig) -> None:
    """Its disk is full, so that it can be reached and does nothing."""
    rig.change(fault={"words": "edge1 reach", "nth": 3, "kind": "disk full"})
    run = rig.play("migrate", **MOVE).expect_failure()
    assert "No space left on device) cannot be reached and keeps the routes that it had" in run.errors[-1]
    assert (on(rig, "edge1"), on(rig, "edge2")) == ("maintenance app1 app2", "serve box1")
    until_free(rig)
    rig.play("resume", change=left(rig), way="finish").expect_success()
    assert (sent(rig), parts(rig), rig.world.harm) == ({"serve box1"}, {}, [])


@pytest.mark.deep
def test_a_host_that_fails_to_answer_is_not_left_out(rig: Rig) -> None:
    rig.change(fault={"words": "app2 reach", "kind": "disk full"})
    run = rig.play("patch", patch_release="r2").expect_failure()
    assert "app2 cannot be reached, so that nothing is begun" in run.errors[-1]
    assert (acted(rig), parts(rig), releases(rig)) == (["app2 reach"], {}, {"r1"})


@pytest.mark.parametrize(
    ("words", "nth"), [("edge1 traefik routes", 2), pytest.param("edge1 reach", 3, marks=pytest.mark.deep)]
)
@pytest.mark.deep
def test_an_edge_that_is_off_keeps_no_users_from_a_new_home(rig: Rig, words: str, nth: int) -> None:
    """It dies when the destination is open, and is still off when the move is resumed; then it is given up."""
    rig.change(fault={"words": words, "nth": nth, "kind": "host off"})
    run = rig.play("migrate", **MOVE).expect_failure()
    assert "it is complete and open on box, and not every edge sends its users there: " in run.errors[-1]
    assert WAY_OUT in run.errors[-1]
    assert (on(rig, "edge1"), on(rig, "edge2")) == ("maintenance app1 app2", "serve box1")
    until_free(rig)
    again = rig.play("resume", change=left(rig), way="finish").expect_failure()
    assert WAY_OUT in again.errors[-1]
    assert on(rig, "edge2") == "serve box1"
    until_free(rig)
    rig.change(gone=[])
    rig.play("resume", **out(rig, left(rig))).expect_success()
    assert (sent(rig), parts(rig), rig.world.harm) == ({"serve box1"}, {}, [])


@pytest.mark.deep
def test_an_edge_that_is_off_keeps_no_users_from_the_home_of_before(rig: Rig) -> None:
    dead = {"words": "edge1 reach", "nth": 3, "kind": "host off"}
    rig.change(fault={"words": "box1 odoo_restore harbour blocked", "kind": "disk full", "more": [dead]})
    run = rig.play("migrate", **MOVE).expect_failure()
    assert "on the way back to app: Verify that every edge has the routes: edge1 (" in run.errors[-1]
    assert on(rig, "edge2") == "serve app1 app2"
    for way in ("finish", "undo"):
        # nobody is taken away while edge1 is off, whichever way is tried
        until_free(rig)
        rig.change(fault={})
        assert WAY_OUT in rig.play("resume", change=left(rig), way=way).expect_failure().errors[-1]
        assert on(rig, "edge2") == "serve app1 app2"
    until_free(rig)
    rig.change(gone=[])
    rig.play("resume", **out(rig, left(rig))).expect_success()
    assert (sent(rig), parts(rig), rig.world.harm) == ({"serve box1"}, {}, [])


@pytest.mark.deep
def test_an_edge_that_is_off_lets_nobody_be_drained(rig: Rig) -> None:
    """A group with one node, and an edge that dies before it is drained, or before it serves again."""
    for nth, said in ((2, "was put back as it was and serves (Verify that every edge"), (3, "is not proven to serve")):
        one = rig.twin(str(nth))
        one.play("migrate", **MOVE).expect_success()
        one.change(fault={"words": "edge1 reach", "nth": nth, "kind": "host off"}, harm=[])
        run = one.play("patch", **BOX).expect_failure()
        assert said in run.errors[-1]
        assert WAY_OUT in run.errors[-1]
        assert (on(one, "edge2"), one.world.harm) == ("serve box1", [])
        until_free(one)
        one.change(fault={})
        assert WAY_OUT in one.play("resume", change=left(one), way="finish").expect_failure().errors[-1]
        assert (on(one, "edge2"), one.world.harm) == ("serve box1", [])
        until_free(one)
        one.change(gone=[])
        given = {**out(one, left(one)), "change_downtime_minutes": 5}
        one.play("resume", **given).expect_success()
        assert (on(one, "edge2"), parts(one), one.world.nodes["box1"].release) == ("serve box1", {}, "r2")


@pytest.mark.deep
def test_an_edge_that_is_off_keeps_no_users_from_a_tenant_that_is_restored(rig: Rig) -> None:
    rig.play("backup").expect_success()
    rig.change(given_up=["harbour"], fault={"words": "edge1 reach", "nth": 3, "kind": "host off"})
    run = rig.play("restore", tenant="harbour").expect_failure()
    assert WAY_OUT in run.errors[-1]
    assert on(rig, "edge2") == "serve app1 app2"
    until_free(rig)
    rig.change(gone=[])
    rig.play("resume", **out(rig, left(rig))).expect_success()
    assert (sent(rig), parts(rig), rig.world.harm) == ({"serve app1 app2"}, {}, [])


@pytest.mark.parametrize("way", ["undo", pytest.param("finish", marks=pytest.mark.deep)])
@pytest.mark.deep
def test_another_host_of_the_source_acts_where_the_first_one_is_off(rig: Rig, way: str) -> None:
    rig.change(fault={"words": "app1 odoo_database harbour blocked", "kind": "host off"})
    rig.play("migrate", **MOVE).expect_failure()
    assert sent(rig) == {"maintenance app1 app2"}
    until_free(rig)
    rig.play("resume", change=left(rig), way=way).expect_success()
    assert (sent(rig), parts(rig)) == ({"serve app1 app2" if way == "undo" else "serve box1"}, {})
    assert any(words.startswith("app2 odoo_database harbour") for words in rig.world.log)
    # Traefik leaves it out while it does not answer
    assert [harm for harm in rig.world.harm if not harm.endswith("to app1, which does not run")] == []


@pytest.mark.deep
@pytest.mark.parametrize("playbook", ["restore", "decommission"])
def test_another_host_acts_where_the_first_one_is_off(rig: Rig, playbook: str) -> None:
    """The other node finishes. An instance that cannot be stopped on the node that is off is named."""
    rig.play("backup").expect_success()
    leaving = {"tenant": "quarry", "odoo_tenants": [HARBOUR, LEAVING]}
    inputs = {"tenant": "harbour"} if playbook == "restore" else leaving
    tenant = str(inputs["tenant"])
    rig.change(given_up=["harbour"], fault={"words": f"app1 odoo_database {tenant} blocked", "kind": "host off"})
    rig.play(playbook, **inputs).expect_failure()
    until_free(rig)
    declared = {name: value for name, value in inputs.items() if name == "odoo_tenants"}
    run = rig.play("resume", change=left(rig), way="finish", **declared)
    assert f"app2 odoo_database {tenant} blocked" in rig.world.log
    if playbook == "restore":
        assert (run.rc, sent(rig), parts(rig)) == (0, {"serve app1 app2"}, {})
        return
    found = "app1 is off: what quarry runs there finds its database blocked, and is stopped before it is dropped"
    assert found in screen(run)
    assert (sent(rig, "quarry"), parts(rig)) == ({"maintenance app1 app2"}, {})
    assert not rig.world.servers["db1"]["quarry"].open
    # it is not dropped before it is stopped there as well
    rig.play("decommission", **DUE).expect_failure()
    rig.mend()
    until_free(rig)
    rig.play("decommission", **DUE).expect_success()
    assert "app1 odoo disable" in rig.world.log


LEAVES = {"tenant": "quarry", "odoo_tenants": [HARBOUR, LEAVING]}
DUE = {"tenant": "quarry", "odoo_tenants": [HARBOUR, {**LEAVING, "hold_until": "2020-01-31"}]}
GIVE_UP = 'take it out of the inventory and add -e \'{"resume_released_hosts": ["app2"]}\' to gantry.odoo.resume'


@pytest.mark.parametrize(
    ("step", "off"),
    [
        ("hold", "app1"),
        pytest.param("hold", "app2", marks=pytest.mark.deep),
        pytest.param("undo", "app2", marks=pytest.mark.deep),
        pytest.param("drop", "app2", marks=pytest.mark.deep),
    ],
)
@pytest.mark.deep
def test_a_tenant_does_not_begin_to_leave_while_a_host_is_off(rig: Rig, step: str, off: str) -> None:
    """What is refused was not touched, and goes on when the host is there again."""
    if step != "hold":
        rig.play("decommission", **LEAVES).expect_success()
    leaves: dict[str, Any] = {"hold": LEAVES, "undo": {**LEAVES, "decommission_undo": True}, "drop": DUE}[step]
    rig.change(gone=[off], step=0, log=[], reads=[])
    run = rig.play("decommission", **leaves).expect_failure()
    assert f"{off} cannot be reached, so that nothing is begun: start it, or, where it is gone" in run.errors[-1]
    assert ([words for words in acted(rig) if words != f"{off} reach"], parts(rig)) == ([], {})
    rig.mend()
    rig.play("decommission", **leaves).expect_success()
    assert (parts(rig), rig.world.harm) == ({}, [])


@pytest.mark.deep
def test_a_tenant_that_stays_serves_although_a_host_is_lost(rig: Rig) -> None:
    rig.play("decommission", **LEAVES).expect_success()
    rig.change(fault={"words": "app2 odoo start", "kind": "host off"}, harm=[])
    run = rig.play("decommission", decommission_undo=True, **LEAVES).expect_failure()
    assert "tenant:quarry failed and is not proven to serve (Verify that every host of the tenant" in run.errors[-1]
    assert GIVE_UP in run.errors[-1]
    # users are let in by the other one
    assert (sent(rig, "quarry"), rig.world.servers["db1"]["quarry"].open) == ({"serve app1 app2"}, True)
    until_free(rig)
    run = rig.play("resume", change=left(rig), way="finish", odoo_tenants=LEAVES["odoo_tenants"])
    assert "app2 is off: run gantry.odoo.site when it is back, so that quarry runs there" in screen(run)
    assert (sent(rig, "quarry"), parts(rig)) == ({"serve app1 app2"}, {})
    # Traefik leaves it out while it does not answer
    assert [harm for harm in rig.world.harm if not harm.endswith("to app2, which does not run")] == []


@pytest.mark.deep
def test_nothing_is_dropped_while_a_host_that_may_run_it_is_off(rig: Rig) -> None:
    rig.play("decommission", **LEAVES).expect_success()
    rig.change(fault={"words": "app2 odoo disable", "nth": 1, "kind": "host off"}, harm=[])
    run = rig.play("decommission", **DUE).expect_failure()
    assert GIVE_UP in run.errors[-1]
    until_free(rig)
    resumed = {"way": "finish", "odoo_tenants": DUE["odoo_tenants"]}
    run = rig.play("resume", change=left(rig), **resumed).expect_failure()
    assert GIVE_UP in run.errors[-1]
    assert "quarry" in rig.world.servers["db1"]
    until_free(rig)
    with worlds.opened(rig.file) as world:
        del world.nodes["app2"]
    rig.change(gone=[])
    rig.play("resume", change=left(rig), resume_released_hosts=["app2"], **resumed).expect_success()
    assert ("quarry" in rig.world.servers["db1"], parts(rig), rig.world.harm) == (False, {}, [])


@pytest.mark.deep
@pytest.mark.parametrize("kind", ["host off", "disk full"])
def test_a_host_that_is_lost_keeps_no_other_one_from_its_work(rig: Rig, kind: str) -> None:
    """A tenant that leaves, and one that moves: the others finish, and the host is named."""
    moving = rig.twin("moving")
    rig.change(fault={"words": "app2 odoo disable", "kind": kind})
    run = rig.play("decommission", **LEAVES).expect_failure()
    assert "the instance of quarry is not managed on app2" in run.errors[-1]
    assert "app1" not in run.errors[-1]
    rig.mend()
    until_free(rig)
    rig.play("resume", change=left(rig), way="finish", odoo_tenants=LEAVES["odoo_tenants"]).expect_success()
    assert (parts(rig), sent(rig, "quarry")) == ({}, {"maintenance app1 app2"})

    moving.play("migrate", **MOVE).expect_success()
    moving.change(fault={"words": "app2 odoo run", "nth": 1, "kind": kind}, step=0, log=[])
    run = moving.play("migrate", tenant="harbour", destination="app").expect_failure()
    assert "its users are sent there, and cron is not settled on app2" in run.errors[-1]
    assert "app1" not in run.errors[-1]
    moving.mend()
    until_free(moving)
    moving.play("resume", change=left(moving), way="finish").expect_success()
    assert (parts(moving), sent(moving)) == ({}, {"serve app1 app2"})


# Two operators.

_BREAK = """
exec > {directory}/log 2>&1
export ANSIBLE_COLLECTIONS_PATH={collection} ANSIBLE_CONFIG={root}/ansible.cfg
change=$({python} -c "
import sys
sys.path.insert(0, '{root}')
from pathlib import Path
from tests.integration import change_store
one = change_store.held(Path('{store}'))[0]
print(one['holder']['kind'] + '-' + str(one['number']))")
cd {directory}
{bin}/ansible edge1 -i inventory.yml -m gantry.odoo.change_break -e "{{change: $change}}" -a \
    '{{"store": "{{{{ change_store }}}}", "change": "{{{{ change }}}}", "requester": "joe", "reason": "asleep"}}'
"""
_RESUME = "{bin}/ansible-playbook -i inventory.yml {book}/resume.yml -e change=$change -e way={way}\n"


def overtake(rig: Rig, words: str, playbook: str, way: str = "undo", **inputs: Any) -> ansible.PlaybookRun:
    """Run a playbook whose operator is away before a step; another breaks the lease and resumes the change.

    way: none where the other one resumes nothing.
    """
    directory = rig.path / "other"
    directory.mkdir()
    found = rig.inventory()
    found["all"]["vars"]["change_store"] = {"directory": str(rig.store), "outbox": str(directory)}
    (directory / "inventory.yml").write_text(yaml.dump(found, Dumper=ansible._Dumper, sort_keys=False))
    script = (_BREAK + (_RESUME if way else "")).format(
        root=ROOT,
        collection=rig.collection,
        python=sys.executable,
        bin=ansible.BIN,
        store=rig.store,
        directory=directory,
        way=way,
        book=rig.collection / "ansible_collections/gantry/odoo/playbooks",
    )
    (directory / "run.sh").write_text(script, encoding="utf-8")
    rig.change(fault={"words": words, "kind": "call before", "command": ["bash", f"{directory}/run.sh"]})
    run = rig.play(playbook, **inputs).expect_failure()
    assert ("is done" if way else "changed: true") in (directory / "log").read_text(encoding="utf-8")
    return run


@pytest.mark.parametrize(
    ("playbook", "words", "inputs"),
    [
        ("site", "db1 postgresql main", {}),
        pytest.param("site", "app1 odoo install", {}, marks=pytest.mark.deep),
        pytest.param("migrate", "box1 odoo main", MOVE, marks=pytest.mark.deep),
        pytest.param("recover", "db1 postgresql main", LOST_SITE, marks=pytest.mark.deep),
    ],
)
def test_an_overtaken_run_is_closed_by_the_play_that_ends_it(rig: Rig, playbook: str, words: str, inputs: Any) -> None:
    if playbook == "recover":
        lose_site(rig)
    run = overtake(rig, words, playbook, way="", **inputs)
    assert change_store.entries(rig.store)[-1]["event"] == "unfinished"
    assert len([line for line in screen(run) if "was broken by joe: asleep" in line]) == 1


@pytest.mark.parametrize("words", ["app1 odoo stop", pytest.param("app1 odoo activate", marks=pytest.mark.deep)])
@pytest.mark.deep
def test_an_overtaken_patch_touches_no_host(rig: Rig, words: str) -> None:
    run = overtake(rig, words, "patch", patch_release="r2")
    assert "was broken by joe: asleep" in run.stdout
    assert (releases(rig), rig.world.harm) == ({"r1"}, [])
    assert all(node.running for node in rig.world.nodes.values())


@pytest.mark.deep
@pytest.mark.parametrize("way", ["finish", "undo"])
@pytest.mark.parametrize(
    "words",
    [
        "app1 odoo_database harbour blocked",
        "box1 odoo_restore harbour blocked",
        "box1 odoo_database harbour open",
        "edge1 traefik routes",
    ],
)
def test_an_overtaken_move_touches_no_database(rig: Rig, words: str, way: str) -> None:
    overtake(rig, words, "migrate", way=way, **MOVE)
    home, other = ("box1", "db1") if way == "finish" else ("db1", "box1")
    assert sent(rig) == {"serve box1" if way == "finish" else "serve app1 app2"}
    assert (rig.world.servers[home]["harbour"].open, rig.world.harm) == (True, [])
    copy = rig.world.servers[other].get("harbour")
    assert copy is None or copy.home.get("number", 0) < rig.world.servers[home]["harbour"].home["number"]


@pytest.mark.deep
def test_a_module_that_outlives_its_playbook_is_refused(rig: Rig) -> None:
    """ansible-playbook is killed, as by the kernel for its memory; the module on the host goes on."""
    rig.change(fault={"words": "app1 odoo stop", "kind": "orphan", "seconds": 20})
    first: list[ansible.PlaybookRun] = []
    thread = threading.Thread(target=lambda: first.append(rig.play("patch", patch_release="r2")))
    thread.start()
    while not (rig.path / "called").exists():
        time.sleep(0.1)
    until_free(rig)
    rig.play("resume", change=left(rig), way="undo").expect_success()
    thread.join()
    time.sleep(2)
    assert first[0].rc != 0
    assert (releases(rig), rig.world.harm, rig.world.nodes["app1"].running) == ({"r1"}, [], True)


# Stores, stale copies, servers that are silent.


@pytest.mark.deep
def test_a_store_that_is_made_anew_takes_the_estate_on(rig: Rig) -> None:
    rig.play("migrate", **MOVE).expect_success()
    forget(rig)
    since = rig.world.step
    told = "the change store holds no record of this estate, although database harbour got its home"
    assert told in rig.play("site").expect_failure().errors[-1]
    assert acted(rig, since) == []
    assert told in rig.play("site", site_new_store=True).expect_success().stdout
    rig.play("migrate", tenant="harbour", destination="app").expect_success()
    assert (sent(rig), rig.world.harm) == ({"serve app1 app2"}, [])


@pytest.mark.deep
@pytest.mark.parametrize(
    ("playbook", "inputs"),
    [
        ("migrate", MOVE),
        ("site", {}),
        ("recover", {"recover_tier": 2}),
        ("patch", {"patch_release": "r3"}),
        ("renew_certificates", {}),
        ("backup", {}),
        ("precheck", {}),
    ],
)
def test_another_store_knows_no_host_that_is_out_and_is_refused(
    rig: Rig, playbook: str, inputs: dict[str, Any]
) -> None:
    """A controller that names another change store, beside an interrupted change of the right one."""
    change = lose(rig, "app1 odoo stop", "cut after", "patch", patch_release="r2")
    since, other = rig.world.step, {"directory": f"{rig.path}/another", "outbox": f"{rig.path}/another-outbox"}
    refused = rig.play(playbook, **inputs, change_store=other).expect_failure()
    assert "the change store holds no record of this estate, although database" in refused.errors[-1]
    assert "-e site_new_store=true" in refused.errors[-1]
    assert (acted(rig, since), rig.world.harm) == ([], [])
    assert not Path(other["directory"]).exists()
    rig.play("resume", change=change, way="finish").expect_success()
    assert (releases(rig), parts(rig), rig.world.harm) == ({"r2"}, {}, [])


@pytest.mark.deep
def test_a_stale_copy_is_no_home_while_the_home_is_silent(rig: Rig) -> None:
    """The home is on box, whose server dies. Somebody opens the retired copy to look into it; a patch is resumed."""
    rig.play("migrate", **MOVE).expect_success()
    change = lose(rig, "app2 odoo stop", "cut after", "patch", patch_release="r2")
    with worlds.opened(rig.file) as world:
        world.gone = ["box1"]
        world.servers["db1"]["harbour"] = world.servers["db1"].pop("harbour__retired")
        world.servers["db1"]["harbour"].open = True
    # the server that is silent is told, and the change is done
    assert "is done" in rig.play("resume", change=change, way="finish").stdout
    assert (sent(rig), parts(rig)) == ({"serve box1"}, {})


@pytest.mark.deep
@pytest.mark.parametrize("declared", [[HARBOUR], [HARBOUR, LEAVING]])
def test_a_tenant_on_a_silent_server_keeps_its_routes_declared_or_not(rig: Rig, declared: list[Any]) -> None:
    rig.play("migrate", tenant="quarry", destination="box").expect_success()
    rig.play("site", odoo_tenants=declared).expect_success()
    change = lose(rig, "app2 odoo stop", "cut after", "patch", patch_release="r2", odoo_tenants=declared)
    rig.change(gone=["box1"])
    assert "is done" in rig.play("resume", change=change, way="finish", odoo_tenants=declared).stdout
    assert sent(rig, "quarry") == {"serve box1"}


@pytest.mark.deep
def test_the_home_is_decommissioned_and_not_a_stale_copy(rig: Rig) -> None:
    rig.play("migrate", tenant="quarry", destination="box").expect_success()
    forget(rig)
    with worlds.opened(rig.file) as world:
        world.servers["db1"]["quarry"] = world.servers["db1"].pop("quarry__retired")
    rig.play("site", site_new_store=True).expect_success()
    tenants = [HARBOUR, LEAVING]
    rig.play("decommission", tenant="quarry", odoo_tenants=tenants).expect_success()
    assert set(rig.world.backups["quarry"][-1]) == set(rig.world.accepted["quarry"])
    assert (rig.world.servers["box1"]["quarry"].open, rig.world.harm) == (False, [])


# Declarations that change on the way.


@pytest.mark.deep
def test_a_tenant_is_renamed_by_site_alone(rig: Rig) -> None:
    """Its users go on to reach it under the name that its database has."""
    tenants = [WHARF, QUARRY]
    change = lose(rig, "app1 odoo stop", "cut after", "patch", patch_release="r2")
    run = rig.play("resume", change=change, way="finish", odoo_tenants=tenants).expect_success()
    assert (sent(rig), sent(rig, "wharf"), rig.world.harm) == ({"serve app1 app2"}, set(), [])
    assert "tenant wharf is still called harbour, with its routes, until gantry.odoo.site has renamed it" in screen(run)
    rig.play("site", odoo_tenants=tenants).expect_success()
    assert (sent(rig), sent(rig, "wharf")) == (set(), {"serve app1 app2"})
    assert set(rig.world.servers["db1"]) == {"wharf", "quarry"}


@pytest.mark.deep
@pytest.mark.parametrize("way", ["finish", "undo"])
def test_a_tenant_that_is_to_be_renamed_arrives_under_the_name_that_it_has(rig: Rig, way: str) -> None:
    change = lose(rig, "box1 odoo_restore harbour blocked", "controller killed before", "migrate", **MOVE)
    refused = rig.play("site", odoo_tenants=[WHARF, QUARRY]).expect_failure()
    assert "declare it as it was, and resume the change that left it" in refused.errors[-1]
    rig.play("resume", change=change, way=way, odoo_tenants=[WHARF, QUARRY]).expect_success()
    assert (sent(rig), rig.world.harm) == ({"serve box1" if way == "finish" else "serve app1 app2"}, [])


@pytest.mark.deep
@pytest.mark.parametrize("playbook", ["patch", "patch_redis", "renew_certificates", "backup", "precheck"])
def test_other_playbooks_work_while_a_tenant_waits_for_its_new_name(rig: Rig, playbook: str) -> None:
    inputs = {"patch": {"patch_release": "r2"}}.get(playbook, {})
    rig.play(playbook, odoo_tenants=[WHARF, QUARRY], **inputs).expect_success()
    assert (sent(rig), sent(rig, "wharf"), rig.world.harm) == ({"serve app1 app2"}, set(), [])


@pytest.mark.deep
def test_a_tenant_is_not_lost_on_its_way(rig: Rig) -> None:
    change = lose(rig, "box1 odoo_restore harbour blocked", "controller killed after", "migrate", **MOVE)
    refused = rig.play("resume", change=change, way="undo", odoo_tenants=[QUARRY]).expect_failure()
    assert "tenant harbour is on its way to box, and is not declared under that name any more" in refused.errors[-1]
    assert not any("attribute" in error for error in refused.errors)
    until_free(rig)
    rig.play("resume", change=left(rig), way="undo").expect_success()
    assert (sent(rig), rig.world.harm) == ({"serve app1 app2"}, [])


@pytest.mark.deep
def test_what_an_operator_has_blocked_stays_blocked(rig: Rig) -> None:
    with worlds.opened(rig.file) as world:
        world.servers["db1"]["quarry"].open, world.servers["db1"]["quarry"].operator = False, True
    tenants = [HARBOUR, LEAVING]
    change = lose(rig, "app1 odoo_backup", "module killed", "decommission", tenant="quarry", odoo_tenants=tenants)
    rig.play("resume", change=change, way="finish", odoo_tenants=tenants).expect_success()
    rig.play("decommission", tenant="quarry", odoo_tenants=tenants, decommission_undo=True).expect_success()
    assert (rig.world.servers["db1"]["quarry"].open, rig.world.harm) == (False, [])
    renamed = {**QUARRY, "name": "pit", "renamed_from": "quarry", "routes": [{"host": "pit.example.com"}]}
    refused = rig.play("site", odoo_tenants=[HARBOUR, renamed]).expect_failure()
    assert "tenant pit is renamed from quarry, which is blocked on db1" in refused.errors[-1]


@pytest.mark.deep
def test_a_tenant_that_stays_after_all_serves_and_the_last_screen_says_what_is(rig: Rig) -> None:
    tenants = [HARBOUR, LEAVING]
    change = lose(
        rig, "app1 odoo_backup", "controller killed after", "decommission", tenant="quarry", odoo_tenants=tenants
    )
    run = rig.play("resume", change=change, way="undo", odoo_tenants=tenants).expect_success()
    goes_on = "tenant quarry on app goes on until it is decommissioned: run gantry.odoo.decommission"
    assert screen(run) == ["tenant:quarry  is as it was before, and proven", goes_on]
    assert (sent(rig, "quarry"), parts(rig), rig.world.harm) == ({"serve app1 app2"}, {}, [])
    run = rig.play("decommission", tenant="quarry", odoo_tenants=tenants).expect_success()
    held = "tenant quarry on app is blocked and held; gantry.odoo.decommission drops it after its date"
    assert screen(run) == ["tenant:quarry  is done and proven", held]


@pytest.mark.deep
def test_a_tenant_that_never_was_cannot_leave(rig: Rig) -> None:
    stranger = {**LEAVING, "name": "quary", "routes": []}
    refused = rig.play("decommission", tenant="quary", odoo_tenants=[*TENANTS, stranger]).expect_failure()
    assert "neither a server nor the change store knows it; correct its name" in refused.errors[-1]


@pytest.mark.deep
def test_a_tenant_that_was_dropped_and_restored_is_taken_on_again(rig: Rig) -> None:
    leaving = [HARBOUR, {**QUARRY, "state": "decommissioned", "hold_until": "2020-01-31"}]
    for _step in ("hold", "drop"):
        rig.play("decommission", tenant="quarry", odoo_tenants=leaving).expect_success()
    assert "quarry" not in rig.world.servers["db1"]
    rig.play("site").expect_failure()
    with worlds.opened(rig.file) as world:
        world.servers["db1"]["quarry"] = Copy(list(world.accepted["quarry"]))
    rig.play("site").expect_success()
    assert (sent(rig, "quarry"), rig.world.harm) == ({"serve app1 app2"}, [])


@pytest.mark.deep
def test_a_tenant_that_was_dropped_is_made_anew_on_purpose_alone(rig: Rig) -> None:
    leaving = [HARBOUR, {**QUARRY, "state": "decommissioned", "hold_until": "2020-01-31"}]
    for _step in ("hold", "drop"):
        rig.play("decommission", tenant="quarry", odoo_tenants=leaving).expect_success()
    refused = rig.play("site").expect_failure()
    assert "name it in site_empty_tenants for an empty database, or declare it as decom" in refused.errors[-1]
    with worlds.opened(rig.file) as world:
        # nobody asks for what it had
        world.accepted.pop("quarry")
    rig.play("site", site_empty_tenants=["quarry"]).expect_success()
    assert (sent(rig, "quarry"), rig.world.harm) == ({"serve app1 app2"}, [])
    # it is known as one that stays, and the word gives up no other database
    rig.play("site").expect_success()
    with worlds.opened(rig.file) as world:
        del world.servers["db1"]["quarry"]
    lost = rig.play("site", site_empty_tenants=["quarry"]).expect_failure()
    assert "tenant quarry is recorded to live on app, and no server of the estate holds its" in lost.errors[-1]


BOX = {"patch_release": "r2", "patch_odoo_group": "box", "change_downtime_minutes": 5}


@pytest.mark.deep
def test_routes_lead_to_no_tenant_and_no_host_that_site_has_not_made(rig: Rig) -> None:
    """A run of site is cut off before the processes of a new tenant and a new host run; a patch elsewhere follows."""
    wharf = {**HARBOUR, "name": "wharf", "routes": [{"host": "wharf.example.com"}]}
    tenants = [HARBOUR, QUARRY, wharf]
    with worlds.opened(rig.file) as world:
        world.nodes["app3"] = worlds.Node("app", "db1", running=False)
    rig.change(fault={"words": "app1 odoo run", "kind": "disk full"})
    rig.play("site", odoo_tenants=tenants).expect_failure()
    assert "wharf" in rig.world.servers["db1"]
    rig.mend()
    until_free(rig)
    rig.change(harm=[])
    rig.play("patch", odoo_tenants=tenants, **BOX).expect_success()
    assert (sent(rig), sent(rig, "wharf"), rig.world.harm) == ({"serve app1 app2"}, set(), [])
    rig.play("site", odoo_tenants=tenants).expect_success()
    everywhere = {"serve app1 app2 app3"}
    assert (sent(rig), sent(rig, "wharf"), rig.world.harm) == (everywhere, everywhere, [])
    rig.play("patch", odoo_tenants=tenants, **{**BOX, "patch_release": "r3"}).expect_success()
    assert (sent(rig), sent(rig, "wharf"), rig.world.harm) == (everywhere, everywhere, [])


@pytest.mark.deep
def test_a_group_that_was_renamed_is_no_reason_to_leave_a_change_undone(rig: Rig) -> None:
    """What does not fit is said before the parts are taken over."""
    moving = rig.twin("moving")
    renamed = {
        "odoo_runtime_groups": ["web", "box"],
        "odoo_tenants": [{**one, "runtime": {"group": "web"}} for one in TENANTS],
    }
    patch = lose(rig, "app1 odoo stop", "cut after", "patch", patch_release="r2")
    move = lose(moving, "box1 odoo_restore harbour blocked", "controller killed after", "migrate", **MOVE)
    for one in (rig, moving):
        with worlds.opened(one.file) as world:
            for node in world.nodes.values():
                node.group = "web" if node.group == "app" else node.group
    refused = rig.play("resume", change=patch, way="finish", **renamed).expect_failure()
    assert "put it back, or, where it is gone for good" in refused.errors[-1]
    released = {"resume_released_groups": ["app"], **renamed}
    rig.play("resume", change=patch, way="finish", **released).expect_success()
    assert ({node.release for node in rig.world.nodes.values() if node.group == "web"}, parts(rig)) == ({"r2"}, {})
    refused = moving.play("resume", change=move, way="undo", **released).expect_failure()
    assert "harbour is on its way from app to box, and no group app runs Odoo any more; give its" in refused.errors[-1]
    until_free(moving)
    assert left(moving) == move


@pytest.mark.deep
def test_a_gate_that_closes_when_the_parts_are_taken_over_names_them(rig: Rig) -> None:
    """app2 is not to be taken away: app1, which would have to serve meanwhile, left for good."""
    change = lose(rig, "app1 odoo stop", "cut after", "patch", patch_release="r2")
    with worlds.opened(rig.file) as world:
        del world.nodes["app1"]
    refused = rig.play("resume", change=change, way="finish", resume_released_hosts=["app1"]).expect_failure()
    taken = left(rig)
    assert taken.startswith("resume-")
    assert f"{taken} is not done: Verify that the change may go on: the gate is closed: " in refused.errors[-1]
    assert f"run gantry.odoo.resume -e change={taken} -e way=finish to finish it" in refused.errors[-1]
    until_free(rig)
    rig.play("resume", change=taken, way="finish", change_downtime_minutes=5).expect_success()
    assert (releases(rig), parts(rig)) == ({"r2"}, {})


@pytest.mark.deep
def test_a_resumed_change_makes_no_routes_of_tenants_that_were_declared_meanwhile(rig: Rig) -> None:
    change = lose(rig, "app1 odoo stop", "cut after", "patch", patch_release="r2")
    wharf = {**HARBOUR, "name": "wharf", "routes": [{"host": "wharf.example.com"}]}
    rig.change(harm=[])
    rig.play("resume", change=change, way="finish", odoo_tenants=[HARBOUR, QUARRY, wharf]).expect_success()
    assert (sent(rig), sent(rig, "wharf"), rig.world.harm) == ({"serve app1 app2"}, set(), [])


# What a later step needs.


@pytest.mark.parametrize(
    ("playbook", "inputs", "lacks"),
    [
        ("decommission", {"tenant": "quarry", "odoo_tenants": [HARBOUR, LEAVING]}, "gantry"),
        pytest.param("site", {}, "odoo_quarry", marks=pytest.mark.deep),
        pytest.param("patch", {"patch_release": "r2"}, "odoo_quarry", marks=pytest.mark.deep),
        pytest.param("migrate", MOVE, "odoo_shared", marks=pytest.mark.deep),
        pytest.param("restore", {"tenant": "harbour"}, "gantry", marks=pytest.mark.deep),
        pytest.param("backup", {}, "gantry", marks=pytest.mark.deep),
    ],
)
@pytest.mark.deep
def test_a_password_that_a_later_step_needs_is_asked_for_first(
    rig: Rig, playbook: str, inputs: dict[str, Any], lacks: str
) -> None:
    held = change_store.text(rig.store)
    known = rig.variables()["odoo_db_passwords"]
    without = {name: one for name, one in known.items() if name != lacks}
    refused = rig.play(playbook, **inputs, odoo_db_passwords=without).expect_failure()
    assert f"passwords are missing, so that nothing is begun: odoo_db_passwords lacks {lacks}; " in refused.errors[-1]
    assert (acted(rig), rig.world.harm) == ([], [])
    assert change_store.text(rig.store) == held


@pytest.mark.deep
def test_the_password_of_an_instance_that_starts_again_is_asked_for_first(rig: Rig) -> None:
    inputs = {"tenant": "quarry", "odoo_tenants": [HARBOUR, LEAVING]}
    rig.play("decommission", **inputs).expect_success()
    since = rig.world.step
    known = rig.variables()["odoo_db_passwords"]
    without = {name: one for name, one in known.items() if name != "odoo_quarry"}
    undo = {**inputs, "decommission_undo": True}
    refused = rig.play("decommission", **undo, odoo_db_passwords=without).expect_failure()
    assert "odoo_db_passwords lacks odoo_quarry" in refused.errors[-1]
    assert (acted(rig, since), parts(rig)) == ([], {})
    rig.play("decommission", **undo).expect_success()


@pytest.mark.deep
def test_a_change_is_resumed_with_all_passwords_and_those_that_need_none_without(rig: Rig) -> None:
    twin = rig.twin("edges")
    change = lose(rig, "app1 odoo_backup", "module killed", "migrate", **MOVE)
    refused = rig.play("resume", change=change, way="finish", odoo_db_passwords={}).expect_failure()
    assert "odoo_db_passwords lacks gantry, odoo_harbour" in refused.errors[-1]
    # it is still the same change that is left
    assert left(rig) == change
    change = lose(twin, "edge1 traefik certificates", "cut after", "renew_certificates")
    twin.play("resume", change=change, way="finish", odoo_db_passwords={}).expect_success()


@pytest.mark.deep
def test_what_the_hosts_of_later_plays_need_is_asked_for_first(rig: Rig) -> None:
    refused = rig.play("site", redis_password="").expect_failure()
    assert "redis_password is not set for cache1, cache2, cache3" in refused.errors[-1]
    assert acted(rig) == []


# Runs that leave things out.


@pytest.mark.parametrize(
    ("playbook", "arguments"),
    [
        ("patch", ["--start-at-task", "Drain"]),
        ("site", ["--tags", "routes"]),
        pytest.param("patch_redis", ["--skip-tags", "untagged"], marks=pytest.mark.deep),
        pytest.param("site", ["--start-at-task", "Certificates"], marks=pytest.mark.deep),
    ],
)
def test_a_run_that_leaves_tasks_out_is_refused(rig: Rig, playbook: str, arguments: list[str]) -> None:
    inputs = {"patch_release": "r2"} if playbook == "patch" else {}
    book = rig.collection / f"ansible_collections/gantry/odoo/playbooks/{playbook}.yml"
    run = ansible.run_playbook(book, rig.inventory(), inputs, arguments=arguments, server=rig.server)
    assert run.rc != 0
    assert f"{arguments[0]} leaves tasks of this playbook out" in run.stdout + run.stderr
    assert rig.world.log == []


@pytest.mark.deep
@pytest.mark.parametrize("playbook", ["patch_redis", "precheck"])
def test_an_inventory_that_was_forgotten_is_no_estate_in_order(rig: Rig, playbook: str) -> None:
    book = rig.collection / f"ansible_collections/gantry/odoo/playbooks/{playbook}.yml"
    run = ansible.run_playbook(book, {"all": {"hosts": {}}}, server=rig.server)
    assert run.rc != 0
    assert "the inventory has no host" in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("playbook", "limit", "inputs"),
    [
        ("migrate", "!box1", {"tenant": "harbour", "destination": "app"}),
        pytest.param("site", "app:db1:edge:cache", {}, marks=pytest.mark.deep),
        pytest.param("patch", "app", {"patch_release": "r2"}, marks=pytest.mark.deep),
        pytest.param("patch_redis", "cache1", {}, marks=pytest.mark.deep),
        pytest.param("renew_certificates", "edge1", {}, marks=pytest.mark.deep),
        pytest.param("decommission", "app:edge", {"tenant": "quarry"}, marks=pytest.mark.deep),
        pytest.param("restore", "app1", {"tenant": "harbour"}, marks=pytest.mark.deep),
        pytest.param("recover", "app", {"recover_tier": 2}, marks=pytest.mark.deep),
        pytest.param("resume", "app1", {"change": "patch-1", "way": "finish"}, marks=pytest.mark.deep),
        pytest.param("backup", "db1", {}, marks=pytest.mark.deep),
        pytest.param("backup_policy", "db1", {}, marks=pytest.mark.deep),
        pytest.param("restore_drill", "app", {}, marks=pytest.mark.deep),
    ],
)
def test_a_limit_that_hides_a_host_is_one_sentence(rig: Rig, playbook: str, limit: str, inputs: dict[str, Any]) -> None:
    before, entries = rig.world, change_store.entries(rig.store)
    refused = rig.play(playbook, limit=limit, **inputs).expect_failure()
    assert "the limit of this run hides " in refused.errors[-1]
    assert (rig.world, change_store.entries(rig.store)) == (before, entries)


@pytest.mark.deep
@pytest.mark.parametrize("playbook", ["patch", "renew_certificates", "migrate"])
def test_an_inventory_without_edges_is_one_sentence(rig: Rig, playbook: str) -> None:
    forget(rig)
    found = rig.inventory()
    found["all"]["children"].pop("edge")
    inputs = {"patch": {"patch_release": "r2"}, "migrate": MOVE}.get(playbook, {})
    book = rig.collection / f"ansible_collections/gantry/odoo/playbooks/{playbook}.yml"
    run = ansible.run_playbook(book, found, inputs, server=rig.server).expect_failure()
    assert "the inventory has no hosts in edge; this playbook needs the groups edge" in run.errors[-1]


# Disks and stores that fail in the middle.


@pytest.mark.deep
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("store unmounted", "app1 odoo activate"),
        ("store removed", "app1 odoo activate"),
        ("store unmounted", "edge1 traefik routes"),
    ],
)
def test_a_store_that_vanishes_is_not_an_empty_one(rig: Rig, kind: str, words: str) -> None:
    """What holds no record of the change in hand tells no routes, and takes no proof of it."""
    routes = rig.world.routes
    rig.change(fault={"words": words, "kind": kind})
    run = rig.play("patch", patch_release="r2").expect_failure()
    assert "is not what it was: it holds no change store, and this controller has seen lease" in run.errors[-1]
    assert not rig.store.exists() or not [one for one in rig.store.rglob("*") if one.is_file()]
    assert [(one["name"], one["servers"]) for one in rig.world.routes["edge1"]] == [
        (one["name"], one["servers"]) for one in routes["edge1"]
    ]
    # the next one does not begin with an empty estate either
    for playbook in ("site", "precheck", "backup") if kind == "store removed" else ("site",):
        refused = rig.play(playbook).expect_failure()
        assert "it holds no change store" in refused.errors[-1]
    rig.mend()
    until_free(rig)
    rig.play("resume", change=left(rig), way="finish").expect_success()
    assert (releases(rig), parts(rig), rig.world.harm) == ({"r2"}, {}, [])


@pytest.mark.deep
def test_a_change_without_parts_that_could_not_be_closed_is_run_again(rig: Rig) -> None:
    rig.change(fault={"words": "edge2 traefik routes", "kind": "store gone"})
    said = rig.play("site").expect_failure().errors[-1]
    assert said.endswith("; when it answers, run gantry.odoo.site with the same inputs on the same controller")
    rig.mend()
    until_free(rig)
    rig.play("site").expect_success()
    assert (parts(rig), rig.world.harm) == ({}, [])


@pytest.fixture
def disk(rig: Rig) -> Iterator[Path]:
    """A small disk of the controller, with the change store and what is not in it yet."""
    path = rig.path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(path)], check=True)
    try:
        for one in (rig.store, rig.path / "outbox"):
            shutil.move(str(one), str(path / one.name))
            one.symlink_to(path / one.name)
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.mark.deep
def test_a_node_that_serves_is_not_put_back_because_that_cannot_be_recorded(rig: Rig, disk: Path) -> None:
    rig.change(fault={"words": "edge2 traefik routes", "nth": 2, "kind": "controller disk full", "disk": str(disk)})
    run = rig.play("patch", patch_release="r2").expect_failure()
    assert "No space left on device" in run.stdout
    node = rig.world.nodes["app1"]
    assert (node.release, node.running, sent(rig), rig.world.harm) == ("r2", True, {"serve app1 app2"}, [])
    (disk / "filler").unlink()
    until_free(rig)
    rig.play("resume", change=left(rig), way="finish").expect_success()
    assert (releases(rig), rig.world.harm) == ({"r2"}, [])


@pytest.mark.deep
@pytest.mark.parametrize("brought_back", [True, False])
def test_a_store_that_lost_what_a_change_has_written_begins_nothing_more(rig: Rig, brought_back: bool) -> None:
    """As a standby that was promoted: it has the change, and not that app1 left. And app1 is lost."""
    lost = [
        {"words": "app1 odoo stop", "kind": "store put back"},
        {"words": "app1 odoo activate", "kind": "cut before"},
    ]
    rig.change(fault={"words": "app1 odoo release", "kind": "store copied", "more": lost})
    run = rig.play("patch", patch_release="r2").expect_failure()
    assert "is not what it was: its newest record of le" in run.errors[-1]
    assert ("app2 odoo stop" in rig.world.log, rig.world.harm) == (False, [])
    assert rig.world.nodes["app2"].running
    refused = rig.play("migrate", **MOVE).expect_failure()
    assert "is not what it was: its newest record of" in refused.errors[-1]
    if brought_back:
        rig.mend()
    else:
        rig.change(fault={})
        for seen in (rig.path / "outbox").rglob("seen"):
            seen.unlink()
        with worlds.opened(rig.file) as world:
            world.nodes["app1"].running = True
        (held,) = change_store.held(rig.store)
        leases = Register(Directory(str(rig.store)))
        leases.take_away(held["fencing_number"], "joe", "the records behind it are lost", Deadline(60))
    until_free(rig)
    if brought_back:
        rig.play("resume", change=left(rig), way="finish").expect_success()
    else:
        # what is left says of no host that it was begun
        rig.play("patch", patch_release="r2").expect_success()
    assert (releases(rig), parts(rig), rig.world.harm) == ({"r2"}, {}, [])


@pytest.mark.deep
def test_a_store_that_has_lost_what_is_out_of_service_begins_nothing(rig: Rig) -> None:
    """Another controller, which has seen nothing of the store, would take all hosts for ones that serve."""
    lose(rig, "app1 odoo stop", "cut after", "patch", patch_release="r2")
    until_free(rig)
    shutil.rmtree(rig.store / "parts")
    for seen in (rig.path / "outbox").rglob("seen"):
        seen.unlink()
    check = rig.play("migrate", check=True, tenant="quarry", destination="box").expect_success()
    refused = rig.play("migrate", tenant="quarry", destination="box").expect_failure()
    assert "has lost all records of parts" in check.stdout + check.stderr
    assert "has lost all records of parts" in refused.errors[-1]
    assert rig.world.harm == []


@pytest.mark.deep
def test_users_do_not_wait_for_a_ledger_that_was_damaged(rig: Rig) -> None:
    change = lose(rig, "box1 odoo_restore harbour blocked", "controller killed before", "migrate", **MOVE)
    # the records' names fall
    newest = min(path for path in (rig.store / "ledger").rglob("*") if path.is_file())
    newest.write_bytes(newest.read_bytes().replace(b"migrate", b"migrant"))
    run = rig.play("resume", change=change, way="undo").expect_failure()
    assert "is damaged at entry" in run.errors[-1]
    assert (sent(rig), rig.world.servers["db1"]["harbour"].open, rig.world.harm) == ({"serve app1 app2"}, True, [])


@pytest.mark.deep
def test_a_host_that_was_given_up_and_comes_back_is_new(rig: Rig) -> None:
    """It was stopped in the middle of a patch, and is as it was then: it runs nothing, and has the former release."""
    change = lose(rig, "app1 odoo stop", "cut after", "patch", patch_release="r2")
    with worlds.opened(rig.file) as world:
        app1 = world.nodes.pop("app1")
    given_up = {"resume_released_hosts": ["app1"], "change_downtime_minutes": 5}
    rig.play("resume", change=change, way="finish", **given_up).expect_success()
    rig.play("precheck").expect_success()
    rig.change(nodes={"app1": app1, **rig.world.nodes}, harm=[])
    rig.play("patch", **BOX).expect_success()
    assert (sent(rig), rig.world.harm) == ({"serve app2"}, [])
    rig.play("backup").expect_success()
    assert "app2 odoo_backup" in acted(rig)
    refused = rig.play("patch", patch_release="r3").expect_failure()
    assert "app1 of app was not made by gantry.odoo.site yet; run that first" in refused.errors[-1]
    refused = rig.play("site").expect_failure()
    found = "app1 is new to the estate and would run the release r1, and the hosts of its group that serve run r2; set"
    assert found in refused.errors[-1]
    assert (sent(rig), rig.world.nodes["app1"].running) == ({"serve app2"}, False)
    with worlds.opened(rig.file) as world:
        world.nodes["app1"].release = "r2"
    rig.play("site").expect_success()
    assert (sent(rig), rig.world.harm) == ({"serve app1 app2"}, [])
