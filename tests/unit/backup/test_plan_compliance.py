# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promises and what proves them: what was not asked is unknown, and unknown is never good."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import (
    DIRECTORY,
    NOT_REQUIRED,
    OK,
    UNKNOWN,
    VIOLATED,
    WARNING,
    CopySeen,
    Evidence,
    Fault,
    Lock,
    Opened,
    StoreFacts,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_copy import Compared
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_locks import Locks
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_compliance import PARTS, RULES, judge_tenant
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_compliance import entry as reported
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_compliance import failure
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Hold

from .evidence import DAY, DRILL, HOUR, MIB, NOW, POLICY, STORE, entry, evidence, judged, kinds, states


def test_backups_as_they_should_be_comply() -> None:
    found = judged()
    assert states(found) == {
        **dict.fromkeys(PARTS, OK),
        "immutability": NOT_REQUIRED,
        "region": NOT_REQUIRED,
    }
    assert found.compliant
    assert found.findings == ()
    assert failure([reported(found, NOW)]) == ""
    assert found.latest is not None
    assert found.latest.name == "b10"


def test_every_part_has_a_sentence_and_every_fault_a_remedy() -> None:
    worst = judged(Evidence("harbour"), StoreFacts(DIRECTORY, NOW))
    assert [one.name for one in worst.parts] == list(PARTS)
    assert list(worst.rules) == list(RULES)
    for one in (*worst.parts, *judged().parts):
        assert one.sentence
        assert bool(one.remedy) is (one.state in (VIOLATED, UNKNOWN)), one


def test_nothing_observed_proves_nothing() -> None:
    found = judged(Evidence("harbour"), StoreFacts(DIRECTORY, NOW))
    assert states(found) == {**dict.fromkeys(PARTS, UNKNOWN), "policy": VIOLATED}
    assert found.score == 0
    assert not found.compliant
    found = judged(evidence(entry(1, HOUR), opened={}, drills=(), lock_asked=False), StoreFacts("bucket", NOW))
    assert OK not in {found.rules[name] for name in RULES if name != "two_media"}


@pytest.mark.parametrize(
    ("change", "age_s"),
    [({}, 3600), ({"snapshot": NOW - 2 * DAY}, 2 * 86400), ({"stored": NOW - 3 * DAY}, 3 * 86400)],
)
def test_the_age_counts_from_the_earliest_time_that_anyone_says(change: dict[str, object], age_s: int) -> None:
    one = entry(1, HOUR, **change)
    found = judged(evidence(one, written={1: NOW - HOUR + timedelta(minutes=1)}))
    assert states(found)["rpo"] == (OK if age_s <= 86400 else VIOLATED)
    assert reported(found, NOW)["age_s"] == age_s


def test_a_manifest_that_the_store_dates_earlier_makes_the_backup_older() -> None:
    found = judged(evidence(entry(1, HOUR), written={1: NOW - 5 * DAY}))
    assert states(found)["rpo"] == VIOLATED
    assert found.latest_moment == NOW - 5 * DAY


@pytest.mark.parametrize(
    "spoilt",
    [
        {"written": {1: NOW - 9 * DAY}},
        {"faults": (Fault("b02", "manifests/2 is forged"),)},
    ],
)
def test_a_backup_that_is_lost_or_forged_does_not_count(spoilt: dict[str, object]) -> None:
    seen = evidence(entry(1, 9 * DAY), entry(2, HOUR))
    found = judged(replace(seen, **spoilt))  # type: ignore[arg-type]
    assert found.latest is not None
    assert found.latest.name == "b01"
    assert states(found)["rpo"] == VIOLATED
    assert states(found)["integrity"] == VIOLATED


def test_a_backup_of_the_future_is_no_newest_one() -> None:
    found = judged(evidence(entry(1, HOUR), entry(2, -5 * DAY)))
    assert found.latest is not None
    assert found.latest.name == "b01"
    assert ("future", "critical", "b02") in kinds(found)


def test_an_expiry_that_does_not_run_is_seen_after_two_days() -> None:
    assert states(judged(keep=Keep(last=9)))["retention"] == OK
    assert states(judged(keep=Keep(last=3)))["retention"] == VIOLATED
    marked = [
        entry(number, (10 - number) * DAY + HOUR, expired=NOW - HOUR if number < 8 else None) for number in range(1, 11)
    ]
    assert states(judged(evidence(*marked), keep=Keep(last=3)))["retention"] == OK
    stale = [replace(one, expired=one.expired and NOW - 3 * DAY) for one in marked]
    assert states(judged(evidence(*stale), keep=Keep(last=3)))["retention"] == VIOLATED


