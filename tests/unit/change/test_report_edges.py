# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edges that have not what they are to have, and the way out."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.report_edges import (
    failed,
    left,
    left_out,
    lost,
    returned,
    silent,
    unproven,
)

RESULTS = [
    {"edge": "edge1", "ping": "pong"},
    {"edge": "edge2", "unreachable": True, "msg": "Task failed: Connection\n  refused"},
    {"edge": "edge3", "msg": "MODULE FAILURE: No space left on device", "rc": 1},
]
WAY_OUT = (
    "start it, or, where no user comes by it any more, take it out of the inventory and add "
    '-e \'{"resume_released_hosts": ["edge2"]}\' to gantry.odoo.resume'
)


def test_the_edges_that_do_not_answer_are_found_with_the_reason() -> None:
    assert silent(RESULTS) == {
        "edge2": "Task failed: Connection refused",
        "edge3": "MODULE FAILURE: No space left on device",
    }


def page(fault: str = "", *, asked: bool = True, url: str = "https://a/web/login") -> dict[str, Any]:
    """An answer as module traefik_proof returns it."""
    return {"url": url, "entry_point": "websecure", "address": "192.0.2.9", "asked": asked, "fault": fault}


def test_an_edge_that_is_lost_while_its_pages_are_verified_is_named() -> None:
    results = [{"edge": "edge1", "answers": [page()]}, {"edge": "edge2", "unreachable": True, "msg": "off"}]
    assert lost(results) == {"edge2": "off"}
    assert unproven(results) == []


def test_the_pages_that_edges_do_not_show_are_named_with_the_edge() -> None:
    results = [
        {"edge": "edge1", "answers": [page(), page("b answers 503", url="b")], "msg": "b answers 503"},
        {"edge": "edge2", "failed": False, "msg": "Traefik's API did not\n answer"},
        {"edge": "edge3", "skipped": True},
        {"edge": "edge4", "answers": [{**page("this edge has no route for c", url="c", asked=False), "address": ""}]},
    ]
    assert unproven(results) == [
        "edge2 could not be asked for its pages: Traefik's API did not answer",
        "edge1: b answers 503",
        "edge4: this edge has no route for c",
    ]


def test_an_address_that_edges_share_is_proven_by_the_one_that_has_it() -> None:
    here, away = ({"edge": edge, "answers": [page(asked=edge == "edge1")]} for edge in ("edge1", "edge2"))
    assert unproven([here, away]) == []
    assert unproven([away, {**away, "edge": "edge3"}]) == [
        "https://a/web/login is at none of the edges that answer, as none of them has 192.0.2.9 now; see what moves "
        "that address between them, such as keepalived"
    ]


def test_an_edge_that_is_off_keeps_no_users_away_from_the_others() -> None:
    assert left_out({"edge2": "off"}, {}, gives=True) == [
        "edge2 (off) cannot be reached and keeps the routes that it had; users of the other edges do not wait for it: "
        + WAY_OUT
    ]


def test_users_are_taken_away_from_nothing_while_an_edge_may_send_them_there() -> None:
    assert left_out({"edge2": "off"}, {}, gives=False) == [
        "edge2 (off) cannot be reached and may still send users, so that no node is stopped and no database is "
        f"blocked: {WAY_OUT}"
    ]


def test_an_edge_that_answers_and_does_not_take_its_routes_is_named_beside() -> None:
    said = left_out({"edge2": "off", "edge3": "off too"}, {"edge1": "No space left on device"}, gives=True)
    assert said[0] == (
        "edge1 does not take its routes: No space left on device; where Traefik is stopped there, start it "
        "(systemctl start traefik), and where no user comes by edge1 any more, take it out of the inventory and add "
        '-e \'{"resume_released_hosts": ["edge1"]}\' to gantry.odoo.resume'
    )
    assert said[1].startswith("edge2 (off) and edge3 (off too) cannot be reached and ")
    assert '-e \'{"resume_released_hosts": ["edge2", "edge3"]}\'' in said[1]
    assert left_out({}, {}, gives=True) == []


def test_what_one_edge_did_not_take_is_said_of_all_edges() -> None:
    edges = ["edge3", "edge2", "edge1"]
    assert returned(edges, {name: {} for name in edges}) == []
    known = {
        "edge1": {"edge_back": ""},
        "edge2": {"part_failure": "Routes: disk full", "edge_back": "Serve them: disk full"},
        "edge3": {},
    }
    assert failed(edges, known) == ["edge2: Routes: disk full"]
    assert returned(edges, known) == [
        "not every edge took its certificates and routes: edge2: Routes: disk full",
        "put back to what it served before: edge1",
        "edge2 was not put back, and may serve what another edge did not take: Serve them: disk full",
        "edge3 was not put back, and may serve what another edge did not take: it was lost",
    ]


def test_an_edge_that_was_off_is_named_with_the_way_out() -> None:
    assert left(["edge1", "edge2"], {"edge1": {}, "edge2": {"edge_off": "off"}}) == [
        "edge2 (off) cannot be reached and keeps the certificates and routes that it had; start it, or, where it is "
        'gone for good, take it out of the inventory and add -e \'{"site_released_hosts": ["edge2"]}\''
    ]
