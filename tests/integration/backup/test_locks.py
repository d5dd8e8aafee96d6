# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks in epochs on a real S3 server: extended once, for what backups need, and by one account alone."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_location import Location
from tests.integration.backup.conftest import HOST, Estate
from tests.integration.backup.test_access import CHECK, NAMES, connected, refuses
from tests.integration.backup.test_compliance import COMPLIANCE, POLICY
from tests.integration.backup.test_policies import OLD, beats, fake_backups, four
from tests.lab import wait
from tests.lab.hosts import Host, Lab
from tests.lab.spec import RECORDS_BUCKET
from tests.lab.state import ROOT

BUCKET, PREFIX, DAYS = "gantry-epochs", "epochs", 10
# All that a key may have, but for the right that ends locks.
THIEF = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::*"]},
        {"Effect": "Deny", "Action": "s3:BypassGovernanceRetention", "Resource": ["arn:aws:s3:::*"]},
    ],
}
# The module as a process of its own, which can be killed.
PROGRAM = """
import json, sys
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.modules.backup_policy import work
print(work(Call(json.load(sys.stdin))).failure)
"""


@dataclass(frozen=True)
class Locked:
    """A bucket that locks new objects for a day, and the server of it."""

    estate: Estate
    s3: Host
    place: Location

    @property
    def client(self) -> Any:
        """The store by its owner."""
        return self.estate.client

    def policy(self, tenant: str, **options: Any) -> dict[str, Any]:
        """The options of backup_policy for a tenant."""
        policy = {"tenant": tenant, "tier": 3, "keep": {"last": 9}, "immutability": "lock", "lock_days": DAYS}
        return {"repository": self.estate.repository, "policies": [{**policy, **options}]}

    def versions(self, tenant: str) -> list[tuple[str, str]]:
        """Every version of what a restore of the tenant needs."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=BUCKET, Prefix=f"{PREFIX}/{tenant}/")
        found = [(one["Key"], one["VersionId"]) for page in pages for one in page.get("Versions", [])]
        return [one for one in found if one[0].split("/")[2] in ("data", "manifests", "keys")]

    def listed(self, tenant: str) -> list[str]:
        """The keys of a tenant that a listing shows."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{PREFIX}/{tenant}/")
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def locks(self, tenant: str, client: Any = None) -> dict[tuple[str, str], tuple[str, datetime]]:
        """The mode and the end of the lock of every version, as the server says it.

        client: of an account that may ask for what other accounts have written, by default of the owner of the bucket.
        """
        client = client or self.client

        def asked(one: tuple[str, str]) -> tuple[str, datetime]:
            found = client.get_object_retention(Bucket=BUCKET, Key=one[0], VersionId=one[1])["Retention"]
            return found["Mode"], found["RetainUntilDate"]

        listed = self.versions(tenant)
        with ThreadPoolExecutor(8) as pool:
            return dict(zip(listed, pool.map(asked, listed)))

    def until(self, tenant: str) -> datetime:
        """The first end of a lock."""
        return min(until for _mode, until in self.locks(tenant).values())

    def shorten(self, versions: Iterable[tuple[str, str]], seconds: float) -> datetime:
        """Bring the end of locks near, as the owner may in the mode GOVERNANCE; the end."""
        end = now() + timedelta(seconds=seconds)
        for key, version in versions:
            self.client.put_object_retention(
                Bucket=BUCKET,
                Key=key,
                VersionId=version,
                Retention={"Mode": "GOVERNANCE", "RetainUntilDate": end},
                BypassGovernanceRetention=True,
            )
        return end

    def asked(self) -> int:
        """How many requests for locks the server has seen, by its log."""
        lines = self.s3.container.logs().decode(errors="replace").splitlines()
        return sum(f"/{BUCKET}/{PREFIX}/" in line and "?retention" in line for line in lines)

    def purge(self) -> None:
        """Remove all of it."""
        for bucket in (BUCKET, RECORDS_BUCKET):
            for page in self.client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=f"{PREFIX}/"):
                for one in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                    self.client.delete_object(
                        Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"], BypassGovernanceRetention=True
                    )


def now() -> datetime:
    """The time by the clock that the server uses as well."""
    return datetime.now(timezone.utc)


def passed(moment: datetime) -> None:
    """Wait until a moment has passed, by a second."""
    wait.until(lambda: None if now() > moment + timedelta(seconds=1) else "it is to come", f"{moment}", 30)


