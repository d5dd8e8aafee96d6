# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The score of a change, each part of it, and the approvals that it asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change import plan_gate
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_score import (
    Age,
    Facts,
    Threshold,
    failures,
    lacking_approvals,
    score,
    thresholds_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)
CALM = Facts((3,), Age(24 * HOUR, HOUR), Age(31 * DAY, DAY))
RISKY = Facts((1, 3), Age(24 * HOUR, lacking="harbour"), Age(31 * DAY, 40 * DAY), 5, 100, HOUR)


def points(facts: Facts) -> dict[str, int]:
    """The points of each part."""
    return {part.name: part.points for part in score(facts).parts}


def test_the_score_lies_between_its_ends() -> None:
    assert points(CALM) == {"tiers": 1, "backup": 0, "restore drill": 0, "failures": 0, "size": 0, "freeze": 0}
    assert set(points(RISKY).values()) == {3}
    assert score(RISKY).total == 18


@pytest.mark.parametrize(
    ("changed", "part", "expected"),
    [
        ({"tiers": ()}, "tiers", 0),
        ({"tiers": (2, 3)}, "tiers", 2),
        ({"tiers": (3, 1)}, "tiers", 3),
        ({"backup": Age(24 * HOUR, 12 * HOUR)}, "backup", 0),
        ({"backup": Age(24 * HOUR, 13 * HOUR)}, "backup", 1),
        ({"backup": Age(24 * HOUR, 25 * HOUR)}, "backup", 3),
        ({"backup": Age(24 * HOUR, lacking="harbour", asked=False)}, "backup", 0),
        ({"failures": 2}, "failures", 2),
        ({"failures": None}, "failures", 3),
        ({"hosts": 2}, "size", 1),
        ({"hosts": 6}, "size", 2),
        ({"tiers": (3,) * 201}, "size", 3),
        ({"next_freeze": 25 * HOUR}, "freeze", 0),
        ({"next_freeze": 24 * HOUR}, "freeze", 1),
        ({"next_freeze": 4 * HOUR}, "freeze", 2),
        ({"next_freeze": timedelta()}, "freeze", 3),
    ],
)
def test_each_part_follows_its_fact(changed: dict[str, Any], part: str, expected: int) -> None:
    assert points(replace(CALM, **changed))[part] == expected


def test_the_score_is_shown_with_its_parts() -> None:
    assert score(RISKY, [Threshold(9, 2)]).lines() == [
        "the score is 18 of 18, which asks for 2 approvals",
        "3 tiers: tier 1 is the highest of 2 tenants",
        "3 backup: none of harbour is known",
        "3 restore drill: the oldest is 40 days old and may be 31 days",
        "3 failures: 5 of the last 10 changes were not done",
        "3 size: 100 parts and 2 tenants",
        "3 freeze: the next one begins in 1 h",
    ]
    body = score(CALM).as_body()
    assert (body["total"], body["approvals"], len(body["parts"])) == (1, 0, 6)


def test_the_highest_threshold_that_is_reached_counts() -> None:
    thresholds = thresholds_from([{"score": 1, "approvals": 1}, {"score": 18, "approvals": 2}])
    assert [score(facts, thresholds).approvals for facts in (CALM, RISKY)] == [1, 2]
    assert lacking_approvals(score(CALM, thresholds), ["tom"]) == []
    (said,) = lacking_approvals(score(RISKY, thresholds), ["tom"])
    parts = "tiers 3, backup 3, restore drill 3, failures 3, size 3, freeze 3"
    assert said.startswith(f"the score of 18 ({parts}) asks for 2 approvals")
    assert "and there is 1 (tom)" in said
    assert "and there is none" in lacking_approvals(score(CALM, thresholds), [])[0]


@pytest.mark.parametrize(
    "declared", [{"score": 9}, ["9"], [{"score": 9}], [{"score": True, "approvals": 1}], [{"score": 9, "approvals": 0}]]
)
def test_a_threshold_that_cannot_be_meant_is_refused(declared: Any) -> None:
    with pytest.raises(InputError, match="change_score_thresholds"):
        thresholds_from(declared)


def end(change: str, event: str, kind: str = "patch") -> dict[str, Any]:
    return {"change": {"id": change, "kind": kind}, "event": event}


def test_failures_are_those_of_the_last_ten_changes_that_act() -> None:
    old = [end(f"patch-{number}", "unfinished") for number in range(5)]
    late = [end(f"patch-{number}", "closed") for number in range(5, 13)]
    aside = [end("backup-20", "unfinished", "backup"), end("patch-30", "gate"), {"event": "closed"}]
    assert failures([*old, *late, *aside]) == 2
    # a controller that was cut off is recorded as unfinished, and may close the change all the same
    assert failures([end("patch-1", "unfinished"), end("patch-1", "closed")]) == 0
    assert failures([]) == 0


def test_the_age_is_that_of_the_oldest_evidence_that_is_asked_for() -> None:
    subjects = [plan_gate.Subject(name, tier) for name, tier in (("north", 1), ("south", 1), ("low", 3))]
    proofs = {"north": plan_gate.Proof(NOW - HOUR, NOW - DAY), "south": plan_gate.Proof(NOW - 3 * HOUR, NOW + DAY)}
    rules = plan_gate.Rules()
    assert plan_gate.age_of("backup", subjects, proofs, NOW, rules) == Age(24 * HOUR, 3 * HOUR)
    # one that is still to come is none
    assert plan_gate.age_of("drill", subjects, proofs, NOW, rules).lacking == "south"
    assert not plan_gate.age_of("drill", subjects[2:], proofs, NOW, rules).asked
