# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds and retention classes: what they keep, what ends them, and that no other call loses them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep, RetentionClass
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_holds import (
    HoldWish,
    parse_classes,
    parse_holds,
    verdicts,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import (
    Observed,
    Seen,
    parse_request,
    plan,
    plan_each,
    record,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_retention import judge
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_policy import report, undeclared
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    Catalog,
    Entry,
    Hold,
    from_body,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import (
    due,
    plan_hold,
    require_promises,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
OLD, MIDDLE, NEW = "20161101T000000Z", "20251121T000000Z", "20261122T000000Z"
CLAIM = Hold("claim-4711", "counsel asked for it", "2031-12-31")


def moment(name: str) -> datetime:
    return datetime.strptime(name, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)


HISTORY = [(name, moment(name)) for name in (OLD, MIDDLE, NEW)]


def catalog(*holds: Hold, expired: tuple[str, ...] = ()) -> Catalog:
    entries = tuple(
        Entry(number, at, at, "uuid", "19.0", 1, 1, 1, name, NOW - timedelta(days=9) if name in expired else None)
        for number, (name, at) in enumerate(HISTORY, 1)
    )
    return Catalog(7, 3, 0, entries, holds=holds)


def item(**given: Any) -> dict[str, Any]:
    return {"tenant": "harbour", "tier": 3, "state": "present", "keep": {"last": 1}, **given}


def hold(**given: Any) -> dict[str, Any]:
    return {"name": "claim-4711", "reason": "counsel asked for it", "state": "present", **given}


def seen(stands: Catalog) -> Seen:
    return Seen(None, NOW, {"harbour": Observed(catalog=stands)})


def actions(stands: Catalog, *items: dict[str, Any], expire: bool = True) -> list[tuple[str, str]]:
    steps = plan(parse_request(items, expire), seen(stands), "p").steps
    return [(step.action, step.target) for step in steps if step.action != "write_policy"]


def test_a_hold_keeps_all_backups_and_says_why() -> None:
    found = verdicts(HISTORY, Keep(last=1), (), [CLAIM], NOW)
    assert [one.backup_id for one in found if one.kept] == [NEW, MIDDLE, OLD]
    assert found[0].reasons == ("last", "hold claim-4711 until 2031-12-31")
    assert found[2].reasons == ("hold claim-4711 until 2031-12-31",)


def test_a_hold_of_named_backups_keeps_those_alone() -> None:
    found = verdicts(HISTORY, Keep(last=1), (), [Hold("audit", "an audit", "", (OLD,))], NOW)
    assert {one.backup_id: one.reasons for one in found}[OLD] == ("hold audit without an end",)
    assert [one.backup_id for one in found if not one.kept] == [MIDDLE]


@pytest.mark.parametrize(("until", "stays"), [("2026-11-22", True), ("2026-11-21", False), ("", True)])
def test_a_hold_stands_until_the_end_of_its_day(until: str, stays: bool) -> None:
    found = verdicts(HISTORY, Keep(last=1), (), [Hold("claim", "a claim", until)], NOW)
    assert found[2].kept is stays
    late = catalog(Hold("claim", "a claim", until), expired=(OLD,))
    assert bool(due(late, NOW, 0, ())) is not stays


def test_a_class_adds_its_rules_and_counts_apart_from_the_policy() -> None:
    warranty = RetentionClass("warranty", Keep(yearly=2))
    found = verdicts(HISTORY, Keep(last=1), [warranty], (), NOW)
    assert {one.backup_id: one.reasons for one in found} == {
        NEW: ("last", "class warranty: yearly"),
        MIDDLE: ("class warranty: yearly",),
        OLD: (),
    }


def test_a_class_keeps_named_backups_for_its_period() -> None:
    claim = RetentionClass("claim", None, (OLD, MIDDLE), "10y")
    found = verdicts(HISTORY, Keep(last=1), [claim], (), NOW)
    assert {one.backup_id: one.reasons for one in found} == {
        NEW: ("last",),
        MIDDLE: ("class claim: for 10y",),
        OLD: (),
    }


@given(
    days=st.lists(st.integers(-5, 5000), unique=True, min_size=1, max_size=40),
    last=st.integers(1, 4),
    yearly=st.integers(1, 9),
    held=st.integers(0, 39),
)
def test_classes_and_holds_only_ever_keep_more(days: list[int], last: int, yearly: int, held: int) -> None:
    history = [(f"b{day}", NOW - timedelta(days=day)) for day in days]
    name = history[held % len(history)][0]
    alone = {one.backup_id for one in judge(history, Keep(last=last), NOW) if one.kept}
    classes = [RetentionClass("c", Keep(yearly=yearly))]
    more = verdicts(history, Keep(last=last), classes, [Hold("h", "r", "", (name,))], NOW)
    kept = {one.backup_id for one in more if one.kept}
    assert [one.backup_id for one in more] == [one.backup_id for one in judge(history, Keep(last=last), NOW)]
    assert alone | {name} <= kept
    assert kept <= alone | {name} | {one.backup_id for one in judge(history, Keep(yearly=yearly), NOW) if one.kept}


def test_a_hold_is_recorded_and_nothing_expires_in_the_same_call() -> None:
    assert actions(catalog(), item(holds=[hold(until="2031-12-31")])) == [("place_hold", "harbour/claim-4711")]
    assert actions(catalog(), item()) == [("expire", f"harbour/{MIDDLE}"), ("expire", f"harbour/{OLD}")]


def test_a_call_that_does_not_know_a_hold_does_not_lose_it() -> None:
    stands = catalog(CLAIM)
    assert actions(stands, item()) == []
    request = parse_request([item()], expire=True)
    (told,) = undeclared(request, seen(stands))
    assert "hold claim-4711 (counsel asked for it, until 2031-12-31) is recorded and not declared, and goes on" in told
    assert actions(stands, item(state="absent")) == []


def test_a_release_is_a_step_and_the_backups_expire_with_it() -> None:
    stands = catalog(CLAIM)
    wanted = item(holds=[hold(state="released")])
    assert actions(stands, wanted) == [
        ("release_hold", "harbour/claim-4711"),
        ("expire", f"harbour/{MIDDLE}"),
        ("expire", f"harbour/{OLD}"),
    ]
    assert actions(catalog(), wanted, expire=False) == []


def test_a_hold_takes_the_mark_away() -> None:
    stands = catalog(expired=(OLD, MIDDLE))
    assert actions(stands, item(holds=[hold(backups=[OLD])])) == [
        ("place_hold", "harbour/claim-4711"),
        ("keep", f"harbour/{OLD}"),
    ]


def test_the_diff_shows_holds_and_a_reason_for_each_backup() -> None:
    request = parse_request([item(holds=[hold(backups=[OLD])])], expire=False)
    recorded = record(parse_request([item()], False).policies[0])
    stands = Seen(None, NOW, {"harbour": Observed(catalog=replace(catalog(), policy=recorded))})
    told = report(request, plan(request, stands, "p"), stands, {}, {}, "p").values()
    before, after = (told["diff"][side]["tenants"]["harbour"] for side in ("before", "after"))
    assert (before["holds"], after["holds"]) == ({}, {"claim-4711": "counsel asked for it, without an end"})
    assert before["reasons"] == {NEW: "last", MIDDLE: "none, it expires", OLD: "none, it expires"}
    assert after["reasons"] == {**before["reasons"], OLD: "hold claim-4711 without an end"}
    assert told["forecast"]["harbour"][2] == {"backup": OLD, "reasons": ["hold claim-4711 without an end"]}


def test_a_hold_is_read_back_as_it_was_written() -> None:
    stands = catalog(CLAIM, Hold("z", "r", "", (OLD,)))
    assert from_body(7, stands.as_body(), "here") == stands
    body = stands.as_body()
    del body["holds"]
    assert from_body(7, body, "here").holds == ()


def test_holds_of_two_calls_stand_beside_each_other() -> None:
    one = plan_hold(catalog(), [CLAIM], ())
    two = plan_hold(one, [Hold("audit", "an audit")], ())
    assert [hold.name for hold in two.holds] == ["audit", "claim-4711"]
    assert plan_hold(two, [CLAIM], ()) is two
    assert plan_hold(two, (), ["audit"]).holds == (CLAIM,)
    with pytest.raises(StateError, match="changed meanwhile"):
        require_promises(two, one)
    with pytest.raises(StateError, match="changed meanwhile"):
        require_promises(two, replace(two, policy={}))
    assert require_promises(two, replace(two, number=1)) is two


def test_what_is_named_has_to_be_there() -> None:
    gone = "20260101T000000Z"
    with pytest.raises(StateError, match="hold claim-4711 names backup 20260101T000000Z, which is not there"):
        actions(catalog(), item(holds=[hold(backups=[gone])]))
    with pytest.raises(StateError, match="class claim that keeps backup 20260101T000000Z, which is not there"):
        actions(catalog(), item(classes=[{"name": "claim", "backups": [gone], "period": "1y"}]))
    assert actions(catalog(), item(classes=[{"name": "claim", "backups": ["20160101T000000Z"], "period": "1y"}]))


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([hold(name="Claim!")], "has a hold 'Claim!'"),
        ([hold(), hold()], "two of hold claim-4711"),
        ([hold(reason=" ")], "without a reason"),
        ([hold(until="tomorrow")], "until 'tomorrow'; give a day"),
        ([hold(until="2031-13-01")], "give a day such as"),
        ([hold(backups=["yesterday"])], "is not a backup's identifier"),
    ],
)
def test_a_bad_hold_is_one_sentence(items: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_holds("harbour", items)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "that keeps nothing"),
        ({"keep": {"last": 0}}, "class claim: keep: a policy without any rule"),
        ({"keep": {"last": -2}}, r"class claim: keep\.last: -2 is not a count"),
        ({"backups": [OLD]}, "give both"),
        ({"keep": {"last": 1}, "period": "10y"}, "give both"),
        ({"backups": [OLD], "period": "10w"}, "'10w' is not a duration"),
        ({"backups": [OLD], "period": "0y"}, "of no length"),
        ({"backups": ["x"], "period": "10y"}, "is not a backup's identifier"),
    ],
)
def test_a_bad_class_is_one_sentence(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_classes("harbour", [{"name": "claim", **given}])


def test_nothing_said_changes_nothing() -> None:
    assert HoldWish().after((CLAIM,)) == (CLAIM,)
    assert HoldWish((CLAIM,)).changed((CLAIM,)) == HoldWish()
    assert HoldWish(released=("other",)).changed((CLAIM,)) == HoldWish()


def test_a_hold_that_a_backup_has_placed_on_itself_needs_no_declaration() -> None:
    assert HoldWish().undeclared((replace(CLAIM, name="kept-20261122t103000z"), CLAIM)) == [CLAIM]


@pytest.mark.parametrize(("until", "stands"), [("2026-11-21", False), ("2026-11-22", True), ("2026-11-23", True)])
def test_a_hold_that_is_over_is_not_placed(until: str, stands: bool) -> None:
    items = [item(holds=[hold(until=until)])]
    if stands:
        assert ("place_hold", "harbour/claim-4711") in actions(catalog(), *items)
        return
    planned, failures = plan_each(parse_request(items, True), seen(catalog()), "p")
    assert planned.steps == []
    assert failures == {
        "harbour": "policies: tenant harbour has a hold claim-4711 until 2026-11-21, which has passed, so that it "
        "would keep nothing; give a later day, or leave the hold out"
    }
    with pytest.raises(StateError, match="which has passed"):
        plan(parse_request(items, True), seen(catalog(CLAIM)), "p")
    # its declaration may stay where it stood, and where it has ended
    ended = replace(CLAIM, until=until)
    assert ("place_hold", "harbour/claim-4711") not in actions(catalog(ended), *items)
    assert ("release_hold", "harbour/claim-4711") in actions(
        catalog(ended), item(holds=[hold(until=until, state="released")])
    )
