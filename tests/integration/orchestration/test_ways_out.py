# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change has left meets the next fault: each refusal names a way out, and the way is open."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.integration import ansible
from tests.integration.orchestration import world as worlds
from tests.integration.orchestration.rig import Rig
from tests.integration.orchestration.test_bad_nights import acted, left, lose, on, releases
from tests.integration.orchestration.test_moves import MOVE, change_of, opening, parts, sent, states, until_free
from tests.integration.orchestration.world import Copy
from tests.lab.state import ROOT

# A copy that an undone move has left open.


@pytest.mark.deep
def test_a_copy_that_an_undo_has_left_open_is_no_home_while_the_source_is_silent(rig: Rig) -> None:
    """The home got a higher number from the undo, and nothing but the record knows that when its server is silent."""
    opening(rig)
    rig.change(silent=["db1"])
    rig.play("backup")
    # its backup would be the newest one of the tenant
    assert "box1 odoo_backup" not in rig.world.log


@pytest.mark.deep
@pytest.mark.parametrize("gone", [False, True])
def test_a_copy_that_an_undo_has_left_open_is_settled_before_its_tenant_is_restored(rig: Rig, gone: bool) -> None:
    opening(rig)
    change = change_of(rig)
    rig.change(silent=["box1"], given_up=["harbour"], step=0, log=[], reads=[])
    refused = rig.play("restore", tenant="harbour").expect_failure()
    assert (
        f"{change} left harbour on box1, which may be open; once box1 is back, run gantry.odoo.resume"
        in refused.errors[-1]
    )
    assert (acted(rig), states(rig)) == ([], {"tenant:harbour": "restored"})
    inputs: dict[str, object] = {}
    if gone:
        with worlds.opened(rig.file) as world:
            del world.nodes["box1"], world.servers["box1"]
            world.silent = []
        inputs = {"odoo_runtime_groups": ["app"]}
        rig.play("site", site_released_hosts=["box1"], site_released_groups=["box"], **inputs).expect_success()
    else:
        rig.change(silent=[])
        rig.play("resume", change=change, way="undo").expect_success()
    rig.play("restore", tenant="harbour", **inputs).expect_success()
    assert (sent(rig), parts(rig)) == ({"serve app1 app2"}, {})


# Hosts that were done, and failed the last proof together.


def unserved(rig: Rig, tenant: str = "harbour") -> list[str]:
    """The steps at which no user reached a tenant."""
    world = rig.world
    return [words for number, words in enumerate(world.log, 1) if number not in world.accepted[tenant]]


def failed_together(rig: Rig, *more: dict[str, object]) -> None:
    """Patch the group; as their database server stalls for a moment, no node passes the last proof."""
    both = [{"words": "app2 odoo prove", "nth": 3, "kind": "disk full"}, *more]
    rig.change(fault={"words": "app1 odoo prove", "nth": 3, "kind": "disk full", "more": both})
    rig.play("patch", patch_release="r2").expect_failure()
    assert {state.split()[1] for state in parts(rig).values()} == {"failed"}
    until_free(rig)
    rig.change(fault={}, step=0, log=[], reads=[], accepted={"harbour": []}, harm=[])


@pytest.mark.parametrize("put_back", [False, pytest.param(True, marks=pytest.mark.deep)])
@pytest.mark.deep
def test_a_group_that_failed_the_last_proof_is_undone_node_by_node(rig: Rig, put_back: bool) -> None:
    """Each node serves the release that it was proven with, until another one serves in its place."""
    more = [{"words": "app2 odoo activate", "kind": "disk full"}] if put_back else []
    failed_together(rig, *more)
    rig.play("resume", change=left(rig), way="undo").expect_success()
    assert (releases(rig), parts(rig), sent(rig)) == ({"r1"}, {}, {"serve app1 app2"})
    assert (unserved(rig), rig.world.harm) == ([], [])
    assert ("app2 odoo stop" in rig.world.log) != put_back


@pytest.mark.deep
def test_a_node_that_does_not_serve_again_is_undone_before_one_that_does(rig: Rig) -> None:
    failed_together(rig)
    with worlds.opened(rig.file) as world:
        world.nodes["app2"].running = False
    rig.play("resume", change=left(rig), way="undo").expect_success()
    assert (releases(rig), parts(rig), sent(rig)) == ({"r1"}, {}, {"serve app1 app2"})
    assert (unserved(rig), rig.world.harm) == ([], [])
    assert rig.world.log.index("app2 odoo activate") < rig.world.log.index("app1 odoo stop")


