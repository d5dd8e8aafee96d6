# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate lets through and what it says when it does not."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.gantry.odoo.plugins.action.change_gate import proof_of, rules_from
from ansible_collections.gantry.odoo.plugins.module_utils._change import plan_gate
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._repository.options import name_of

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=timezone.utc)
HARBOUR = plan_gate.Subject("harbour", 1)
FRESH = {"harbour": plan_gate.Proof(NOW - timedelta(hours=1), NOW - timedelta(days=1))}


def change(**fields):
    return plan_gate.Change(**{"id": "20261122T100000Z-patch", "kind": "patch", "requester": "mara", **fields})


def test_a_standard_change_with_fresh_proof_is_allowed():
    assert plan_gate.decide(change(), [HARBOUR], FRESH, NOW, serving_after=1).allowed


def test_without_proof_each_lack_is_a_reason():
    decision = plan_gate.decide(change(), [HARBOUR], {}, NOW, serving_after=0)
    assert len(decision.denials) == 3
    assert "no backup of harbour (tier 1) is known; run gantry.odoo.backup" in " ".join(decision.denials)
    assert "run gantry.odoo.restore_drill" in " ".join(decision.denials)


def test_old_proof_is_no_proof():
    old = {"harbour": plan_gate.Proof(NOW - timedelta(hours=25), NOW - timedelta(days=1))}
    (reason,) = plan_gate.decide(change(), [HARBOUR], old, NOW).denials
    assert "is 1 day 1 h old and may be 1 day" in reason


def test_proof_that_is_still_to_come_is_no_proof():
    ahead = {"harbour": plan_gate.Proof(NOW + timedelta(days=1500), NOW + timedelta(minutes=1))}
    (reason,) = plan_gate.decide(change(), [HARBOUR], ahead, NOW).denials
    assert "still to come; correct the clock" in reason


@pytest.mark.parametrize("tier", [2, 3])
def test_lower_tiers_are_not_asked_for_proof(tier):
    assert plan_gate.decide(change(), [plan_gate.Subject("south", tier)], {}, NOW).allowed


@pytest.mark.parametrize("classification", ["normal", "emergency"])
def test_papers_are_asked_for(classification):
    decision = plan_gate.decide(change(classification=classification), [], {}, NOW)
    assert [word in " ".join(decision.denials) for word in ("reason", "approver")] == [True, True]


@pytest.mark.parametrize("classification", ["normal", "emergency"])
@pytest.mark.parametrize("approver", ["mara", "Mara", " mara ", "mara,MARA"])
def test_nobody_approves_an_own_change(classification, approver):
    own = change(classification=classification, reason="hotfix", approver=approver)
    (reason,) = plan_gate.decide(own, [], {}, NOW).denials
    assert f"{approver} cannot approve an own change" in reason


def test_approvers_are_persons_beside_the_requester():
    assert change(approver="jon, Mara,Jon , tom").approvers == ["Jon", "tom"]
    assert change(approver=" , ").approvers == []


def test_an_emergency_overrides_facts_and_says_which():
    urgent = change(classification="emergency", reason="CVE", approver="jon")
    decision = plan_gate.decide(urgent, [HARBOUR], {}, NOW, serving_after=0)
    assert decision.allowed
    assert len(decision.overridden) == 3


def test_a_node_that_nothing_replaces_leaves_only_with_a_downtime_that_was_accepted():
    (reason,) = plan_gate.decide(change(), [], {}, NOW, serving_after=0).denials
    assert "set change_downtime_minutes to its minutes" in reason
    assert plan_gate.decide(change(), [], {}, NOW, serving_after=0, downtime_minutes=5).allowed
    # it accepts no lack of proof
    assert len(plan_gate.decide(change(), [HARBOUR], {}, NOW, serving_after=0, downtime_minutes=5).denials) == 2


@pytest.mark.parametrize(
    ("recorded", "stored", "counts"), [(None, 1, 1), (2, None, 2), (30, 1, 1), (1, 30, 1), (None, None, None)]
)
def test_the_newer_backup_counts_whether_the_ledger_or_the_repository_knows_it(recorded, stored, counts):
    ago = [None if hours is None else NOW - timedelta(hours=hours) for hours in (recorded, stored, counts)]
    assert plan_gate.with_backup(plan_gate.Proof(ago[0]), ago[1]).backup == ago[2]


def entry(**fields):
    return {
        "event": "backup",
        "time": "2026-11-22T01:00:00+00:00",
        "facts": {"tenants": [{"tenant": "harbour", "ok": True}]},
        **fields,
    }


