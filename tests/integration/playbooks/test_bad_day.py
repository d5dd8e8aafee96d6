# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks on a bad day, step by step: what is done on which host, what is recorded of it, and what the end says."""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile

import pytest

from tests.integration import change_store
from tests.integration.orchestration.rig import TENANTS, Rig
from tests.integration.orchestration.test_bad_nights import left, lose, releases
from tests.integration.orchestration.test_moves import parts, until_free
from tests.integration.orchestration.world import undrained

ROUTES = ["edge1 traefik routes", "edge2 traefik routes"]
# They change nobody: the precheck, and what is staged beside the running release.
_BEFORE = (" facts", " reach", " release", " backup_policy")


def acted(rig: Rig) -> list[str]:
    """The steps from the first drain to the last proof of all hosts."""
    log = [line for line in rig.world.log if not line.endswith(_BEFORE)]
    return log[log.index(ROUTES[0]) : len(log) - len(proven_last(rig))] if ROUTES[0] in log else []


def proven_last(rig: Rig) -> list[str]:
    """The steps that prove every host once more before the change is closed."""
    return sorted(takewhile(lambda line: line.endswith(" odoo prove"), reversed(rig.world.log)))


def forget(rig: Rig) -> None:
    """End the fault, and begin with an empty log."""
    rig.mend()
    until_free(rig)
    rig.change(step=0, log=[], reads=[], harm=[])


def events(rig: Rig, kind: str) -> list[str]:
    """The events of the changes of a kind, with the part that they speak of."""
    return [
        " ".join([entry["event"], *([entry["facts"]["part"]] if "part" in entry["facts"] else [])])
        for entry in change_store.entries(rig.store)
        if entry["change"]["kind"] == kind
    ]


def serving(rig: Rig) -> set[str]:
    """The nodes that the edges send users to."""
    return {" ".join(undrained(route)) for routes in rig.world.routes.values() for route in routes}


def one(node: str) -> list[str]:
    """The steps of a node that is changed and proven."""
    return [*ROUTES, *(f"{node} odoo {step}" for step in ("stop", "activate", "prove", "warm_up")), *ROUTES]


def test_a_patch_changes_one_node_after_the_other(rig: Rig) -> None:
    rig.play("patch", patch_release="r2").expect_success()
    assert acted(rig) == [*one("app1"), *one("app2")]
    assert proven_last(rig) == ["app1 odoo prove", "app2 odoo prove"]
    proven = [f"{event} {node}" for node in ("app1", "app2") for event in ("begun", "proven")]
    assert events(rig, "patch") == ["opened", "gate", *proven, "closed"]
    assert (change_store.held(rig.store), rig.world.harm) == ([], [])


@pytest.mark.deep
def test_a_patch_waits_for_users_who_stay_with_a_node(rig: Rig) -> None:
    sticky = [{**tenant, "sticky": True} for tenant in TENANTS]
    waits = [f"{edge} traefik drain" for edge in ("edge1", "edge2")]
    rig.change(fault={"words": "edge2 traefik drain", "kind": "cut before", "nth": 2})
    rig.play("patch", patch_release="r2", odoo_tenants=sticky).expect_success()
    # an edge that is lost in the wait is judged by the drain that follows
    assert acted(rig) == [*ROUTES, *waits, *one("app1"), *ROUTES, *waits, *one("app2")]
    assert rig.world.harm == []
    forget(rig)
    rig.play("patch", patch_release="r1", patch_drain_seconds=0, odoo_tenants=sticky).expect_success()
    assert acted(rig) == [*one("app1"), *one("app2")]


