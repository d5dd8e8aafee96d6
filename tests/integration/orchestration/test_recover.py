# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site is lost, and its tenants come back on empty hosts: in their order, and nothing is made up."""

from __future__ import annotations

import pytest

from tests.integration import change_store
from tests.integration.ansible import PlaybookRun
from tests.integration.orchestration import world as worlds
from tests.integration.orchestration.rig import TENANTS, Rig
from tests.integration.orchestration.test_bad_nights import acted, forget, left, lose
from tests.integration.orchestration.test_matrix import lose_site
from tests.integration.orchestration.test_moves import MOVE, parts, sent, until_free

TIER = {"recover_tier": 2, "recover_lost_servers": ["box1", "db1"]}
HARBOUR, QUARRY = TENANTS
BOTH = {"serve app1 app2"}


@pytest.fixture
def lost(rig: Rig) -> Rig:
    """An estate whose hosts are empty, and the backups of its two tenants."""
    lose_site(rig)
    return rig


def served(rig: Rig) -> dict[str, set[str]]:
    """What the edges do with users of each tenant."""
    return {name: sent(rig, name) for name in ("harbour", "quarry")}


def restored(rig: Rig) -> list[str]:
    """The tenants that were restored, in turn."""
    return [words.split()[2] for words in rig.world.log if " odoo_restore " in words and not words.endswith("check")]


def screen(run: PlaybookRun) -> str:
    """The last screen of a run."""
    return "\n".join(run.results("Close the change")["app1"]["screen"])


@pytest.mark.deep
def test_a_tier_comes_back_on_empty_hosts_and_its_jobs_run(lost: Rig) -> None:
    run = lost.play("recover", **TIER).expect_success()

    assert (served(lost), parts(lost), lost.world.harm) == ({"harbour": BOTH, "quarry": BOTH}, {}, [])
    assert restored(lost) == ["harbour", "quarry"]
    for name in ("harbour", "quarry"):
        copy = lost.world.servers["db1"][name]
        assert set(lost.world.backups[name][-1]) <= set(copy.data)
        assert (copy.open, copy.home["group"]) == (True, "app")
    # processes have the databases only once they are there
    log = lost.world.log
    last = max(number for number, words in enumerate(log) if " odoo_restore " in words)
    assert {"app1 odoo run", "app2 odoo run"} <= set(log[last:])
    proven = [entry["facts"] for entry in change_store.entries(lost.store) if entry["event"] == "proven"]
    assert [one["rto_s"] > 0 for one in proven] == [True, True]
    assert "tenant:harbour  is done and proven (RTO " in screen(run)
    assert ", RPO 53 s)" in screen(run)
    # the record agrees, and there is nothing left to do
    lost.play("precheck").expect_success()
    again = lost.play("recover", **TIER).expect_success()
    assert "harbour has its database on db1 and is left alone" in screen(again)
    assert (restored(lost), lost.world.harm) == (["harbour", "quarry"], [])


@pytest.mark.deep
def test_the_plan_has_the_age_of_each_backup_and_changes_nothing(lost: Rig) -> None:
    before = lost.world
    run = lost.play("recover", check=True, **TIER).expect_success()
    assert "backup 0 of 2026-11-22T10:30:00.000000Z is chosen for harbour, which is 53 s old" in screen(run)
    after = lost.world
    assert (after.servers, after.routes, after.backups) == (before.servers, before.routes, before.backups)
    assert (parts(lost), after.harm) == ({}, [])


@pytest.mark.deep
def test_a_server_that_was_stopped_has_lost_nothing(rig: Rig) -> None:
    """Unknown is not empty: the operator says what is lost for good."""
    rig.play("backup").expect_success()
    rig.change(silent=["db1"], step=0, log=[], reads=[])
    refused = rig.play("recover", recover_tier=2).expect_failure()
    assert "PostgreSQL on db1 does not answer and may hold harbour, quarry: start it, and run" in refused.errors[-1]
    assert (acted(rig), parts(rig), rig.world.silent, rig.world.harm) == ([], {}, ["db1"], [])
    # the word was wrong: what turns up is left alone, and serves again
    said = rig.play("recover", recover_tenants=["harbour"], recover_lost_servers=["db1"]).expect_failure()
    assert "database harbour is on db1 now, and was not when the backup was chosen" in said.errors[-1]
    assert (restored(rig), sent(rig, "quarry"), rig.world.harm) == ([], BOTH, [])
    until_free(rig)
    rig.play("resume", change=left(rig), way="undo").expect_success()
    assert (served(rig), parts(rig), rig.world.harm) == ({"harbour": BOTH, "quarry": BOTH}, {}, [])


