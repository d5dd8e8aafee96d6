# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups and restore drills of many tenants: what fails stops nothing else, is named, and proves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration import ansible, change_store
from tests.integration.orchestration import world as worlds
from tests.integration.orchestration.rig import Rig
from tests.integration.orchestration.world import Copy


def recorded(rig: Rig, event: str) -> dict[str, bool]:
    """Whether each tenant's newest backup or drill in the ledger is good."""
    entries = [entry for entry in change_store.entries(rig.store) if entry["event"] == event]
    return {one["tenant"]: one["ok"] for entry in entries for one in entry["facts"]["tenants"]}


def last_screen(run: ansible.PlaybookRun) -> list[str]:
    """The lines that end a run."""
    shown = next(iter(run.results("Close the change").values()))
    screen: list[str] = shown["screen"]
    return screen


def turn_off(rig: Rig, *hosts: str) -> None:
    """Hosts that do not answer from now on."""
    rig.change(gone=list(hosts))


def spoil(rig: Rig, tenant: str) -> None:
    """Make the database of a tenant one that cannot be read."""
    with worlds.opened(rig.file) as world:
        world.servers["db1"][tenant].readable = False


def move(rig: Rig, tenant: str) -> None:
    """Move a tenant to the group that has its database on box1."""
    rig.play("migrate", tenant=tenant, destination="box").expect_success()
    rig.change(backups={})


@pytest.mark.deep
def test_all_are_backed_up_and_drilled_and_the_end_says_so(rig: Rig) -> None:
    screen = last_screen(rig.play("backup").expect_success())
    assert screen[0].endswith(" is done")
    assert screen[1:] == [f"  {name}: backup 0, 6.00 MB sent in 3.4 s" for name in ("harbour", "quarry")]
    assert recorded(rig, "backup") == {"harbour": True, "quarry": True}
    screen = last_screen(rig.play("restore_drill").expect_success())
    assert screen[1] == "  harbour: a restore drill has proven backup 0: RTO 33 s, RPO 53 s"
    assert recorded(rig, "drill") == {"harbour": True, "quarry": True}


@pytest.mark.deep
def test_one_database_that_cannot_be_read_stops_no_other(rig: Rig) -> None:
    spoil(rig, "harbour")
    run = rig.play("backup").expect_failure()
    assert (
        "is not done: harbour: database harbour cannot be read; repair that, and run gantry.odoo.backup"
        in (run.errors[-1])
    )
    assert "  quarry: backup 0, 6.00 MB sent in 3.4 s" in last_screen(run)
    assert recorded(rig, "backup") == {"harbour": False, "quarry": True}
    assert not change_store.held(rig.store)
    # a backup that failed is recorded, and is no proof
    drill = rig.play("restore_drill").expect_failure()
    assert "harbour: tenant harbour has no backup" in drill.errors[-1]
    assert recorded(rig, "drill") == {"harbour": False, "quarry": True}
    gated = rig.play("patch", patch_release="r2", change_gated_tiers=[2]).expect_failure()
    there = "in the bucket backup at the provider of region us-east-1"
    assert f"no backup of harbour (tier 2) {there} is known" in gated.errors[-1]
    assert f"no restore drill of harbour (tier 2) {there} is known" in gated.errors[-1]
    assert "quarry" not in gated.errors[-1]


@pytest.mark.parametrize("playbook", ["backup", pytest.param("restore_drill", marks=pytest.mark.deep)])
@pytest.mark.deep
def test_another_host_of_the_group_acts_where_the_first_is_off(rig: Rig, playbook: str) -> None:
    rig.play("backup").expect_success()
    turn_off(rig, "app1")
    screen = last_screen(rig.play(playbook).expect_success())
    assert screen[0].endswith(" is done")
    assert "  app1 did not answer" in screen
    assert recorded(rig, {"backup": "backup", "restore_drill": "drill"}[playbook]) == {"harbour": True, "quarry": True}
    assert not change_store.held(rig.store)


