# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies against a real bucket: declared, compared with the recorded request, foretold, and carried out."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup import plan_check
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    make_repository,
    open_repository,
    rotate,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import open_stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import objects_of
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import writing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Index, Use
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName, data_key
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_location import Location
from tests.integration.backup.conftest import HOST, PREFIX, Estate, Failures
from tests.lab.spec import BUCKET, RECORDS_BUCKET
from tests.unit.backup.rotting import CONTENTS, rotting_in

OLD = ["20250101T000000Z", "20250601T000000Z", "20250602T000000Z"]


def beats(run_playbook: Callable[..., Any], module: str, *calls: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of calls of one module in one run; `check` in a call says whether it is in check mode."""
    tasks = [
        {"name": f"call {number}", module: call["args"], "check_mode": call["check"], "diff": True}
        for number, call in enumerate(calls)
    ]
    run = run_playbook([{"hosts": HOST, "gather_facts": False, "tasks": tasks}], command_line=True).expect_success()
    return [run.results(f"call {number}")[HOST] for number in range(len(calls))]


def four(args: dict[str, Any]) -> list[dict[str, Any]]:
    """Check, run, check again, run again."""
    return [{"args": args, "check": check} for check in (True, False, True, False)]


@pytest.fixture
def apart(estate: Estate) -> Estate:
    """The estate with the records in another bucket, as one has to that keeps versions on this server."""
    return replace(estate, repository={**estate.repository, "records_bucket": RECORDS_BUCKET, "prefix": f"{PREFIX}2"})


@pytest.mark.deep
def test_versions_are_refused_where_the_records_would_not_be_safe(
    estate: Estate, ansible_module: Callable[..., Any]
) -> None:
    args = {"repository": estate.repository, "policies": [{"tenant": "harbour", "tier": 1}]}
    told = ansible_module(HOST, "gantry.odoo.backup_policy", args, fails=True)["msg"]
    assert "does not refuse a second object of one key while it keeps versions, so it keeps none again" in told
    assert estate.client.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Suspended"


@pytest.mark.deep
def test_a_bucket_that_keeps_versions_by_another_hand_stops_the_next_run(
    estate: Estate, ansible_module: Callable[..., Any]
) -> None:
    databases = {"databases": [{"name": "harbour"}]}
    ansible_module(HOST, "gantry.odoo.odoo_backup", {**estate.login, **databases})
    before = estate.complete()
    enabled = {"Status": "Enabled"}
    estate.client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=enabled)
    try:
        told = ansible_module(HOST, "gantry.odoo.odoo_backup", {**estate.login, **databases}, fails=True)["msg"]
    finally:
        estate.client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    assert "let a second object of one key be created, and a lease needs that to be refused" in told
    assert estate.complete() == before


def test_four_beats(apart: Estate, run_playbook: Callable[..., Any]) -> None:
    args = {
        "repository": apart.repository,
        "policies": [{"tenant": "harbour", "tier": 1}, {"tenant": "north", "tier": 3, "noncurrent_days": 0}],
    }
    first, second, third, fourth = beats(run_playbook, "gantry.odoo.backup_policy", *four(args))
    assert [first["changed"], second["changed"], third["changed"], fourth["changed"]] == [True, True, False, False]
    assert first["steps"] == second["steps"]
    assert fourth["diff"]["before"] == fourth["diff"]["after"]

    assert apart.client.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    rules = {rule["ID"]: rule for rule in apart.client.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]}
    harbour = rules[f"gantry-{PREFIX}2/harbour/"]
    assert harbour["Filter"]["Prefix"] == f"{PREFIX}2/harbour/"
    assert harbour["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert harbour["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] >= 1
    assert "NoncurrentVersionExpiration" not in rules[f"gantry-{PREFIX}2/north/"]
    reader = apart.reader()
    newest = next(iter(reader.records.keys(f"{reader.root}catalog/")))
    reader.store = reader.records
    assert reader.read("record", newest.removeprefix(reader.root))["policy"]["rpo_s"] == 900
    apart.client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})


@pytest.mark.deep
def test_a_foreign_rule_stays_and_drift_is_named_alone(estate: Estate, ansible_module: Callable[..., Any]) -> None:
    args = {"repository": estate.repository, "policies": [{"tenant": "drift", "tier": 2}]}
    ansible_module(HOST, "gantry.odoo.backup_policy", args)
    rules = estate.client.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    foreign = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 9}}
    changed = [{**rule, "Status": "Disabled"} if rule["ID"].endswith("/drift/") else rule for rule in rules]
    estate.client.put_bucket_lifecycle_configuration(
        Bucket=BUCKET, LifecycleConfiguration={"Rules": [*changed, foreign]}
    )
    found = ansible_module(HOST, "gantry.odoo.backup_policy", args)
    assert [(step["action"], step["target"]) for step in found["steps"]] == [
        ("set_lifecycle", f"gantry-{PREFIX}/drift/")
    ]
    left = {rule["ID"]: rule for rule in estate.client.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]}
    assert left["theirs"]["Expiration"]["Days"] == 9
    assert left[f"gantry-{PREFIX}/drift/"]["Status"] == "Enabled"


def test_expiry_is_foretold_then_done_in_two_phases(estate: Estate, run_playbook: Callable[..., Any]) -> None:
    backups = fake_backups(estate, "expiry", OLD)
    policy = {"tenant": "expiry", "tier": 3, "keep": {"last": 1}}
    args = {"repository": estate.repository, "policies": [policy]}
    expire = {**args, "expire": True}
    declared, foretold, marked, undone, again, removal, removed, settled = beats(
        run_playbook,
        "gantry.odoo.backup_policy",
        {"args": args, "check": False},
        {"args": expire, "check": True},
        {"args": expire, "check": False},
        {"args": {**expire, "policies": [{**policy, "keep": {"last": 2}}]}, "check": False},
        {"args": expire, "check": False},
        {"args": {**expire, "grace_s": 0}, "check": True},
        {"args": {**expire, "grace_s": 0}, "check": False},
        {"args": {**expire, "grace_s": 0}, "check": False},
    )
    assert declared["diff"]["after"]["tenants"]["expiry"]["policy_expires"] == OLD[:2]
    assert declared["removed"] == {"backups": 0, "objects": 0, "bytes": 0}
    assert foretold["steps"] == marked["steps"]
    assert [(step["action"], step["target"]) for step in marked["steps"]] == [
        ("expire", f"expiry/{OLD[1]}"),
        ("expire", f"expiry/{OLD[0]}"),
    ]
    assert marked["diff"]["after"]["tenants"]["expiry"]["expired"] == OLD[:2]
    assert [(step["action"], step["target"]) for step in undone["steps"]] == [
        ("write_policy", "expiry"),
        ("keep", f"expiry/{OLD[1]}"),
    ]
    assert again["removed"]["backups"] == 0
    assert removal["steps"] == removed["steps"]
    assert [step["action"] for step in removed["steps"]] == ["remove", "remove", "remove_objects"]
    # a file of its own and the shard of each, and the dumps; what the newest backup shares stays
    assert removed["removed"]["backups"] == 2
    assert not settled["changed"]
    assert [one["name"] for one in estate.entries("expiry")] == OLD[-1:]
    assert set(estate.listed("expiry/data/")) == {f"expiry/data/{name}" for name in backups[OLD[-1]]}
    assert len(estate.listed("expiry/manifests/")) == 1
    assert estate.held("expiry") == []


def test_what_a_backup_within_the_grace_uses_outlives_the_sweep_after_it(
    estate: Estate, ansible_module: Callable[..., Any], tmp_path: Path
) -> None:
    key = MasterKey("lab", base64.b64decode(estate.repository["keys"][0]["secret"]))
    rotting = rotting_in(tmp_path, open_stores(Location((key,), PREFIX, estate.bucket)), "grace", (key,))
    rotting.add(*CONTENTS)
    (alone,) = rotting.add(bytes(9 * 1024 * 1024))
    first = rotting.backup()
    of_first = {data_key(name) for name in objects_of(rotting.repository, first)}
    rotting.names.remove(alone)
    second = rotting.backup(hours=1)
    args = {"repository": estate.repository, "policies": [{"tenant": "grace", "keep": {"last": 1}}], "expire": True}

    def expire(grace_s: int) -> dict[str, Any]:
        return ansible_module(HOST, "gantry.odoo.backup_policy", {**args, "grace_s": grace_s})["removed"]

    assert expire(3600)["backups"] == 0
    rotting.add(b"new")
    third = rotting.backup(hours=2)
    of_third = {data_key(name) for name in objects_of(rotting.repository, third)}
    again = of_first & of_third
    assert again
    before = rotting.listed()
    assert expire(3600)["backups"] == 0
    assert rotting.listed() == before
    marks = [rotting.entry(one.number).expired for one in (first, second)]
    assert all(marks)

    def over() -> bool | None:
        return rotting.repository.store.now() - max(filter(None, marks)) > timedelta(seconds=1) or None

    Deadline(30).wait(over, "the end of the grace")
    removed = expire(1)
    assert removed["backups"] == 2
    assert {one.removeprefix("grace/") for one in estate.listed("grace/data/")} == of_third
    assert removed["objects"] == len([one for one in before if one.startswith("data/")]) - len(of_third)
    assert removed["bytes"] > 0
    assert of_first - again
    assert rotting.restored(third) == set(rotting.names)
    assert plan_check.failure_of(rotting.check()) == ""


@pytest.mark.deep
def test_a_manifest_that_cannot_be_read_stops_the_removal(estate: Estate, ansible_module: Callable[..., Any]) -> None:
    fake_backups(estate, "damaged", OLD)
    newest = estate.entries("damaged")[-1]["number"]
    estate.put(f"damaged/manifests/{newest}", b"rot")
    before = estate.listed("damaged/data/")
    args = {
        "repository": estate.repository,
        "policies": [{"tenant": "damaged", "keep": {"last": 1}}],
        "expire": True,
        "grace_s": 0,
    }
    told = ansible_module(HOST, "gantry.odoo.backup_policy", args, fails=True)["msg"]
    assert f"manifests/{newest} in the bucket" in told
    assert "is damaged" in told
    assert estate.listed("damaged/data/") == before
    assert len(estate.entries("damaged")) == len(OLD)


def test_a_key_is_rotated_and_all_backups_stay_readable(estate: Estate) -> None:
    backups = fake_backups(estate, "rotated", OLD)
    assert backups
    old = MasterKey("lab", base64.b64decode(estate.repository["keys"][0]["secret"]))
    new = MasterKey("lab-2", b"n" * 32)
    stores = open_stores(Location((old,), PREFIX, estate.bucket))
    repository = open_repository(stores, "rotated", [old])
    assert repository is not None
    rotate(repository, [new, old])
    opened = open_repository(stores, "rotated", [new])
    assert opened is not None
    assert [one.name for one in opened.catalog.read().entries] == OLD


def test_a_repository_that_cannot_be_used_is_one_sentence(estate: Estate, failures: Failures) -> None:
    wrong = [
        ({"bucket": "no-such-bucket"}, "does not exist; create it"),
        ({"secret_key": "not-the-secret"}, "refused repository.access_key"),
        ({"access_key": "NOBODY"}, "refused repository.access_key (InvalidAccessKeyId)"),
        ({"ca_bundle": "/etc/ssl/certs/ssl-cert-snakeoil.pem"}, "TLS certificate of https://s3:9000 was not accepted"),
        ({"endpoint_url": "https://s3:9"}, "nothing answers at https://s3:9"),
        ({"ca_bundle": "/no/such/file"}, "no file /no/such/file"),
    ]
    policies = [{"tenant": "nobody"}]
    calls = [{"repository": {**estate.repository, **given}, "policies": policies} for given, _told in wrong]
    said = failures(*(("gantry.odoo.backup_policy", args) for args in calls))
    for sentence, (_given, told) in zip(said, wrong):
        assert told in sentence
        assert "NOBODY" not in sentence
        assert estate.repository["access_key"] not in sentence
    assert estate.listed("nobody/") == []


def fake_backups(
    estate: Estate, tenant: str, names: list[str], place: Location | None = None, more: int = 0
) -> dict[str, set[str]]:
    """Backups as far as retention can tell, each with a file more than the one before; the objects that each needs.

    place: where they are, by default in the bucket of the tests. more: files of each that no other one has.
    """
    key = MasterKey("lab", base64.b64decode(estate.repository["keys"][0]["secret"]))
    stores = open_stores(place or Location((key,), PREFIX, estate.bucket))
    repository = make_repository(stores, tenant, [key])
    needed: dict[str, set[str]] = {}
    shared: dict[DataName, Use] = {}
    for name in names:
        with writing(repository, "backup", 5) as turn:
            dump, common, *alone = (DataName(turn.number, number) for number in range(3 + more))
            for held in (dump, common, *alone):
                repository.store.put(data_key(held), b"x")
            uses = {**shared, **{held: Use(1, 1, 1) for held in (common, *alone)}}
            shared = {**shared, common: Use(1, 1, 1)}
            moment = datetime.strptime(name, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
            entry = Entry(turn.number, moment, moment, "", "19.0", 1, len(uses), len(uses))
            turn.commit(entry, {"dump": {"held": [str(dump)]}, "index": Index(uses=uses).as_body()})
            needed[name] = {str(held) for held in (dump, *uses)}
    return needed


@pytest.mark.deep
def test_a_backup_that_holds_itself_outlives_its_policy(estate: Estate, ansible_module: Callable[..., Any]) -> None:
    own = {**estate.login, "databases": [{"name": "harbour", "tenant": "safety"}]}
    stay = {"keep_days": 30, "keep_reason": "before a restore"}
    told = ansible_module(HOST, "gantry.odoo.odoo_backup", {**own, "keep_days": 30}, fails=True)["msg"]
    assert "keep_days without keep_reason" in told
    first = ansible_module(HOST, "gantry.odoo.odoo_backup", {**own, **stay})
    assert [one["action"] for one in first["steps"]] == ["make_repository", "back_up", "place_hold"]
    plain = ansible_module(HOST, "gantry.odoo.odoo_backup", own)["backups"][0]["id"]
    young = {**own, "max_age_s": 3600}
    # the same backup suffices, and is held from now on as well; the second time there is nothing to do
    for check, changed in ((True, True), (False, True), (True, False), (False, False)):
        done = ansible_module(HOST, "gantry.odoo.odoo_backup", {**young, **stay}, check=check)
        assert (done["changed"], done["backups"][0]["id"]) == (changed, plain)
    newest = ansible_module(HOST, "gantry.odoo.odoo_backup", own)["backups"][0]["id"]
    policy = {"tenant": "safety", "tier": 3, "keep": {"last": 1}}
    args = {"repository": estate.repository, "policies": [policy], "expire": True, "grace_s": 0}
    for _night in range(2):
        done = ansible_module(HOST, "gantry.odoo.backup_policy", args)
        assert "warnings" not in done or not [one for one in done["warnings"] if "kept-" in one]
    assert estate.complete("safety") == [first["backups"][0]["id"], plain, newest]
    released = [{"name": f"kept-{plain.lower()}", "state": "released"}]
    ansible_module(HOST, "gantry.odoo.backup_policy", {**args, "policies": [{**policy, "holds": released}]})
    assert estate.complete("safety") == [first["backups"][0]["id"], newest]
