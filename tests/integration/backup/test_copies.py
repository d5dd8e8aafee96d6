# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second repository, in another bucket and in a directory: restored from, compared, and healed from."""

from __future__ import annotations

import base64
import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_copy
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket import Bucket
from ansible_collections.gantry.odoo.plugins.module_utils._repository import apply_index
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import open_repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import open_stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_location import Location
from tests.integration.backup.conftest import HOST, PREFIX, Ask, Asked, Estate, Failures
from tests.integration.backup.test_compliance import states
from tests.unit.backup.rotting import CONTENTS, Rotting, rotting_in
from tests.unit.backup.test_copy import same

COPY, CHECK, BACKUP = (f"gantry.odoo.{name}" for name in ("odoo_backup_copy", "odoo_backup_check", "odoo_backup"))
RESTORE, POLICY, COMPLIANCE = (f"gantry.odoo.{name}" for name in ("odoo_restore", "backup_policy", "backup_compliance"))
SECOND_BUCKET, DIRECTORY, TENANT = "gantry-second", "/srv/second", "twofold"
COUNT = itertools.count(1)


@pytest.fixture(scope="module")
def second(estate: Estate) -> Iterator[dict[str, Any]]:
    """Another bucket of the same server, as option `copy` takes it."""
    if SECOND_BUCKET not in [one["Name"] for one in estate.client.list_buckets()["Buckets"]]:
        estate.client.create_bucket(Bucket=SECOND_BUCKET)
    given = {key: value for key, value in estate.repository.items() if key != "keys"}
    yield {**given, "bucket": SECOND_BUCKET, "prefix": "elsewhere"}
    pages = estate.client.get_paginator("list_objects_v2").paginate(Bucket=SECOND_BUCKET)
    for page in pages:
        found = [{"Key": one["Key"]} for one in page.get("Contents", [])]
        if found:
            estate.client.delete_objects(Bucket=SECOND_BUCKET, Delete={"Objects": found})


def listed(estate: Estate) -> dict[str, int]:
    """The contents and manifests in the second bucket with their sizes."""
    pages = estate.client.get_paginator("list_objects_v2").paginate(Bucket=SECOND_BUCKET, Prefix=f"elsewhere/{TENANT}/")
    found = {item["Key"].split("/", 2)[2]: item["Size"] for page in pages for item in page.get("Contents", [])}
    return {key: size for key, size in found.items() if key.startswith(("data/", "manifests/"))}


def test_a_copy_in_another_bucket_and_one_in_a_directory(
    estate: Estate, second: dict[str, Any], ask: Ask, ansible_module: Callable[..., Any]
) -> None:
    backup = {**estate.login, "databases": [{"name": "harbour", "tenant": TENANT}]}
    (taken,) = ansible_module(HOST, BACKUP, backup)["backups"]
    both = {"repository": estate.repository, "copy": second, "tenants": [TENANT]}
    known = {"known_backups": {TENANT: taken["number"]}}
    estate.shell(f"rm -rf {DIRECTORY} && install -d -m 0700 {DIRECTORY}")
    directory = {**both, "copy": {"directory": DIRECTORY}}
    calls: list[Asked] = [(COPY, {**args, **known}, check) for args in (both, directory) for check in (True, False)]
    results = ask(*calls, *calls)
    assert not [one["msg"] for one in results if one["failed"]]
    assert [one["changed"] for one in results] == [True] * 4 + [False] * 4
    for foreseen, done in (results[:2], results[2:4]):
        assert foreseen["steps"] == done["steps"]
        assert foreseen["diff"] == done["diff"]
        (entry,) = done["copies"]
        assert (entry["ok"], entry["newest"], entry["objects_read"] > 0) == (True, taken["id"], True)
        assert not [secret for secret in estate.secrets if secret in str(done)]

    # read back by other means: the same objects, byte by byte, and no other
    keys = [key for key in estate.listed(f"{TENANT}/") if "/data/" in key or "/manifests/" in key]
    assert set(listed(estate)) == {key.removeprefix(f"{TENANT}/") for key in keys}
    for key in keys:
        copied = estate.client.get_object(Bucket=SECOND_BUCKET, Key=f"elsewhere/{key}")["Body"].read()
        assert copied == estate.object(key)
        on_disk = base64.b64decode(estate.shell(f"base64 -w0 {DIRECTORY}/{key}"))
        assert on_disk == copied
    # only the account that copies reads the directory
    assert estate.shell(f"stat -c %a {DIRECTORY}/{TENANT}").strip() == "700"


