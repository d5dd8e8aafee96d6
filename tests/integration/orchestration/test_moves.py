# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves on a bad day: an older copy is never opened, and the store knows how to go on from either side."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.integration import change_store
from tests.integration.ansible import PlaybookRun
from tests.integration.orchestration import world as worlds
from tests.integration.orchestration.rig import Rig
from tests.integration.orchestration.world import Copy

MOVE = {"tenant": "harbour", "destination": "box"}


def copies(rig: Rig) -> dict[str, str]:
    """The databases of harbour: the number and the group of the home, and whether it is open."""
    return {
        f"{server} {name}": f"{copy.home.get('number')} {copy.home.get('group')} {'open' if copy.open else 'blocked'}"
        for server, held in rig.world.servers.items()
        for name, copy in held.items()
        if name.startswith("harbour")
    }


def parts(rig: Rig) -> dict[str, str]:
    """The state of each part that the store keeps, with its change."""
    return {one["name"]: f"{one['change']} {one['state']}" for one in change_store.parts(rig.store)}


def change_of(rig: Rig) -> str:
    """The id of the one change that has a part."""
    ((_name, state),) = parts(rig).items()
    return state.split()[0]


def states(rig: Rig) -> dict[str, str]:
    """The state of each part that the store keeps."""
    return {name: state.split()[1] for name, state in parts(rig).items()}


def sent(rig: Rig, tenant: str = "harbour") -> set[str]:
    """What the edges do with users of a tenant."""
    return {
        " ".join([route["mode"], *(one["url"].split("/")[2].split(":")[0] for one in route["servers"])])
        for routes in rig.world.routes.values()
        for route in routes
        if route["name"].startswith(tenant)
    }


def until_free(rig: Rig) -> None:
    """Wait until the leases of runs that ended are free."""
    for _look in range(300):
        if not change_store.held(rig.store):
            return
        time.sleep(0.1)
    raise AssertionError(change_store.held(rig.store))


def fail(rig: Rig, words: str, kind: str, nth: int = 1) -> PlaybookRun:
    """Move harbour to box, with a fault at the step of these words."""
    rig.change(fault={"words": words, "nth": nth, "kind": kind})
    return rig.play("migrate", **MOVE).expect_failure()


def test_an_older_copy_is_never_opened_whoever_blocked_the_home(fresh: Callable[[], Rig]) -> None:
    """A failed move back left a copy on the declared side, and the home was blocked when the next one ended."""
    rig = fresh()
    with worlds.opened(rig.file) as world:
        copy = world.servers["db1"]["harbour"]
        number = copy.home["number"]
        home = {"number": number + 1, "group": "box"}
        world.servers["box1"]["harbour"] = Copy(list(copy.data), open=False, home=home)
        copy.open = False
    before = copies(rig)
    run = rig.play("site").expect_success()
    assert (
        copies(rig) == before == {"db1 harbour": f"{number} app blocked", "box1 harbour": f"{number + 1} box blocked"}
    )
    assert sent(rig) == {"serve box1"}
    assert "tenant harbour is blocked on box1 and left so: resume the change that left it, or" in run.stdout


def test_a_move_that_loses_its_source_is_undone_from_the_store(rig: Rig) -> None:
    # the source is lost after it was blocked: the tenant stays in maintenance, and the end says what to run
    run = fail(rig, "app1 odoo_backup", "host off", nth=2)
    assert "app1 odoo_database harbour blocked" in rig.world.log
    assert sent(rig) == {"maintenance app1 app2"}
    ((name, state),) = parts(rig).items()
    change = state.split()[0]
    assert (name, state) == ("tenant:harbour", f"{change} begun")
    assert "it is in maintenance, app has its data, and box gets a copy that is blocked" in run.errors[-1]
    assert f"run gantry.odoo.resume -e change={change} -e way=finish" in run.errors[-1]
    rig.mend()
    rig.play("resume", change=change, way="undo").expect_success()
    assert sent(rig) == {"serve app1 app2"}
    assert rig.world.servers["db1"]["harbour"].home["number"] > int(change.split("-")[1])
    assert parts(rig) == {}
    # the node that was off is in the pool again, and nothing has started it
    assert [harm for harm in rig.world.harm if not harm.endswith("to app1, which does not run")] == []


