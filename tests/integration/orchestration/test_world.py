# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's playbooks on a world where everything answers: what they do harms nobody and loses nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration import change_store
from tests.integration.orchestration.rig import TENANTS, Rig, estate


@pytest.mark.parametrize(
    ("playbook", "inputs"),
    [
        pytest.param("patch", {"patch_release": "r2"}, marks=pytest.mark.deep),
        pytest.param("migrate", {"tenant": "harbour", "destination": "box"}, marks=pytest.mark.deep),
        ("patch_redis", {}),
        pytest.param("renew_certificates", {}, marks=pytest.mark.deep),
        pytest.param("site", {}, marks=pytest.mark.deep),
        pytest.param("backup", {}, marks=pytest.mark.deep),
        pytest.param("backup_compliance", {}, marks=pytest.mark.deep),
        pytest.param("precheck", {}, marks=pytest.mark.deep),
    ],
)
def test_nobody_is_harmed_on_a_good_day(rig: Rig, playbook: str, inputs: dict[str, str]) -> None:
    """The inventory has a host that is none of the estate's, and that is off."""
    # nobody listens on port 1
    off = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    rig = replace(rig, beside={"mail1": off})
    rig.play(playbook, **inputs).expect_success()
    assert rig.world.harm == []


@pytest.mark.deep
def test_the_only_node_of_a_group_leaves_for_a_downtime_that_was_accepted(rig: Rig) -> None:
    rig.play("migrate", tenant="quarry", destination="box").expect_success()
    patch = {"patch_odoo_group": "box", "patch_release": "r2"}
    refused = rig.play("patch", **patch).expect_failure()
    assert "accept a downtime: set change_downtime_minutes to its minutes" in refused.errors[-1]
    assert rig.world.nodes["box1"].release == "r1"

    done = rig.play("patch", **patch, change_downtime_minutes=5).expect_success()

    assert rig.world.nodes["box1"].release == "r2"
    assert rig.world.harm == []
    entries = [entry for entry in change_store.entries(rig.store) if entry["change"]["kind"] == "patch"]
    (proven,) = [entry["facts"] for entry in entries if entry["event"] == "proven"]
    assert proven["away_s"] > 0
    accepted = [entry["facts"]["downtime_minutes"] for entry in entries if entry["event"] == "opened"]
    assert accepted == [0, 5]
    assert done.results("Close the change")["app1"]["screen"][1].startswith("  box1  is done and proven (")


def test_check_mode_ends_with_the_plan_and_names_what_stands_in_its_way(rig: Rig) -> None:
    before = rig.world
    plan = rig.play("patch", check=True, patch_release="r2").expect_success()
    assert plan.results("Close the change")["app1"]["screen"] == [
        "patch-check: nothing was changed, as this was check mode",
        "  app1  would be taken in hand (group app, release r2)",
        "  app2  would be taken in hand (group app, release r2)",
    ]
    assert (rig.world.nodes, rig.world.routes) == (before.nodes, before.routes)
    stop = rig.world.log.index("app1 odoo stop") + 1
    move = rig.play("migrate", check=True, tenant="quarry", destination="box").expect_success()
    assert move.results("Close the change")["app1"]["screen"][1] == (
        "  tenant:quarry  would be taken in hand (tenant quarry, from app, to box)"
    )
    rig.change(fault={"step": rig.world.step + stop, "kind": "cut after"})
    rig.play("patch", patch_release="r2").expect_failure()
    rig.mend()
    again = rig.play("patch", check=True, patch_release="r2").expect_success()
    asked = rig.play("precheck").expect_success()
    for run, kind in ((again, "patch"), (asked, "site")):
        assert f"{kind} would be refused now: app1 left and is not proven to serve" in run.stdout + run.stderr
    before = rig.world
    change = change_store.parts(rig.store)[0]["change"]
    resumed = rig.play("resume", check=True, change=change, way="finish").expect_success()
    assert resumed.results("Close the change")["app1"]["screen"][1].startswith("  app1  would be taken in hand (")
    assert (rig.world.nodes, rig.world.routes) == (before.nodes, before.routes)
    assert {part["change"] for part in change_store.parts(rig.store)} == {change}


@pytest.mark.deep
def test_check_mode_asks_for_no_database_whose_instance_is_to_be_made_first(rig: Rig, tmp_path: Path) -> None:
    """A new tenant gets an instance of its own, whose configuration only the run outside check mode writes."""
    tenants = [*TENANTS, {**TENANTS[0], "name": "wharf", "routes": [{"host": "wharf.example.com"}]}]
    for name in ("harbour", "quarry", "shared"):
        (tmp_path / f"{name}.conf").touch()
    plan = rig.play("site", check=True, odoo_tenants=tenants, estate_config_dir=str(tmp_path)).expect_success()
    asked = plan.results("Set the databases of this group as facts")["app1"]["ansible_facts"]
    assert [one["name"] for one in asked["tenants_asked"]] == ["harbour", "quarry"]
    assert asked["tenants_ahead"] == ["wharf"]
    said = plan.results("Report the databases whose instance or server is to be made first")["app1"]
    assert said["msg"] == "wharf: the databases would be managed once instance and server are there"
    assert "wharf" not in rig.world.servers["db1"]


@pytest.mark.deep
def test_a_store_that_is_not_mounted_is_not_made_anew(rig: Rig) -> None:
    rig.store.rename(rig.path / "unmounted")
    refused = rig.play("patch", patch_release="r2").expect_failure()
    assert "and this controller has seen" in refused.errors[-1]
    assert not rig.store.exists()
    assert {node.release for node in rig.world.nodes.values()} == {"r1"}


@pytest.mark.deep
def test_a_lost_server_of_postgresql_ends_the_run(rig: Rig) -> None:
    rig.play("site").expect_success()
    servers = [line for line in rig.world.log if line.endswith(" postgresql main")]
    # the servers are worked on at once, so either may be the first
    first = min(rig.world.log.index(line) for line in servers)
    rig.change(fault={"step": rig.world.step + first + 1, "kind": "cut after"})
    run = rig.play("site").expect_failure()
    assert re.search(r"(db1|box1) was lost, or was stopped by it, so that nothing more is begun", run.errors[-1])
    assert rig.world.log[-1] in servers
    (last,) = change_store.entries(rig.store)[-1:]
    assert (last["event"], " or failed" in last["facts"]["lost"]) == ("unfinished", False)


@pytest.mark.deep
def test_policies_are_managed_and_backups_verified_from_the_controller(rig: Rig) -> None:
    rig.play("backup_policy", policy_expire=True).expect_success()
    rig.play("backup_compliance").expect_success()
    assert rig.world.log[-1] == "localhost backup_compliance"
    assert "app1 backup main" in rig.world.log
    assert "app2 backup main" not in rig.world.log


@pytest.mark.parametrize("first", ["edge1", "edge2"])
def test_the_edges_get_one_certificate_whichever_has_its_turn_first(first: str) -> None:
    world = estate()
    given = {"hosts": ["edge1", "edge2"], "requests": [], "results": [], "revoke": [], "force": False}
    given |= {"forced_by": "", "shown": []}
    for edge in (first, *({"edge1", "edge2"} - {first})):
        assert world.certificate(edge, "main", given)["certificate_changed"]
    assert (world.certificates, world.staged, world.orders) == ({"edge1": 1, "edge2": 1}, {}, ["edge1"])