@pytest.mark.deep
def test_a_server_that_is_off_stops_only_the_backups_of_its_own_tenants(rig: Rig) -> None:
    move(rig, "quarry")
    turn_off(rig, "box1")
    run = rig.play("backup").expect_failure()
    assert "quarry: no host of box came to its end" in run.errors[-1]
    assert recorded(rig, "backup")["harbour"]
    assert set(rig.world.backups) == {"harbour"}


@pytest.mark.deep
def test_a_stale_copy_is_not_backed_up_while_the_home_does_not_answer(rig: Rig) -> None:
    """The store that knew where the tenant lives is lost as well."""
    move(rig, "quarry")
    with worlds.opened(rig.file) as world:
        world.servers["db1"]["quarry"] = Copy(["of last week"], open=False)
    rig.change(gone=["box1"])
    variables = {"change_store": {"directory": str(rig.path / "another"), "outbox": str(rig.path / "outbox2")}}
    for playbook, inputs, said in (
        ("backup", {}, "the change store holds no record of this estate"),
        ("site", {"site_new_store": True}, "box1 cannot be reached, so that nothing is begun"),
    ):
        assert said in rig.play(playbook, **variables, **inputs).expect_failure().errors[-1]
        assert rig.world.backups == {}
    rig.change(gone=[])
    rig.play("site", site_new_store=True, **variables).expect_success()
    rig.play("backup", **variables).expect_success()
    assert set(rig.world.backups) == {"harbour", "quarry"}


@pytest.mark.deep
def test_a_tenant_without_a_database_stops_no_other_and_is_named(rig: Rig) -> None:
    with worlds.opened(rig.file) as world:
        del world.servers["db1"]["quarry"]
    refused = rig.play("patch", patch_release="r2").expect_failure()
    assert "tenant quarry is recorded to live on app" in refused.errors[-1]
    for check in (True, False):
        run = rig.play("backup", check=check).expect_failure()
        assert "tenant quarry is recorded to live on app, and no server of the estate holds" in run.errors[-1]
    assert recorded(rig, "backup") == {"harbour": True}


@pytest.mark.deep
def test_backups_are_checked_also_where_the_server_of_the_database_is_off(rig: Rig) -> None:
    rig.play("backup").expect_success()
    with worlds.opened(rig.file) as world:
        del world.servers["db1"]["quarry"]
        world.backups["harbour"] *= 2
    rig.change(gone=["db1"])
    screen = last_screen(rig.play("backup_check", check_share_percent=10))
    assert screen[0].endswith(" is done")
    assert screen[1:3] == [
        f"  {name}: {count} of {count} backups can be restored in full; part 1 of 10 was read"
        for name, count in (("harbour", 2), ("quarry", 1))
    ]
    assert recorded(rig, "backup_check") == {"harbour": True, "quarry": True}
    rig.change(backups={"harbour": [[]]})
    run = rig.play("backup_check").expect_failure()
    assert "is not done: quarry: it has no backup" in run.errors[-1]
    assert recorded(rig, "backup_check") == {"harbour": True, "quarry": False}
    assert not change_store.held(rig.store)


@pytest.mark.deep
def test_a_copy_that_was_opened_by_hand_stops_the_backup_of_no_other(rig: Rig) -> None:
    with worlds.opened(rig.file) as world:
        world.servers["box1"]["quarry"] = Copy(["by hand"], open=True)
    run = rig.play("backup").expect_failure()
    assert "tenant quarry has its home on db1" in run.errors[-1]
    assert "open on box1: block that one" in run.errors[-1]
    assert set(rig.world.backups) == {"harbour"}
    assert rig.play("patch", patch_release="r2").expect_failure().errors


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("cut after", marks=pytest.mark.deep),
        "module killed",
        pytest.param("host off", marks=pytest.mark.deep),
    ],
)
def test_a_host_that_is_lost_while_it_backs_up_is_named_and_proves_nothing(rig: Rig, kind: str) -> None:
    fault: dict[str, Any] = {"words": "app1 odoo_backup", "kind": kind}
    rig.change(fault=fault)
    run = rig.play("backup").expect_failure()
    assert all(f"{name}: " in run.errors[-1] for name in ("harbour", "quarry"))
    assert not any(recorded(rig, "backup").values())
    assert not change_store.held(rig.store)
    rig.mend()
    rig.play("backup").expect_success()
    assert recorded(rig, "backup") == {"harbour": True, "quarry": True}


