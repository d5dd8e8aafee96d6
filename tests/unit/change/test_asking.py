# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change begins is begun under its lease, however long the store takes to write that down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible import context

from ansible_collections.gantry.odoo.plugins.action import change_close, change_record, change_step, estate_record
from ansible_collections.gantry.odoo.plugins.module_utils._change import apply_events
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_calendars import Question
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import plan_open
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import Holder
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.plugin_utils import calendars


class Change:
    """An open change of one node, whose lease is broken while the store writes the first record of a log."""

    def __init__(self, path: Path) -> None:
        self.store = Directory(str(path / "store"))
        self.declared = {"directory": str(path / "store"), "outbox": str(path / "outbox")}
        self.leases = Register(self.store, 60)
        self.number = self.leases.take(["estate"], Holder("patch", "mara", "here"), Deadline(60)).fencing_number
        self.change = {
            "id": "patch-1",
            "kind": "patch",
            "requester": "mara",
            "lease": 1,
            "fencing_number": self.number,
        }
        PartsLog(self.store).write(
            lambda seen: plan_open(seen, "patch-1", ["app1"], {}, self.store.now()), Deadline(60)
        )
        calendars.keep({"store": self.declared}, "patch-1", Question())

    def slow(self, log: str) -> Callable[[Any], Directory]:
        """Opens the store so that its writer of `log` loses the lease meanwhile."""
        leases, number = self.leases, self.number

        class Slow(Directory):
            def create(self, key: str, data: bytes) -> bool:
                made = super().create(key, data)
                if key.startswith(f"{log}/") and leases.read().held:
                    leases.take_away(number, "joe", "asleep", Deadline(60))
                return made

        return lambda _declared: Slow(self.store.path)

    def run(self, action: Any, **args: Any) -> dict[str, Any]:
        """The result of an action of this change."""
        task = mock.Mock(
            args={"store": self.declared, "change": self.change, **args},
            check_mode=False,
            async_val=0,
            action="gantry.odoo.example",
            environment=[],
        )
        templar = mock.Mock()
        templar.template.side_effect = lambda value, **_rest: value
        given = (task, mock.MagicMock(), mock.Mock(), mock.Mock(), templar, mock.Mock())
        result: dict[str, Any] = action.ActionModule(*given).run(None, {})
        return result


@pytest.fixture
def change(tmp_path: Path) -> Change:
    return Change(tmp_path)


@pytest.mark.parametrize("log", ["parts", "ledger"])
def test_a_part_is_not_begun_under_a_lease_that_ended_while_that_was_written(
    change: Change, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert change.run(change_step, part="app1", state="begun")["go"]
    for module in (change_step, apply_events):
        monkeypatch.setattr(module, "open_store", change.slow(log))
    found = change.run(change_step, part="app1", state="begun")
    assert (found["go"], found["stopped"]) == (False, "lease 1 was broken by joe: asleep")


def test_a_play_is_not_begun_under_a_lease_that_ended_while_that_was_written(
    change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "failed" not in change.run(change_record, event="begun")
    monkeypatch.setattr(apply_events, "open_store", change.slow("ledger"))
    found = change.run(change_record, event="begun", facts={"play": "Odoo"})
    assert (found["failed"], found["msg"]) == (True, "lease 1 was broken by joe: asleep")
    assert found["lease_lost"] is True
    # what has happened is recorded in any case
    assert "failed" not in change.run(change_record, event="applied")


def test_what_is_recorded_of_a_repository_has_its_name_and_no_secret(change: Change) -> None:
    keys = [{"name": "estate", "secret": "k" * 44}]
    done = change.run(change_record, event="drill", repository={"directory": "/srv/backups", "keys": keys})
    entry = Ledger(change.store).entries()[-1]
    assert (entry.sequence, entry.body["facts"]) == (done["sequence"], {"repository": "directory /srv/backups"})


def test_an_estate_is_not_used_under_a_lease_that_ended_while_it_was_recorded(
    change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estate_record, "open_store", change.slow("estate"))
    found = change.run(estate_record, ports={"harbour": 8169})
    assert (found["failed"], found["msg"]) == (True, "lease 1 was broken by joe: asleep")
    assert change.store.names("estate/", 1)


ENDS = "lease 1 was not renewed and ends at 2026-11-28 17:00:00 UTC"


@pytest.mark.parametrize(
    ("held", "lease_lost", "said"),
    [
        (False, True, ["  lease 1 was broken by joe: asleep"]),
        (False, False, ["  lease 1 was broken by joe: asleep", f"  {ENDS}"]),
        (True, True, [f"  {ENDS}"]),
    ],
)
def test_that_the_lease_was_lost_is_said_once_and_never_dropped(
    change: Change, held: bool, lease_lost: bool, said: list[str]
) -> None:
    if not held:
        change.leases.take_away(change.number, "joe", "asleep", Deadline(60))
    found = change.run(change_close, failures=[ENDS], lease_lost=lease_lost)
    assert found["failed"]
    assert [line for line in found["screen"] if "lease" in line] == said


def test_the_close_names_the_inputs_of_the_playbook_where_a_module_advises_its_option(
    change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "CLIARGS", {"inventory": ["hosts"]})
    change.change["kind"] = "backup"
    found = change.run(
        change_close,
        failures=["harbour: accept the older one with rolled_back: accept"],
        notes=["north: wait, or give a longer lock_timeout"],
    )
    assert "accept the older one with -e backup_accept_older=true" in found["msg"]
    assert "  harbour: accept the older one with -e backup_accept_older=true" in found["screen"]
    assert "  north: wait, or set a longer backup_lock_timeout in the inventory" in found["screen"]
    (entry,) = [one.body for one in Ledger(change.store).entries()]
    assert "-e backup_accept_older=true" in entry["facts"]["lost"]