@pytest.mark.deep
def test_the_last_node_that_serves_is_not_taken_away_to_undo_a_change(rig: Rig) -> None:
    """app2 is dead, and does not start with the release of before either."""
    failed_together(rig)
    rig.change(fault={"words": "app2 odoo activate", "nth": 0, "kind": "disk full"})
    with worlds.opened(rig.file) as world:
        world.nodes["app2"].running = False
    run = rig.play("resume", change=left(rig), way="undo").expect_failure()
    assert "app1 odoo stop" not in rig.world.log
    assert "app2 failed and is not proven to serve" in run.errors[-1]
    # users do nothing in a step that a fault ends
    assert (unserved(rig), rig.world.nodes["app1"].release) == (["app2 odoo activate"], "r2")
    assert {on(rig, edge) for edge in rig.world.routes} == {"serve app1"}
    until_free(rig)
    rig.change(fault={}, step=0, log=[], reads=[], accepted={"harbour": []})
    rig.play("resume", change=left(rig), way="undo").expect_success()
    assert (releases(rig), parts(rig), unserved(rig), rig.world.harm) == ({"r1"}, {}, [], [])


# Edges that are off.


@pytest.mark.deep
@pytest.mark.parametrize("playbook", ["restore", "migrate"])
def test_an_edge_that_is_lost_when_the_login_page_is_verified_takes_no_host_along(rig: Rig, playbook: str) -> None:
    rig.play("backup").expect_success()
    off = {"words": "edge1 traefik_proof", "kind": "host off"}
    rig.change(given_up=["harbour"], fault=off, harm=[], step=0, log=[], reads=[])
    run = rig.play(playbook, **(MOVE if playbook == "migrate" else {"tenant": "harbour"})).expect_failure()
    assert states(rig) == {"tenant:harbour": "failed"}
    assert "edge1 (Task failed: Failed to connect to edge1) cannot be reached and keeps the routes" in run.errors[-1]
    # the other edge was asked as well
    assert "edge2 traefik_proof" in rig.world.log
    until_free(rig)
    rig.change(gone=[], fault={})
    rig.play("resume", change=change_of(rig), way="finish").expect_success()
    assert (parts(rig), rig.world.harm) == ({}, [])


# Other changes meanwhile.


def test_a_change_does_not_begin_where_another_one_has_worked_since_the_estate_was_read(rig: Rig) -> None:
    """The tenant is moved by another operator, when this run has read its home and is not open yet."""
    rig.play("backup").expect_success()
    rig.change(fault={"words": "app1 odoo facts", "kind": "call before", "command": moved(rig)}, given_up=["harbour"])
    refused = rig.play("restore", tenant="harbour").expect_failure()
    assert " has worked on the estate since this run has read it, so that what this run" in refused.errors[-1]
    assert (sent(rig), parts(rig), rig.world.harm) == ({"serve box1"}, {}, [])
    rig.change(fault={})
    rig.play("restore", tenant="harbour").expect_success()
    assert (sent(rig), parts(rig), rig.world.harm) == ({"serve box1"}, {}, [])


@pytest.mark.deep
def test_a_database_that_was_moved_away_since_the_estate_was_read_is_not_backed_up(rig: Rig) -> None:
    """The move of another operator cannot retire its source, which keeps its name and number, blocked."""
    full = {"words": "app1 odoo_database harbour__retired absent", "kind": "disk full"}
    rig.change(fault={"words": "app1 odoo_backup", "kind": "call before", "command": moved(rig), "more": [full]})
    run = rig.play("backup").expect_failure()
    assert "harbour: database harbour is not as expected" in run.errors[-1]
    assert {server: copies["harbour"].open for server, copies in rig.world.servers.items()} == {
        "db1": False,
        "box1": True,
    }
    # those of the move alone
    assert {name: len(kept) for name, kept in rig.world.backups.items()} == {"harbour": 2, "quarry": 1}


@pytest.mark.deep
def test_a_tenant_that_a_change_has_blocked_is_backed_up_when_that_change_is_done(rig: Rig) -> None:
    """The source of a move is the home until the destination is opened, which a backup of many tenants may outlast."""
    lose(rig, "box1 odoo_restore harbour blocked", "controller killed after", "migrate", **MOVE)
    before = len(rig.world.backups["harbour"])
    run = rig.play("backup").expect_failure()
    assert "harbour: database harbour is not as expected" in run.errors[-1]
    assert {name: len(kept) for name, kept in rig.world.backups.items()} == {"harbour": before, "quarry": 1}


