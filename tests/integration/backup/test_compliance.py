# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds, compliance, metrics and alerts against a real bucket, real backups and the real checker of Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.backup.conftest import HOST, PREFIX, Estate, Failures
from tests.integration.backup.test_policies import OLD, beats, fake_backups, four
from tests.integration.promtool import promtool
from tests.lab.hosts import Lab
from tests.lab.spec import BUCKET, RECORDS_BUCKET
from tests.lab.state import ROOT

LOCKED_BUCKET = "gantry-locked"
METRICS = "/srv/gantry_backup.prom"
POLICY, COMPLIANCE = "gantry.odoo.backup_policy", "gantry.odoo.backup_compliance"


def states(found: dict[str, Any]) -> dict[str, str]:
    """The state of each part of one tenant's entry."""
    return {part["name"]: part["state"] for part in found["parts"]}


def test_the_alerts_fire_when_they_should(lab: Lab) -> None:
    assert "SUCCESS" in promtool(lab, "check", "rules", str(ROOT / "extensions/prometheus/gantry_backup_rules.yml"))
    for given in ("gantry_backup_rules_test.yml", "gantry_backup_rules_days_test.yml"):
        assert "SUCCESS" in promtool(lab, "test", "rules", f"backup/{given}")


@pytest.mark.deep
def test_a_hold_outlives_calls_that_do_not_know_it(estate: Estate, run_playbook: Callable[..., Any]) -> None:
    fake_backups(estate, "held", OLD)
    policy = {"tenant": "held", "tier": 3, "keep": {"last": 1}}
    hold = {"name": "claim-4711", "reason": "counsel asked for it", "backups": [OLD[0]]}
    expire = {"repository": estate.repository, "policies": [policy], "expire": True, "grace_s": 0}
    with_hold = {**expire, "policies": [{**policy, "holds": [hold]}]}
    released = {**expire, "policies": [{**policy, "holds": [{"name": "claim-4711", "state": "released"}]}]}
    placing, placed, again, settled, unaware, releasing, gone, quiet = beats(
        run_playbook,
        POLICY,
        *four(with_hold),
        {"args": expire, "check": False},
        {"args": released, "check": True},
        {"args": released, "check": False},
        {"args": released, "check": False},
    )
    assert placing["steps"] == placed["steps"]
    assert [(step["action"], step["target"]) for step in placed["steps"] if step["target"].startswith("held/")] == [
        ("place_hold", "held/claim-4711"),
        ("expire", f"held/{OLD[1]}"),
        ("remove", f"held/{OLD[1]}"),
    ]
    assert placed["diff"]["after"]["tenants"]["held"]["reasons"][OLD[0]] == "hold claim-4711 without an end"
    assert not again["changed"]
    assert not settled["changed"]
    assert not unaware["changed"]
    assert (
        "hold claim-4711 (counsel asked for it, without an end) is recorded and not declared" in unaware["warnings"][0]
    )
    assert releasing["steps"] == gone["steps"]
    assert [step["action"] for step in gone["steps"]] == ["release_hold", "expire", "remove", "remove_objects"]
    assert not quiet["changed"]
    assert [one["name"] for one in estate.entries("held")] == OLD[-1:]


def test_a_proven_backup_complies_and_its_metrics_are_valid(
    estate: Estate, lab: Lab, run_playbook: Callable[..., Any]
) -> None:
    policy = {"repository": estate.repository, "policies": [{"tenant": "harbour", "tier": 2}]}
    tasks = [
        {"name": "policy", POLICY: policy},
        {"name": "backup", "gantry.odoo.odoo_backup": {**estate.login, "databases": [{"name": "harbour"}]}},
        {"name": "drill", "gantry.odoo.odoo_restore": {**estate.login, "tenant": "harbour", "drill": True}},
    ]
    run_playbook([{"hosts": HOST, "gather_facts": False, "tasks": tasks}]).expect_success()
    args = {"repository": estate.repository, "tenants": ["harbour", "nobody"], "metrics_path": METRICS}
    estate.shell(f"rm -f {METRICS}")
    checked, first, still, second = beats(run_playbook, COMPLIANCE, *four(args))
    assert [checked["changed"], first["changed"], still["changed"], second["changed"]] == [True, True, False, False]
    harbour, nobody = first["compliance"]
    assert harbour["compliant"], harbour["parts"]
    assert harbour["backup"] == estate.complete()[-1]
    assert harbour["last_proven_drill"]["backup"] == harbour["backup"]
    assert harbour["findings"] == []
    assert (harbour["rules"]["two_media"], harbour["rules"]["zero_errors"]) == ("ok", "ok")
    assert harbour["rules"]["three_copies"] == "unknown"
    assert states(nobody)["policy"] == "violated"
    assert not nobody["compliant"]
    # it was drilled just now, and the other one has nothing to restore
    assert first["drills_due"] == []

    text = estate.shell(f"cat {METRICS}")
    promtool(lab, "check", "metrics", given=text)
    label = f'repository="bucket {BUCKET} at {estate.repository["endpoint_url"]}, {PREFIX}"'
    assert f'gantry_odoo_backup_expected{{{label},tenant="nobody",tier="unknown"}} 1' in text
    manifest = estate.manifest(harbour["backup"])
    assert f'gantry_odoo_backup_rows{{{label},tenant="harbour"}} {sum(manifest["database"]["tables"].values())}' in text
    assert estate.shell(f"stat -c '%a %U' {METRICS}").split() == ["644", "root"]
    assert not [secret for secret in estate.secrets if secret in text]


