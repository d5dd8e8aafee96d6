# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate says when a change is opened, asked by the actions themselves, and what the ledger keeps of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible import constants, context

from ansible_collections.gantry.odoo.plugins.action import change_close, change_gate, change_info, change_open
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.plugin_utils import login

PAPERS = {"reason": "a fault in Redis", "approver": "tom"}


class Actions:
    """Runs actions on one change store."""

    def __init__(self, path: Path) -> None:
        self.declared = {"directory": str(path / "store"), "outbox": str(path / "outbox")}

    def __call__(self, action: Any, *, check: bool = False, **args: Any) -> dict[str, Any]:
        """The result of an action."""
        task = mock.Mock(
            args={"store": self.declared, **args}, check_mode=check, async_val=0, action="example", environment=[]
        )
        templar = mock.Mock()
        templar.template.side_effect = lambda value, **_rest: value
        given = (task, mock.MagicMock(), mock.Mock(), mock.Mock(), templar, mock.Mock())
        result: dict[str, Any] = action.ActionModule(*given).run(None, {})
        return result

    def open(self, kind: str = "patch_redis", *, requester: str = "mara", **args: Any) -> dict[str, Any]:
        """The result of change_open."""
        return self(change_open, kind=kind, requester=requester, **args)

    def entries(self, event: str = "") -> list[dict[str, Any]]:
        """The bodies of the ledger's entries, of one event or of all."""
        found = [dict(one.body) for one in Ledger(Directory(self.declared["directory"])).entries()]
        return [one for one in found if event in ("", one["event"])]


@pytest.fixture
def act(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Actions]:
    monkeypatch.setattr(change_open.lease_keeper, "start", mock.Mock())
    monkeypatch.setattr(context, "CLIARGS", {"inventory": ["hosts"]})
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(run))
    yield Actions(tmp_path)


def test_the_class_is_that_of_the_kind(act: Actions) -> None:
    opened = act.open("backup", covers=["backup:harbour"])
    assert opened["change"]["class"] == "standard"
    refused = act.open()
    assert refused["msg"] == (
        "the gate is closed: a change of class normal needs a reason; set change_reason; "
        "a change of class normal needs an approver; set change_approver"
    )
    assert act.open(**PAPERS)["change"]["class"] == "normal"
    assert act.entries("opened")[-1]["change"]["class"] == "normal"


def test_the_table_of_the_inventory_counts(act: Actions) -> None:
    assert act.open(classes={"patch_redis": "standard"})["change"]["class"] == "standard"


@pytest.mark.parametrize("check", [True, False])
def test_a_class_is_not_lowered(act: Actions, check: bool) -> None:
    found = act.open(check=check, **PAPERS, **{"class": "standard"})
    assert "patch_redis is a normal change by the table" in found["refused" if check else "msg"]
    assert act(change_info, gather=["leases"])["leases"] == []
    assert [one["facts"]["allowed"] for one in act.entries("gate")] == ([] if check else [False])


def test_a_denial_is_an_entry_and_a_task_that_is_repeated_adds_none(act: Actions, tmp_path: Path) -> None:
    for _attempt in range(3):
        assert act.open()["failed"]
    (entry,) = act.entries()
    assert (entry["event"], entry["change"]["id"]) == ("gate", "patch_redis-1")
    assert entry["facts"]["allowed"] is False
    assert len(entry["facts"]["denials"]) == 2
    # another run is another attempt
    for file in (tmp_path / "run").iterdir():
        file.unlink()
    assert act.open()["failed"]
    assert len(act.entries("gate")) == 2


def test_a_change_that_another_one_keeps_out_is_an_entry(act: Actions) -> None:
    act.open("site")
    for _attempt in range(2):
        assert "mara holds estate for site-1" in act.open("patch", requester="tom")["msg"]
    (entry,) = act.entries("refused")
    assert (entry["change"]["id"], entry["change"]["requester"]) == ("patch-refused", "tom")
    assert "mara holds estate for site-1" in entry["facts"]["denials"][0]


def test_who_launches_is_the_login_where_no_caller_says_it(act: Actions) -> None:
    assert act.open("site", requester="")["change"]["requester"] == login.login()


def test_what_was_decided_is_no_work_on_the_estate(act: Actions) -> None:
    """A run that has read the estate before another one was denied goes on."""
    assert act.open()["failed"]
    assert "failed" not in act.open("site", read=0)


def test_every_decision_of_the_gate_is_an_entry_with_what_was_overridden(act: Actions) -> None:
    opened = act.open("patch", **PAPERS, **{"class": "emergency"})
    harbour = [{"name": "harbour", "tier": 1}]
    for _attempt in range(2):
        gate = act(change_gate, change=opened["change"], tenants=harbour, serving_after=0)
        assert gate["allowed"]
    (entry,) = act.entries("gate")
    assert (entry["facts"]["allowed"], len(entry["facts"]["overridden"])) == (True, 3)
    act(change_close, change=opened["change"])
    opened = act.open("patch")
    assert act(change_gate, change=opened["change"], tenants=harbour)["failed"]
    denied = act.entries("gate")[-1]
    assert (denied["change"]["id"], denied["facts"]["allowed"]) == (opened["change"]["id"], False)
    assert len(denied["facts"]["denials"]) == 2