def test_what_a_hold_keeps_is_not_late() -> None:
    seen = evidence()
    held = replace(seen, catalog=replace(seen.catalog, holds=(Hold("claim", "a claim"),)))
    found = judged(held, keep=Keep(last=3))
    assert states(found)["retention"] == OK
    assert found.holds == 1


def test_a_drill_is_as_good_as_it_is_new_and_was_good() -> None:
    assert states(judged(drill_interval_s=2 * 86400))["drill"] == VIOLATED
    none = judged(evidence(drills=()))
    assert (states(none)["drill"], states(none)["rto"]) == (VIOLATED, UNKNOWN)
    failed = replace(DRILL, begun=NOW - HOUR, ok=False, error="the dump was damaged", rto_s=1.0)
    after = judged(evidence(drills=(failed, DRILL)))
    assert (states(after)["drill"], states(after)["rto"]) == (VIOLATED, OK)
    assert "failed: the dump was damaged" in next(one.sentence for one in after.parts if one.name == "drill")


def test_a_drill_that_is_dated_in_the_future_proves_nothing_and_hides_none() -> None:
    ahead = replace(DRILL, begun=NOW + DAY, rto_s=1.0)
    alone = judged(evidence(drills=(ahead,)))
    assert (states(alone)["drill"], states(alone)["rto"]) == (VIOLATED, UNKNOWN)
    assert (alone.last_good_drill, alone.drills) == (None, ())
    for one in (ahead, replace(ahead, ok=False, error="no room")):
        found = judged(evidence(drills=(one, DRILL)))
        assert (states(found)["drill"], found.last_good_drill) == (OK, DRILL)
        assert kinds(found) == [("future", WARNING, "")]
        assert "a record of a restore drill is dated 1 day, 0:00:00 after the clock" in found.findings[0].sentence
    # clocks are never quite the same
    near = judged(evidence(drills=(replace(DRILL, begun=NOW + timedelta(minutes=14)),)))
    assert (states(near)["drill"], near.findings) == (OK, ())


@pytest.mark.parametrize(
    "copy",
    [
        CopySeen(Compared(NOW + 400 * DAY, 10, ok=True), NOW - HOUR),
        CopySeen(Compared(NOW - HOUR, 10, ok=True), NOW + 400 * DAY),
    ],
)
def test_a_comparison_that_is_dated_in_the_future_proves_nothing(copy: CopySeen) -> None:
    found = judged(evidence(copy=copy), copies=3)
    (part,) = [one for one in found.parts if one.name == "copies"]
    assert part.state == VIOLATED
    assert "UTC, after its store" in part.sentence
    # nor do metrics show it
    assert found.copy is not None
    assert None in (found.copy.compared, found.copy.shows)


def test_a_restore_that_takes_longer_than_promised_is_said() -> None:
    assert states(judged(rto_s=600))["rto"] == OK
    assert states(judged(rto_s=599))["rto"] == VIOLATED


@pytest.mark.parametrize(
    ("wanted", "versioning", "locked", "asked", "state"),
    [
        ("none", False, None, False, NOT_REQUIRED),
        ("versions", True, None, True, OK),
        ("versions", False, None, True, VIOLATED),
        ("versions", None, None, True, UNKNOWN),
        ("versions", False, NOW + DAY, True, OK),
        ("lock", True, NOW + DAY, True, OK),
        ("lock", True, NOW - DAY, True, VIOLATED),
        ("lock", True, None, True, VIOLATED),
        ("lock", True, None, False, UNKNOWN),
    ],
)
def test_immutability_is_what_the_store_says(
    wanted: str, versioning: bool | None, locked: object, asked: bool, state: str
) -> None:
    seen = evidence(locked_until=locked, lock_asked=asked)
    found = judged(seen, replace(STORE, versioning=versioning), immutability=wanted)
    assert states(found)["immutability"] == state
    # versions can be removed by who may remove them: the score asks for a lock
    assert found.rules["one_immutable"] == (UNKNOWN if not asked else OK if locked == NOW + DAY else VIOLATED)


