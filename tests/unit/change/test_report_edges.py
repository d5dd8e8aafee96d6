# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edges that have not what they are to have, and the way out."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._change.report_edges import left_out, lost, silent

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


def test_an_edge_that_is_lost_in_a_loop_over_its_pages_is_named_once() -> None:
    off = {"unreachable": True, "msg": "off"}
    pages = [{"item": ["edge1", "https://a"], "status": 200}, *({"item": ["edge2", url], **off} for url in ("a", "b"))]
    assert lost(pages) == {"edge2": "off"}


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