@pytest.mark.deep
def test_a_move_to_hosts_whose_server_was_lost_does_not_begin(rig: Rig) -> None:
    """On the way back the lost server is not among the hosts that would move the tenant."""
    rig.play("migrate", **MOVE).expect_success()
    assert not rig.world.servers["db1"].get("harbour")
    rig.change(fault={"words": "db1 postgresql main", "kind": "cut after"}, step=0, log=[])
    run = rig.play("migrate", tenant="harbour", destination="app").expect_failure()
    assert "box1, db1 was lost, or was stopped by it, so that nothing more is begun" in run.errors[-1]
    assert rig.world.log[-1] == "db1 postgresql main"
    assert (sent(rig), rig.world.harm) == ({"serve box1"}, [])
    rig.mend()
    rig.play("migrate", tenant="harbour", destination="app").expect_success()
    assert (sent(rig), parts(rig), rig.world.harm) == ({"serve app1 app2"}, {}, [])


@pytest.mark.deep
def test_users_are_served_without_the_store(rig: Rig) -> None:
    # nothing more is begun without the store, and the way back does not wait for it
    run = fail(rig, "box1 odoo_restore harbour blocked", "store gone")
    assert sent(rig) == {"serve app1 app2"}
    assert "run gantry.odoo.resume -e change=migrate-" in run.errors[-1]
    assert rig.world.harm == []
    rig.mend()
    ((_name, state),) = parts(rig).items()
    rig.play("resume", change=state.split()[0], way="finish").expect_success()
    assert sent(rig) == {"serve box1"}
    assert (parts(rig), rig.world.harm) == ({}, [])


def screen(run: PlaybookRun) -> list[str]:
    """The last screen of a run, which ends where it says what may be run."""
    (shown,) = [event.result["screen"] for event in run.events if "screen" in event.result]
    return [line.strip() for line in shown[1 : shown.index("") if "" in shown else None]]


@pytest.mark.deep
def test_the_last_screen_tells_of_the_estate_as_it_is_then(rig: Rig) -> None:
    """Whichever host shows it, and however the playbook has seen the estate that it was about to make."""
    lives = "tenant harbour is declared on app and lives on box: declare it there, or move it with gantry.odoo.migrate"
    rig.change(fault={"words": "box1 odoo_restore harbour blocked", "kind": "disk full"})
    why = "Restore the backup on the destination: Task failed: No space left on device"
    back = rig.play("migrate", **MOVE).expect_failure()
    assert screen(back) == [f"tenant:harbour  was put back as it was and serves: {why}"]
    rig.mend()
    ((_name, state),) = parts(rig).items()
    undone = rig.play("resume", change=state.split()[0], way="undo").expect_success()
    assert screen(undone) == ["tenant:harbour  is as it was before, and proven"]
    assert screen(rig.play("migrate", **MOVE).expect_success()) == ["tenant:harbour  is done and proven", lives]
    # and where it was put back to is no side that is declared
    rig.change(fault={"words": "app1 odoo_restore harbour blocked", "kind": "disk full"})
    back = rig.play("migrate", tenant="harbour", destination="app").expect_failure()
    assert screen(back) == [f"tenant:harbour  was put back as it was and serves: {why}", lives]


TWO_OPEN = "harbour is open on db1 and on box1"
OPENING = "box1 odoo_database harbour open"