@pytest.fixture(scope="module")
def locked(estate: Estate, lab: Lab) -> Iterator[Locked]:
    """The bucket with its records apart, as this server needs it."""
    if BUCKET not in [one["Name"] for one in estate.client.list_buckets()["Buckets"]]:
        estate.client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    estate.client.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration=configuration)
    key = MasterKey("lab", base64.b64decode(estate.repository["keys"][0]["secret"]))
    place = Location((key,), PREFIX, replace(estate.bucket, bucket=BUCKET), RECORDS_BUCKET)
    apart = {**estate.repository, "bucket": BUCKET, "records_bucket": RECORDS_BUCKET, "prefix": PREFIX}
    made = Locked(replace(estate, repository=apart), lab.host("s3"), place)
    yield made
    made.purge()
    estate.client.delete_bucket(Bucket=BUCKET)


@pytest.fixture(scope="module")
def accounts(locked: Locked, lab: Lab) -> Iterator[dict[str, Any]]:
    """Clients of the accounts with the documents as they are shipped, and of a thief; `options` to use their keys."""
    access, secret = locked.estate.secrets[:2]
    locked.s3.run(["radosgw-admin", "caps", "add", "--uid=gantry", "--caps=user-policy=*"])
    iam = connected(lab, access, secret, "iam")
    documents = {name: (ROOT / f"extensions/s3/{name}.json").read_text(encoding="utf-8") for name in NAMES}
    documents["thief"] = json.dumps(THIEF)
    found: dict[str, Any] = {"options": {}}
    for name, document in documents.items():
        keys = {"access_key": f"epochs-{name}", "secret_key": f"{secret[:8]}-{name}"}
        made = ["--access-key", keys["access_key"], "--secret-key", keys["secret_key"], f"--uid=epochs-{name}"]
        locked.s3.run(["radosgw-admin", "user", "create", f"--display-name={name}", *made])
        placed = document.replace("CONTENTS", BUCKET).replace("RECORDS", RECORDS_BUCKET)
        iam.put_user_policy(UserName=f"epochs-{name}", PolicyName="shipped", PolicyDocument=placed)
        found[name] = connected(lab, keys["access_key"], keys["secret_key"])
        found["options"][name] = keys
    yield found
    for name in documents:
        locked.s3.run(["radosgw-admin", "user", "rm", f"--uid=epochs-{name}"])


def test_locks_are_extended_once_in_an_epoch(locked: Locked, run_playbook: Callable[..., Any]) -> None:
    fake_backups(locked.estate, "once", OLD, locked.place)
    before = locked.asked()
    foretold, done, again, settled = beats(run_playbook, POLICY, *four(locked.policy("once")))
    assert [one["changed"] for one in (foretold, done, again, settled)] == [True, True, False, False]
    assert foretold["steps"] == done["steps"]
    assert foretold["diff"] == done["diff"]
    # a dump and two files of each, the manifests, and the wrapped data keys; each is asked, locked, and asked again
    (step,) = [one for one in done["steps"] if one["action"] == "extend_locks"]
    assert step["why"].startswith("13 objects that kept backups need are to be locked until ")
    assert locked.asked() - before == 3 * 13
    locks = locked.locks("once")
    assert len(locks) == 13
    assert {mode for mode, _until in locks.values()} == {"GOVERNANCE"}
    assert min(until for _mode, until in locks.values()) >= now() + timedelta(days=DAYS)


@pytest.mark.deep
def test_a_killed_run_is_finished_by_the_next(locked: Locked, ansible_module: Callable[..., Any]) -> None:
    fake_backups(locked.estate, "killed", OLD[:1], locked.place, more=400)
    watched, version = sorted(locked.versions("killed"))[20]
    bucket = locked.place.bucket
    assert bucket is not None
    options = {
        **locked.policy("killed"),
        "expire": False,
        "grace_s": 0,
        "rotate_keys": False,
        "known_backups": {},
        "rolled_back": "fail",
        "lock_timeout": 5,
    }
    here = {"endpoint_url": bucket.endpoint_url, "ca_bundle": bucket.ca_bundle}
    options["repository"] = {**options["repository"], **here}
    options["policies"] = [{**one, "state": "present"} for one in options["policies"]]
    soon = now() + timedelta(days=2)
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdin is not None
        run.stdin.write(json.dumps(options).encode())
        run.stdin.close()

        def extended() -> str | None:
            found = locked.client.get_object_retention(Bucket=BUCKET, Key=watched, VersionId=version)["Retention"]
            return None if found["RetainUntilDate"] > soon or run.poll() is not None else "it is locked for a day"

        try:
            wait.until(extended, f"the lock of {watched}", 30)
        finally:
            run.kill()
    assert run.returncode == -9
    done = sum(until > soon for _mode, until in locked.locks("killed").values())
    assert 0 < done < len(locked.locks("killed"))
    assert f"{PREFIX}/killed/locks" not in locked.listed("killed")

    finished = ansible_module(HOST, POLICY, locked.policy("killed"))
    assert "extend_locks" in {one["action"] for one in finished["steps"]}
    assert locked.until("killed") >= now() + timedelta(days=DAYS)
    assert not ansible_module(HOST, POLICY, locked.policy("killed"))["changed"]


