# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's way through an approval: denied, asked for, approved by another person, used once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_approvals import Approvals
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_consent import Consent, Terms, waits_in_words
from ansible_collections.gantry.odoo.plugins.module_utils._change.options_approval import awx_from, limits_from
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_approval import Limits
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_awx import Answered, Launched, Run
from ansible_collections.gantry.odoo.plugins.module_utils._change.read_awx import Awx
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_https import Https
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from tests.unit.change.people import ASKED, NOW, People, approved

HOUR = timedelta(hours=1)
JOB = Launched(41, "running", "workflow_job", "Patch", 40, 40, NOW - HOUR)
APPROVAL = Answered(39, 40, "board", "successful", "ines.x", NOW - 2 * HOUR)
SERVER = Https("https://awx.example.com", "AWX", "change_awx", 1.0)


@dataclass(frozen=True)
class Played(Awx):
    """An AWX that answers at once, or does not."""

    answers: bool = True

    def run(self, job: int) -> Run:
        if not self.answers:
            raise UnreachableError("AWX did not answer")
        return Run(replace(JOB, id=job), ("mara.x",), (APPROVAL,), "AWX")


def consent(people: People, path: Path, **terms: Any) -> Consent:
    return Consent(Directory(str(path / "store")), Terms(people.identities(), **terms))


def test_a_change_is_denied_asked_for_approved_and_used_once(people: People, tmp_path: Path) -> None:
    gate = consent(people, tmp_path)
    denied = gate.settled(ASKED, "patch-8", NOW)
    assert denied.approvals == ()
    request = gate.wait(ASKED, NOW, Deadline(20))
    said = waits_in_words(denied, 1, request, ASKED.digest)
    assert said == (
        "the change needs the approval of someone else, and it has none; request 1 waits: have it approved with "
        f"gantry.odoo.approve -e approve_digest={ASKED.digest}, and run this again"
    )
    Approvals(gate.objects).approve(approved(), people.sealed(approved()))
    found = gate.settled(ASKED, "patch-9", NOW)
    assert ([one.by for one in found.approvals], found.uses, found.request) == (["tom"], ("1",), 1)
    assert "it has that of tom" in waits_in_words(found, 2, 1, "d")
    gate.use(found.uses, "patch-9")
    assert gate.settled(ASKED, "patch-9", NOW).approvals
    again = gate.settled(ASKED, "patch-10", NOW)
    assert again.approvals == ()
    assert "not counted: the approval of request 1 was used by patch-9" in waits_in_words(again, 1, 2, "d")
    with pytest.raises(RefusedError, match="was used by patch-9"):
        gate.use(found.uses, "patch-10")


def test_an_approval_in_awx_counts_once_for_each_change_of_its_workflow(people: People, tmp_path: Path) -> None:
    gate = consent(people, tmp_path, awx=Played(SERVER), job=41)
    found = gate.settled(ASKED, "patch-9", NOW)
    assert ([one.by for one in found.approvals], found.request) == (["ines"], 0)
    gate.use(found.uses, "patch-9")
    assert gate.settled(ASKED, "patch-9", NOW).approvals
    again = gate.settled(ASKED, "patch-10", NOW)
    assert again.refused == ("the approval of job 41 in AWX was used by patch-9, and counts once",)
    assert gate.settled(replace(ASKED, parts=("app3",)), "patch-11", NOW).approvals


def test_a_signature_and_awx_are_two_people(people: People, tmp_path: Path) -> None:
    gate = consent(people, tmp_path, awx=Played(SERVER), job=41)
    gate.wait(ASKED, NOW, Deadline(20))
    for name in ("tom", "ines"):
        Approvals(gate.objects).approve(approved(name), people.sealed(approved(name)))
    found = gate.settled(ASKED, "patch-9", NOW)
    assert sorted(one.by for one in found.approvals) == ["ines", "tom"]
    assert found.uses == ("1", f"awx-40-{ASKED.digest}")


def test_an_awx_that_does_not_answer_is_no_approval(people: People, tmp_path: Path) -> None:
    gate = consent(people, tmp_path, awx=Played(SERVER, answers=False), job=41)
    assert gate.settled(ASKED, "patch-9", NOW).refused == ("AWX did not answer",)
    assert consent(people, tmp_path, awx=Played(SERVER, answers=False)).settled(ASKED, "patch-9", NOW).refused == ()


@pytest.mark.parametrize(
    ("requester", "words"),
    [
        ("tom", "tom may not request a change"),
        ("nobody", "belongs to no identity"),
        ("Mara", "one of mara looks like it"),
    ],
)
def test_a_requester_has_an_identity_that_may_request(
    people: People, tmp_path: Path, requester: str, words: str
) -> None:
    with pytest.raises(RefusedError, match=words):
        consent(people, tmp_path).settled(replace(ASKED, requester=requester), "patch-9", NOW)


def test_the_options_of_awx_are_read() -> None:
    declared = {"url": "https://awx.example.com/", "token": "s3cret", "api_path": "/api/controller/v2/"}
    awx = awx_from(declared)
    assert awx is not None
    assert awx.root == "/api/controller/v2"
    assert "s3cret" not in repr(awx)
    assert awx_from(None) is None
    with pytest.raises(InputError, match=r"awx\.token: it has a character"):
        awx_from({**declared, "token": "a\r\nHost: b"})
    with pytest.raises(InputError, match=r"awx\.api_path: 'api' is no path"):
        awx_from({**declared, "api_path": "api"})


@pytest.mark.parametrize("hours", [0, -1, 1e300, 9000])
def test_a_time_that_is_none_is_refused(hours: float) -> None:
    with pytest.raises(InputError, match=r"approval_hours: .* is no time for an approval"):
        limits_from({"approval_hours": hours, "approval_wait_days": 7})
    assert limits_from({"approval_hours": 24, "approval_wait_days": 7}) == Limits()