def test_proof_is_the_time_of_each_kind():
    found = plan_gate.proof_from(entry(), entry(event="drill", time="2026-11-22T02:00:00+00:00"))
    assert (found.backup.hour, found.drill.hour) == (1, 2)
    assert plan_gate.proof_from(None, None) == plan_gate.Proof()


@pytest.mark.parametrize(
    "damage",
    [
        {"event": "opened"},
        {"time": "2026-11-22T01:00:00"},
        {"time": "yesterday"},
        {"time": 1},
        {"time": None},
        {"facts": None},
        {"facts": {"tenants": ["harbour"]}},
        {"facts": {"tenants": [{"tenant": "harbour"}]}},
        {"facts": {"tenants": [{"tenant": "harbour", "ok": False}]}},
        {"facts": {"tenants": [{"tenant": "harbour", "ok": "yes"}]}},
        {"facts": {"tenants": 1}},
        {"facts": {}},
    ],
)
def test_what_does_not_say_when_and_of_whom_is_no_proof(damage):
    assert plan_gate.evidence(entry()) == ["harbour"]
    assert plan_gate.evidence(entry(**damage)) == []


@pytest.mark.parametrize(
    ("asked", "denied"),
    [("", 0), ("bucket a at https://s3, site", 0), ("bucket a at https://s3, other", 2), ("directory /srv", 2)],
)
def test_proof_of_another_repository_is_no_proof(tmp_path, asked, denied):
    ledger = Ledger(Directory(str(tmp_path)))
    for event, repository in (("backup", "bucket a at https://s3, site"), ("drill", "bucket a at https://s3, site")):
        facts = {"tenants": [{"tenant": "harbour", "ok": True}], "repository": repository}
        ledger.append({"event": event, "time": NOW.isoformat(), "facts": facts}, Deadline(5))
    proof = proof_of(ledger, "harbour", asked)
    rules = plan_gate.Rules(repository=asked)
    decision = plan_gate.decide(change(), [HARBOUR], {"harbour": proof}, NOW, rules, serving_after=1)
    assert len(decision.denials) == denied
    assert all(f"(tier 1) in the {asked} is known" in reason for reason in decision.denials)


def test_proof_of_another_repository_hides_none_of_the_right_one(tmp_path):
    ledger = Ledger(Directory(str(tmp_path)))
    for hour, repository in ((1, "directory /srv"), (2, "directory /copy"), (3, None)):
        facts = {"tenants": [{"tenant": "harbour", "ok": True}], **({"repository": repository} if repository else {})}
        ledger.append({"event": "drill", "time": f"2026-11-22T0{hour}:00:00+00:00", "facts": facts}, Deadline(5))
    found = [proof_of(ledger, "harbour", one).drill for one in ("directory /srv", "directory /copy", "")]
    assert [one.hour for one in found] == [1, 2, 3]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (None, ""),
        ({}, ""),
        ({"directory": "/srv/backups/", "prefix": "site"}, "directory /srv/backups, site"),
        ({"bucket": "a", "endpoint_url": "https://s3/", "prefix": "/x/"}, "bucket a at https://s3, x"),
        ({"bucket": "a", "region": "eu", "prefix": None}, "bucket a at the provider of region eu"),
        ({"bucket": "a"}, "bucket a at the provider"),
    ],
)
def test_a_repository_is_named_without_a_secret(given, named):
    assert name_of(given and {**given, "access_key": "h", "keys": [{"name": "k", "secret": "s"}]}) == named


@pytest.mark.parametrize("hours", [0, -1, float("nan"), float("inf"), 1e300])
def test_an_age_that_cannot_be_counted_is_refused(hours):
    params = {"backup_max_age_hours": hours, "drill_max_age_days": 31, "tiers": [1], "repository": None}
    with pytest.raises(InputError, match=r"backup_max_age_hours: .* is no age; give a number above 0"):
        rules_from(params)


def test_the_repository_is_asked_for_what_the_ledger_does_not_prove():
    subjects = [plan_gate.Subject(name, tier) for name, tier in (("new", 1), ("old", 1), ("none", 1), ("low", 3))]
    proofs = {
        "new": plan_gate.Proof(NOW - timedelta(hours=1)),
        "old": plan_gate.Proof(NOW - timedelta(hours=25)),
    }
    assert plan_gate.without_backup(subjects, proofs, NOW, plan_gate.Rules()) == ["old", "none"]