@pytest.mark.deep
def test_a_tier_is_backed_up_alone_and_drills_are_those_that_are_due(rig: Rig) -> None:
    rig.play("backup", tier=1).expect_success()
    assert rig.world.backups == {}
    rig.play("backup").expect_success()
    rig.change(due=["quarry"])
    screen = last_screen(rig.play("restore_drill").expect_success())
    assert [line for line in screen if "has proven" in line] == [
        "  quarry: a restore drill has proven backup 0: RTO 33 s, RPO 53 s"
    ]
    rig.change(due=[])
    rig.play("restore_drill").expect_success()
    rig.play("restore_drill", tenant="harbour").expect_success()
    rig.play("restore_drill", drill_all=True).expect_success()
    assert rig.world.drills[:2] == ["quarry", "harbour"]
    assert sorted(rig.world.drills[2:]) == ["harbour", "quarry"]
    assert not change_store.held(rig.store)


@pytest.mark.deep
def test_a_repository_that_was_rolled_back_is_refused_until_that_is_accepted(rig: Rig) -> None:
    rig.play("backup").expect_success()
    rig.change(rolled_back=["harbour"])
    run = rig.play("backup").expect_failure()
    assert "is not done: harbour: its repository was rolled back" in run.errors[-1]
    assert recorded(rig, "backup") == {"harbour": False, "quarry": True}
    # the backup was taken all the same
    assert len(rig.world.backups["harbour"]) == 2
    drill = rig.play("restore_drill", tenant="harbour").expect_failure()
    assert "harbour: its repository was rolled back" in drill.errors[-1]
    run = rig.play("restore", tenant="harbour").expect_failure()
    assert "its repository was rolled back" in run.errors[-1]
    rig.play("restore", tenant="harbour", restore_accept_older=True).expect_success()
    rig.play("backup", backup_accept_older=True).expect_success()
    assert recorded(rig, "backup") == {"harbour": True, "quarry": True}
    assert not change_store.held(rig.store)


@pytest.mark.deep
def test_copies_are_made_by_a_host_that_answers_where_there_is_a_second_repository(rig: Rig) -> None:
    rig.play("backup").expect_success()
    run = rig.play("backup_copy").expect_failure()
    assert "backup_copy_repository is not set, so there is nowhere to copy to" in run.errors[-1]
    turn_off(rig, "app1")
    rig.change(log=[])
    run = rig.play("backup_copy", backup_copy_repository={"directory": "/srv/second"}).expect_success()
    assert "app2 odoo_backup_copy" in rig.world.log
    told = "harbour: 1 of 1 backups can be restored in full from the copy; 2.00 KB were sent, 1.00 KB were read there"
    assert told in "\n".join(next(iter(run.results("Close the change").values()))["screen"])
    assert recorded(rig, "backup_copy") == {"harbour": True, "quarry": True}
    rig.change(rolled_back=["quarry"])
    run = rig.play("backup_copy", backup_copy_repository={"directory": "/srv/second"}).expect_failure()
    assert "quarry: its repository was rolled back" in run.errors[-1]
    assert not change_store.held(rig.store)


@pytest.mark.deep
def test_policies_are_managed_by_a_host_that_answers_and_a_failure_closes_the_change(rig: Rig) -> None:
    rig.change(fault={"words": "app1 backup main", "kind": "disk full"})
    run = rig.play("backup_policy").expect_failure()
    assert "No space left on device" in run.errors[-1]
    assert "repair that, and run gantry.odoo.backup_policy with the same inputs" in run.errors[-1]
    assert not change_store.held(rig.store)
    rig.mend()
    turn_off(rig, "app1")
    rig.change(log=[])
    rig.play("backup_policy").expect_success()
    assert "app2 backup main" in rig.world.log