def test_what_is_forged_lost_or_dated_wrongly_is_found(estate: Estate, ansible_module: Callable[..., Any]) -> None:
    for tenant in ("forged", "rotten", "lost"):
        fake_backups(estate, tenant, OLD)
    fake_backups(estate, "future", [OLD[0], "20990101T000000Z"])
    # another's manifest in the place of the newest one; a catalog that was overwritten; a manifest that is gone
    numbers = [one["number"] for one in estate.entries("forged")]
    estate.put(f"forged/manifests/{numbers[-1]}", estate.object(f"forged/manifests/{numbers[0]}"))
    estate.put(estate.listed("rotten/catalog/")[0], b"rot")
    estate.remove(f"lost/manifests/{estate.entries('lost')[-1]['number']}")
    before = {key: estate.object(key) for key in estate.listed() if "/catalog/" in key}
    args = {"repository": estate.repository, "tenants": ["forged", "rotten", "lost", "future"], "enforce": True}
    found = ansible_module(HOST, COMPLIANCE, args, fails=True)
    assert "the backups of 4 of 4 tenants do not comply" in found["msg"]
    assert "\n" not in found["msg"]
    kinds = {
        one["tenant"]: {(item["kind"], item["backup"]) for item in one["findings"] if item["severity"] == "critical"}
        for one in found["compliance"]
    }
    assert ("unsealed", OLD[-1]) in kinds["forged"]
    assert kinds["rotten"] == {("unsealed", "")}
    assert ("lost", OLD[-1]) in kinds["lost"]
    assert ("future", "20990101T000000Z") in kinds["future"]
    for one in found["compliance"]:
        assert states(one)["integrity"] == "violated"
    assert {key: estate.object(key) for key in before} == before


def test_a_lock_is_read_from_the_server(estate: Estate, ansible_module: Callable[..., Any]) -> None:
    make_locked_bucket(estate)
    locked = replace(
        estate,
        repository={**estate.repository, "bucket": LOCKED_BUCKET, "records_bucket": RECORDS_BUCKET, "prefix": "locked"},
    )
    policy = {"tenant": "harbour", "tier": 1, "immutability": "lock", "copies": 3, "regions": ["nowhere"]}
    ansible_module(HOST, POLICY, {"repository": locked.repository, "policies": [policy]})
    ansible_module(HOST, "gantry.odoo.odoo_backup", {**locked.login, "databases": [{"name": "harbour"}]})
    args = {"repository": locked.repository, "tenants": ["harbour"]}
    (found,) = ansible_module(HOST, COMPLIANCE, args)["compliance"]
    assert states(found)["immutability"] == "ok", found["parts"]
    assert found["rules"]["one_immutable"] == "ok"
    # the server says where it is, or does not; in no case is that the region of the policy
    assert states(found)["region"] in ("violated", "unknown")
    assert states(found)["copies"] == "unknown"


def make_locked_bucket(estate: Estate) -> None:
    """A bucket whose objects cannot be removed for an hour and more, but by who may bypass that."""
    if LOCKED_BUCKET not in [one["Name"] for one in estate.client.list_buckets()["Buckets"]]:
        estate.client.create_bucket(Bucket=LOCKED_BUCKET, ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    estate.client.put_object_lock_configuration(
        Bucket=LOCKED_BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )


def test_bad_input_fails_before_anything_is_asked(estate: Estate, failures: Failures) -> None:
    repository = {"repository": estate.repository}
    cases = [
        (COMPLIANCE, {"tenants": ["../x"]}, "cannot name a tenant"),
        (COMPLIANCE, {"tenants": ["a"], "manifests": 0}, "manifests: 0 is not a number of backups"),
        (COMPLIANCE, {"tenants": ["a"], "metrics_path": "/no/x.prom"}, "there is no directory /no"),
        (POLICY, {"policies": [{"tenant": "a", "holds": [{"name": "x"}]}]}, "a hold x without a reason"),
    ]
    said = failures(*((module, {**repository, **args}) for module, args, _told in cases))
    for sentence, (_module, _args, told) in zip(said, cases):
        assert told in sentence
    assert estate.listed("a/") == []