@pytest.mark.deep
def test_an_undo_is_not_done_while_a_copy_may_be_open_on_the_destination(rig: Rig) -> None:
    """Its users are served at once. The copy is set aside when its host is back, and nobody is taken away for that."""
    fail(rig, OPENING, "cut after")
    rig.change(fault={}, gone=["box1"])
    run = rig.play("resume", change=change_of(rig), way="undo").expect_failure()
    found = (
        "the copy of harbour on box1 may be open, as it was being opened and could not be set aside: once box1 is "
        f"back, run gantry.odoo.resume -e change={change_of(rig)} -e way=undo"
    )
    assert screen(run) == [f"tenant:harbour  was put back as it was and serves: {found}"]
    assert f"{change_of(rig)} is not done: tenant:harbour was put back as it was and serves ({found})" in run.errors[-1]
    assert (sent(rig), states(rig)) == ({"serve app1 app2"}, {"tenant:harbour": "restored"})
    # another try without the host takes nobody away
    rig.change(step=0, log=[], reads=[], fault={})
    again = rig.play("resume", change=change_of(rig), way="undo").expect_failure()
    assert (sent(rig), states(rig)) == ({"serve app1 app2"}, {"tenant:harbour": "restored"})
    assert "the copy of harbour on box1 may be open" in again.errors[-1]
    # the host is back, with the copy that answers
    rig.change(gone=[])
    assert copies(rig)["box1 harbour"].endswith("box open")
    refused = rig.play("precheck").expect_failure()
    assert "an older copy of it is open on box1" in refused.errors[-1]
    resumed = f"gantry.odoo.resume -e change={change_of(rig)} -e way=undo"
    assert f"{change_of(rig)} left harbour on box1 open, and {resumed} sets it aside" in refused.errors[-1]
    rig.play("resume", change=change_of(rig), way="undo").expect_success()
    assert {name: what.split()[-1] for name, what in copies(rig).items()} == {
        "db1 harbour": "open",
        "box1 harbour__failed": "blocked",
    }
    assert (sent(rig), parts(rig)) == ({"serve app1 app2"}, {})
    assert [words for words in rig.world.log if "traefik routes" in words] == []
    assert [harm for harm in rig.world.harm if not harm.endswith(TWO_OPEN)] == []
    rig.play("precheck").expect_success()


def opening(rig: Rig) -> None:
    """A move that was lost when the destination had been opened, undone while its host is off."""
    fail(rig, OPENING, "cut after")
    rig.change(fault={}, gone=["box1"])
    rig.play("resume", change=change_of(rig), way="undo").expect_failure()
    rig.change(gone=[], step=0, log=[], reads=[])


@pytest.mark.deep
def test_an_undo_is_done_where_nothing_was_opened_on_the_destination(rig: Rig) -> None:
    fail(rig, "box1 odoo_restore harbour blocked", "controller killed before")
    rig.change(fault={}, gone=["box1"])
    until_free(rig)
    run = rig.play("resume", change=change_of(rig), way="undo")
    assert (screen(run), parts(rig)) == (["tenant:harbour  is as it was before, and proven"], {})
    assert (sent(rig), rig.world.harm) == ({"serve app1 app2"}, [])


@pytest.mark.parametrize("check", [True, pytest.param(False, marks=pytest.mark.deep)])
def test_a_tenant_that_is_open_twice_is_refused_before_anything_is_done(rig: Rig, check: bool) -> None:
    with worlds.opened(rig.file) as world:
        world.servers["box1"]["harbour"] = Copy(["by hand"], open=True)
    run = rig.play("site", check=check).expect_failure()
    assert "an older copy of it is open on box1" in run.errors[-1]
    assert [words for words in rig.world.log if words.endswith("postgresql main")] == []


@pytest.mark.deep
def test_a_move_that_has_left_a_copy_open_can_be_finished(rig: Rig) -> None:
    opening(rig)
    rig.change(harm=[])
    rig.play("resume", change=change_of(rig), way="finish").expect_success()
    assert (sent(rig), parts(rig), rig.world.harm) == ({"serve box1"}, {}, [])


@pytest.mark.deep
@pytest.mark.parametrize("kind", ["controller killed before", "controller killed after"])
def test_to_set_a_copy_aside_takes_nobody_away_when_it_is_interrupted(rig: Rig, kind: str) -> None:
    opening(rig)
    rig.change(fault={"words": "box1 odoo_database harbour__failed blocked", "kind": kind})
    rig.play("resume", change=change_of(rig), way="undo").expect_failure()
    assert states(rig) == {"tenant:harbour": "planned"}
    rig.change(fault={})
    until_free(rig)
    rig.play("resume", change=change_of(rig), way="undo").expect_success()
    assert (parts(rig), "harbour" in rig.world.servers["box1"]) == ({}, False)
    assert (sent(rig), [words for words in rig.world.log if "traefik routes" in words]) == ({"serve app1 app2"}, [])