@pytest.mark.parametrize(
    ("older", "recorded", "state", "told"),
    [
        ((Lock("b01", NOW + DAY),), NOW + DAY, OK, "; 1 objects of all backups were locked until 2026-11-23 12:00 UTC"),
        ((Lock("b01", NOW + DAY),), None, OK, "the newest backup is locked until 2026-11-24 12:00 UTC"),
        ((), None, OK, "the newest backup is locked"),
        ((Lock("b01", NOW), Lock("b02", NOW + DAY)), NOW + DAY, VIOLATED, "backup b01 is not locked any more"),
        ((Lock("b01", NOW + DAY), Lock("b02")), NOW + DAY, VIOLATED, "backup b02 is not locked any more"),
        ((Lock("b01", answered=False), Lock("b02", NOW)), NOW + DAY, VIOLATED, "backup b02 is not locked any more"),
        ((Lock("b01", answered=False), Lock("b02", NOW + DAY)), NOW + DAY, UNKNOWN, "not known whether backup b01"),
        ((Lock("b01", NOW + DAY),), NOW, VIOLATED, "the locks of all backups were extended until 2026-11-22 12:00 UTC"),
    ],
)
def test_locks_that_are_not_extended_are_found(
    older: tuple[Lock, ...], recorded: datetime | None, state: str, told: str
) -> None:
    locks = Locks(recorded, objects=frozenset(("data/1/0",))) if recorded else None
    seen = evidence(locked_until=NOW + 2 * DAY, older_locks=older, locks=locks)
    found = judged(seen, immutability="lock")
    (part,) = [one for one in found.parts if one.name == "immutability"]
    assert part.state == state
    assert told in part.sentence
    assert bool(part.remedy) is (state != OK)
    # a newest backup without a lock comes first
    assert states(judged(replace(seen, locked_until=None), immutability="lock"))["immutability"] == VIOLATED


def test_a_directory_keeps_nothing_for_good() -> None:
    found = judged(evidence(), StoreFacts(DIRECTORY, NOW, versioning=False), immutability="versions")
    assert states(found)["immutability"] == VIOLATED
    assert found.rules["two_media"] == UNKNOWN


def test_a_copy_that_was_not_asked_does_not_count() -> None:
    found = judged(copies=3)
    assert states(found)["copies"] == UNKNOWN
    assert found.rules["three_copies"] == UNKNOWN
    # with no backup inside the RPO, nothing says that the database is still there
    assert states(judged(evidence(entry(1, 5 * DAY))))["copies"] == UNKNOWN


COMPARED = Compared(NOW - HOUR, 10, ok=True)


@pytest.mark.parametrize(
    ("copy", "state", "said"),
    [
        (CopySeen(COMPARED, NOW - HOUR), OK, "3 copies are proven"),
        (CopySeen(), VIOLATED, "the second repository was never compared"),
        (CopySeen(replace(COMPARED, ok=False), NOW - HOUR), VIOLATED, "found damage in the second repository"),
        (CopySeen(COMPARED), VIOLATED, "has lost the newest backup that was compared"),
        (CopySeen(replace(COMPARED, moment=NOW - 3 * DAY), NOW - HOUR), VIOLATED, "was compared 3 days ago"),
        (CopySeen(COMPARED, NOW - 3 * DAY), VIOLATED, "newest backup in the second repository is 3 days old"),
        (CopySeen(replace(COMPARED, moment=NOW + DAY), NOW - HOUR), VIOLATED, "is dated 2026-11-23 12:00 UTC, after"),
        (CopySeen(COMPARED, NOW + DAY), VIOLATED, "is dated 2026-11-23 12:00 UTC, after its store"),
        (CopySeen(COMPARED, NOW - HOUR, fault="it is the first one"), VIOLATED, "it is the first one"),
        (CopySeen(unknown="nothing answers"), UNKNOWN, "could not be asked (nothing answers)"),
    ],
)
def test_a_second_repository_counts_where_it_was_compared(copy: CopySeen, state: str, said: str) -> None:
    found = judged(evidence(copy=copy), copies=3)
    (part,) = [one for one in found.parts if one.name == "copies"]
    assert part.state == state
    assert said in part.sentence
    assert bool(part.remedy) == (state != OK)
    assert found.rules["three_copies"] == (OK if state == OK else UNKNOWN)
    assert found.compliant == (state == OK)
    # one that is named has to be there, also where the policy asks for no third copy
    two = judged(evidence(copy=copy), copies=2)
    assert (states(two)["copies"], two.compliant) == (state, state == OK)