@pytest.mark.deep
@pytest.mark.parametrize("stage", ["untouched", "restored", "proven"])
def test_a_tenant_that_is_declared_no_more_does_not_keep_the_others_away(lost: Rig, stage: str) -> None:
    at = "harbour" if stage == "untouched" else "quarry"
    change = lose(lost, f"app1 odoo_restore {at} blocked", "controller killed after", "recover", **TIER)
    if stage == "proven":
        lost.play("resume", change=change, way="finish", odoo_tenants=[QUARRY]).expect_success()
        assert (served(lost), parts(lost), lost.world.harm) == ({"harbour": BOTH, "quarry": BOTH}, {}, [])
        return
    if stage == "restored":
        refused = lost.play("resume", change=change, way="finish", odoo_tenants=[HARBOUR]).expect_failure()
        assert f"quarry is not declared any more, and {change} has restored its database" in refused.errors[-1]
        # no other change has taken it over
        lost.play("resume", change=change, way="finish").expect_success()
        assert (served(lost), parts(lost), lost.world.harm) == ({"harbour": BOTH, "quarry": BOTH}, {}, [])
        return
    run = lost.play("resume", change=change, way="finish", odoo_tenants=[HARBOUR]).expect_success()
    assert f"quarry is not declared any more, so that its part of {change} is closed" in screen(run)
    assert (served(lost)["harbour"], parts(lost), lost.world.harm) == (BOTH, {}, [])
    # it is named in each run, and comes back where it is declared again
    assert "tenant quarry has no database any more" in lost.play("precheck", odoo_tenants=[HARBOUR]).stdout
    until_free(lost)
    lost.play("recover", **TIER).expect_success()
    assert (served(lost), parts(lost), lost.world.harm) == ({"harbour": BOTH, "quarry": BOTH}, {}, [])


@pytest.mark.deep
@pytest.mark.parametrize(
    ("playbook", "inputs"),
    [("migrate", MOVE), ("restore", {"tenant": "harbour"}), ("recover", TIER)],
)
def test_no_tenant_goes_where_no_user_is_let_in(rig: Rig, playbook: str, inputs: dict[str, object]) -> None:
    if playbook == "recover":
        lose_site(rig)
    since = rig.world.step
    refused = rig.play(playbook, **inputs, odoo_drained=True).expect_failure()
    assert "no user would reach harbour on " in refused.errors[-1]
    assert (acted(rig, since), parts(rig), rig.world.harm) == ([], {}, [])


@pytest.mark.deep
def test_the_tenants_of_a_group_that_is_gone_are_restored_on_another(rig: Rig) -> None:
    rig.play("migrate", **MOVE).expect_success()
    rig.play("backup").expect_success()
    with worlds.opened(rig.file) as world:
        del world.nodes["box1"], world.servers["box1"], world.servers["db1"]["harbour__retired"]
        world.given_up = ["harbour"]
    rig.change(harm=[], step=0, log=[], reads=[])
    gone = {"odoo_runtime_groups": ["app"]}
    refused = rig.play("site", **gone).expect_failure()
    assert (
        "group box, which is not in the inventory; put it back, or, where it is gone for good, run"
        in (refused.errors[-1])
    )
    released = {"released_hosts": ["box1"], "released_groups": ["box"]}
    words = {
        playbook: {f"{playbook}_{name}": one for name, one in released.items()} for playbook in ("site", "recover")
    }
    forgotten = rig.play("site", **gone, **words["site"], odoo_tenants=[QUARRY]).expect_failure()
    assert (
        "harbour is recorded to live on the released group box, and is not declared any more" in (forgotten.errors[-1])
    )
    refused = rig.play("site", **gone, **words["site"]).expect_failure()
    assert "harbour has no database on any server that answered, and its repository holds" in refused.errors[-1]
    assert acted(rig) == []
    rig.play("recover", recover_tenants=["harbour"], **gone, **words["recover"]).expect_success()
    assert (served(rig), parts(rig), rig.world.harm) == ({"harbour": BOTH, "quarry": BOTH}, {}, [])
    # nothing asks for the words again
    rig.play("site", **gone).expect_success()


