# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Equal routes need no step; different ones a step for each thing that differs."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import model, plan_document, plan_proof, plan_routes

from .builders import route

APP1, APP2 = "http://app1:8069", "http://app2:8069"


def written(*routes: model.Route) -> plan_document.RouteFile:
    return plan_document.read_routes(plan_document.routes_text("gantry", routes), "x.yml")


def actions(
    current: plan_document.RouteFile | None, desired: list[model.Route], served: bool = True
) -> list[tuple[str, str]]:
    return [(step.action, step.target) for step in plan_routes.plan("gantry", current, desired, served)]


def live(*routes: model.Route, **changes: Any) -> dict[str, Any]:
    """What Traefik says when it has exactly these routes."""
    made = plan_document.document("gantry", routes)["http"]
    raw: dict[str, Any] = {
        section: {f"{name}@file": {**settings, "status": "enabled", "using": ["x"]} for name, settings in found.items()}
        for section, found in made.items()
    }
    for name, value in changes.items():
        raw["routers"][f"gantry.harbour.{name}@file"].update(value)
    return raw


def test_what_is_needs_no_step() -> None:
    assert actions(written(route()), [route()]) == []


def test_create_and_remove() -> None:
    assert actions(None, [route()]) == [("create", "route harbour")]
    assert actions(written(route()), []) == [("remove", "route harbour")]


def test_drain_and_undrain_name_the_server() -> None:
    drained = route(servers=[{"url": APP1, "drained": True}, {"url": APP2}])
    assert actions(written(route()), [drained]) == [("drain", f"route harbour {APP1}")]
    assert actions(written(drained), [route()]) == [("undrain", f"route harbour {APP1}")]


def test_servers_come_and_go() -> None:
    moved = route(servers=[{"url": APP1}, {"url": "http://box1:8069"}])
    assert actions(written(route()), [moved]) == [
        ("add server", "route harbour http://box1:8069"),
        ("remove server", f"route harbour {APP2}"),
    ]


def test_another_order_of_servers_is_told() -> None:
    steps = plan_routes.plan("gantry", written(route()), [route(servers=[{"url": APP2}, {"url": APP1}])], True)
    assert [step.why for step in steps] == ["differs in the order of its servers"]


def test_an_update_says_in_what() -> None:
    steps = plan_routes.plan("gantry", written(route()), [route(mode="maintenance", retry_after=5)], True)
    assert [(step.action, step.why) for step in steps] == [("update", "differs in mode, retry_after")]


def test_a_route_edited_by_hand_is_named() -> None:
    text = plan_document.routes_text("gantry", [route(), route(name="other", hosts=["o.example"])])
    edited = text.replace('"rule": "Host(`o.example`)"', '"rule": "Host(`p.example`)"')
    current = plan_document.read_routes(edited, "x.yml")
    assert actions(current, list(current.routes.values())) == [("repair", "route other")]


def test_a_right_file_that_is_not_served_is_loaded_again() -> None:
    assert actions(written(route()), [route()], served=False) == [("reload", "routes")]


def test_merge_keeps_what_is_not_listed_unless_purged() -> None:
    other = route(name="other", hosts=["o.example"])
    had = {"other": other, "gone": route(name="gone", hosts=["g.example"])}
    assert [one.name for one in plan_routes.merge("gantry", had, [route()], ["gone"], purge=False)] == [
        "harbour",
        "other",
    ]
    assert [one.name for one in plan_routes.merge("gantry", had, [route()], [], purge=True)] == ["harbour"]


def test_merge_sees_a_collision_with_a_route_that_is_not_listed() -> None:
    with pytest.raises(InputError, match="harbour and other of owner gantry both answer for"):
        plan_routes.merge("gantry", {"other": route(name="other")}, [route()], [], purge=False)


def test_live_is_what_was_wanted() -> None:
    assert plan_proof.differences(plan_document.document("gantry", [route()]), live(route()), ()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rule": "Host(`x`)"}, "router gantry.harbour.http has other settings"),
        ({"status": "disabled", "error": ["no such thing"]}, "router gantry.harbour.http is disabled: no such thing"),
        ({"middlewares": []}, "router gantry.harbour.http has other settings"),
    ],
)
def test_live_is_something_else(change: dict[str, Any], said: str) -> None:
    found = plan_proof.differences(plan_document.document("gantry", [route()]), live(route(), http=change), ())
    assert [one.sentence() for one in found] == [said]


def test_what_should_be_gone_is_seen() -> None:
    raw = live(route(), route(name="old", hosts=["o.example"]))
    wanted = plan_document.document("gantry", [route()])
    gone = plan_proof.strangers("gantry.", wanted, raw)
    assert ("routers", "gantry.old.http") in gone
    assert "router gantry.old.http is still there" in [
        one.sentence() for one in plan_proof.differences(wanted, raw, gone)
    ]
    assert plan_proof.strangers("other.", wanted, raw) == set()


def test_defaults_that_traefik_adds_do_not_count() -> None:
    assert plan_proof.covers({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}], "d": 3})
    assert not plan_proof.covers({"a": [1]}, {"a": [1, 2]})
    assert not plan_proof.covers({"a": {"b": 1}}, {"a": None})


def test_a_pool_is_verified_where_it_is_new_or_differs() -> None:
    same, other = route(name="same"), route(name="other", health_path="/alive")
    had = {"same": same, "other": route(name="other"), "closed": route(name="closed")}
    desired = [same, other, route(name="fresh"), route(name="closed", mode="maintenance")]
    assert [one.name for one in plan_routes.pools_to_verify(had, desired)] == ["other", "fresh"]


def test_a_pool_without_a_healthy_server_is_refused() -> None:
    one = route(health_path="/alive")
    dead = {(url, "/alive"): f"{url}: status 404" for url in one.active}
    with pytest.raises(RefusedError, match=r"would answer 503.*/alive.*http://app1:8069: status 404; .*health_path"):
        plan_routes.require_answers([one], dead, every=False)
    plan_routes.require_answers([one], {**dead, (one.active[0], "/alive"): ""}, every=False)


def test_a_server_is_taken_away_only_where_all_others_are_healthy() -> None:
    one = route(health_path="/alive")
    first, second = one.active
    healthy = {(first, "/alive"): "", (second, "/alive"): ""}
    plan_routes.require_answers([one], healthy, every=True)
    with pytest.raises(RefusedError, match=r"harbour would be left to .* 1 of 2 .*app2:8069: refused\); repair these"):
        plan_routes.require_answers([one], {**healthy, (second, "/alive"): f"{second}: refused"}, every=True)
    with pytest.raises(RefusedError, match="would answer 503"):
        plan_routes.require_answers([one], {key: f"{key[0]}: refused" for key in healthy}, every=True)
