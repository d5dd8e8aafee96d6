# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last screen of a run says what was done, where and why, and what failed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.report_run import Deed, deeds, failure, reason, screen

CREATE = {"action": "create", "target": "harbour", "why": "it is declared and does not exist"}


@pytest.mark.parametrize(
    ("result", "found"),
    [
        ({"changed": True, "steps": [CREATE]}, [("create harbour", CREATE["why"])]),
        ({"changed": True}, [("Install", "")]),
        ({"changed": False}, []),
        ({"changed": False, "steps": []}, []),
        ({"changed": True, "steps": "no list of ours"}, [("Install", "")]),
        ({"changed": True, "steps": [{"name": "of another module"}]}, [("Install", "")]),
        # a module that failed in the middle says what it did before
        ({"failed": True, "steps": [CREATE]}, [("create harbour", CREATE["why"])]),
        (
            {
                "changed": True,
                "results": [{"changed": True, "steps": [CREATE]}, {"changed": False}, {"changed": True}, 5],
            },
            [("create harbour", CREATE["why"]), ("Install", "")],
        ),
        ({"changed": True, "censored": "hidden"}, [("Install", "")]),
    ],
)
def test_the_steps_of_a_module_or_the_name_of_the_task(result: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert list(deeds("db1", "Install", result)) == [Deed("db1", what, why) for what, why in found]


def test_a_failure_is_one_line() -> None:
    assert failure("db1", "Install", {"msg": "\nit failed:\n  no space left\n"}) == Deed(
        "db1", "Install", "it failed: no space left"
    )
    assert failure("db1", "Install", {"msg": "timed out", "unreachable": True}).why == "connection lost: timed out"
    assert failure("db1", "Install", {}).why == "no message"


def test_the_screen_names_the_hosts_of_each_step_once() -> None:
    done = [
        *(Deed(f"app{number}", "restart web process", "new release") for number in range(1, 7)),
        Deed("db1", "create harbour", "it is declared"),
        Deed("app1", "restart web process", "new release"),
        Deed("app2", "Copy"),
        Deed("app1", "Copy"),
    ]
    assert screen(done, [Deed("db1", "Stop", "no space left")], ["site-4 is done"], check=False) == [
        "What was done",
        "  app1 to app6 (6 hosts)  restart web process: new release",
        "  db1                     create harbour: it is declared",
        "  app2, app1              Copy",
        "",
        "What failed",
        "  db1  Stop: no space left",
        "",
        "site-4 is done",
    ]


@pytest.mark.parametrize(("check", "said"), [(True, "Nothing would be done"), (False, "Nothing was changed")])
def test_a_run_that_does_nothing_says_so(check: bool, said: str) -> None:
    assert screen([], [], [], check=check) == [said]


def test_what_was_rescued_in_a_run_that_ended_well_is_told_as_that() -> None:
    rescued = [Deed("app2", "Wait for the web process", "timed out")]
    assert "What failed and was rescued" in screen([], rescued, [], check=False, ended_well=True)
    assert "What failed" in screen([], rescued, [], check=False)


def test_a_failed_loop_is_told_by_its_items() -> None:
    items = [
        {"failed": True, "msg": "edge1 is  full"},
        {"failed": False, "msg": "edge2 is well"},
        {"failed": True, "msg": "edge3 is off"},
        {"failed": True, "msg": "edge3 is off"},
    ]
    assert reason({"msg": "One or more items failed", "results": items}) == "edge1 is full; edge3 is off"
    assert reason({"msg": "no space\nleft"}) == "no space left"
    # a host may say anything
    assert reason({"msg": "\x1b[2Jall is well"}) == "[2Jall is well"
    assert reason({"results": [1]}) == "no message"