@pytest.mark.deep
def test_what_has_no_backup_is_refused_before_anything_is_touched_or_left_out_by_name(lost: Rig) -> None:
    with worlds.opened(lost.file) as world:
        del world.backups["harbour"]
    run = lost.play("recover", **TIER).expect_failure()
    assert (
        "no backup of harbour can be restored: there is no backup in the bucket backup; restore the others"
        in (run.errors[-1])
    )
    assert not [words for words in lost.world.log if " main" in words or " install" in words]
    assert (lost.world.servers["db1"], change_store.held(lost.store)) == ({}, [])

    run = lost.play("recover", **TIER, recover_leave_out=True).expect_failure()
    assert "no backup of harbour can be restored" in run.errors[-1]
    assert run.errors[-1].endswith("repair that, and run gantry.odoo.recover with the same inputs")
    assert served(lost) == {"harbour": {"maintenance app1 app2"}, "quarry": BOTH}
    assert (list(lost.world.servers["db1"]), parts(lost), lost.world.harm) == (["quarry"], {}, [])


@pytest.mark.deep
def test_a_tenant_that_is_there_is_left_alone_and_named(rig: Rig) -> None:
    rig.play("backup").expect_success()
    with worlds.opened(rig.file) as world:
        del world.servers["db1"]["quarry"]
        world.given_up = ["quarry"]
    there = rig.world.servers["db1"]["harbour"].home
    run = rig.play("recover", **TIER).expect_success()
    assert "harbour has its database on db1 and is left alone" in screen(run)
    assert (restored(rig), rig.world.servers["db1"]["harbour"].home) == (["quarry"], there)
    # users of the lost one were sent to nothing when the run began, and to the maintenance page from then on
    assert (served(rig), rig.world.harm) == ({"harbour": BOTH, "quarry": BOTH}, [])


@pytest.mark.deep
def test_hosts_of_other_names_and_another_store_are_no_hindrance(lost: Rig) -> None:
    with worlds.opened(lost.file) as world:
        world.nodes["new1"] = world.nodes.pop("app1")
        del world.nodes["app2"]
    refused = lost.play("recover", **TIER).expect_failure()
    assert (
        'or gantry.odoo.recover with -e \'{"recover_released_hosts": ["app1", "app2"]}\' where the site is lost'
        in refused.errors[-1]
    )
    twin = lost.twin("store")

    lost.play("recover", **TIER, recover_released_hosts=["app1", "app2"]).expect_success()
    assert (served(lost), lost.world.harm) == ({"harbour": {"serve new1"}, "quarry": {"serve new1"}}, [])
    lost.play("precheck").expect_success()

    forget(twin)
    twin.play("recover", **TIER).expect_success()
    assert (served(twin), twin.world.harm) == ({"harbour": {"serve new1"}, "quarry": {"serve new1"}}, [])
    twin.play("site").expect_success()
    assert twin.world.harm == []


def test_site_makes_no_empty_database_for_a_tenant_with_backups_whatever_is_forgotten(lost: Rig) -> None:
    forget(lost)
    with worlds.opened(lost.file) as world:
        del world.backups["quarry"]
    before = lost.world
    for check in (True, False):
        refused = lost.play("site", check=check).expect_failure()
        assert "harbour has no database on any server that answered, and its repo" in refused.errors[-1]
        assert "name it in site_empty_tenants" in refused.errors[-1]
        assert "quarry" not in refused.errors[-1]
    assert (lost.world.servers, lost.world.routes) == (before.servers, before.routes)
    lost.play("site", site_empty_tenants=["harbour"]).expect_success()
    assert {"harbour", "quarry"} <= set(lost.world.servers["db1"])


@pytest.mark.deep
def test_a_tenant_that_fails_stops_none_of_the_others_and_is_resumed(lost: Rig) -> None:
    twin = lost.twin("budget")
    lost.change(fault={"words": "app1 odoo_restore harbour blocked", "kind": "disk full"})
    run = lost.play("recover", **TIER).expect_failure()
    assert "tenant:harbour failed and is not proven to serve (Restore in the place of the database" in run.errors[-1]
    assert served(lost) == {"harbour": {"maintenance app1 app2"}, "quarry": BOTH}
    lost.mend()
    until_free(lost)
    lost.play("resume", change=left(lost), way="finish").expect_success()
    assert (served(lost), parts(lost), lost.world.harm) == ({"harbour": BOTH, "quarry": BOTH}, {}, [])

    twin.change(fault={"words": "app1 odoo_restore harbour blocked", "kind": "disk full"})
    run = twin.play("recover", **TIER, recover_failures=0).expect_failure()
    assert "tenant:quarry is untouched" in run.errors[-1]
    away = {"maintenance app1 app2"}
    assert served(twin) == {"harbour": away, "quarry": away}
    twin.mend()
    until_free(twin)
    refused = twin.play("resume", change=left(twin), way="undo").expect_failure()
    assert "cannot be undone: tenant:harbour: harbour had no database to go back to" in refused.errors[-1]


