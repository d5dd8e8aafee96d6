# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies against a real bucket: declared, compared with the recorded request, foretold, and carried out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from tests.integration.backup.conftest import HOST, PREFIX, Estate, Failures
from tests.lab.spec import BUCKET

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


def test_four_beats(estate: Estate, run_playbook: Callable[..., Any]) -> None:
    args = {
        "repository": estate.repository,
        "policies": [{"tenant": "harbour", "tier": 1}, {"tenant": "north", "tier": 3, "noncurrent_days": 0}],
    }
    first, second, third, fourth = beats(run_playbook, "gantry.odoo.backup_policy", *four(args))
    assert [first["changed"], second["changed"], third["changed"], fourth["changed"]] == [True, True, False, False]
    assert first["steps"] == second["steps"]
    assert fourth["diff"]["before"] == fourth["diff"]["after"]

    assert estate.client.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    rules = {rule["ID"]: rule for rule in estate.client.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]}
    harbour = rules[f"gantry-{PREFIX}-harbour"]
    assert harbour["Filter"]["Prefix"] == f"{PREFIX}/harbour/"
    assert harbour["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert harbour["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] >= 1
    assert "NoncurrentVersionExpiration" not in rules[f"gantry-{PREFIX}-north"]
    assert json.loads(estate.object("harbour/policy.json"))["rpo_s"] == 900


def test_a_foreign_rule_stays_and_drift_is_named_alone(estate: Estate, ansible_module: Callable[..., Any]) -> None:
    args = {"repository": estate.repository, "policies": [{"tenant": "drift", "tier": 2}]}
    ansible_module(HOST, "gantry.odoo.backup_policy", args)
    rules = estate.client.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    foreign = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 9}}
    changed = [{**rule, "Status": "Disabled"} if rule["ID"].endswith("-drift") else rule for rule in rules]
    estate.client.put_bucket_lifecycle_configuration(
        Bucket=BUCKET, LifecycleConfiguration={"Rules": [*changed, foreign]}
    )
    found = ansible_module(HOST, "gantry.odoo.backup_policy", args)
    assert [(step["action"], step["target"]) for step in found["steps"]] == [
        ("set_lifecycle", f"gantry-{PREFIX}-drift")
    ]
    left = {rule["ID"]: rule for rule in estate.client.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]}
    assert left["theirs"]["Expiration"]["Days"] == 9
    assert left[f"gantry-{PREFIX}-drift"]["Status"] == "Enabled"


def test_expiry_is_foretold_then_done_manifest_and_files(estate: Estate, run_playbook: Callable[..., Any]) -> None:
    shared, only_old = (f"{name[:2]}/{name}" for name in (hashlib.sha1(text).hexdigest() for text in (b"1", b"2")))
    for name in (shared, only_old):
        estate.put(f"expiry/filestore/{name}", b"x")
    for identifier in OLD:
        names = [shared] if identifier == OLD[-1] else [shared, only_old]
        _fake_backup(estate, "expiry", identifier, names)
    estate.put(f"expiry/backups/{OLD[0][:-1].replace('2025', '2024')}Z/database.dump", b"half")

    policy = {"tenant": "expiry", "tier": 3, "keep": {"last": 1}}
    args = {"repository": estate.repository, "policies": [policy]}
    expire = {**args, "expire": True, "grace_s": 0}
    declared, foretold, done, again = beats(
        run_playbook,
        "gantry.odoo.backup_policy",
        {"args": args, "check": False},
        {"args": expire, "check": True},
        {"args": expire, "check": False},
        {"args": expire, "check": False},
    )
    assert declared["diff"]["after"]["tenants"]["expiry"]["policy_expires"] == OLD[:2]
    assert declared["removed"] == {"backups": 0, "leftovers": 0, "files": 0, "bytes": 0}
    assert foretold["steps"] == done["steps"]
    assert done["removed"] == {"backups": 2, "leftovers": 1, "files": 1, "bytes": 1}
    assert not again["changed"]
    assert estate.complete("expiry") == OLD[-1:]
    assert estate.listed("expiry/filestore/") == [f"expiry/filestore/{shared}"]
    assert estate.listed("expiry/locks/") == []


def test_an_index_that_cannot_be_trusted_stops_the_sweep(estate: Estate, ansible_module: Callable[..., Any]) -> None:
    digest = hashlib.sha1(b"3").hexdigest()
    name = f"{digest[:2]}/{digest}"
    estate.put(f"damaged/filestore/{name}", b"x")
    _fake_backup(estate, "damaged", OLD[0], [name])
    estate.put(f"damaged/backups/{OLD[0]}/filestore.json", b'{"format": 1, "files": []}')
    args = {
        "repository": estate.repository,
        "policies": [{"tenant": "damaged", "keep": {"last": 5}}],
        "expire": True,
        "grace_s": 0,
    }
    told = ansible_module(HOST, "gantry.odoo.backup_policy", args, fails=True)["msg"]
    assert "SHA-256 differs" in told
    assert estate.listed("damaged/filestore/") == [f"damaged/filestore/{name}"]
    assert "damaged/policy.json" not in estate.listed("damaged/")


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


def _fake_backup(estate: Estate, tenant: str, identifier: str, names: list[str]) -> None:
    """A complete backup as far as retention can tell."""
    index = json.dumps({"format": 1, "files": [[name, 1] for name in names]}).encode()
    stamp = f"{identifier[:4]}-{identifier[4:6]}-{identifier[6:8]}T00:00:00.000000Z"
    manifest = {
        "format": 1,
        "tenant": tenant,
        "backup_id": identifier,
        "snapshot_time": stamp,
        "finished_time": stamp,
        "client_version": 17,
        "database": {
            "name": tenant,
            "odoo_version": "19.0",
            "uuid": "",
            "server_version": 170000,
            "locale": {"encoding": "UTF8", "collate": "C", "ctype": "C"},
            "modules": {},
            "tables": {},
            "sequences": {},
            "extensions": {},
            "unaccent_immutable": False,
        },
        "filestore": {"files": len(names), "bytes": len(names), "orphans": 0, "missing": []},
        "dump": {"size": 1, "sha256": "0" * 64},
        "index": {"size": len(index), "sha256": hashlib.sha256(index).hexdigest()},
    }
    estate.put(f"{tenant}/backups/{identifier}/database.dump", b"x")
    estate.put(f"{tenant}/backups/{identifier}/filestore.json", index)
    estate.put(f"{tenant}/backups/{identifier}/manifest.json", json.dumps(manifest).encode())
