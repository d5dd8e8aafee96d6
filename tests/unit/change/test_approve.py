# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person sees what waits, signs it with the own key, and the ledger has it once, whatever is run again or killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.gantry.odoo.plugins.action import change_approve
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_approvals import Approvals
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_emergencies import Emergencies
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import Asked
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_emergency import emergencies, missing
from ansible_collections.gantry.odoo.plugins.module_utils._change.read_signature import Verifier
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from tests.unit.change.people import ASKED, People

HOUR = timedelta(hours=1)


@dataclass
class Office:
    """A change store, and the people who work with it."""

    people: People
    path: Path

    @property
    def store(self) -> Directory:
        return Directory(str(self.path / "store"))

    @property
    def declared(self) -> dict[str, str]:
        return {"directory": str(self.path / "store"), "outbox": str(self.path / "outbox")}

    def ask(self, asked: Asked = ASKED, ago: timedelta = timedelta()) -> str:
        """Have a change wait; its digest."""
        return Approvals(self.store).ask(asked, self.store.now() - ago, Deadline(20)).asked.digest

    def run(self, by: str = "tom", *, check_mode: bool = False, **args: Any) -> dict[str, Any]:
        """The result of the action."""
        given = {"store": self.declared, "identities": self.people.declared(), "key": self.people.key(by), **args}
        task = mock.Mock(args=given, check_mode=check_mode, async_val=0, action="gantry.odoo.example", environment=[])
        templar = mock.Mock()
        templar.template.side_effect = lambda value, **_rest: value
        action = change_approve.ActionModule(task, mock.MagicMock(), mock.Mock(), mock.Mock(), templar, mock.Mock())
        with mock.patch.object(action, "_display"):
            result: dict[str, Any] = action.run(None, {"ansible_inventory_sources": ["app1,"]})
        return result

    def entries(self) -> list[dict[str, Any]]:
        return [dict(one.body) for one in Ledger(self.store).entries()]


@pytest.fixture
def office(people: People, tmp_path: Path) -> Iterator[Office]:
    """An empty store, and an ansible-playbook that was called with an inventory."""
    with mock.patch("ansible.context.CLIARGS", {"inventory": ("estate",)}):
        yield Office(people, tmp_path)


def test_what_waits_is_shown_with_the_command_that_approves_it(office: Office) -> None:
    assert office.run()["screen"] == ["no change waits for approval"]
    digest = office.ask(ago=HOUR)
    found = office.run()
    assert [(one["request"], one["digest"], one["approved_by"]) for one in found["requests"]] == [(1, digest, [])]
    screen = "\n".join(found["screen"])
    assert "request 1: patch of class normal for mara, 1 h ago" in screen
    assert "  release: 2026.11" in screen
    assert f"  to approve: ansible-playbook -i estate gantry.odoo.approve -e approve_digest={digest}" in screen
    assert not found["changed"]
    assert office.entries() == []


def test_a_change_is_approved_once_and_recorded_once(office: Office) -> None:
    digest = office.ask()
    planned = office.run(check_mode=True, digest=digest)
    assert (planned["changed"], planned["approval"], office.entries()) == (True, {}, [])
    done = office.run(digest=digest)
    assert done["changed"]
    assert done["screen"][-1] == "tom has approved request 1; its requester runs the change again"
    again = office.run(digest=digest)
    assert not again["changed"]
    assert not office.run(check_mode=True, digest=digest)["changed"]
    (entry,) = office.entries()
    assert (entry["event"], entry["change"]["id"], entry["change"]["kind"]) == ("approved", "request-1", "approve")
    assert (entry["facts"]["by"], entry["facts"]["request"], entry["facts"]["digest"]) == ("tom", 1, digest)
    now = datetime.fromisoformat(entry["time"])
    assert Verifier(office.people.identities(), now).entry(entry, "entry 1").signer == "tom"
    found = Approvals(office.store).find(ASKED, "patch-9", office.people.identities(), office.store.now())
    assert [one.by for one in found.approvals] == ["tom"]
    assert office.run()["requests"][0]["approved_by"] == ["tom"]


