# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's releases and processes need, decided without a host."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import (
    CRON,
    WEB,
    Instance,
    Manifest,
    Process,
    ReleaseState,
    unique_instances,
)
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan import (
    plan_disable,
    plan_release,
    plan_start,
    plan_stop,
    predicted,
    proof_gap,
    put_off,
)

SOURCE = Manifest("2", "d2", 4, 100)
PLACED = ReleaseState("2", SOURCE, "d2", active="1")
HARBOUR = Instance("harbour", cron=True)
SHARED = Instance("shared", 8079, 8082)


def running(name: str, kind: str, release: str = "2", **given: object) -> Process:
    given = {
        "running": True,
        "enabled": True,
        "started": 20.0,
        "written": 10.0,
        "releases": (release, release),
        **given,
    }
    return Process(name, kind, pids=(1, 2), **given)


def host(*processes: Process) -> dict[tuple[str, str], Process]:
    keys = [(name, kind) for name in ("harbour", "shared") for kind in (WEB, CRON)]
    found = {(process.instance, process.kind): process for process in processes}
    return {key: found.get(key, Process(*key)) for key in keys}


WELL = host(running("harbour", WEB), running("harbour", CRON), running("shared", WEB))


def actions(steps: tuple) -> list[tuple[str, str]]:
    return [(step.action, step.target) for step in steps]


@pytest.mark.parametrize(
    ("current", "source", "active", "expected"),
    [
        (ReleaseState("2"), SOURCE, False, [("place", "2")]),
        (ReleaseState("2"), SOURCE, True, [("place", "2"), ("activate", "2")]),
        (PLACED, SOURCE, False, []),
        (PLACED, None, True, [("activate", "2")]),
        (replace(PLACED, active="2"), SOURCE, True, []),
        (replace(PLACED, found="other"), SOURCE, False, [("repair", "2")]),
        (replace(PLACED, closed=True), None, False, [("share", "2")]),
        (replace(PLACED, closed=True), SOURCE, True, [("share", "2"), ("activate", "2")]),
        (replace(PLACED, found="other", closed=True), SOURCE, False, [("repair", "2")]),
    ],
)
def test_release_steps(current: ReleaseState, source: Manifest, active: bool, expected: list) -> None:
    assert actions(plan_release(current, source, active)) == expected


def test_release_id_stands_for_one_content() -> None:
    with pytest.raises(RefusedError, match="immutable"):
        plan_release(PLACED, replace(SOURCE, digest="other"), False)


@pytest.mark.parametrize("current", [ReleaseState("2"), replace(PLACED, found="other")])
def test_release_without_content_fails(current: ReleaseState) -> None:
    with pytest.raises(StateError):
        plan_release(current, None, True)


def test_nothing_to_do_on_a_well_host() -> None:
    assert plan_start((HARBOUR, SHARED), WELL, "2") == ()


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        (Process("harbour", WEB, enabled=True), [("start", "web process of harbour")]),
        (
            Process("harbour", WEB),
            [("enable", "web process of harbour"), ("start", "web process of harbour")],
        ),
        (running("harbour", WEB, "1"), [("restart", "web process of harbour")]),
        (running("harbour", WEB, releases=("2", "")), [("restart", "web process of harbour")]),
        (running("harbour", WEB, written=21.0), [("restart", "web process of harbour")]),
        (running("harbour", WEB, differs="it runs another image"), [("restart", "web process of harbour")]),
        (running("shared", CRON), [("stop", "cron process of shared"), ("disable", "cron process of shared")]),
    ],
)
def test_only_the_process_that_differs_is_touched(process: Process, expected: list) -> None:
    current = {**WELL, (process.instance, process.kind): process}
    assert actions(plan_start((HARBOUR, SHARED), current, "2")) == expected


def test_twice_is_once() -> None:
    current = host(running("harbour", WEB, "1"), running("shared", CRON))
    steps = plan_start((HARBOUR, SHARED), current, "2")
    assert plan_start((HARBOUR, SHARED), predicted(current, steps, "2"), "2") == ()
    assert plan_stop((HARBOUR, SHARED), predicted(current, plan_stop((HARBOUR, SHARED), current), "2")) == ()


def test_cron_stops_first() -> None:
    assert [step.target.split()[0] for step in plan_stop((HARBOUR, SHARED), WELL)] == ["cron", "web", "web"]


def test_a_disabled_instance_neither_runs_nor_starts_with_the_host() -> None:
    steps = plan_disable((SHARED,), WELL)
    assert actions(steps) == [("stop", "web process of shared"), ("disable", "web process of shared")]
    after = predicted(WELL, steps, "2")
    assert plan_disable((SHARED,), after) == ()
    assert after["harbour", WEB] == WELL["harbour", WEB]


@pytest.mark.parametrize(
    ("process", "seen"),
    [
        (Process("harbour", CRON), "does not run"),
        (running("harbour", WEB, "1"), "runs release 1, not 2"),
        (running("harbour", WEB, ""), "runs release none, not 2"),
    ],
)
def test_proof_names_what_is_missing(process: Process, seen: str) -> None:
    assert seen in str(proof_gap(HARBOUR, {**WELL, (process.instance, process.kind): process}, "2"))


def test_proof_holds_on_a_well_host() -> None:
    assert proof_gap(HARBOUR, WELL, "2") is None
    assert "no database" in str(proof_gap(SHARED, {**WELL, ("shared", CRON): running("shared", CRON)}, "2"))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ([{"name": "Harbour"}], "not a name"),
        ([{"name": "a", "http_port": 0}], "not a port"),
        ([{"name": "a"}, {"name": "a", "http_port": 1, "websocket_port": 2}], "twice"),
        ([{"name": "a"}, {"name": "b", "http_port": 8072, "websocket_port": 2}], "already taken by a"),
    ],
)
def test_instances_that_cannot_be_meant(options: list, word: str) -> None:
    with pytest.raises(InputError, match=word):
        unique_instances(tuple(options))


def test_a_restart_can_wait_but_not_what_is_to_start_or_to_end() -> None:
    current = host(
        running("harbour", WEB, written=30.0),
        running("harbour", CRON, "1"),
        running("shared", CRON),
    )
    steps, waiting = put_off(plan_start((HARBOUR, SHARED), current, "2"), current)
    assert actions(steps) == [
        ("enable", "web process of shared"),
        ("start", "web process of shared"),
        ("stop", "cron process of shared"),
        ("disable", "cron process of shared"),
    ]
    assert actions(waiting) == [("restart", "web process of harbour"), ("restart", "cron process of harbour")]
    # what is left alone is as it was, and so found again
    assert put_off(plan_start((HARBOUR, SHARED), predicted(current, steps, "2"), "2"), current) == ((), waiting)


def test_a_new_list_of_databases_restarts_a_cron_process_at_once() -> None:
    current = host(
        running("harbour", WEB, written=30.0), running("harbour", CRON, written=40.0, listed=40.0), WELL["shared", WEB]
    )
    steps, waiting = put_off(plan_start((HARBOUR, SHARED), current, "2"), current)
    assert actions(steps) == [("restart", "cron process of harbour")]
    assert actions(waiting) == [("restart", "web process of harbour")]
