# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access keys with the policies that the collection ships: a leaked one cannot destroy history, on a real S3 server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.backup.conftest import HOST, Ask, Estate
from tests.lab.hosts import Lab
from tests.lab.spec import S3_PORT
from tests.lab.state import ROOT
from tests.lab.thirdparty import REGION

BACKUP, RESTORE, CHECK = (f"gantry.odoo.{name}" for name in ("odoo_backup", "odoo_restore", "odoo_backup_check"))
COPY = "gantry.odoo.odoo_backup_copy"
POLICY, COMPLIANCE = "gantry.odoo.backup_policy", "gantry.odoo.backup_compliance"
CONTENTS, RECORDS, PREFIX, TENANT = "gantry-guarded", "gantry-guarded-records", "guarded", "harbour"
NAMES = ("writer", "reader", "expirer")


@dataclass(frozen=True)
class Keys:
    """The repository as each of the three accounts opens it, and the store by its owner."""

    estate: Estate
    repositories: dict[str, dict[str, Any]]
    clients: dict[str, Any]

    def options(self, name: str, **given: Any) -> dict[str, Any]:
        """The options of a module that uses the key of an account."""
        return {"repository": self.repositories[name], **given}

    def login(self, name: str, **given: Any) -> dict[str, Any]:
        """The options of a module that needs the database as well."""
        return {**self.estate.login, "repository": self.repositories[name], **given}

    def versions(self, bucket: str) -> list[tuple[str, str]]:
        """Every version of every object in a bucket."""
        pages = self.estate.client.get_paginator("list_object_versions").paginate(Bucket=bucket)
        return [(one["Key"], one["VersionId"]) for page in pages for one in page.get("Versions", [])]

    def listed(self, bucket: str) -> list[str]:
        """The keys of a bucket."""
        pages = self.estate.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]


