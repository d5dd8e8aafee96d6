# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emergency lacks what has not come yet, and what came too late stays reported."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import (
    APPROVED,
    REVIEWED,
    Statement,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_emergency import (
    Emergency,
    Signed,
    emergencies,
    missing,
    opened_emergency,
    require_reason,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from tests.unit.change.people import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGAN = NOW - 2 * HOUR
BARE = Emergency("patch-17", "mara", "payroll is down", BEGAN, 4)
WHAT = "patch-17 of mara, an emergency of 2026-11-30 10:00 UTC,"


def done(approved: timedelta, reviewed: timedelta) -> Emergency:
    signed = [(Signed("tom", BEGAN + after),) for after in (approved, reviewed)]
    return Emergency("patch-17", "mara", "payroll is down", BEGAN, 4, *signed)


def said(emergency: Emergency, after: timedelta) -> list[tuple[str, bool]]:
    return [(one.sentence, one.overdue) for one in missing(emergency, BEGAN + after)]


@pytest.mark.parametrize(
    ("emergency", "after", "expected"),
    [
        (
            BARE,
            2 * HOUR,
            [
                (f"{WHAT} has to be approved by someone else within 22 h", False),
                (f"{WHAT} has to be reviewed by someone else within 4 days 22 h", False),
            ],
        ),
        (
            BARE,
            2 * DAY,
            [
                (f"{WHAT} is not approved, 1 day after its time", True),
                (f"{WHAT} has to be reviewed by someone else within 3 days", False),
            ],
        ),
        (
            BARE,
            6 * DAY,
            [
                (f"{WHAT} is not approved, 5 days after its time", True),
                (f"{WHAT} is not reviewed, 1 day after its time", True),
            ],
        ),
        (done(HOUR, 2 * DAY), 9 * DAY, []),
        (done(DAY, 5 * DAY), 9 * DAY, []),
        (
            done(DAY + HOUR, 6 * DAY),
            9 * DAY,
            [
                (f"{WHAT} was approved by tom after 1 day 1 h, and has to be within 1 day", True),
                (f"{WHAT} was reviewed by tom after 6 days, and has to be within 5 days", True),
            ],
        ),
    ],
)
def test_what_is_missing_is_said(emergency: Emergency, after: timedelta, expected: list[tuple[str, bool]]) -> None:
    assert said(emergency, after) == expected


def test_an_emergency_begins_with_its_reason() -> None:
    require_reason("mara", "payroll is down")
    with pytest.raises(InputError, match="an emergency of mara begins with its reason; set change_reason"):
        require_reason("mara", " \n")
    assert said(Emergency("patch-17", "mara", "", BEGAN), HOUR)[0] == (
        "patch-17 is an emergency without a reason",
        True,
    )


def entry(
    event: str, facts: dict[str, Any], name: str = "patch-17", ago: timedelta = HOUR, **change: str
) -> dict[str, Any]:
    papers = {"id": name, "kind": "patch", "requester": "mara", "class": "emergency", "reason": "payroll is down"}
    return {"event": event, "time": (NOW - ago).isoformat(), "change": {**papers, **change}, "facts": facts}


def signed(statement: Statement) -> dict[str, Any]:
    """An entry whose facts beside the signed text are those of a forger."""
    facts = {"by": "eve", "request": 99, "reviews": "patch-99", "signed": statement.as_text(), "signature": "x"}
    return entry(statement.says, facts, "request-4", kind="approve")


OPENED = entry("opened", {}, ago=2 * HOUR)


def test_emergencies_are_found_with_what_was_signed_for_them() -> None:
    bodies = [
        entry("opened", {}, "patch-16", **{"class": "normal"}),
        OPENED,
        entry("gate", {"request": 4}),
        signed(Statement(APPROVED, "mara", NOW, 4, "d")),
        signed(Statement(APPROVED, "tom", NOW, 4, "d")),
        signed(Statement(APPROVED, "ines", NOW, 5, "d")),
        signed(Statement(REVIEWED, "ines", NOW, subject="patch-17", words="fine")),
        signed(Statement(REVIEWED, "ines", NOW, subject="patch-16", words="fine")),
        {"event": "closed"},
    ]
    (found,) = emergencies(bodies)
    assert found == Emergency(
        "patch-17", "mara", "payroll is down", BEGAN, 4, (Signed("tom", NOW),), (Signed("ines", NOW),)
    )
    assert missing(found, NOW) == []


def test_an_emergency_without_a_request_has_no_approval() -> None:
    (found,) = emergencies([OPENED, signed(Statement(APPROVED, "tom", NOW, 0, "d"))])
    assert found.request == 0
    assert len(missing(found, NOW)) == 2


def test_an_entry_that_is_none_is_named() -> None:
    with pytest.raises(StateError, match="an entry 'approved' of the ledger cannot be read"):
        emergencies([{"event": "approved", "facts": {}}])
    with pytest.raises(StateError, match="the signed text of approved is"):
        emergencies([{"event": "approved", "facts": {"signed": "{}"}}])


def test_what_is_reviewed_is_an_emergency() -> None:
    assert opened_emergency([OPENED], "patch-17")["requester"] == "mara"
    with pytest.raises(InputError, match=r"patch-18 is no emergency .* the ledger has no such change"):
        opened_emergency([OPENED], "patch-18")
    with pytest.raises(InputError, match="it is of class normal"):
        opened_emergency([entry("opened", {}, **{"class": "normal"})], "patch-17")
