# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last screen names what was done, and of tasks that only ever plan what would be."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants, context
from ansible.executor.stats import AggregateStats

from ansible_collections.gantry.odoo.plugins.callback.summary import CallbackModule
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import PLANNED, Part, Parts
from ansible_collections.gantry.odoo.plugins.plugin_utils import last_seen
from tests.unit.project.tree import ROOT

STEP = {"action": "create", "target": "harbour"}


@pytest.mark.parametrize(
    ("check", "only_plans", "lines"),
    [
        (False, False, ["What was done", "  db1  create harbour"]),
        (False, True, ["Nothing was changed"]),
        (True, True, ["What would be done", "  db1  create harbour"]),
    ],
)
def test_a_task_that_only_plans_has_done_nothing(
    monkeypatch: pytest.MonkeyPatch, check: bool, only_plans: bool, lines: list[str]
) -> None:
    monkeypatch.setattr(context, "CLIARGS", {"check": check})
    shown: list[str] = []
    callback = CallbackModule()
    monkeypatch.setattr(callback, "_display", SimpleNamespace(display=shown.append))
    result: Any = SimpleNamespace(
        task=SimpleNamespace(action="gantry.odoo.odoo_database"),
        task_name="Plan",
        task_fields={"check_mode": only_plans},
        host=SimpleNamespace(name="db1"),
        result={"changed": True, "steps": [STEP]},
    )
    callback.v2_runner_on_ok(result)
    callback.v2_playbook_on_stats(AggregateStats())
    assert shown == ["\n".join(["", *lines])]


@pytest.mark.parametrize(("may_be_lost", "lines"), [(False, ["What failed", "  edge1  Ask"]), (True, [])])
def test_a_host_that_a_task_may_lose_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, may_be_lost: bool, lines: list[str]
) -> None:
    monkeypatch.setattr(context, "CLIARGS", {"check": False})
    shown: list[str] = []
    callback = CallbackModule()
    monkeypatch.setattr(callback, "_display", SimpleNamespace(display=shown.append))
    result: Any = SimpleNamespace(
        task=SimpleNamespace(action="ansible.builtin.ping"),
        task_name="Ask",
        task_fields={"ignore_unreachable": may_be_lost, "delegate_to": "edge1"},
        host=SimpleNamespace(name="app1"),
        result={"msg": "timed out"},
    )
    callback.v2_runner_on_unreachable(result)
    stats = AggregateStats()
    stats.increment("dark", "app1")
    callback.v2_playbook_on_stats(stats)
    assert [line for line in lines if line not in shown[0]] == []
    assert ("What failed" in shown[0]) == bool(lines)


@pytest.mark.parametrize("closed", [False, True])
def test_a_change_that_was_opened_and_not_closed_is_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, closed: bool
) -> None:
    monkeypatch.setattr(context, "CLIARGS", {"check": False, "inventory": ["hosts"]})
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    store = {"directory": str(tmp_path / "store"), "outbox": str(tmp_path / "outbox")}
    part = Part("app1", "patch-7", PLANNED, datetime(2026, 11, 27, 3, 0, tzinfo=timezone.utc), facts={"kind": "patch"})
    last_seen.keep_parts(open_store(store), Parts(1, (part,)))
    shown: list[str] = []
    callback = CallbackModule()
    monkeypatch.setattr(callback, "_display", SimpleNamespace(display=shown.append))

    def result(action: str, **said: Any) -> Any:
        return SimpleNamespace(
            task=SimpleNamespace(action=f"gantry.odoo.{action}"),
            task_name=action,
            task_fields={"args": {"store": store}},
            host=SimpleNamespace(name="app1"),
            result=said,
        )

    callback.v2_runner_on_ok(result("change_open", change={"id": "patch-7", "kind": "patch"}, changed=True))
    if closed:
        callback.v2_runner_on_failed(result("change_close", screen=["patch-7 is not done"]))
    callback.v2_playbook_on_stats(AggregateStats())
    untouched = ["  app1  is untouched", "  the run ended before the change was closed", ""]
    again = ["  to begin again:  ansible-playbook -i hosts gantry.odoo.patch"]
    assert shown[0].splitlines()[3:] == ["", "patch-7 is not done", *([] if closed else [*untouched, *again])]


def test_the_lines_of_a_report_end_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "CLIARGS", {"check": False})
    shown: list[str] = []
    callback = CallbackModule()
    monkeypatch.setattr(callback, "_display", SimpleNamespace(display=shown.append))
    result: Any = SimpleNamespace(
        task=SimpleNamespace(action="gantry.odoo.certificate_report"),
        task_name="Report the certificates",
        task_fields={},
        host=SimpleNamespace(name="edge1"),
        result={"screen": ["Certificates of 1 host: 1 in order"], "msg": "not known: edge2", "failed": True},
    )
    callback.v2_runner_on_failed(result)
    callback.v2_playbook_on_stats(AggregateStats())
    lines = shown[0].splitlines()
    assert lines[-1] == "Certificates of 1 host: 1 in order"
    assert any("not known: edge2" in line for line in lines)


@pytest.mark.parametrize(
    ("playbook", "said"),
    [
        (ROOT / "playbooks/restore.yml", "accept it with -e restore_accept_older=true"),
        (ROOT / "playbooks/restore_drill.yml", "accept it with gantry.odoo.backup -e backup_accept_older=true"),
        # who calls the module gives its option
        (Path("/srv/own.yml"), "accept it with rolled_back: accept"),
    ],
)
def test_what_failed_names_the_input_of_the_playbook(
    monkeypatch: pytest.MonkeyPatch, playbook: Path, said: str
) -> None:
    monkeypatch.setattr(context, "CLIARGS", {"check": False})
    shown: list[str] = []
    callback = CallbackModule()
    monkeypatch.setattr(callback, "_display", SimpleNamespace(display=shown.append))
    run: Any = SimpleNamespace(_file_name=str(playbook))
    callback.v2_playbook_on_start(run)
    result: Any = SimpleNamespace(
        task=SimpleNamespace(action="gantry.odoo.odoo_restore"),
        task_name="Verify that the backup can be restored",
        task_fields={},
        host=SimpleNamespace(name="app1"),
        result={"msg": "accept it with rolled_back: accept", "failed": True},
    )
    callback.v2_runner_on_failed(result)
    callback.v2_playbook_on_stats(AggregateStats())
    assert f"  app1  Verify that the backup can be restored: {said}" in shown[0].splitlines()
