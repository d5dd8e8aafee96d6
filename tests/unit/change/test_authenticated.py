# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of an inventory that declares identities: who may ask, who has to approve, and what emergencies lack."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.gantry.odoo.plugins.action import (
    change_approve,
    change_audit,
    change_break,
    change_close,
    change_gate,
    change_open,
    change_step,
)
from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import Happening
from ansible_collections.gantry.odoo.plugins.module_utils._audit.read_approvals import Approvals
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_emergency import emergencies
from ansible_collections.gantry.odoo.plugins.plugin_utils import login
from tests.unit.change.actions import Actions
from tests.unit.change.people import People

REASON = {"reason": "a fault in Redis"}
URGENT = {**REASON, "class": "emergency"}


@dataclass
class Estate:
    """An inventory that declares identities, and the person who runs the next action."""

    act: Actions
    people: People
    as_user: Callable[[str], None]
    rules: dict[str, Any] = field(default_factory=dict)

    @property
    def declared(self) -> dict[str, Any]:
        listed = self.people.declared()
        ines = next(one for one in listed if one["name"] == "ines")
        ines["may"] = [*ines["may"], "restore", "delete"]
        return {"identities": listed}

    def open(self, kind: str = "patch_redis", by: str = "mara", **args: Any) -> dict[str, Any]:
        self.as_user(by)
        return self.act(change_open, kind=kind, **self.declared, **self.rules, **args)

    def gate(self, change: dict[str, Any], **args: Any) -> dict[str, Any]:
        return self.act(change_gate, change=change, **self.declared, **self.rules, **args)

    def close(self, change: dict[str, Any]) -> list[str]:
        """The lines of the last screen."""
        found: list[str] = self.act(change_close, change=change, **self.declared)["screen"]
        return found

    def sign(self, by: str, **args: Any) -> dict[str, Any]:
        with mock.patch.object(change_approve.ActionModule, "_display", mock.Mock(), create=True):
            found = self.act(change_approve, key=self.people.key(by), **self.declared, **self.rules, **args)
        assert "failed" not in found, found["msg"]
        return found


@pytest.fixture
def estate(act: Actions, people: People, monkeypatch: pytest.MonkeyPatch) -> Estate:
    def as_user(name: str) -> None:
        monkeypatch.setattr(login, "login", lambda: name)

    return Estate(act, people, as_user)


def digest_in(said: str) -> str:
    """The digest that a denial asks to approve."""
    found = re.search(r"approve_digest=([0-9a-f]{64})", said)
    assert found, said
    return found[1]


def test_a_change_waits_is_approved_by_another_person_and_counts_once(estate: Estate) -> None:
    planned = estate.open(check=True, **REASON)
    assert "and it has none; run it without check mode, so that it waits for approval" in planned["refused"]
    said = estate.open(**REASON)["msg"]
    assert "the gate is closed: the change needs the approval of someone else, and it has none; request 1" in said
    # a digest that differs from run to run could never be approved
    assert digest_in(estate.open(**REASON)["msg"]) == digest_in(said)
    estate.sign("tom", digest=digest_in(said))
    opened = estate.open(**REASON)
    assert (opened["change"]["requester"], opened["change"]["authenticated"]) == ("mara", True)
    (entry,) = estate.act.entries("opened")
    assert [(one["by"], one["how"], one["request"]) for one in entry["facts"]["approvals"]] == [("tom", "signature", 1)]
    name = opened["change"]["id"]
    assert estate.close(opened["change"]) == [f"{name} is done"]
    assert f"the approval of request 1 was used by {name}, and counts once" in estate.open(**REASON)["msg"]


@pytest.mark.parametrize("other", [{"reason": "another"}, {"facts": {"group": "a"}}, {"parts": ["b"]}])
def test_an_approval_is_for_the_very_change(estate: Estate, other: dict[str, Any]) -> None:
    estate.sign("tom", digest=digest_in(estate.open(**REASON)["msg"]))
    assert "and it has none; request 2 waits" in estate.open(**{**REASON, **other})["msg"]
    assert "failed" not in estate.open(run_facts={"forced_by": "now"}, **REASON)


def test_a_typed_name_is_refused(estate: Estate) -> None:
    assert (
        "a typed name approves nothing; leave it out, and have the change approved with gantry.odoo.approve"
        in (estate.open(approver="tom", **REASON)["msg"])
    )
    assert "the login or the user of AWX says who asks" in estate.open(requester="ines", **REASON)["msg"]


def test_who_asks_is_an_identity_that_may(estate: Estate) -> None:
    for by, said in (("root", "the login 'root' belongs to no identity"), ("tom", "tom may not request a change")):
        assert said in estate.open("site", by)["msg"]
    assert [one["facts"]["allowed"] for one in estate.act.entries("gate")] == [False, False]
    assert "mara may not restore a tenant" in estate.open("restore")["msg"]
    assert "mara may not delete a tenant" in estate.open("decommission", **REASON)["msg"]
    assert "failed" not in estate.open("restore", "ines")


def test_what_may_not_be_done_is_not_finished_by_resuming_it(estate: Estate) -> None:
    part = {"parts": ["tenant:harbour"], "covers": ["tenant:harbour"]}
    interrupted = estate.open("restore", "ines", **part)["change"]
    estate.act(change_step, change=interrupted, part="tenant:harbour", state="begun")
    estate.act(change_close, change=interrupted, **estate.declared)
    resumed = {"resumes": interrupted["id"], "covers": ["tenant:harbour"]}
    for by in ("mara", "root"):
        said = estate.open("resume", by, **resumed)["msg"]
        assert "may not restore a tenant" in said
        assert f"or undo {interrupted['id']}" in said
    opened = estate.open("resume", "root", way="undo", **resumed)
    assert opened["change"]["requester"] == "root of no identity"