def test_a_run_that_was_killed_before_the_ledger_is_made_good(office: Office) -> None:
    digest = office.ask()
    with mock.patch.object(Ledger, "append", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        office.run(digest=digest)
    assert office.entries() == []
    done = office.run(digest=digest)
    assert not done["changed"]
    # another entry follows before it is run once more
    office.run("ines", digest=digest)
    office.run(digest=digest)
    assert [one["facts"]["by"] for one in office.entries()] == ["tom", "ines"]


@pytest.mark.parametrize(
    ("by", "args", "words"),
    [
        ("mara", {}, "mara cannot approve an own change"),
        ("eve", {}, "belongs to no identity; declare it in keys of change_identities"),
        ("tom", {"revoked": ("tom",)}, "is among change_revoked_keys"),
        ("tom", {"digest": "0" * 64}, "no change with the digest 0000"),
        ("tom", {"digest": "abc"}, "is no digest of a change; copy all of its 64 characters"),
        ("tom", {"review": "patch-17"}, "review is given as well"),
        ("tom", {"key": "id_ed25519"}, "it is a relative path"),
    ],
)
def test_another_approval_is_refused_and_not_kept(office: Office, by: str, args: dict[str, Any], words: str) -> None:
    given = {"digest": office.ask(), **args}
    if "revoked" in given:
        given["revoked_keys"] = [office.people.public(name) for name in given.pop("revoked")]
    for check_mode in (True, False):
        found = office.run(by, check_mode=check_mode, **given)
        assert found["failed"]
        assert words in found["msg"]
    assert office.store.names("approvals/", 9) == []
    assert office.entries() == []


def test_one_who_may_not_approve_is_refused(office: Office) -> None:
    identities = office.people.declared()
    identities[1]["may"] = ["request"]
    found = office.run(digest=office.ask(), identities=identities)
    assert "tom may not approve a change; have somebody do it who may" in found["msg"]


def test_what_was_put_in_the_place_of_an_approval_is_not_recorded(office: Office) -> None:
    digest = office.ask()
    office.run("ines", digest=digest)
    (key,) = office.store.names(f"approvals/{digest}/", 9)
    data = json.loads(office.store.get(key) or b"")
    data["signature"] = data["signature"].replace("A", "B")
    office.store.create(key.replace("-ines/", "-tom/"), json.dumps(data).encode())
    found = office.run(digest=digest)
    assert "the one that the change store has already does not count" in found["msg"]
    assert [one["facts"]["by"] for one in office.entries()] == ["ines"]


def test_an_emergency_is_approved_after_it_began_and_reviewed(office: Office) -> None:
    urgent = replace(ASKED, classification="emergency", reason="payroll is down")
    digest, now = office.ask(urgent), office.store.now()
    change = {"id": "patch-17", "kind": "patch", "requester": "mara", "class": "emergency", "reason": "payroll is down"}
    Ledger(office.store).record(now, change, "opened", {"request": 1}, Deadline(20))
    Approvals(office.store).use("1", "patch-17")
    Emergencies(office.store, office.people.identities()).begin(1, "patch-17")
    assert [one["request"] for one in office.run()["requests"]] == [1]
    (emergency,) = emergencies(office.entries())
    assert [one.overdue for one in missing(emergency, now)] == [False, False]

    assert office.run(digest=digest)["changed"]
    shown = office.run()
    assert shown["requests"] == []
    assert [one.partition("; ")[2] for one in shown["emergencies"]] == [
        "run gantry.odoo.approve -e approve_review=patch-17 with approve_words"
    ]
    assert shown["screen"][-1] == shown["emergencies"][-1]
    assert "words: a review says what was found" in office.run(review="patch-17")["msg"]
    assert "mara cannot approve an own change" in office.run("mara", review="patch-17", words="fine")["msg"]
    assert "patch-18 is no emergency" in office.run(review="patch-18", words="fine")["msg"]
    assert office.run(review="patch-17", words="fine", check_mode=True)["changed"]
    assert office.run(review="patch-17", words="The disk was full: é")["changed"]
    assert not office.run(review="patch-17", words="another")["changed"]
    entry = office.entries()[-1]
    assert (entry["event"], entry["facts"]["words"]) == ("reviewed", "The disk was full: é")
    assert len(office.entries()) == 3
    verifier = Verifier(office.people.identities(), now + HOUR)
    assert verifier.entry(entry, "x").statement.words == "The disk was full: é"
    (emergency,) = emergencies(office.entries())
    assert missing(emergency, now) == []
    assert office.run()["emergencies"] == []
