# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup policies: defaults by tier, what is refused, and the steps from what is seen to what is asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep, Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import (
    TIERS,
    LifecycleRule,
    Observed,
    Plan,
    Request,
    Seen,
    as_recorded,
    kept_by,
    parse_request,
    plan,
    record,
    rule_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_retention import judge
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_policy import find_rule, others_than
from ansible_collections.gantry.odoo.plugins.module_utils._backup.report_policy import report
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    FULL,
    NONE,
    PARTIAL,
    Catalog,
    Entry,
    Sweep,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
OLD, MIDDLE, NEW = "20261101T000000Z", "20261121T000000Z", "20261122T000000Z"


def item(**given: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("rpo_s", "rto_s", "keep", "versioning", "noncurrent_days"))
    return {"tenant": "harbour", "tier": 2, "state": "present", **empty, **given}


def request(*items: dict[str, Any], expire: bool = False) -> Request:
    return parse_request(items or (item(),), expire)


def seen(versioning: bool | None = False, **tenants: Observed) -> Seen:
    return Seen(versioning, NOW, tenants)


def catalog(*names: str, expired: tuple[str, ...] = ()) -> Catalog:
    entries = []
    for number, name in enumerate(names, 1):
        moment = datetime.strptime(name, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        mark = NOW if name in expired else None
        entries.append(Entry(number, moment, moment, "uuid", "19.0", 1, 1, 1, name, mark))
    return Catalog(7, 3, 0, tuple(entries))


def settled(wanted: Request, **given: Any) -> Observed:
    policy = wanted.policies[0]
    recorded = json.loads(json.dumps(record(policy)))
    return Observed(rule_of(policy, "p"), replace(given.pop("catalog", Catalog()), policy=recorded), **given)


def actions(found: Plan) -> list[tuple[str, str]]:
    return [(step.action, step.target) for step in found.steps]


@pytest.mark.parametrize("tier", sorted(TIERS))
def test_each_tier_promises_something(tier: int) -> None:
    policy = request(item(tier=tier)).policies[0]
    assert policy.rpo_s == TIERS[tier]["rpo_s"]
    assert policy.keep.last >= 1
    assert policy.versioning is (True if tier == 1 else None)


def test_a_lower_tier_never_promises_more() -> None:
    for higher, lower in ((1, 2), (2, 3)):
        assert TIERS[higher]["rpo_s"] < TIERS[lower]["rpo_s"]
        assert TIERS[higher]["rto_s"] < TIERS[lower]["rto_s"]


def test_given_rules_replace_those_of_the_tier() -> None:
    keep = request(item(tier=1, keep={"daily": 3, "last": None, "within": None})).policies[0].keep
    assert (keep.daily, keep.last, keep.monthly) == (3, 0, 0)


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ((item(), item()), "listed twice"),
        ((item(tenant="../x"),), "cannot name a tenant"),
        ((item(rpo_s=0),), "rpo_s"),
        ((item(noncurrent_days=-1),), "noncurrent_days"),
        ((item(keep={"last": 0}),), "without any rule"),
        ((item(versioning=True), item(tenant="north", versioning=False)), "it is the bucket's"),
        ((item(drill_interval_s=3600),), "drills are due more often than there is a new backup"),
        ((item(copies=1),), "copies 1; give 2"),
        ((item(copies=4),), "copies 4; give 2"),
        ((item(copies=3, copy_rpo_s=3600),), "the copy has to be newer than the backups"),
        ((item(tier=1, versioning=False),), "nothing keeps the versions"),
        ((item(immutability="versions", versioning=False),), "nothing keeps the versions"),
        ((item(rpo_s=10**10),), "rpo_s: 10000000000 is not a number of seconds; give 1 to"),
        ((item(noncurrent_days=10**6),), "noncurrent_days: 1000000 is not a number of days"),
        (
            (item(classes=[{"name": "x", "backups": ["20269999T999999Z"], "period": "1y"}]),),
            "is not a backup's identifier",
        ),
    ],
)
def test_bad_input_or_what_contradicts_itself_is_refused(items: tuple[dict[str, Any], ...], told: str) -> None:
    with pytest.raises(InputError, match=told):
        request(*items)


def test_everything_new_is_written() -> None:
    found = plan(request(item(tier=1)), seen(harbour=Observed()), "p")
    assert actions(found) == [
        ("set_versioning", "bucket"),
        ("set_lifecycle", "gantry-p/harbour/"),
        ("write_policy", "harbour"),
    ]


def test_what_is_settled_stays() -> None:
    wanted = request(item(tier=1), expire=True)
    assert plan(wanted, seen(True, harbour=settled(wanted, catalog=catalog(NEW))), "p") == Plan()