def test_a_node_that_is_lost_stops_all_others_and_stays_drained_until_it_is_proven(rig: Rig) -> None:
    rig.change(fault={"words": "app1 odoo stop", "kind": "host off"})
    run = rig.play("patch", patch_release="r2").expect_failure()
    assert acted(rig) == [*ROUTES, "app1 odoo stop"]
    assert events(rig, "patch") == ["opened", "gate", "begun app1", "unfinished"]
    assert f"{left(rig)} is not done: app1 left and is not proven to serve; app2 is untouched; run " in run.errors[-1]
    # nothing else begins, and says what to run
    rig.change(gone=[], fault={})
    (refused,) = rig.play("patch", patch_release="r2").expect_failure().errors
    assert refused.startswith("app1 left and is not proven to serve since ")
    assert refused.endswith(f"run gantry.odoo.resume -e change={left(rig)} -e way=finish, or -e way=undo")
    # still lost: red again, and nobody else is touched
    rig.change(gone=["app1"], log=[], step=0)
    rig.play("resume", change=left(rig), way="finish").expect_failure()
    assert acted(rig) == []
    assert serving(rig) == {"app2"}
    forget(rig)
    rig.play("resume", change=left(rig), way="finish").expect_success()
    # the other one is proven before and behind the first, since it is taken away
    assert acted(rig) == [*one("app1"), "app2 odoo prove", "app2 odoo prove", *one("app2")]
    assert (parts(rig), serving(rig), releases(rig)) == ({}, {"app1 app2"}, {"r2"})
    entries = [entry for entry in change_store.entries(rig.store) if "part" in entry["facts"]]
    begun = next(entry for entry in entries if entry["event"] == "begun")
    first, second = [entry for entry in entries if entry["event"] == "proven"]
    # it was away for all of that time, and not since it was resumed alone
    away = datetime.fromisoformat(first["time"]) - datetime.fromisoformat(begun["time"])
    assert away.total_seconds() - 5 < first["facts"]["away_s"] < away.total_seconds() + 5
    assert (first["facts"]["release_before"], second["facts"]["release_before"]) == ("r1", "r1")


@pytest.mark.deep
def test_a_node_that_fails_on_the_way_back_too_stays_drained(rig: Rig) -> None:
    back = {"words": "app2 odoo activate", "nth": 2, "kind": "disk full"}
    rig.change(fault={"words": "app2 odoo prove", "nth": 2, "kind": "disk full", "more": [back]})
    run = rig.play("patch", patch_release="r2").expect_failure()
    # users were not sent to it, so that it need not be drained again
    assert acted(rig) == [*one("app1"), *one("app2")[:-3], "app2 odoo activate"]
    assert events(rig, "patch")[-2:] == ["failed app2", "unfinished"]
    assert "app1 is done and proven; app2 failed and is not proven to serve (" in run.errors[-1]
    assert serving(rig) == {"app1"}
    forget(rig)
    rig.play("resume", change=left(rig), way="undo").expect_success()
    # the one that serves is proven before it is taken away
    assert acted(rig) == [*one("app2"), "app1 odoo prove", "app1 odoo prove", *one("app1")]
    assert (parts(rig), releases(rig), rig.world.harm) == ({}, {"r1"}, [])


@pytest.mark.deep
def test_a_node_that_was_put_back_serves_and_stops_the_others(rig: Rig) -> None:
    rig.change(fault={"words": "app1 odoo stop", "kind": "disk full"})
    run = rig.play("patch", patch_release="r2").expect_failure()
    assert acted(rig) == one("app1")
    assert "app1 was put back as it was and serves (odoo stop: " in run.errors[-1]
    assert "No space left on device); app2 is untouched" in run.errors[-1]
    assert "or gantry.odoo.patch with the same inputs to begin again" in run.errors[-1]
    assert serving(rig) == {"app1 app2"}
    forget(rig)
    rig.play("patch", patch_release="r2").expect_success()
    assert parts(rig) == {}


def test_service_does_not_wait_for_the_store_and_what_happened_is_recorded_once(rig: Rig) -> None:
    rig.change(fault={"words": "app1 odoo prove", "nth": 2, "kind": "store gone"})
    (sentence,) = rig.play("patch", patch_release="r2").expect_failure().errors
    # the node takes users again without the store; the other one is not begun
    assert acted(rig) == one("app1")
    assert serving(rig) == {"app1 app2"}
    assert " is not closed, as the change store could not be used: the directory " in sentence
    assert "; as this run has seen it: app1 is done and proven, app2 is untouched; " in sentence
    assert "; what is not recorded yet (1) is kept in " in sentence
    assert sentence.endswith(" -e way=finish on the same controller")
    change = sentence.partition(" ")[0]
    forget(rig)
    rig.play("resume", change=change, way="finish").expect_success()
    assert acted(rig) == one("app2")
    assert events(rig, "patch") == ["opened", "gate", "begun app1", "proven app1", "unfinished"]
    assert events(rig, "resume") == ["opened", "begun app2", "proven app2", "closed"]
    late = [entry["facts"]["part"] for entry in change_store.entries(rig.store) if entry.get("late")]
    assert late == ["app1"]
    assert list((rig.path / "outbox").rglob("*.json")) == []