def test_a_lease_is_broken_by_who_may(estate: Estate) -> None:
    name = estate.open("site")["change"]["id"]
    broken = {"change": name, "reason": "the controller burned", **estate.declared}
    assert "mara may not break a lease" in estate.act(change_break, **broken)["msg"]
    estate.as_user("ines")
    assert "take it away" in estate.act(change_break, requester="mara", **broken)["msg"]
    assert estate.act(change_break, **broken)["changed"]
    assert estate.act.entries("broken")[0]["facts"]["by"] == "ines"


def test_a_score_asks_for_more_people(estate: Estate) -> None:
    estate.rules = {"score_thresholds": [{"score": 1, "approvals": 2}]}
    harbour = [{"name": "harbour", "tier": 3}]
    asked = {"gated": True, **REASON}
    digest = digest_in(estate.open(**asked)["msg"])
    estate.sign("tom", digest=digest)
    opened = estate.open(**asked)["change"]
    said = estate.gate(opened, tenants=harbour)["msg"]
    assert "needs the approval of 2 others, and it has that of tom; request 1 waits" in said
    estate.close(opened)
    estate.sign("ines", digest=digest)
    opened = estate.open(**asked)["change"]
    for _step in range(2):
        assert estate.gate(opened, tenants=harbour)["allowed"]
    assert {one["by"] for one in estate.act.entries("gate")[-1]["facts"]["approvals"]} == {"tom", "ines"}
    assert "approvals" not in estate.act.entries("opened")[-1]["facts"]
    estate.close(opened)
    assert "request 1 was used by" in estate.open(**asked)["msg"]


def test_an_emergency_begins_with_its_reason_and_is_named_until_it_is_approved_and_reviewed(estate: Estate) -> None:
    assert "a change of class emergency needs a reason" in estate.open(**{"class": "emergency"})["msg"]
    opened = estate.open(**URGENT)["change"]
    assert estate.gate(opened, tenants=[{"name": "harbour", "tier": 1}])["allowed"]
    first, second = estate.close(opened)[1:3]
    assert f"{opened['id']} of mara, an emergency of" in first
    assert "has to be approved by someone else within" in first
    assert "has to be reviewed by someone else within" in second
    (known,) = emergencies(estate.act.entries())
    assert (known.change, known.request) == (opened["id"], 1)
    estate.sign("tom", digest=digest_in(first))
    (line,) = estate.close(estate.open("site")["change"])[1:]
    assert "has to be reviewed by someone else within" in line
    assert f"gantry.odoo.approve -e approve_review={opened['id']}" in line
    estate.sign("tom", review=opened["id"], words="the disk was full")
    for _later in range(2):
        assert estate.close(estate.open("site")["change"])[1:] == []


def test_an_approver_is_told_where_the_rules_differ(estate: Estate) -> None:
    estate.open(**REASON)
    estate.rules = {"classes": {"patch": "normal"}}
    screen = "\n".join(estate.sign("tom")["screen"])
    assert "note: it is judged by other rules than those of your inventory, in change_classes; see why first" in screen


def test_without_identities_the_last_screen_says_what_a_typed_name_is_worth(act: Actions) -> None:
    opened = act.open(reason="a fault", approver="tom")["change"]
    (line,) = act(change_close, change=opened)["screen"][1:]
    assert "the approval by tom is a typed name, which nothing authenticates; declare change_identities" in line
    opened = act.open("site")["change"]
    assert act(change_close, change=opened)["screen"] == [f"{opened['id']} is done"]


def test_an_audit_verifies_approvals_and_names_those_that_do_not_verify(estate: Estate, tmp_path: Path) -> None:
    digest = digest_in(estate.open(**REASON)["msg"])
    estate.sign("tom", digest=digest)
    estate.close(estate.open(**REASON)["change"])
    estate.close(estate.open(**URGENT)["change"])
    audited = {"directory": str(tmp_path / "report"), **estate.declared}
    assert estate.act(change_audit, **audited)["verified"]
    shown = json.loads((tmp_path / "report/report.json").read_text(encoding="utf-8"))["changes"]
    approved = next(one for one in shown if "approvals" in one)
    assert {(one["who"], one["verified"]) for one in approved["approvals"]} == {("tom", True)}
    # the approver's key is taken back, or the identity of before is gone
    found = estate.act(change_audit, revoked_keys=[estate.people.public("tom")], **audited)
    assert not found["verified"]
    assert [one for one in found["findings"] if "is among change_revoked_keys" in one]
    page = (tmp_path / "report/report.html").read_text(encoding="utf-8")
    assert "does not verify: " in page
    assert "has to be approved by someone else within" in page
    assert estate.act(change_audit, directory=audited["directory"])["verified"]


@pytest.mark.parametrize(
    ("forged", "fault"),
    [
        ({"by": "ines"}, "the entry says approved by ines for request 1, and what tom has signed is approved by tom"),
        ({"request": 2}, "for request 2"),
        ({"signature": ""}, "does not count"),
        ({"signed": "{}"}, "is no statement"),
    ],
)
def test_an_audit_believes_what_is_signed_and_not_what_stands_beside_it(
    estate: Estate, forged: dict[str, Any], fault: str
) -> None:
    estate.sign("tom", digest=digest_in(estate.open(**REASON)["msg"]))
    (body,) = estate.act.entries("approved")
    verifier = Approvals(estate.people.identities())
    for facts in (body["facts"], {**body["facts"], **forged}):
        seen = Happening(7, None, "approved", "request-1", body["change"], facts)
        verifier.verified(seen)
    assert [fault in one.sentence for one in verifier.faults] == [True]