def test_a_rule_changed_by_hand_is_named_alone() -> None:
    wanted = request()
    drifted = replace(settled(wanted), rule=LifecycleRule("harbour", "p/harbour/", 14, enabled=False))
    assert actions(plan(wanted, seen(harbour=drifted), "p")) == [("set_lifecycle", "gantry-p/harbour/")]


def test_nothing_is_expired_unless_asked_for() -> None:
    keep = item(keep={"last": 1})
    wanted = request(keep)
    stands = settled(wanted, catalog=catalog(OLD, MIDDLE, NEW))
    assert plan(wanted, seen(harbour=stands), "p") == Plan()
    assert actions(plan(request(keep, expire=True), seen(harbour=stands), "p")) == [
        ("expire", f"harbour/{MIDDLE}"),
        ("expire", f"harbour/{OLD}"),
    ]


def test_a_mark_that_stands_is_no_step_and_one_that_no_rule_wants_goes() -> None:
    wanted = request(item(keep={"last": 2}), expire=True)
    stands = settled(wanted, catalog=catalog(OLD, MIDDLE, NEW, expired=(OLD, MIDDLE)))
    assert actions(plan(wanted, seen(harbour=stands), "p")) == [("keep", f"harbour/{MIDDLE}")]


def test_a_store_without_versions_and_lifecycle_gets_the_policy_alone() -> None:
    assert actions(plan(request(item(tier=1)), seen(None, harbour=Observed()), "p")) == [("write_policy", "harbour")]


def test_an_absent_policy_leaves_the_backups() -> None:
    stands = settled(request(), catalog=catalog(OLD, NEW))
    found = plan(request(item(state="absent"), expire=True), seen(harbour=stands), "p")
    assert actions(found) == [("remove_lifecycle", "gantry-p/harbour/"), ("remove_policy", "harbour")]
    assert plan(request(item(state="absent")), seen(harbour=Observed(catalog=catalog(OLD))), "p") == Plan()


def test_the_diff_foretells_what_a_new_policy_expires() -> None:
    before, after = request(item(keep={"last": 3})), request(item(keep={"last": 1}))
    repository = seen(harbour=settled(before, catalog=catalog(OLD, MIDDLE, NEW)))
    told = report(after, plan(after, repository, "p"), repository, {}, {}, "p").values()
    assert told["diff"]["before"]["tenants"]["harbour"]["policy_expires"] == []
    assert told["diff"]["after"]["tenants"]["harbour"]["policy_expires"] == [OLD, MIDDLE]
    assert told["diff"]["after"]["tenants"]["harbour"]["backups"] == [OLD, MIDDLE, NEW]
    assert told["removed"]["backups"] == 0


def test_the_diff_shows_what_a_call_expires_and_removes() -> None:
    wanted = request(item(keep={"last": 1}), expire=True)
    stands = settled(wanted, catalog=catalog(OLD, MIDDLE, NEW, expired=(OLD,)))
    repository = seen(harbour=stands)
    gone = stands.catalog.entries[:1]
    removals = {"harbour": Sweep(gone, 1, (DataName(1, 0), DataName(1, 1)), 300, ("manifests/1",))}
    told = report(wanted, plan(wanted, repository, "p"), repository, removals, {}, "p").values()
    before, after = (told["diff"][side]["tenants"]["harbour"] for side in ("before", "after"))
    assert (before["backups"], before["expired"]) == ([MIDDLE, NEW], [OLD])
    assert (after["backups"], after["expired"]) == ([NEW], [MIDDLE])
    assert [(step["action"], step["target"]) for step in told["steps"]] == [
        ("expire", f"harbour/{MIDDLE}"),
        ("remove", f"harbour/{OLD}"),
        ("remove_objects", "harbour"),
    ]
    assert told["removed"] == {"backups": 1, "objects": 2, "bytes": 300}


def test_the_diff_is_empty_exactly_when_nothing_changes() -> None:
    wanted = request(expire=True)
    repository = seen(harbour=settled(wanted, catalog=catalog(NEW)))
    told = report(wanted, plan(wanted, repository, "p"), repository, {}, {}, "p").values()
    assert told["changed"] is False
    assert told["diff"]["before"] == told["diff"]["after"]


def test_a_tenant_that_is_not_declared_in_full_keeps_its_recorded_policy() -> None:
    before = request(item(tenant="harbour", tier=1, rpo_s=60))
    there = seen(True, harbour=settled(before))
    short = request(item(tenant="harbour", tier=1, state="kept"))
    found, failures = as_recorded(short, there)
    assert (found.policies, failures) == (before.policies, {})
    assert actions(plan(found, there, "p")) == []
    # where none is recorded, the tier's
    assert as_recorded(short, seen(harbour=Observed())) == (short, {})
    # one that cannot be read is no reason for another one
    odd = seen(harbour=Observed(catalog=Catalog(policy={"tenant": "harbour", "version": 9})))
    unread, failures = as_recorded(short, odd)
    assert (unread.policies, list(failures)) == ((), ["harbour"])
    # it minds nothing of the bucket's
    both = request(item(tenant="harbour", tier=1, state="kept"), item(tenant="north", versioning=False))
    assert both.versioning is False