@pytest.mark.deep
def test_a_leaked_key_removes_nothing_after_the_default_retention(
    locked: Locked, accounts: dict[str, Any], ansible_module: Callable[..., Any]
) -> None:
    for tenant in ("guarded", "left"):
        fake_backups(locked.estate, tenant, OLD, locked.place)
    ends = max(locked.shorten(locked.versions(tenant), 12) for tenant in ("left", "guarded"))
    ansible_module(HOST, POLICY, locked.policy("guarded"))
    passed(ends)
    thief, listed = accounts["thief"], locked.listed("guarded")
    # without an extension, all of it goes
    for key, version in locked.versions("left"):
        thief.delete_object(Bucket=BUCKET, Key=key, VersionId=version)
    assert locked.versions("left") == []

    kept = locked.locks("guarded")
    assert len(kept) == 13
    near = {"Mode": "GOVERNANCE", "RetainUntilDate": now() + timedelta(minutes=1)}
    for key, version in kept:
        refuses(thief.delete_object, Bucket=BUCKET, Key=key, VersionId=version)
        refuses(thief.delete_object, Bucket=BUCKET, Key=key, VersionId=version, BypassGovernanceRetention=True)
        refuses(thief.put_object_retention, Bucket=BUCKET, Key=key, VersionId=version, Retention=near)
        # what it can do hides an object, and overwrites it
        thief.delete_object(Bucket=BUCKET, Key=key)
        thief.put_object(Bucket=BUCKET, Key=key, Body=b"ransom")
    asked = {"Objects": [{"Key": key, "VersionId": version} for key, version in kept]}
    answer = thief.delete_objects(Bucket=BUCKET, Delete=asked)
    assert [one["Code"] for one in answer["Errors"]] == ["AccessDenied"] * len(kept)
    assert set(kept.items()) <= set(locked.locks("guarded", thief).items())
    for key, version in kept:
        assert locked.client.get_object(Bucket=BUCKET, Key=key, VersionId=version)["Body"].read() != b"ransom"
    assert set(listed) <= set(locked.listed("guarded"))


@pytest.mark.deep
def test_an_expiry_goes_on_and_leaves_versions_until_their_locks_end(
    locked: Locked, run_playbook: Callable[..., Any]
) -> None:
    fake_backups(locked.estate, "expired", OLD, locked.place)
    expire = {**locked.policy("expired", keep={"last": 1}), "expire": True, "grace_s": 0}
    placed, foretold, removed, settled = beats(
        run_playbook,
        POLICY,
        {"args": locked.policy("expired"), "check": False},
        {"args": expire, "check": True},
        {"args": expire, "check": False},
        {"args": expire, "check": False},
    )
    assert placed["changed"]
    assert foretold["steps"] == removed["steps"]
    assert removed["removed"]["backups"] == 2
    assert not settled["changed"]
    (manifest,) = [key for key in locked.listed("expired") if "/manifests/" in key]
    gone = [one for one in locked.locks("expired") if one[0] not in locked.listed("expired")]
    # two manifests, and the dump and a file of each
    assert len(gone) == 6
    assert manifest not in [key for key, _version in gone]
    assert locked.until("expired") >= now() + timedelta(days=DAYS)