def connected(lab: Lab, access_key: str, secret_key: str, service: str = "s3") -> Any:
    """A client of the server with some account's key."""
    return boto3.client(
        service,
        endpoint_url=f"https://{lab.host('s3').address}:{S3_PORT}",
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        verify=str(lab.state.ca),
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module")
def keys(estate: Estate, lab: Lab) -> Iterator[Keys]:
    """Three accounts with the documents as they are shipped, a bucket with versions, and one for the records."""
    s3, (access, secret) = lab.host("s3"), estate.secrets[:2]
    for bucket in (CONTENTS, RECORDS):
        estate.client.create_bucket(Bucket=bucket)
    s3.run(["radosgw-admin", "caps", "add", "--uid=gantry", "--caps=user-policy=*"])
    iam = connected(lab, access, secret, "iam")
    repositories, clients = {}, {}
    for name in NAMES:
        own = {"access_key": f"guarded-{name}", "secret_key": f"{secret[:8]}-{name}"}
        made = ["--access-key", own["access_key"], "--secret-key", own["secret_key"], f"--uid=guarded-{name}"]
        s3.run(["radosgw-admin", "user", "create", f"--display-name={name}", *made])
        shipped = (ROOT / f"extensions/s3/{name}.json").read_text(encoding="utf-8")
        document = shipped.replace("CONTENTS", CONTENTS).replace("RECORDS", RECORDS)
        iam.put_user_policy(UserName=f"guarded-{name}", PolicyName="shipped", PolicyDocument=document)
        place = {"bucket": CONTENTS, "records_bucket": RECORDS, "prefix": PREFIX}
        repositories[name] = {**estate.repository, **place, **own}
        clients[name] = connected(lab, own["access_key"], own["secret_key"])
    yield Keys(estate, repositories, clients)
    made_here = Keys(estate, {}, {})
    for bucket in (CONTENTS, RECORDS):
        for page in estate.client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for one in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                estate.client.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
        assert made_here.listed(bucket) == []
        estate.client.delete_bucket(Bucket=bucket)
    for name in NAMES:
        s3.run(["radosgw-admin", "user", "rm", f"--uid=guarded-{name}"])


def refuses(request: Callable[..., Any], **given: Any) -> None:
    """The server refuses a request for want of a right."""
    with pytest.raises(ClientError) as caught:
        request(**given)
    assert caught.value.response["Error"]["Code"] == "AccessDenied", given


@pytest.mark.deep
def test_each_account_does_its_work_and_no_other(keys: Keys, ask: Ask, ansible_module: Callable[..., Any]) -> None:
    policies = {"policies": [{"tenant": TENANT, "tier": 3, "versioning": True, "keep": {"last": 1}}]}
    early = ansible_module(HOST, BACKUP, keys.login("writer", databases=[{"name": TENANT}]), fails=True)
    assert "(AccessDenied)" in early["msg"]
    made = ansible_module(HOST, POLICY, keys.options("expirer", **policies))
    assert {"set_versioning", "write_policy"} <= {one["action"] for one in made["steps"]}
    backup = keys.login("writer", databases=[{"name": TENANT}])
    first, second = (ansible_module(HOST, BACKUP, backup)["backups"][0] for _twice in range(2))
    # nothing that only the run itself needs is left
    assert not [key for key in keys.listed(CONTENTS) if "/sent/" in key]

    drill = keys.login("reader", tenant=TENANT, database="harbour_drill", drill=True)
    assert ansible_module(HOST, RESTORE, drill)["backup"] == second["id"]
    (judged,) = ansible_module(HOST, COMPLIANCE, keys.options("reader", tenants=[TENANT]))["compliance"]
    assert judged["backups"] == 2
    assert {one["name"]: one["state"] for one in judged["parts"]}["drill"] == "ok"

    expire = {**policies, "expire": True, "grace_s": 0}
    wrong = ask(
        (POLICY, keys.options("writer", **expire), False),
        (BACKUP, keys.login("reader", databases=[{"name": TENANT}]), False),
        (POLICY, keys.options("reader", **expire), False),
    )
    assert [one["failed"] for one in wrong] == [True, True, True]
    assert first["id"] in [one["name"] for one in entries(keys)]
    right = ansible_module(HOST, POLICY, keys.options("expirer", **expire))
    assert {"expire", "remove", "remove_objects"} <= {one["action"] for one in right["steps"]}
    assert [one["name"] for one in entries(keys)] == [second["id"]]


@pytest.mark.deep
def test_one_host_expires_with_a_second_key_and_copies_with_one_of_each_repository(
    keys: Keys, ansible_module: Callable[..., Any], run_playbook: Callable[..., Any]
) -> None:
    # as extensions/s3/README.md has it
    own = {name: keys.repositories["expirer"][name] for name in ("access_key", "secret_key")}
    role = {"name": "gantry.odoo.backup"}
    given = {
        "backup_repository": keys.repositories["writer"],
        "backup_policies": [{"tenant": TENANT, "tier": 3, "versioning": True, "keep": {"last": 1}}],
        "backup_expire": True,
    }
    tasks = [{"name": "policies", "ansible.builtin.include_role": role}]
    play = {"hosts": HOST, "gather_facts": False, "tasks": tasks}
    with_one = run_playbook([{**play, "vars": given}]).expect_failure()
    assert "(AccessDenied)" in str(with_one.errors)
    run_playbook([{**play, "vars": {**given, "backup_repository_for_policies": own}}]).expect_success()

    elsewhere = {name: value for name, value in keys.repositories["expirer"].items() if name != "keys"}
    copying = keys.options("writer", copy={**elsewhere, "prefix": f"{PREFIX}-second"}, tenants=[TENANT])
    (copied,) = ansible_module(HOST, COPY, copying)["copies"]
    assert (copied["ok"], copied["backups"], copied["restorable"]) == (True, 1, 1)
    assert ansible_module(HOST, COPY, copying)["changed"] is False


def entries(keys: Keys) -> list[dict[str, Any]]:
    """The catalog, as the program reads it that shares no code with the collection."""
    # what an account has written belongs to it, and not to the owner of the bucket
    seen = replace(keys.estate, repository=keys.repositories["reader"], client=keys.clients["reader"])
    found: list[dict[str, Any]] = seen.reader().catalog()
    return found


def history(keys: Keys) -> list[str]:
    """The contents and manifests."""
    return [key for key in keys.listed(CONTENTS) if "/data/" in key or "/manifests/" in key]


def records(keys: Keys, log: str) -> list[str]:
    """The records of a log."""
    return [key for key in keys.listed(RECORDS) if f"/{log}/" in key]


@pytest.mark.deep
def test_a_leaked_key_of_the_writer_removes_nothing(keys: Keys) -> None:
    thief, before = keys.clients["writer"], keys.versions(CONTENTS)
    kept = {CONTENTS: history(keys), RECORDS: [*records(keys, "keys"), *records(keys, "catalog")]}
    for bucket, listed in kept.items():
        assert listed
        for key in listed:
            refuses(thief.delete_object, Bucket=bucket, Key=key)
        # the batch is asked for, and each key of it is refused
        answer = thief.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in listed]})
        assert [one["Code"] for one in answer["Errors"]] == ["AccessDenied"] * len(listed)
        refuses(thief.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
        refuses(thief.delete_bucket_lifecycle, Bucket=bucket)
        refuses(thief.put_bucket_policy, Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
        refuses(thief.delete_bucket, Bucket=bucket)
    for key, version in before:
        refuses(thief.delete_object, Bucket=CONTENTS, Key=key, VersionId=version)
    for key in records(keys, "keys"):
        refuses(thief.put_object, Bucket=RECORDS, Key=key, Body=b"forged")
    assert keys.versions(CONTENTS) == before


@pytest.mark.deep
def test_a_leaked_key_of_the_reader_holds_up_no_backup(keys: Keys, ask: Ask) -> None:
    thief, tenant = keys.clients["reader"], f"{PREFIX}/{TENANT}"
    for log in ("leases", "catalog", "keys"):
        for key in (*records(keys, log), f"{tenant}/{log}/000000/001"):
            refuses(thief.put_object, Bucket=RECORDS, Key=key, Body=b"forged")
            refuses(thief.delete_object, Bucket=RECORDS, Key=key)
    # the newest record of the readers' leases, which nothing opens
    forged = f"{tenant}/reads/000000/001"
    thief.put_object(Bucket=RECORDS, Key=forged, Body=b"forged")
    expire = {"policies": [{"tenant": TENANT, "tier": 3, "keep": {"last": 9}}], "expire": True}
    drill = keys.login("reader", tenant=TENANT, database="harbour_drill", drill=True)
    backup, expiry, read = ask(
        (BACKUP, keys.login("writer", databases=[{"name": TENANT}]), False),
        (POLICY, keys.options("expirer", **expire), False),
        (RESTORE, drill, False),
    )
    assert not backup["failed"], backup
    for refused in (expiry, read):
        assert refused["failed"]
        assert "reads" in refused["msg"]
    thief.delete_object(Bucket=RECORDS, Key=forged)
    again = ask((POLICY, keys.options("expirer", **expire), False), (RESTORE, drill, False))
    assert [one["failed"] for one in again] == [False, False], again


@pytest.mark.deep
def test_what_it_overwrites_is_brought_back(keys: Keys, ask: Ask, ansible_module: Callable[..., Any]) -> None:
    thief, owner, before = keys.clients["writer"], keys.estate.client, keys.versions(CONTENTS)
    for bucket, listed in ((CONTENTS, history(keys)), (RECORDS, records(keys, "catalog"))):
        for key in listed:
            thief.put_object(Bucket=bucket, Key=key, Body=b"ransom")
    assert set(before) < set(keys.versions(CONTENTS))
    restore = keys.login("reader", tenant=TENANT, database="harbour_drill", drill=True)
    assert ansible_module(HOST, RESTORE, restore, fails=True)["failed"]

    # the owner of the bucket removes what was written since, and the catalog is made anew
    for key, version in set(keys.versions(CONTENTS)) - set(before):
        owner.delete_object(Bucket=CONTENTS, Key=key, VersionId=version)
    for key in records(keys, "catalog"):
        owner.delete_object(Bucket=RECORDS, Key=key)
    rebuilt, checked = ask(
        (CHECK, keys.options("expirer", tenants=[TENANT], rebuild=True), False),
        (CHECK, keys.options("writer", tenants=[TENANT]), False),
    )
    assert (rebuilt["failed"], checked["failed"]) == (False, False), (rebuilt, checked)
    assert ansible_module(HOST, RESTORE, restore)["counts"]["rows"] > 1000


@pytest.mark.deep
def test_a_lock_stops_every_key_and_needs_records_elsewhere(keys: Keys) -> None:
    owner, bucket = keys.estate.client, "gantry-lock-probe"
    if bucket not in [one["Name"] for one in owner.list_buckets()["Buckets"]]:
        owner.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    owner.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration)
    version = owner.put_object(Bucket=bucket, Key="backup", Body=b"1")["VersionId"]
    refuses(owner.delete_object, Bucket=bucket, Key="backup", VersionId=version)
    # a bucket with locks keeps versions, and this server ignores the condition there: records need another bucket
    owner.put_object(Bucket=bucket, Key="record", Body=b"1", IfNoneMatch="*")
    owner.put_object(Bucket=bucket, Key="record", Body=b"2", IfNoneMatch="*")
    assert owner.get_object(Bucket=bucket, Key="record")["Body"].read() == b"2"