def test_a_policy_of_another_version_is_not_guessed_at() -> None:
    repository = seen(harbour=Observed(catalog=Catalog(policy={"keep": {"decades": 3}})))
    with pytest.raises(StateError, match="update gantry"):
        report(request(), plan(request(), repository, "p"), repository, {}, {}, "p").values()


def damaged(**restorable: str) -> Catalog:
    """A catalog with a backup of each of these days of November 2026, such as d21."""
    moments = {name: datetime(2026, 11, int(name[1:]), tzinfo=timezone.utc) for name in restorable}
    return Catalog(
        entries=tuple(
            Entry(int(name[1:]), moments[name], moments[name], "", "19.0", 1, 1, 1, name, restorable=how)
            for name, how in restorable.items()
        )
    )


@pytest.mark.parametrize(
    ("catalog", "keep", "kept"),
    [
        # the newest backup has lost its dump
        (damaged(d20=FULL, d21=FULL, d22=NONE), Keep(last=1), {"d21"}),
        # one that lacks files stands beside the full one, and not in its place
        (damaged(d20=FULL, d21=FULL, d22=PARTIAL), Keep(last=1), {"d21", "d22"}),
        (damaged(d19=FULL, d20=PARTIAL, d21=FULL, d22=FULL), Keep(daily=3), {"d19", "d20", "d21", "d22"}),
        (damaged(d19=PARTIAL, d20=FULL, d21=FULL, d22=FULL), Keep(last=2), {"d21", "d22"}),
        # nothing better is there
        (damaged(d20=NONE, d21=PARTIAL, d22=PARTIAL), Keep(last=1), {"d22"}),
        (damaged(d21=NONE, d22=NONE), Keep(last=1), {"d22"}),
    ],
)
def test_a_damaged_backup_counts_for_no_rule_instead_of_another(catalog: Catalog, keep: Keep, kept: set[str]) -> None:
    found = kept_by(Policy("harbour", 1, 900, 3600, keep), catalog, NOW, ())
    assert [one.backup_id for one in found] == sorted((one.name for one in catalog.entries), reverse=True)
    assert {one.backup_id for one in found if one.kept} == kept


def test_verdicts_on_intact_backups_are_those_of_the_rules() -> None:
    catalog = damaged(**{f"d{day}": FULL for day in range(10, 23)})
    keep = Keep(last=2, daily=5, weekly=2)
    history = [(one.name, one.snapshot) for one in catalog.entries]
    assert kept_by(Policy("harbour", 1, 900, 3600, keep), catalog, NOW, ()) == judge(history, keep, NOW)


def test_what_is_removed_beside_backups_is_counted_by_its_kind() -> None:
    wanted = request(expire=True)
    repository = seen(harbour=settled(wanted, catalog=catalog(NEW)))

    def why(found: Sweep) -> str:
        told = report(wanted, plan(wanted, repository, "p"), repository, {"harbour": found}, {}, "p").values()
        return str(told["steps"][0]["why"])

    assert why(Sweep(others=("sent/1/0-0-9",))) == "no backup needs 1 manifests and notes"
    assert why(Sweep(objects=(DataName(1, 0),), bytes=9)) == "no backup needs 1 objects, 9 bytes"


def test_estates_in_one_bucket_have_rules_of_their_own() -> None:
    """Prefix x/a with tenant b, and prefix x with tenant a-b, had one identifier before, which stays in its bucket."""
    former = {"ID": "gantry-x-a-b", "Status": "Enabled", "Filter": {"Prefix": "x/a/b/"}}
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/a/b/"}}
    one, other = (LifecycleRule(name, root, None) for name, root in (("b", "x/a/b/"), ("a-b", "x/a-b/")))
    assert one.name != other.name
    assert find_rule([theirs, former], "a-b", "x/a-b/") is None
    assert find_rule([theirs, former], "b", "x/a/b/") == LifecycleRule("b", "x/a/b/", None, 0)
    assert others_than([theirs, former], {other.name}) == [theirs, former]
    assert others_than([theirs, former], {one.name}) == [theirs]
    drifted = {"ID": one.name, "Status": "Enabled", "Filter": {"Prefix": "y/"}}
    assert others_than([theirs, drifted], {one.name}) == [theirs]