def redis(rig: Rig) -> list[str]:
    """The steps on hosts of Redis that change something."""
    return [line for line in rig.world.log if " redis " in line and not line.endswith(" facts")]


@pytest.mark.deep
def test_a_cache_that_is_lost_stops_the_others_and_is_resumed_one_way(rig: Rig) -> None:
    rig.change(fault={"words": "cache3 redis restart", "kind": "cut before"})
    rig.play("patch_redis").expect_failure()
    assert redis(rig) == [f"{node} redis {step}" for node in ("cache2", "cache3") for step in ("upgrade", "restart")]
    closed = change_store.entries(rig.store)[-1]
    assert closed["facts"]["parts"] == {"cache2": "proven", "cache3": "begun", "cache1": "planned"}
    change = left(rig)
    (refused,) = set(rig.play("resume", change=change, way="undo").expect_failure().errors)
    assert refused.startswith(f"{change} cannot be undone: ")
    assert "cache3: a program of Redis that was upgraded does not go back to the one before; finish the" in refused
    forget(rig)
    rig.play("resume", change=change, way="finish").expect_success()
    assert redis(rig) == [
        "cache3 redis start",
        "cache3 redis upgrade",
        "cache3 redis restart",
        "cache1 redis start",
        "cache1 redis upgrade",
        "cache1 redis failover",
        "cache1 redis restart",
    ]
    assert events(rig, "resume")[-5:] == ["proven cache3", "begun cache1", "switched", "proven cache1", "closed"]
    assert (parts(rig), rig.world.harm) == ({}, [])


@pytest.mark.deep
def test_a_cache_that_is_lost_before_the_upgrade_begins_is_named(rig: Rig) -> None:
    rig.change(fault={"words": "cache2 redis facts", "kind": "cut before"})
    entries = len(change_store.entries(rig.store))
    run = rig.play("patch_redis").expect_failure()
    assert "cache2" in run.errors[-1]
    assert "was lost, or was stopped by it, so that nothing more is begun; repair it" in run.errors[-1]
    assert (redis(rig), len(change_store.entries(rig.store))) == ([], entries)


def renewed(rig: Rig) -> list[str]:
    """The steps that order, install and serve certificates."""
    return [line for line in rig.world.log if line.endswith((" certificate main", " traefik certificates"))]


def test_an_edge_that_is_off_or_an_order_that_is_refused_hides_no_other(rig: Rig) -> None:
    rig.change(gone=["edge1"])
    run = rig.play("renew_certificates").expect_failure()
    assert renewed(rig) == ["edge2 certificate main", "edge2 traefik certificates"]
    assert "edge1 is untouched; edge2 is done and proven; run " in run.errors[-1]
    forget(rig)
    # it stops no other change
    rig.change(fault={"words": "edge1 certificate main", "kind": "disk full"})
    run = rig.play("renew_certificates").expect_failure()
    assert renewed(rig) == ["edge1 certificate main"]
    assert "edge1 was put back as it was and serves (" in run.errors[-1]
    assert "No space left on device); edge2 is untouched" in run.errors[-1]
    change = next(state.split()[0] for state in parts(rig).values() if state.endswith(" restored"))
    forget(rig)
    rig.play("resume", change=change, way="finish").expect_success()
    assert len(renewed(rig)) == 4


def test_a_certificate_is_revoked_when_every_edge_serves_another_one_and_not_before(rig: Rig) -> None:
    run = rig.play("renew_certificates", renew_revoke=["nobody"]).expect_failure()
    assert "renew_revoke names nobody, and the certificates of the estate are " in run.errors[-1]
    assert renewed(rig) == []
    before, orders = rig.world.certificates["edge1"], [*rig.world.orders, "edge1"]
    rig.change(gone=["edge2"])
    run = rig.play("renew_certificates", renew_revoke=["harbour"]).expect_failure()
    assert "edge2 is not proven to serve the new ones" in run.errors[-1]
    assert (rig.world.lost, rig.world.orders) == ({"edge1": before}, orders)
    forget(rig)
    # the next run orders nothing
    rig.play("renew_certificates").expect_success()
    assert [line for line in rig.world.log if line.endswith(" revoke")] == ["edge1 certificate revoke"]
    assert (rig.world.lost, rig.world.orders) == ({}, orders)
    assert {*rig.world.served.values()} == {before + 1}