@pytest.mark.deep
def test_a_copy_that_was_blocked_by_hand_keeps_no_other_change_waiting(rig: Rig) -> None:
    opening(rig)
    with worlds.opened(rig.file) as world:
        world.servers["box1"]["harbour"].open = False
    rig.change(harm=[])
    rig.play("patch", patch_release="r2", change_downtime_minutes=5).expect_success()
    assert (sent(rig), states(rig)) == ({"serve app1 app2"}, {"tenant:harbour": "restored"})
    rig.play("resume", change=change_of(rig), way="undo").expect_success()
    assert (sent(rig), parts(rig), rig.world.harm) == ({"serve app1 app2"}, {}, [])
    assert list(rig.world.servers["box1"]) == ["harbour__failed"]


@pytest.mark.deep
def test_a_copy_that_is_gone_with_its_host_keeps_no_change_waiting(rig: Rig) -> None:
    opening(rig)
    with worlds.opened(rig.file) as world:
        del world.nodes["box1"], world.servers["box1"]
    rig.change(harm=[])
    given = {"odoo_runtime_groups": ["app"]}
    rig.play("site", site_released_hosts=["box1"], site_released_groups=["box"], **given).expect_success()
    rig.play("patch", patch_release="r2", change_downtime_minutes=5, **given).expect_success()
    assert (sent(rig), states(rig), rig.world.harm) == ({"serve app1 app2"}, {"tenant:harbour": "restored"}, [])


@pytest.mark.deep
def test_a_source_that_may_be_open_again_is_never_passed_by(rig: Rig) -> None:
    """An undo ended when users were let in by one edge; then the source is off, and the move is to be finished."""
    fail(rig, OPENING, "cut after")
    rig.change(fault={"words": "edge2 traefik routes", "kind": "controller killed before"}, gone=["box1"])
    rig.play("resume", change=change_of(rig), way="undo").expect_failure()
    until_free(rig)
    rig.change(fault={}, gone=["db1"], harm=[])
    run = rig.play("resume", change=change_of(rig), way="finish").expect_failure()
    assert "cannot connect to PostgreSQL on db1" in run.errors[-1]
    assert states(rig) == {"tenant:harbour": "failed"}
    rig.change(gone=[])
    rig.play("resume", change=change_of(rig), way="finish").expect_success()
    assert (sent(rig), parts(rig), rig.world.harm) == ({"serve box1"}, {}, [])


@pytest.mark.deep
def test_a_destination_that_is_complete_serves_while_the_source_is_off(rig: Rig) -> None:
    """An undo could not open the source, so that it has taken no writes."""
    fail(rig, OPENING, "controller killed after")
    until_free(rig)
    rig.change(fault={}, gone=["box1", "db1"])
    rig.play("resume", change=change_of(rig), way="undo").expect_failure()
    assert states(rig) == {"tenant:harbour": "failed"}
    until_free(rig)
    rig.change(gone=["db1"])
    rig.play("resume", change=change_of(rig), way="finish")
    assert (sent(rig), parts(rig), rig.world.harm) == ({"serve box1"}, {}, [])


@pytest.mark.deep
def test_a_source_that_is_off_keeps_a_copy_that_is_no_home(rig: Rig) -> None:
    """It was blocked before the destination was opened, so that no change waits for it."""
    rig.play("migrate", **MOVE).expect_success()
    rig.change(fault={"words": "edge2 traefik routes", "nth": 2, "kind": "controller killed before"})
    rig.play("migrate", tenant="harbour", destination="app").expect_failure()
    until_free(rig)
    rig.change(fault={}, gone=["box1"])
    run = rig.play("resume", change=change_of(rig), way="finish")
    assert screen(run) == ["tenant:harbour  is done and proven"]
    rig.change(gone=[])
    assert copies(rig)["box1 harbour"].endswith("box blocked")
    rig.play("precheck").expect_success()
    rig.play("migrate", **MOVE).expect_success()
    assert (sent(rig), parts(rig), rig.world.harm) == ({"serve box1"}, {}, [])