@pytest.mark.deep
def test_a_restore_from_the_copy_needs_its_location_and_the_key(
    estate: Estate, second: dict[str, Any], ansible_module: Callable[..., Any]
) -> None:
    copy = {**second, "keys": estate.repository["keys"]}
    for repository in (copy, {"directory": DIRECTORY, "keys": estate.repository["keys"]}):
        args = {**estate.login, "repository": repository, "tenant": TENANT, "database": "harbour_drill", "drill": True}
        proven = ansible_module(HOST, RESTORE, args)
        assert proven["backup"] == estate.complete(TENANT)[-1]
        assert proven["counts"]["rows"] > 1000


def test_what_rots_on_one_side_is_healed_from_the_other(estate: Estate, second: dict[str, Any], ask: Ask) -> None:
    both = {"repository": estate.repository, "copy": second, "tenants": [TENANT]}
    newest = estate.manifest(estate.complete(TENANT)[-1], TENANT)
    key = f"data/{newest['dump']['held'][0]}"
    good = estate.object(f"{TENANT}/{key}")
    rotten = good[:-40] + bytes([good[-40] ^ 1]) + good[-39:]

    # in the first one, where no backup could heal a dump
    estate.put(f"{TENANT}/{key}", rotten)
    foreseen, healed, quiet = ask((CHECK, both, True), (CHECK, both, False), (CHECK, both, False))
    assert foreseen["steps"] == healed["steps"]
    assert [(one["action"], one["target"]) for one in healed["steps"]] == [("replace", f"{TENANT}/{key}")]
    assert (healed["failed"], quiet["failed"], quiet["changed"]) == (False, False, False)
    assert estate.object(f"{TENANT}/{key}") == good

    # and in the copy
    estate.client.put_object(Bucket=SECOND_BUCKET, Key=f"elsewhere/{TENANT}/{key}", Body=rotten)
    whole = {**both, "share_percent": 100}
    foreseen, healed, quiet = ask((COPY, whole, True), (COPY, whole, False), (COPY, whole, False))
    assert foreseen["steps"] == healed["steps"]
    assert healed["copies"][0]["healed"] == [key]
    assert (healed["failed"], quiet["failed"], quiet["changed"]) == (False, False, False)
    assert estate.client.get_object(Bucket=SECOND_BUCKET, Key=f"elsewhere/{TENANT}/{key}")["Body"].read() == good


def test_a_place_that_is_no_second_one_or_has_lost_it_is_refused(
    estate: Estate, second: dict[str, Any], ask: Ask, ansible_module: Callable[..., Any]
) -> None:
    """The first repository by another address or a symbolic link, and a directory that was emptied."""
    here = {key: value for key, value in estate.repository.items() if key != "keys"}
    both = {"repository": estate.repository, "copy": second, "tenants": [TENANT]}
    other = {**both, "copy": {**here, "endpoint_url": f"{here['endpoint_url']}/"}}
    estate.shell(f"ln -sfn {DIRECTORY} /srv/linked && rm -rf /srv/empty && install -d -m 0700 /srv/empty")
    linked = {"repository": {"directory": DIRECTORY, "keys": estate.repository["keys"]}, "tenants": [TENANT]}
    linked["copy"] = {"directory": "/srv/linked"}
    empty = {**both, "copy": {"directory": "/srv/empty"}}
    before = listed(estate)
    found = ask(*((name, args, check) for args in (other, linked) for name in (COPY, CHECK) for check in (True, False)))
    assert ["is a place of the first repository as well" in one["msg"] for one in found] == [True] * 8
    assert listed(estate) == before

    ansible_module(HOST, COPY, empty)
    estate.shell("find /srv/empty -mindepth 1 -delete")
    lost, checked, anew = ask(
        (COPY, empty, False), (CHECK, empty, False), (COPY, {**empty, "other_copy": "accept"}, False)
    )
    assert "nothing of it is there; see whether it is mounted" in lost["msg"]
    assert "the copy could not be asked: " in checked["msg"]
    # the backups were read all the same
    assert [one["result"] for one in checked["checks"][0]["backups"]] == ["ok"]
    assert anew["copies"][0]["ok"]
    assert estate.shell("find /srv/empty -path '*/manifests/*' | wc -l").strip() == "1"