@pytest.mark.deep
@pytest.mark.parametrize("kind", ["host off", "cut after"])
def test_a_host_that_is_lost_when_its_jobs_are_to_run_is_named_and_stops_no_other(lost: Rig, kind: str) -> None:
    lost.change(fault={"words": "app1 odoo run", "nth": 2, "kind": kind})
    run = lost.play("recover", **TIER).expect_failure()
    assert "scheduled jobs do not run on app1: app1 was lost" in run.errors[-1]
    assert run.errors[-1].endswith("repair that, and run gantry.odoo.recover with the same inputs")
    assert change_store.entries(lost.store)[-1]["event"] == "unfinished"
    # once for the platform, and once with the databases
    assert [lost.world.log.count(f"{name} odoo run") for name in ("app2", "box1")] == [2, 2]
    assert served(lost) == {"harbour": BOTH, "quarry": BOTH}
    lost.mend()
    until_free(lost)
    lost.play("recover", **TIER).expect_success()
    assert (served(lost), parts(lost)) == ({"harbour": BOTH, "quarry": BOTH}, {})


@pytest.mark.deep
def test_a_host_that_is_lost_when_a_resumed_recovery_settles_is_named(lost: Rig) -> None:
    change = lose(lost, "app1 odoo_restore harbour blocked", "controller killed after", "recover", **TIER)
    runs = [words for words in lost.world.log if words.endswith(" odoo run")]
    assert runs.count("app1 odoo run") == 1
    lost.change(fault={"words": "app1 odoo run", "nth": 1, "kind": "host off"})
    run = lost.play("resume", change=change, way="finish").expect_failure()
    assert "scheduled jobs do not run on app1: app1 was lost" in run.errors[-1]
    assert [lost.world.log.count(f"{name} odoo run") for name in ("app2", "box1")] == [2, 2]
    lost.mend()
    until_free(lost)
    lost.play("site").expect_success()
    assert (served(lost), parts(lost)) == ({"harbour": BOTH, "quarry": BOTH}, {})


@pytest.mark.deep
@pytest.mark.parametrize(
    "words",
    ["app1 odoo_restore harbour blocked", "app1 odoo_restore quarry blocked"],
)
def test_a_recovery_whose_controller_dies_is_finished(lost: Rig, words: str) -> None:
    change = lose(lost, words, "controller killed after", "recover", **TIER)
    refused = lost.play("recover", **TIER).expect_failure()
    assert f"run gantry.odoo.resume -e change={change} -e way=finish" in refused.errors[-1]
    until_free(lost)
    lost.play("resume", change=change, way="finish").expect_success()
    assert (served(lost), parts(lost), lost.world.harm) == ({"harbour": BOTH, "quarry": BOTH}, {}, [])


@pytest.mark.deep
def test_what_the_lost_site_left_half_done_is_superseded(rig: Rig) -> None:
    rig.play("backup").expect_success()
    rig.change(step=0, log=[])
    rig.change(fault={"words": "box1 odoo_restore harbour blocked", "kind": "controller killed before"})
    rig.play("migrate", **MOVE)
    rig.mend()
    until_free(rig)
    assert "tenant:harbour" in parts(rig)
    lose_site(rig, backup=False)
    rig.play("recover", **TIER).expect_success()
    assert (served(rig), parts(rig), rig.world.harm) == ({"harbour": BOTH, "quarry": BOTH}, {}, [])


@pytest.mark.deep
def test_tenants_come_by_tier_from_the_moment_that_is_asked_for(lost: Rig) -> None:
    with worlds.opened(lost.file) as world:
        world.backups["quarry"].append([777_000])
    tenants = [HARBOUR, {**QUARRY, "tier": 1}]
    asked = {"recover_tenants": ["harbour", "quarry"], "recover_at": "2026-11-22T10:30:00.500000Z"}
    asked["recover_lost_servers"] = TIER["recover_lost_servers"]
    lost.play("recover", odoo_tenants=tenants, **asked).expect_success()
    assert restored(lost) == ["quarry", "harbour"]
    assert 777_000 not in lost.world.servers["db1"]["quarry"].data


@pytest.mark.deep
@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({}, "set either recover_tier or recover_tenants, which say what is restored"),
        ({"recover_tier": 2, "recover_lost_servers": ["db2"]}, "recover_lost_servers names db2, which is no"),
        ({"recover_tier": 3}, "odoo_tenants declares no tenant of tier 3"),
        ({"recover_tenants": ["harbor"]}, "recover_tenants names harbor, which odoo_tenants does not declare"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(lost: Rig, inputs: dict[str, object], sentence: str) -> None:
    run = lost.play("recover", **inputs).expect_failure()
    assert run.errors[-1].startswith(sentence)
    assert not change_store.held(lost.store)