@pytest.mark.parametrize(("region", "state"), [("eu-west-3", OK), ("us-east-1", VIOLATED), (None, UNKNOWN)])
def test_a_copy_has_to_lie_in_an_allowed_region_as_well(region: str | None, state: str) -> None:
    seen = evidence(copy=CopySeen(COMPARED, NOW - HOUR))
    seen = replace(seen, policy=replace(POLICY, regions=("eu-central-1", "eu-west-3")))
    assert states(judge_tenant(seen, STORE, replace(STORE, region=region)))["region"] == state


@pytest.mark.parametrize(("region", "state"), [("eu-central-1", OK), ("us-east-1", VIOLATED), (None, UNKNOWN)])
def test_a_region_has_to_be_allowed(region: str | None, state: str) -> None:
    found = judged(store=replace(STORE, region=region), regions=("eu-central-1", "eu-west-3"))
    assert states(found)["region"] == state
    assert found.rules["one_offsite"] == state


def test_the_score_counts_what_is_proven() -> None:
    seen = evidence(locked_until=NOW + DAY)
    found = judged(seen, regions=("eu-central-1",))
    assert found.rules == {
        "three_copies": UNKNOWN,
        "two_media": OK,
        "one_offsite": OK,
        "one_immutable": OK,
        "zero_errors": OK,
    }
    assert found.score == 4


def history(**last: object) -> Evidence:
    listed = [entry(number, (10 - number) * DAY + HOUR) for number in range(1, 11)]
    listed[-1] = replace(listed[-1], **last)  # type: ignore[arg-type]
    return evidence(*listed)


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        ({"dump_bytes": 199 * MIB}, ("collapsed", "critical", "b10")),
        ({"files": 300}, ("collapsed", "critical", "b10")),
        ({"files_bytes": 100 * MIB}, ("collapsed", "critical", "b10")),
        ({"dump_bytes": 1300 * MIB}, ("grown", "warning", "b10")),
    ],
)
def test_a_backup_far_from_the_others_is_flagged(last: dict[str, object], kind: tuple[str, str, str]) -> None:
    assert kinds(judged(history(**last))) == [kind]


def test_a_collapse_stays_flagged_when_more_like_it_follow() -> None:
    listed = [entry(number, (20 - number) * DAY + HOUR) for number in range(1, 21)]
    listed[-4:] = [replace(one, dump_bytes=MIB) for one in listed[-4:]]
    assert [name for _kind, _severity, name in kinds(judged(evidence(*listed)))] == ["b17", "b18", "b19", "b20"]


def test_a_small_backup_may_change_by_much() -> None:
    small = [
        entry(number, (10 - number) * DAY + HOUR, dump_bytes=1000 * number**2, files=number) for number in range(1, 11)
    ]
    assert kinds(judged(evidence(*small))) == []


def test_rows_that_are_gone_are_flagged() -> None:
    seen = evidence()
    opened = {**seen.opened, "b10": Opened(100, 42.5)}
    assert kinds(judged(replace(seen, opened=opened))) == [("collapsed", "critical", "b10")]


def test_wrong_dates_are_flagged() -> None:
    found = judged(history(snapshot=NOW - 5 * DAY))
    assert kinds(found) == [("misdated", "warning", "b10")]
    seen = evidence()
    again = judged(replace(seen, written={**seen.written, 3: NOW}))
    assert kinds(again) == [("rewritten", "warning", "b03")]


def test_a_store_without_dates_of_its_own_is_asked_for_names_alone() -> None:
    seen = evidence()
    undated = judged(replace(seen, written=dict.fromkeys(seen.written)))
    assert undated.findings == ()
    assert undated.latest_moment == judged().latest_moment
    gone = judged(replace(seen, written=dict.fromkeys(list(seen.written)[1:])))
    assert kinds(gone) == [("lost", "critical", "b01")]


def test_a_catalog_that_does_not_unseal_is_a_finding_and_not_the_end() -> None:
    found = judged(Evidence("harbour", faults=(Fault("", "catalog/9 is damaged or forged"),)))
    assert kinds(found) == [("unsealed", "critical", "")]
    assert states(found)["integrity"] == VIOLATED


def test_the_failure_is_one_sentence() -> None:
    found = [judged(), judged(evidence(drills=()), drill_interval_s=86400), judged(Evidence("harbour"))]
    told = failure([reported(one, NOW) for one in found])
    assert told.startswith("the backups of 2 of 3 tenants do not comply: tenant harbour: drill is violated, no restore")
    assert "\n" not in told
    assert "more, see the return value compliance" in told