@pytest.mark.deep
def test_damage_in_the_first_one_is_marked_while_the_copy_is_away_and_spoils_no_copy(
    estate: Estate, second: dict[str, Any], ask: Ask, ansible_module: Callable[..., Any]
) -> None:
    both = {"repository": estate.repository, "copy": second, "tenants": [TENANT]}
    key = f"data/{estate.manifest(estate.complete(TENANT)[-1], TENANT)['dump']['held'][0]}"
    good = estate.object(f"{TENANT}/{key}")
    estate.put(f"{TENANT}/{key}", good[:-40] + bytes([good[-40] ^ 1]) + good[-39:])
    away = {**both, "copy": {**second, "endpoint_url": "https://s3:1"}}
    marked, copied = ask((CHECK, away, False), (COPY, both, False))
    assert "can be restored only in part or not at all" in marked["msg"]
    assert "the copy could not be asked" in marked["msg"]
    assert [one["action"] for one in marked["steps"]] == ["mark"]
    assert (copied["failed"], copied["copies"][0]["ok"]) == (False, True), copied
    # a restore from the copy sees no mark of the first one
    asked = {**estate.login, "tenant": TENANT, "database": "harbour_drill", "drill": True}
    mine, other = ask(
        (RESTORE, {**asked, "repository": estate.repository}, True),
        (RESTORE, {**asked, "repository": {**second, "keys": estate.repository["keys"]}}, True),
    )
    assert (mine["failed"], other["failed"]) == (True, False), (mine["msg"], other.get("msg"))
    healed = ansible_module(HOST, CHECK, both)
    assert healed["checks"][0]["replaced"] == [key]
    assert estate.object(f"{TENANT}/{key}") == good


@pytest.mark.deep
def test_a_rotation_takes_the_copy_along(
    estate: Estate, second: dict[str, Any], ask: Ask, ansible_module: Callable[..., Any]
) -> None:
    new = {"name": "next", "secret": base64.b64encode(b"n" * 32).decode()}
    repository = {**estate.repository, "keys": [new, *estate.repository["keys"]]}
    policies = {"policies": [{"tenant": TENANT, "tier": 2, "versioning": False}], "rotate_keys": True}
    rotate = {"repository": repository, "copy": second, **policies}
    ansible_module(HOST, POLICY, {"repository": estate.repository, "policies": policies["policies"]})
    away = {**rotate, "copy": {**second, "endpoint_url": "https://s3:1"}}
    cut, foreseen, done, quiet = ask(
        (POLICY, away, False), (POLICY, rotate, True), (POLICY, rotate, False), (POLICY, rotate, False)
    )
    assert "its copy may need the former key still" in cut["msg"]
    assert foreseen["steps"] == done["steps"]
    assert [one["action"] for one in done["steps"]] == ["rotate_copy"]
    assert (done["failed"], quiet["failed"], quiet["changed"]) == (False, False, False), (done, quiet)
    # the former key is gone: both are read, and the next copy goes on
    alone = {"repository": {**estate.repository, "keys": [new]}, "copy": second, "tenants": [TENANT]}
    checked, copied, restored = ask(
        (CHECK, alone, False),
        (COPY, alone, False),
        (
            RESTORE,
            {
                **estate.login,
                "tenant": TENANT,
                "database": "harbour_drill",
                "drill": True,
                "repository": {**second, "keys": [new]},
            },
            True,
        ),
    )
    assert [one["failed"] for one in (checked, copied, restored)] == [False] * 3, (checked, copied, restored)
    # back, for the tests that follow
    back = {**rotate, "repository": {**repository, "keys": [*estate.repository["keys"], new]}}
    assert not ask((POLICY, back, False))[0]["failed"]