ELSEWHERE = [{**one, "routes": [{"host": f"{one['name']}.example.org"}]} for one in TENANTS]
NAMES = {"harbour.example.org", "quarry.example.org"}


def serves(rig: Rig) -> dict[str, tuple[set[str], int]]:
    """The host names that each edge answers for, and the number of the certificate that it serves."""
    world = rig.world
    return {
        edge: ({name for one in routes for name in one.get("hosts", [])}, world.served.get(edge, 0))
        for edge, routes in world.routes.items()
    }


@pytest.mark.parametrize("step", ["routes", pytest.param("certificates", marks=pytest.mark.deep)])
def test_what_one_edge_does_not_take_is_put_back_on_all_that_took_it(rig: Rig, step: str) -> None:
    before = serves(rig)
    rig.change(fault={"words": f"edge2 traefik {step}", "kind": "disk full"})
    run = rig.play("site", odoo_tenants=ELSEWHERE).expect_failure()
    assert serves(rig) == before
    assert "not every edge took its certificates and routes: edge2: " in run.errors[-1]
    assert "No space left on device; put back to what it served before: edge1, edge2; " in run.errors[-1]
    assert run.errors[-1].endswith("run gantry.odoo.site with the same inputs")
    forget(rig)
    rig.play("site", odoo_tenants=ELSEWHERE).expect_success()
    assert [found for found, _number in serves(rig).values()] == [NAMES, NAMES]
    assert rig.world.harm == []


@pytest.mark.deep
def test_what_an_interrupted_run_gave_one_edge_is_put_back_where_another_one_refuses_it(rig: Rig) -> None:
    before = serves(rig)
    rig.change(fault={"words": "edge1 traefik routes", "kind": "controller killed after"})
    assert rig.play("site", odoo_tenants=ELSEWHERE).rc != 0
    assert (serves(rig)["edge1"][0], serves(rig)["edge2"]) == (NAMES, before["edge2"])
    forget(rig)
    rig.change(fault={"words": "edge2 traefik routes", "kind": "disk full"})
    run = rig.play("site", odoo_tenants=ELSEWHERE).expect_failure()
    assert serves(rig) == before
    assert "put back to what it served before: edge1, edge2; " in run.errors[-1]
    forget(rig)
    rig.play("site", odoo_tenants=ELSEWHERE).expect_success()
    assert [found for found, _number in serves(rig).values()] == [NAMES, NAMES]
    # what each edge has taken is what the next change goes back to
    assert rig.world.former == {}


@pytest.mark.deep
def test_an_edge_that_cannot_be_put_back_is_named(rig: Rig) -> None:
    more = [{"words": "edge1 traefik put_back", "kind": "disk full"}]
    rig.change(fault={"words": "edge2 traefik routes", "kind": "disk full", "more": more})
    run = rig.play("site", odoo_tenants=ELSEWHERE).expect_failure()
    assert "put back to what it served before: edge2; edge1 was not put back, and may serve what" in run.errors[-1]
    forget(rig)
    rig.play("site", odoo_tenants=ELSEWHERE).expect_success()
    assert len({tuple(sorted(found)) for found, _number in serves(rig).values()}) == 1


@pytest.mark.deep
def test_an_edge_that_is_lost_keeps_no_other_from_what_it_is_to_serve(rig: Rig) -> None:
    before = serves(rig)
    rig.change(fault={"words": "edge1 traefik routes", "kind": "host off"})
    run = rig.play("site", odoo_tenants=ELSEWHERE).expect_failure()
    assert (serves(rig)["edge1"], serves(rig)["edge2"][0]) == (before["edge1"], NAMES)
    assert "edge1 was lost" in run.errors[-1]
    forget(rig)
    rig.play("site", odoo_tenants=ELSEWHERE).expect_success()
    assert serves(rig)["edge1"] == serves(rig)["edge2"]


def test_an_edge_that_is_off_is_named_by_site_and_catches_up(rig: Rig) -> None:
    before = serves(rig)
    rig.change(gone=["edge1"])
    run = rig.play("site", odoo_tenants=ELSEWHERE).expect_failure()
    assert "edge1 (Task failed: Failed to connect to edge1) cannot be reached and keeps the cert" in run.errors[-1]
    assert events(rig, "site")[-1] == "unfinished"
    assert (serves(rig)["edge1"], serves(rig)["edge2"][0]) == (before["edge1"], NAMES)
    forget(rig)
    rig.play("site", odoo_tenants=ELSEWHERE).expect_success()
    assert serves(rig)["edge1"] == serves(rig)["edge2"]