def moved(rig: Rig) -> list[str]:
    """What moves harbour, as another operator does on another controller."""
    directory = rig.path / "other"
    directory.mkdir()
    found = rig.inventory()
    found["all"]["vars"]["change_store"] = {"directory": str(rig.store), "outbox": str(directory)}
    (directory / "inventory.yml").write_text(yaml.dump(found, Dumper=ansible._Dumper, sort_keys=False))
    book = rig.collection / "ansible_collections/gantry/odoo/playbooks/migrate.yml"
    given = " ".join(f"-e {name}={value}" for name, value in MOVE.items())
    command = f"exec > {directory}/log 2>&1; {ansible.BIN}/ansible-playbook -i {directory}/inventory.yml {book} {given}"
    return [
        "env",
        f"ANSIBLE_COLLECTIONS_PATH={rig.collection}",
        f"ANSIBLE_CONFIG={ROOT}/ansible.cfg",
        "bash",
        "-c",
        command,
    ]


@pytest.mark.parametrize(
    ("words", "way"),
    [
        ("app1 odoo stop", "finish"),
        pytest.param("app1 odoo activate", "finish", marks=pytest.mark.deep),
        pytest.param("app1 odoo stop", "undo", marks=pytest.mark.deep),
    ],
)
@pytest.mark.deep
def test_a_node_that_is_drained_comes_back_by_the_edges_that_answer(rig: Rig, words: str, way: str) -> None:
    change = lose(rig, words, "cut after", "patch", patch_release="r2")
    rig.change(gone=["edge1"], harm=[], fault={})
    run = rig.play("resume", change=change, way=way).expect_failure()
    node = rig.world.nodes["app1"]
    assert (node.running, node.release) == (True, "r2" if way == "finish" else "r1")
    assert (on(rig, "edge1"), on(rig, "edge2"), rig.world.harm) == ("serve app2", "serve app1 app2", [])
    assert "keeps the routes that it had; users of the other edges do not wait for it" in run.errors[-1]
    assert "app2 odoo stop" not in rig.world.log
    until_free(rig)
    rig.change(gone=[])
    rig.play("resume", change=left(rig), way=way).expect_success()
    assert (parts(rig), sent(rig), rig.world.harm) == ({}, {"serve app1 app2"}, [])


@pytest.mark.deep
def test_a_node_that_fails_is_put_back_although_an_edge_went_off_since_its_drain(rig: Rig) -> None:
    rig.change(fault={"words": "app1 odoo activate", "kind": "disk full", "off": "edge1"})
    run = rig.play("patch", patch_release="r2").expect_failure()
    assert (rig.world.nodes["app1"].release, rig.world.nodes["app1"].running) == ("r1", True)
    assert (on(rig, "edge1"), on(rig, "edge2"), rig.world.harm) == ("serve app2", "serve app1 app2", [])
    assert "keeps the routes that it had; users of the other edges do not wait for it" in run.errors[-1]


@pytest.mark.deep
def test_an_edge_that_site_has_not_made_keeps_no_change_from_its_end(rig: Rig) -> None:
    """It is declared while a node is out: site is refused, and resume would write routes to an edge without Traefik."""
    change = lose(rig, "app1 odoo stop", "cut after", "patch", patch_release="r2")
    with worlds.opened(rig.file) as world:
        world.routes["edge3"] = []
    refused = rig.play("site").expect_failure()
    assert "app1 left and is not proven to serve" in refused.errors[-1]
    rig.change(step=0, log=[], harm=[], fault={"words": "edge3 traefik routes", "nth": 0, "kind": "disk full"})
    rig.play("resume", change=change, way="finish").expect_success()
    assert (releases(rig), parts(rig), rig.world.harm, rig.world.routes["edge3"]) == ({"r2"}, {}, [], [])
    rig.change(fault={})
    rig.play("site").expect_success()
    assert on(rig, "edge3") == "serve app1 app2"


@pytest.mark.deep
def test_an_edge_whose_traefik_is_stopped_is_started_and_the_change_ends(rig: Rig) -> None:
    """Its host answers. site, which would start it, waits for the change."""
    change = lose(rig, "app1 odoo stop", "cut after", "patch", patch_release="r2")
    rig.change(harm=[], fault={"words": "edge1 traefik routes", "nth": 0, "kind": "disk full"})
    run = rig.play("resume", change=change, way="finish").expect_failure()
    assert "edge1 does not take its routes: Task failed: No space left on device; where Traefik is" in run.errors[-1]
    assert (on(rig, "edge2"), rig.world.harm) == ("serve app1 app2", [])
    until_free(rig)
    rig.change(fault={})
    rig.play("resume", change=left(rig), way="finish").expect_success()
    assert (releases(rig), parts(rig), sent(rig), rig.world.harm) == ({"r2"}, {}, {"serve app1 app2"}, [])