@pytest.mark.deep
def test_compliance_counts_a_copy_that_was_compared(
    estate: Estate, second: dict[str, Any], ansible_module: Callable[..., Any]
) -> None:
    policies = {"policies": [{"tenant": TENANT, "tier": 2, "copies": 3}]}
    ansible_module(HOST, POLICY, {"repository": estate.repository, **policies})
    asked = {"repository": estate.repository, "tenants": [TENANT]}
    away = {**second, "endpoint_url": "https://s3:1"}
    found = {
        name: ansible_module(HOST, COMPLIANCE, {**asked, **({"copy": copy} if copy else {})})["compliance"][0]
        for name, copy in (("none", None), ("good", second), ("empty", {**second, "prefix": "void"}), ("away", away))
    }
    assert {name: states(one)["copies"] for name, one in found.items()} == {
        "none": "unknown",
        "good": "ok",
        "empty": "violated",
        "away": "unknown",
    }
    assert found["good"]["rules"]["three_copies"] == "ok"
    text = ansible_module(HOST, COMPLIANCE, {**asked, "copy": second})["metrics"]
    label = f'repository="bucket {estate.repository["bucket"]} at {estate.repository["endpoint_url"]}, {PREFIX}"'
    assert f'gantry_odoo_backup_copy_compared_timestamp_seconds{{{label},tenant="{TENANT}"}}' in text


@pytest.mark.deep
def test_marks_of_a_copy_that_were_rolled_back_are_found(estate: Estate, second: dict[str, Any], ask: Ask) -> None:
    both = {"repository": estate.repository, "copy": second, "tenants": [TENANT]}
    place = {"Bucket": SECOND_BUCKET, "Key": f"elsewhere/{TENANT}/marks"}
    copy: Asked = (COPY, both, False)
    policies = {"repository": estate.repository, "policies": [{"tenant": TENANT, "tier": 2, "copies": 3}]}
    assert not any(one["failed"] for one in ask((POLICY, policies, False), copy))
    older = estate.client.get_object(**place)["Body"].read()
    assert not ask(copy)[0]["failed"]
    estate.client.put_object(**place, Body=older)
    refused, judged = ask(copy, (COMPLIANCE, both, False))
    assert "so it was rolled back, and may hide damage" in refused["msg"]
    (found,) = judged["compliance"]
    assert states(found)["copies"] == "violated"
    accepted, again = ask((COPY, {**both, "other_copy": "accept"}, False), copy)
    assert not accepted["failed"], accepted["msg"]
    assert not again["failed"], again["msg"]


@pytest.mark.deep
def test_the_role_copies_and_bad_input_is_refused(
    estate: Estate, second: dict[str, Any], run_playbook: Callable[..., Any], failures: Failures
) -> None:
    role = {"name": "gantry.odoo.backup", "tasks_from": "copy"}
    tasks = [
        {"name": "copy", "ansible.builtin.include_role": role},
        {"name": "told", "ansible.builtin.debug": {"var": "backup_copy_results"}},
    ]
    given = {"backup_copy_repository": second, "backup_copy_tenants": [TENANT]}
    play = {"hosts": HOST, "gather_facts": False, "tasks": tasks}
    play["vars"] = {"backup_repository": estate.repository, **given}
    (entry,) = run_playbook([play]).expect_success().results("told")[HOST]["backup_copy_results"]
    assert (entry["tenant"], entry["ok"]) == (TENANT, True)

    both = {"repository": estate.repository, "copy": second, "tenants": [TENANT]}
    here = {key: value for key, value in estate.repository.items() if key != "keys"}
    wrong = [
        ({"copy": here}, "is a place of the first repository as well, and a copy in itself is none"),
        ({"copy": {"directory": "second"}}, "copy.directory: second is a relative path"),
        ({"copy": {"directory": "/no/such"}}, "copy.directory: there is no directory /no/such"),
        ({"copy": {**second, "bucket": "nowhere"}}, "correct copy.bucket"),
        ({"tenants": ["nobody"]}, "tenant nobody: it has no backup in the bucket"),
        ({"share_percent": 0}, "share_percent: 0 is no share"),
        ({"known_backups": {TENANT: 99999999999}}, "lacks the backup with number 99999999999"),
    ]
    before = listed(estate)
    said = failures(*((COPY, {**both, **args}) for args, _told in wrong))
    for sentence, (_args, told) in zip(said, wrong):
        assert told in sentence
    assert listed(estate) == before


