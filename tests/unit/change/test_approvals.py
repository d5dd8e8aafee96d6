# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and approvals are created once in the store, and the gate finds those that count."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_approvals import Approvals
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import (
    REVIEWED,
    Asked,
    Sealed,
    Statement,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from tests.unit.change.people import ASKED, NOW, People, approved

HOUR = timedelta(hours=1)


@pytest.fixture
def approvals(tmp_path: Path) -> Approvals:
    """An empty store."""
    return Approvals(Directory(str(tmp_path / "store")))


def ask(approvals: Approvals, asked: Asked = ASKED, ago: timedelta = HOUR) -> int:
    return approvals.ask(asked, NOW - ago, Deadline(20)).number


def approve(
    approvals: Approvals, people: People, by: str = "tom", request: int = 1, ago: timedelta = timedelta()
) -> Sealed:
    statement = approved(by, ago, request)
    return approvals.approve(statement, people.sealed(statement))


def approvers(approvals: Approvals, people: People, change: str = "patch-9", asked: Asked = ASKED) -> list[str]:
    return [one.by for one in approvals.find(asked, change, people.identities(), NOW).approvals]


def test_a_change_waits_is_approved_and_is_used_once(approvals: Approvals, people: People) -> None:
    assert approvers(approvals, people) == []
    assert ask(approvals) == 1
    assert ask(approvals, ago=timedelta()) == 1
    approve(approvals, people)
    assert approvers(approvals, people) == ["tom"]
    approvals.use("1", "patch-9")
    approvals.use("1", "patch-9")
    assert approvers(approvals, people) == ["tom"]
    assert approvers(approvals, people, change="patch-10") == []
    with pytest.raises(RefusedError, match="approval 1 was used by patch-9 and counts once"):
        approvals.use("1", "patch-10")
    # the same change again is a new request, which an old approval is none of
    assert ask(approvals) == 2
    assert approvers(approvals, people, change="patch-10") == []
    approve(approvals, people, request=2)
    found = approvals.find(ASKED, "patch-10", people.identities(), NOW)
    assert (found.request, [one.by for one in found.approvals]) == (2, ["tom"])
    assert "was used by patch-9" in found.refused[0]


def test_two_people_approve_one_request(approvals: Approvals, people: People) -> None:
    ask(approvals)
    approve(approvals, people)
    approve(approvals, people, "ines")
    assert sorted(approvers(approvals, people)) == ["ines", "tom"]
    assert sorted(approvals.approved_by(approvals.newest(NOW)[0], people.identities(), NOW)) == ["ines", "tom"]


def test_a_person_approves_once_until_that_is_too_old(approvals: Approvals, people: People) -> None:
    ask(approvals, ago=30 * HOUR)
    first = approve(approvals, people, ago=26 * HOUR)
    assert approve(approvals, people, ago=20 * HOUR) == first
    assert approvers(approvals, people) == []
    assert approve(approvals, people) != first
    assert approvers(approvals, people) == ["tom"]


def test_the_approval_of_another_change_cannot_be_put_in_its_place(approvals: Approvals, people: People) -> None:
    ask(approvals)
    approve(approvals, people)
    other = replace(ASKED, facts={"release": "2026.12"})
    assert ask(approvals, other) == 2
    (key,) = approvals.objects.names(f"approvals/{ASKED.digest}/", 9)
    data = approvals.objects.get(key)
    assert data is not None
    approvals.objects.create(key.replace(ASKED.digest, other.digest), data)
    found = approvals.find(other, "patch-9", people.identities(), NOW)
    assert found.approvals == ()
    assert "is for another change" in found.refused[0]


def test_what_others_write_into_the_store_counts_for_nothing(approvals: Approvals, people: People) -> None:
    ask(approvals)
    statement, above = approved(), f"approvals/{ASKED.digest}"
    forged = {
        "a": b"\xff",
        "b": b"[" * 60_000,
        "c": b" " * 70_000,
        "d": people.sealed(statement, by="eve").as_bytes(),
        "e": people.sealed(replace(statement, by="eve"), by="tom").as_bytes(),
        "f": people.sealed(approved("mara")).as_bytes(),
        "g": json.dumps({"text": statement.as_text(), "signature": "x", "after": 0}).encode(),
        "h": json.dumps({"text": statement.as_text(), "signature": "x"}).encode(),
    }
    for name, data in forged.items():
        approvals.objects.create(f"{above}/{name}/01", data)
    found = approvals.find(ASKED, "patch-9", people.identities(), NOW)
    assert found.approvals == ()
    assert len(found.refused) == len(forged)
    approve(approvals, people)
    assert approvers(approvals, people) == ["tom"]


def test_a_request_that_was_forged_is_named(approvals: Approvals, people: People) -> None:
    ask(approvals)
    approve(approvals, people)
    (key,) = approvals.objects.names("requests/", 9)
    body = json.loads(approvals.objects.get(key) or b"")
    approvals.objects.delete([key])
    approvals.objects.create(key, json.dumps({**body, "asked": {**body["asked"], "reason": "fine"}}).encode())
    with pytest.raises(StateError, match=r"request 1 in the .* has another digest than its content"):
        approvals.newest(NOW)
    found = approvals.find(ASKED, "patch-9", people.identities(), NOW)
    assert found.approvals == ()
    assert "has another digest than its content" in found.refused[0]


def test_a_mark_of_use_that_was_damaged_lets_nothing_through(approvals: Approvals, people: People) -> None:
    ask(approvals)
    approve(approvals, people)
    approvals.objects.create("used/1", b"{}")
    with pytest.raises(StateError, match=r"used/1 in the .* names no change"):
        approvers(approvals, people)


def test_of_two_changes_one_uses_the_approval(approvals: Approvals) -> None:
    def use(change: str) -> bool:
        try:
            approvals.use("1", change)
        except RefusedError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(use, ["a", "b", "c", "d"])) == 1


def test_requests_that_are_too_old_are_left_out(approvals: Approvals) -> None:
    ask(approvals, ago=timedelta(days=8))
    assert approvals.newest(NOW) == []
    assert ask(approvals) == 2


def test_a_request_has_an_end(approvals: Approvals) -> None:
    with pytest.raises(InputError, match="more than 1048576 bytes"):
        ask(approvals, replace(ASKED, facts={"x": "y" * 1_100_000}))


def test_an_emergency_stays_approved_for_those_who_list(approvals: Approvals, people: People) -> None:
    urgent = replace(ASKED, classification="emergency")
    ask(approvals, urgent, ago=50 * HOUR)
    statement = approved(ago=49 * HOUR, digest=urgent.digest)
    approvals.approve(statement, people.sealed(statement))
    (request,) = approvals.newest(NOW)
    assert approvals.approved_by(request, people.identities(), NOW) == ["tom"]
    assert approvers(approvals, people, asked=urgent) == []


def test_a_review_is_kept_once_and_leads_nowhere_else(approvals: Approvals, people: People) -> None:
    statement = Statement(REVIEWED, "tom", NOW, subject="../ledger", words="fine")
    sealed = people.sealed(statement)
    assert approvals.review(statement, sealed) == sealed
    again = replace(statement, words="other")
    assert approvals.review(again, people.sealed(again)) == sealed
    assert approvals.objects.names("reviews/", 9) == ["reviews/%2E%2E%2Fledger/tom"]