# Settings of the controller.


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        (
            "ANSIBLE_STRATEGY",
            "free",
            "the strategy is free, with which hosts do not wait for each other, and one would",
        ),
        pytest.param("ANSIBLE_STRATEGY", "ansible.builtin.host_pinned", "the strategy is ", marks=pytest.mark.deep),
        pytest.param("ANSIBLE_TASK_TIMEOUT", "8", "task_timeout is set, which ends a task", marks=pytest.mark.deep),
        pytest.param("ANSIBLE_HOST_PATTERN_MISMATCH", "error", "host_pattern_mismatch is er", marks=pytest.mark.deep),
    ],
)
def test_settings_that_break_the_order_of_plays_are_refused(rig: Rig, setting: str, value: str, said: str) -> None:
    run = rig.play("patch", patch_release="r2", env={setting: value})
    assert run.rc != 0
    assert said in run.stdout + run.stderr
    assert (rig.world.log, parts(rig)) == ([], {})


# Processes that are stopped.


@pytest.mark.parametrize("node", ["cache2", pytest.param("cache1", marks=pytest.mark.deep)])
@pytest.mark.deep
def test_a_node_of_redis_that_is_out_and_stopped_is_started_by_resume(rig: Rig, node: str) -> None:
    """site waits for the change, and no node is restarted while one is stopped."""
    rig.change(fault={"words": f"{node} redis restart", "kind": "host off"})
    rig.play("patch_redis").expect_failure()
    rig.change(gone=[], fault={}, harm=[])
    until_free(rig)
    assert not rig.world.caches[node].running
    assert f"{node} left and is not proven to serve" in rig.play("site").expect_failure().errors[-1]
    rig.play("resume", change=left(rig), way="finish").expect_success()
    found = {(one.version, one.running) for one in rig.world.caches.values()}
    assert (found, parts(rig), rig.world.harm) == ({("8.0.2", True)}, {}, [])


@pytest.mark.deep
def test_an_instance_ends_on_the_hosts_that_its_tenant_has_left(rig: Rig) -> None:
    """Also on one that was off, and has started it when it came back."""
    rig.play("migrate", **MOVE).expect_success()
    assert {"app1 odoo disable", "app2 odoo disable"} <= set(rig.world.log)
    rig.change(step=0, log=[], reads=[])
    rig.play("site").expect_success()
    log = rig.world.log
    # what the end of the playbook reads is published by what runs
    assert log.index("app1 odoo disable") < log.index("app1 odoo run")
    assert (sent(rig), rig.world.harm) == ({"serve box1"}, [])


# An estate of one host.


@pytest.fixture
def alone(tmp_path: Path, collection: Path, server: ansible.Server) -> Rig:
    """One machine that is edge, cache, database server and the only node of the only group."""
    rig = Rig(tmp_path, collection, server)
    nodes = [{"url": "http://one:8169", "drained": False}]
    routes = [{"name": f"{tenant}-public", "mode": "serve", "servers": nodes} for tenant in ("harbour", "quarry")]
    world = worlds.World(
        nodes={"one": worlds.Node("app", "one")},
        servers={"one": {"harbour": Copy(), "quarry": Copy()}},
        routes={"one": routes},
        caches={"one": worlds.Cache(primary=True)},
    )
    worlds.write(rig.file, world)
    rig.play("site", **ONE).expect_success()
    return rig


ONE = {"odoo_runtime_groups": ["app"]}
ACCEPTED = {**ONE, "change_downtime_minutes": 5}


@pytest.mark.deep
def test_an_estate_of_one_host_is_patched_with_a_downtime_that_is_stated(alone: Rig) -> None:
    for playbook, inputs in (("patch", {"patch_release": "r2"}), ("patch_redis", {})):
        refused = alone.play(playbook, **inputs, **ONE).expect_failure()
        assert "0 nodes would go on serving, and at least 1 must; bring the others up first" in refused.errors[-1]
        until_free(alone)
        alone.play(playbook, **inputs, **ACCEPTED).expect_success()
    assert (releases(alone), parts(alone), sent(alone)) == ({"r2"}, {}, {"serve one"})
    refused = alone.play("migrate", tenant="harbour", destination="app", **ONE).expect_failure()
    assert "tenant harbour already lives on app; name another group" in refused.errors[-1]
    # what was lost is resumed either way, with the downtime that was accepted
    alone.change(fault={"words": "one odoo stop", "kind": "cut after"}, harm=[])
    alone.play("patch", patch_release="r3", **ACCEPTED).expect_failure()
    alone.change(fault={})
    until_free(alone)
    alone.play("resume", change=left(alone), way="undo", **ONE).expect_success()
    assert (releases(alone), parts(alone), sent(alone), alone.world.harm) == ({"r2"}, {}, {"serve one"}, [])
    alone.play("site", **ONE).expect_success()
    alone.play("backup", **ONE).expect_success()
    alone.change(given_up=["harbour"])
    alone.play("restore", tenant="harbour", **ONE).expect_success()
    assert (parts(alone), sent(alone), alone.world.harm) == ({}, {"serve one"}, [])