@pytest.mark.deep
def test_the_expirer_alone_extends_locks(
    locked: Locked, accounts: dict[str, Any], ansible_module: Callable[..., Any]
) -> None:
    options = locked.policy("rights")
    options["repository"] = {**options["repository"], **accounts["options"]["expirer"]}
    ansible_module(HOST, POLICY, options)
    assert locked.place.bucket is not None
    writer = replace(locked.place.bucket, **accounts["options"]["writer"])
    fake_backups(locked.estate, "rights", OLD, replace(locked.place, bucket=writer))
    far = {"Mode": "GOVERNANCE", "RetainUntilDate": now() + timedelta(days=99)}
    # on this server, who has written an object could lock it without a right to, were it not denied
    for name in ("writer", "reader"):
        for key, version in locked.versions("rights"):
            refuses(accounts[name].put_object_retention, Bucket=BUCKET, Key=key, VersionId=version, Retention=far)
    assert ansible_module(HOST, POLICY, options)["changed"]
    assert not ansible_module(HOST, POLICY, options)["changed"]
    ends = [until for _mode, until in locked.locks("rights", accounts["expirer"]).values()]
    assert min(ends) >= now() + timedelta(days=DAYS)
    near = {"Mode": "GOVERNANCE", "RetainUntilDate": now() + timedelta(minutes=1)}
    for key, version in locked.versions("rights"):
        for name in NAMES:
            refuses(accounts[name].delete_object, Bucket=BUCKET, Key=key, VersionId=version)
            lift = {"Bucket": BUCKET, "Key": key, "VersionId": version, "BypassGovernanceRetention": True}
            refuses(accounts[name].delete_object, **lift)
            refuses(accounts[name].put_object_retention, Retention=near, **lift)


@pytest.mark.deep
def test_compliance_finds_a_lock_that_ended(locked: Locked, ansible_module: Callable[..., Any]) -> None:
    login = {**locked.estate.login, "databases": [{"name": "harbour"}]}
    ansible_module(HOST, POLICY, locked.policy("harbour"))
    for _twice in range(2):
        ansible_module(HOST, "gantry.odoo.odoo_backup", login)
    ansible_module(HOST, POLICY, locked.policy("harbour"))

    def immutability() -> dict[str, str]:
        args = {"repository": locked.estate.repository, "tenants": ["harbour"]}
        (found,) = ansible_module(HOST, COMPLIANCE, args)["compliance"]
        (part,) = [one for one in found["parts"] if one["name"] == "immutability"]
        return {"state": part["state"], "sentence": part["sentence"]}

    assert immutability()["state"] == "ok", immutability()
    manifests = [one for one in locked.versions("harbour") if "/manifests/" in one[0]]
    for manifest, told in (
        (min(manifests), "is not locked any more"),
        (max(manifests), "the newest backup is not locked"),
    ):
        passed(locked.shorten([manifest], 2))
        found = immutability()
        assert found["state"] == "violated", found
        assert told in found["sentence"]


@pytest.mark.deep
def test_a_bucket_without_a_default_retention_is_refused(
    locked: Locked, estate: Estate, ansible_module: Callable[..., Any]
) -> None:
    args = {**locked.policy("nowhere"), "repository": estate.repository}
    told = ansible_module(HOST, POLICY, args, fails=True)["msg"]
    assert "locks no new objects, and the policy has immutability: lock" in told
    # the wrapped data keys alone, which come before all policies
    assert {key.split("/")[1] for key in estate.listed("nowhere/")} == {"keys"}


@pytest.mark.deep
def test_records_that_were_removed_come_back_from_what_is_locked(
    locked: Locked, ansible_module: Callable[..., Any]
) -> None:
    repository = {"repository": locked.estate.repository}
    ansible_module(HOST, POLICY, locked.policy("harbour"))
    login = {**locked.estate.login, "databases": [{"name": "harbour"}]}
    taken = ansible_module(HOST, "gantry.odoo.odoo_backup", login)["backups"][0]
    ansible_module(HOST, POLICY, locked.policy("harbour"))
    root = f"{PREFIX}/harbour/"
    listed = locked.client.list_objects_v2(Bucket=RECORDS_BUCKET, Prefix=root)["Contents"]
    for one in listed:
        locked.client.delete_object(Bucket=RECORDS_BUCKET, Key=one["Key"])
    (wrapped,) = [key for key, _version in locked.versions("harbour") if key.startswith(f"{root}keys/")]
    body = locked.client.get_object(Bucket=BUCKET, Key=wrapped)["Body"].read()
    locked.client.put_object(Bucket=RECORDS_BUCKET, Key=wrapped, Body=body)
    ansible_module(HOST, CHECK, {**repository, "tenants": ["harbour"], "rebuild": True})
    assert taken["id"] in [one["name"] for one in locked.estate.reader().catalog()]