@pytest.mark.deep
def test_site_begins_nothing_where_no_edge_answers(rig: Rig) -> None:
    rig.change(gone=["edge1", "edge2"])
    run = rig.play("site").expect_failure()
    assert "edge1 cannot be reached, so that nothing is begun" in str(run.errors)
    assert [line for line in rig.world.log if not line.endswith((" facts", " reach"))] == []


def test_certificates_that_one_edge_does_not_serve_are_put_back_on_all(rig: Rig) -> None:
    before = serves(rig)
    rig.change(fault={"words": "edge2 certificate prove", "kind": "disk full"})
    run = rig.play("renew_certificates", renew_force=True).expect_failure()
    assert serves(rig) == before
    assert "edge1 was put back as it was and serves (edge2: " in run.errors[-1]
    assert "edge2 was put back as it was and serves (" in run.errors[-1]
    orders = rig.world.orders
    change = next(state.split()[0] for state in parts(rig).values())
    forget(rig)
    # what was ordered then waits, and is not ordered again
    rig.play("resume", change=change, way="finish").expect_success()
    assert (rig.world.orders, {number for _found, number in serves(rig).values()}) == (orders, {2})
    assert (parts(rig), rig.world.harm) == ({}, [])


@pytest.mark.deep
def test_what_an_earlier_run_is_done_with_is_put_back_too_and_what_cannot_be_is_named(rig: Rig) -> None:
    before = serves(rig)
    change = lose(rig, "edge2 certificate main", "cut before", "renew_certificates", renew_force=True)
    rig.change(fault={"words": "edge2 certificate prove", "kind": "disk full"})
    rig.play("resume", change=change, way="finish").expect_failure()
    assert serves(rig) == before
    forget(rig)
    back = [{"words": "edge1 certificate put_back", "kind": "disk full"}]
    rig.change(fault={"words": "edge2 certificate prove", "kind": "disk full", "more": back})
    run = rig.play("renew_certificates", renew_force=True).expect_failure()
    assert "edge1 failed and is not proven to serve (edge2: " in run.errors[-1]
    assert "on the way back: " in run.errors[-1]
    forget(rig)
    rig.play("resume", change=left(rig), way="finish").expect_success()
    assert (len({number for _found, number in serves(rig).values()}), parts(rig)) == (1, {})


@pytest.mark.parametrize(
    ("words", "again"),
    [("edge1 certificate main", 1), pytest.param("edge1 traefik certificates", 0, marks=pytest.mark.deep)],
)
@pytest.mark.deep
def test_what_was_asked_for_by_force_is_ordered_once_and_no_part_is_done_without(
    rig: Rig, words: str, again: int
) -> None:
    since = len(rig.world.orders)
    change = lose(rig, words, "cut before", "renew_certificates", renew_force=True)
    assert len(rig.world.orders) == since + 1 - again
    rig.play("resume", change=change, way="finish").expect_success()
    assert len(rig.world.orders) == since + 1
    assert {number for _found, number in serves(rig).values()} == {2}


@pytest.mark.deep
def test_certificates_are_renewed_while_a_node_waits_for_repair(rig: Rig) -> None:
    change = lose(rig, "app1 odoo stop", "cut after", "patch", patch_release="r2")
    rig.play("renew_certificates").expect_success()
    assert len(renewed(rig)) == 4
    assert parts(rig)["app1"].startswith(change)
    rig.play("resume", change=change, way="finish").expect_success()
    assert (releases(rig), rig.world.harm) == ({"r2"}, [])


@pytest.mark.parametrize("silent", [["db1"], pytest.param(["db1", "box1"], marks=pytest.mark.deep)])
@pytest.mark.deep
def test_certificates_are_renewed_while_database_servers_are_off(rig: Rig, silent: list[str]) -> None:
    rig.change(gone=silent)
    assert "is done" in rig.play("renew_certificates").stdout
    steps = ("certificate main", "traefik certificates")
    assert renewed(rig) == [f"{edge} {step}" for edge in ("edge1", "edge2") for step in steps]
