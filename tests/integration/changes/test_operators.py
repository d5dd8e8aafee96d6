# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two operators meet, and a controller is killed: what each is told, and what is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration import change_store
from tests.lab.state import ROOT
from tests.lab.wait import until

STORE = "store"


def declared(store: Path) -> dict[str, str]:
    """The option `store`, with what the controller keeps of it beside it."""
    return {"directory": str(store), "outbox": f"{store}-outbox"}


def opened(store: Path, **options: Any) -> dict[str, Any]:
    args = {"store": declared(store), "kind": "patch", "requester": "mara", **options}
    return {"name": "open", "gantry.odoo.change_open": args, "register": "opened"}


def step(store: Path, name: str, event: str = "begun") -> dict[str, Any]:
    args = {"store": declared(store), "change": "{{ opened.change }}", "event": event}
    return {"name": name, "gantry.odoo.change_record": args}


def close(store: Path) -> dict[str, Any]:
    args = {"store": declared(store), "change": "{{ opened.change }}"}
    return {"name": "close", "gantry.odoo.change_close": args}


@pytest.fixture
def first(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The first operator's run, which has begun and does not end by itself."""
    store = tmp_path / STORE
    tasks = [opened(store), step(store, "begin"), {"name": "wait", "ansible.builtin.pause": {"minutes": 5}}]
    plays = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]
    playbook = tmp_path / "first.yml"
    playbook.write_text(yaml.safe_dump(plays), encoding="utf-8")
    with subprocess.Popen(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", playbook],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        try:
            until(lambda: None if "begun" in events(store) else "not begun", "the first operator's change", 60)
            yield run
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)


def events(store: Path) -> list[str]:
    return [entry["event"] for entry in change_store.entries(store)] if store.exists() else []


def test_the_second_operator_is_told_and_goes_on_when_the_first_is_gone(
    first: subprocess.Popen[bytes], tmp_path: Path, on_controller: Any
) -> None:
    store = tmp_path / STORE
    (sentence,) = on_controller(opened(store, requester="tom"), close(store)).expect_failure().errors
    assert sentence.startswith("mara holds estate for patch-1 on ")
    assert " since " in sentence
    assert " at least until " in sentence
    # a backup reads, and does not wait for anybody
    on_controller(opened(store, kind="backup", covers=["backup:harbour"]), close(store)).expect_success()
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    until(lambda: None if not change_store.held(store) else "held", "the end of the lease", 20)
    run = on_controller(opened(store, requester="tom"), step(store, "begin"), close(store)).expect_success()
    assert run.changed == 0
    assert events(store) == [
        *("opened", "begun", "refused", "opened", "closed"),
        *("unfinished", "opened", "begun", "closed"),
    ]
    assert change_store.held(store) == []


def test_check_mode_takes_no_lease_and_writes_nothing(tmp_path: Path, on_controller: Any) -> None:
    store = tmp_path / STORE
    run = on_controller(opened(store), step(store, "begin"), close(store), check=True).expect_success()
    assert run.results("open")["localhost"]["change"]["id"] == "patch-check"
    assert not store.exists()


def test_a_change_that_lost_its_lease_begins_nothing_and_closes_nothing(tmp_path: Path, on_controller: Any) -> None:
    store = tmp_path / STORE
    lose = {
        "name": "lose",
        "gantry.odoo.change_break": {
            "store": declared(store),
            "change": "patch-1",
            "requester": "tom",
            "reason": "her laptop burnt",
        },
    }
    run = on_controller(opened(store, lease_seconds=20), lose, {**step(store, "begin"), "retries": 0}, close(store))
    assert run.results("lose")["localhost"]["changed"]
    (sentence,) = run.expect_failure().errors
    assert sentence.startswith("lease 1 was broken by tom: her laptop burnt")
    assert events(store) == ["opened", "broken"]
    assert change_store.entries(store)[-1]["facts"] == {"by": "tom", "reason": "her laptop burnt", "lease": 1}


def test_the_last_screen_of_a_change_that_lost_its_lease_says_why_and_who_goes_on(
    tmp_path: Path, on_controller: Any
) -> None:
    store = tmp_path / STORE
    broken = {"store": declared(store), "change": "patch-1", "requester": "tom", "reason": "her laptop burnt"}
    begin = {"store": declared(store), "change": "{{ opened.change }}", "part": "app1", "state": "begun"}
    run = on_controller(
        opened(store, parts=["app1"]),
        {"name": "begin", "gantry.odoo.change_step": begin},
        {"name": "lose", "gantry.odoo.change_break": broken},
        {**opened(store, kind="resume", requester="tom", resumes="patch-1"), "register": "taken"},
        {"name": "fail", "gantry.odoo.change_step": {**begin, "state": "failed"}},
        close(store),
    )
    screen = run.results("close")["localhost"]["screen"]
    assert screen == [
        "patch-1 is not done",
        "  lease 1 was broken by tom: her laptop burnt",
        "  resume-3 of tom goes on with it, and says at its end what is where",
    ]
    assert run.expect_failure().errors == ["; ".join([f"{screen[0]}: {screen[1].strip()}", screen[2].strip()])]
    assert [(one["event"], one.get("overtaken")) for one in change_store.entries(store)][-2:] == [
        ("failed", True),
        ("unfinished", None),
    ]
