# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps an interrupted change from going on: said before its parts are taken over, or at the end."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_resume import (
    acting,
    aim,
    refusals,
    taken_away,
    unfit,
    watched,
)

ESTATE = {"group_of": {"app1": "app", "app2": "app"}, "groups": {"app": {}, "box": {}}, "tenants": {"harbour": {}}}


def part(name: str, kind: str, **facts: Any) -> dict[str, Any]:
    return {"name": name, "change": f"{kind}-3", "state": "begun", "facts": {"kind": kind, **facts}}


def move(**facts: Any) -> dict[str, Any]:
    return part("tenant:harbour", "migrate", **{"tenant": "harbour", "from": "app", "to": "box", **facts})


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (part("app1", "patch", group="app"), ""),
        # the group may have another name: its hosts say which one
        (part("app1", "patch", group="web"), ""),
        (part("app9", "patch", group="app"), "app9 of patch-3 is in no group that runs Odoo any more; put it back"),
        (move(), ""),
        (move(tenant="wharf"), "tenant wharf is on its way to box, and is not declared under that name any more"),
        (move(to="yard"), "tenant harbour is on its way from app to yard, and no group yard runs Odoo any more; give"),
        (move(**{"from": "web"}), "tenant harbour is on its way from web to box, and no group web runs Odoo any more"),
        (part("tenant:quarry", "decommission", tenant="quarry"), ""),
        (part("tenant:harbour", "decommission", tenant="harbour"), "tenant harbour is not declared with state decom"),
        (part("cache1", "patch_redis"), ""),
    ],
)
def test_a_part_that_does_not_fit_to_the_declaration_is_named(one: dict[str, Any], said: str) -> None:
    found = unfit([one], one["change"], ESTATE)
    assert len(found) == bool(said)
    assert "; ".join(found).startswith(said)
    assert unfit([one], "patch-9", ESTATE) == []
    assert unfit([one], one["change"], ESTATE, [one["name"]]) == []


def test_a_change_goes_no_further_where_a_host_that_is_to_serve_refused_or_was_lost() -> None:
    known: dict[str, dict[str, Any]] = {"app1": {"resume_stands": True}, "app2": {"resume_stands": True}, "edge1": {}}
    assert refusals(["app1", "app2"], known) == []
    known["app2"] = {"resume_refused": "app2: Verify: 500"}
    assert refusals(["app1", "app2"], known) == ["app2: Verify: 500"]
    known["app2"] = {}
    assert refusals(["app1", "app2"], known) == ["app2 was lost, so that no other host is taken away"]


def test_a_reason_that_all_hosts_have_is_said_once() -> None:
    closed = {"resume_refused": "Verify that the change may go on: the gate is closed"}
    assert refusals([], {"app1": closed, "app2": closed}) == ["Verify that the change may go on: the gate is closed"]


@pytest.mark.parametrize(
    ("acts", "leader"),
    [({}, "app1"), ({"app1": {"acts": True}}, "app1"), ({"app1": {"acts": False}, "app2": {"acts": True}}, "app2")],
)
def test_the_host_that_answers_leads_where_the_first_one_is_off(acts: dict[str, dict[str, Any]], leader: str) -> None:
    homes = {"harbour": {"hosts": ["app1", "app2"], "leader": "app1", "home": "app"}, "quarry": {}}
    known = {"app1": {}, "app2": {}, **acts}
    assert acting(homes, known, ["harbour"]) == {"harbour": {**homes["harbour"], "leader": leader}}


def node(state: str, **facts: Any) -> dict[str, Any]:
    return {**part("app1", "patch", release="r2", release_before="r1", **facts), "state": state}


@pytest.mark.parametrize(
    ("one", "undone", "finished"),
    [
        (node("planned"), ["app1"], ["app1"]),
        (node("proven"), [], []),
        # it is out of service, and takes no user away
        (node("interrupted"), [], []),
        # it may serve again, the release that it was proven with
        (node("interrupted", was_done="r2"), ["app1"], []),
        (node("interrupted", was_done="r1"), [], ["app1"]),
        ({**part("cache1", "patch_redis"), "state": "planned"}, [], []),
    ],
)
def test_hosts_that_serve_or_may_and_change_are_taken_away(one: dict[str, Any], undone: Any, finished: Any) -> None:
    assert taken_away([one], "undo") == undone
    assert taken_away([one], "finish") == finished
    assert watched([one], "undo") == undone
    assert watched([one], "finish") == finished


def test_all_that_serve_are_watched_when_one_is_taken_away() -> None:
    done, out = {**node("proven"), "name": "app2"}, {**node("interrupted"), "name": "app3"}
    assert watched([node("planned"), done, out], "finish") == ["app1", "app2"]
    assert watched([done, out], "finish") == []


def test_a_host_is_to_serve_the_release_of_the_way() -> None:
    assert (aim(node("planned"), "finish"), aim(node("planned"), "undo")) == ("r2", "r1")
    assert aim(part("app1", "patch", release="r2"), "undo") == ""