@dataclass
class Beside:
    """A repository in the bucket with small packs, and a place for its copy in the other one."""

    first: Rotting
    location: Location

    def copy(self) -> Any:
        """Copy, as the module does."""
        order = apply_copy.Order(lock_timeout=90)
        return apply_copy.copy(self.first.repository, open_stores(self.location), self.location.keys, order, Progress())

    @property
    def second(self) -> Rotting | None:
        """The copy, with nothing but its location and the key; None before it has keys."""
        found = open_repository(open_stores(self.location), self.first.repository.tenant, self.location.keys)
        return found and Rotting(self.first.path, found, self.first.names)


@pytest.fixture
def beside(estate: Estate, second: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Beside:
    """Two backups, of which the newer one shares its files with the older one."""
    monkeypatch.setattr(apply_index, "PACK_BYTES", 1500)
    key = MasterKey("lab", base64.b64decode(estate.repository["keys"][0]["secret"]))
    tenant = f"beside-{os.getpid()}-{next(COUNT)}"
    made = rotting_in(tmp_path, open_stores(Location((key,), PREFIX, estate.bucket)), tenant, [key])
    made.add(*CONTENTS[:8])
    made.backup()
    made.add(b"new")
    made.backup()
    return Beside(made, Location((key,), "elsewhere", replace(estate.bucket, bucket=SECOND_BUCKET, option="copy")))


# every third write, and each of them in the deep suite
@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.deep)])
@pytest.mark.deep
def test_a_copy_that_is_killed_before_any_write_is_usable_and_completed(
    beside: Beside, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    for boundary in itertools.count(0, every):
        beside.location = replace(beside.location, prefix=f"elsewhere/{boundary}")
        if not kill(beside, monkeypatch, boundary):
            break
        shown = beside.second
        for entry in shown.repository.catalog.read().entries if shown else ():
            assert shown is not None
            assert shown.restored(entry)
        beside.copy()
        assert beside.second is not None
        assert same(beside.second.repository) == same(beside.first.repository)
    assert boundary > len(beside.first.listed())
    newest = beside.first.repository.catalog.read().entries[-1]
    assert beside.second is not None
    assert beside.second.restored(newest) == set(beside.first.names)


def kill(beside: Beside, monkeypatch: pytest.MonkeyPatch, boundary: int) -> bool:
    """Copy in a process that dies before one of its writes into the copy; whether it died."""
    writes = iter(range(10_000))

    def dying(name: str) -> Any:
        work = getattr(Bucket, name)

        def write(store: Bucket, *args: Any) -> Any:
            counts = store.settings.bucket == SECOND_BUCKET and args[0] and "/probe/" not in str(args[0])
            if counts and next(writes) == boundary:
                os.kill(os.getpid(), signal.SIGKILL)
            return work(store, *args)

        return write

    with monkeypatch.context() as patched:
        for name in ("put", "create", "upload", "delete"):
            patched.setattr(Bucket, name, dying(name))
        patched.setattr(apply_copy, "SENDERS", 1)
        process = multiprocessing.get_context("fork").Process(target=beside.copy)
        process.start()
        process.join(120)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0
