# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that rot in a real bucket: found, counted on no more, healed, and restored for proof."""

from __future__ import annotations

import base64
import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup import plan_check
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket import Bucket
from ansible_collections.gantry.odoo.plugins.module_utils._repository import apply_index, model_index
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import open_stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import sweep
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import writing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import FULL, NONE, PARTIAL
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import data_key
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_location import Location
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import plan_expire
from tests.integration.backup.conftest import DATA, HOST, PREFIX, Ask, Asked, Estate, Failures
from tests.lab.spec import BUCKET
from tests.unit.backup.rotting import CONTENTS, Rotting, rotting_in

CHECK, BACKUP, RESTORE = (f"gantry.odoo.{name}" for name in ("odoo_backup_check", "odoo_backup", "odoo_restore"))
POLICY = "gantry.odoo.backup_policy"
COUNT = itertools.count(1)


@pytest.fixture
def rotting(estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rotting:
    """A repository in the bucket with small packs and shards, and a filestore with some files."""
    monkeypatch.setattr(apply_index, "PACK_BYTES", 500)
    monkeypatch.setattr(apply_index, "LARGE_BYTES", 1500)
    monkeypatch.setattr(model_index, "FILES_A_SHARD", 30)
    key = MasterKey("lab", base64.b64decode(estate.repository["keys"][0]["secret"]))
    # the bucket remembers the keys of a tenant that was removed, so each test has one of its own
    made = rotting_in(tmp_path, open_stores(Location((key,), PREFIX, estate.bucket)), f"rotting-{next(COUNT)}", [key])
    made.add(*CONTENTS)
    return made


def options(estate: Estate, tenant: str, **given: Any) -> dict[str, Any]:
    """The options of the check."""
    return {"repository": estate.repository, "tenants": [tenant], **given}


def backup_of(estate: Estate, tenant: str) -> Asked:
    """A backup of the database under the name of another tenant, for this test alone."""
    return (BACKUP, {**estate.login, "databases": [{"name": "harbour", "tenant": tenant}]}, False)


def stored(estate: Estate, tenant: str) -> dict[str, str]:
    """Every object of a tenant but its leases, with the digest that the server has of it."""
    pages = estate.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{PREFIX}/{tenant}/")
    listed = [item for page in pages for item in page.get("Contents", [])]
    return {item["Key"]: item["ETag"] for item in listed if not {"leases", "reads"} & set(item["Key"].split("/"))}


def flipped(data: bytes, at: int = -40) -> bytes:
    """The bytes with another one in them."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def test_rot_is_found_and_healed_by_the_next_backup(estate: Estate, ask: Ask) -> None:
    backup = backup_of(estate, "rot")
    check, foreseen = ((CHECK, options(estate, "rot"), dry) for dry in (False, True))
    taken, ahead, intact = ask(backup, foreseen, check)
    assert not any(one["failed"] for one in (taken, ahead, intact)), (taken.get("msg"), ahead.get("msg"))
    assert (ahead["changed"], intact["changed"]) == (False, False)
    (first,) = estate.complete("rot")
    (entry,) = intact["checks"]
    assert entry["ok"]
    assert [one["result"] for one in entry["backups"]] == ["ok"]
    manifest = estate.manifest(first, "rot")
    assert entry["bytes_read"] == sum(use[3] for use in manifest["index"]["uses"]) + sum(manifest["dump"]["stored"])

    pack = f"rot/data/{max(manifest['index']['uses'], key=lambda use: use[1])[0]}"
    estate.put(pack, flipped(estate.object(pack)))
    before = stored(estate, "rot")
    (ahead,) = ask(foreseen)
    assert stored(estate, "rot") == before
    # open beside its original, it would be refused
    restore = {**estate.login, "tenant": "rot", "database": "harbour-rot", "access": "blocked"}
    found, again, refused, lossy = ask(
        check,
        check,
        (RESTORE, {**restore, "backup": first}, False),
        (RESTORE, {**restore, "missing_files": "list"}, False),
    )
    assert ahead["steps"] == found["steps"]
    assert [step["action"] for step in found["steps"]] == ["mark"]
    assert (found["failed"], again["failed"]) == (True, True)
    assert (found["changed"], again["changed"]) == (True, False)
    assert "1 of 1 backups can be restored only in part or not at all" in found["msg"]
    (damaged,) = found["checks"][0]["backups"][0]["findings"]
    assert (damaged["kind"], damaged["files"], damaged["object"]) == ("files", 1, pack.removeprefix("rot/"))
    assert estate.entries("rot")[0]["restorable"] == PARTIAL
    assert "lacks files that were missing when it was taken, or that are missing or damaged in the" in refused["msg"]
    assert lossy["files_left_out"] == damaged["names"]
    assert "1 files were left out" in lossy["warnings"][0]
    copied = set(estate.shell(f"cd {DATA}/filestore/harbour-rot && find ?? -type f").split())
    wanted = set(estate.sql("SELECT store_fname FROM ir_attachment WHERE store_fname IS NOT NULL", "harbour"))
    assert wanted - copied == set(damaged["names"])

    # a restore that reads all of it takes the mark away, and the next check marks what rots again
    rotten = estate.object(pack)
    estate.put(pack, flipped(rotten))
    (whole,) = ask((RESTORE, {**restore, "missing_files": "list", "overwrite": "replace"}, False))
    assert whole["files_left_out"] == []
    assert "is not marked as damaged any more" in " ".join(whole["warnings"])
    assert estate.entries("rot")[0]["restorable"] == FULL
    estate.put(pack, rotten)
    (marked,) = ask(check)
    assert [step["action"] for step in marked["steps"]] == ["mark"]

    sent, healed, once_more = ask(backup, check, check)
    assert sent["backups"][0]["files_sent"] == max(use[1] for use in manifest["index"]["uses"])
    assert (healed["failed"], [step["action"] for step in healed["steps"]]) == (False, ["heal"])
    assert (once_more["failed"], once_more["changed"], once_more["checks"][0]["ok"]) == (False, False, True)
    assert [one["restorable"] for one in estate.entries("rot")] == [FULL, FULL]
    (done,) = ask((RESTORE, {**restore, "backup": first, "overwrite": "replace"}, False))
    assert done["files_left_out"] == []
    estate.shell(
        f"cd {DATA}/filestore/harbour-rot && find ?? -type f | while read -r f; do "
        'test $(sha1sum < "$f" | cut -c1-40) = "${f##*/}"; done'
    )
    assert estate.shell(f"cd {DATA}/filestore/harbour-rot && find ?? -type f | wc -l").strip() == str(len(wanted))
    # the program that shares no code with the collection follows the healed manifest as well
    number = estate.entries("rot")[0]["number"]
    assert estate.listed(f"rot/manifests/{number}-")
    assert [taken["backups"][0]["id"], sent["backups"][0]["id"]] == estate.complete("rot")
    estate.drop_copies()


def test_a_backup_without_its_dump_is_not_counted_on(estate: Estate, ask: Ask) -> None:
    ask(*[backup_of(estate, "dumpless")] * 2)
    first, second = estate.complete("dumpless")
    dump = f"dumpless/data/{estate.manifest(second, 'dumpless')['dump']['held'][0]}"
    estate.put(dump, estate.object(dump)[:-1])
    policies = [{"tenant": "dumpless", "tier": 3, "keep": {"last": 1}, "versioning": False}]
    policy = {"repository": estate.repository, "policies": policies, "expire": True}
    restore = {**estate.login, "tenant": "dumpless", "database": "harbour-dumpless", "prefetch": True}
    checked, latest, named, kept = ask(
        (CHECK, options(estate, "dumpless", share_percent=1), False),
        (RESTORE, restore, True),
        (RESTORE, {**restore, "backup": second}, True),
        (POLICY, policy, False),
    )
    assert "not at all: dump data/" in checked["msg"]
    assert [one["restorable"] for one in checked["checks"][0]["backups"]] == [FULL, NONE]
    assert latest["backup"] == first
    assert f"backup {second} is newer than {first} and damaged, so {first} is restored" in latest["warnings"][0]
    assert "cannot be restored: its dump, manifest or index is missing or damaged" in named["msg"]
    assert estate.complete("dumpless") == [first]
    assert {one["backup"]: one["reasons"] for one in kept["forecast"]["dumpless"]} == {second: [], first: ["last"]}


@pytest.mark.deep
def test_a_share_is_read_in_turn_and_bad_input_is_one_sentence(estate: Estate, ask: Ask, failures: Failures) -> None:
    share = (CHECK, options(estate, "shares", share_percent=50), False)
    _taken, *done, ahead = ask(backup_of(estate, "shares"), share, share, share, (*share[:2], True))
    assert [(one["checks"][0]["part"], one["checks"][0]["parts"]) for one in done] == [(1, 2), (2, 2), (1, 2)]
    assert ahead["checks"][0]["part"] == 2
    sizes = [one["checks"][0]["bytes_read"] for one in done]
    assert sizes[0] == sizes[2] != sizes[1]
    before = stored(estate, "shares")
    wrong = [
        ({"share_percent": 0}, "share_percent: 0 is no share; give 1 to 100"),
        ({"tenants": ["shares", "shares"]}, "tenants: shares is listed twice"),
        ({"tenants": ["../x"]}, "cannot name a tenant"),
        ({"tenants": ["nobody", "shares"]}, "tenant nobody: it has no backup in the bucket"),
        ({"rebuild": True}, "tenant shares: the catalog is not lost"),
    ]
    said = failures(*((CHECK, {**options(estate, "shares"), **given}) for given, _told in wrong))
    for sentence, (_given, told) in zip(said, wrong):
        assert told in sentence
    # the check beside the tenant that is not there has recorded when it was
    time = f"{PREFIX}/shares/check"
    assert {**stored(estate, "shares"), time: before[time]} == before


def test_the_role_checks_and_returns_what_it_found(estate: Estate, ask: Ask, run_playbook: Callable[..., Any]) -> None:
    ask(backup_of(estate, "shares"))
    role = {"name": "gantry.odoo.backup", "tasks_from": "check"}
    tasks = [
        {"name": "check", "ansible.builtin.include_role": role},
        {"name": "told", "ansible.builtin.debug": {"var": "backup_check_results"}},
    ]
    play = {
        "hosts": HOST,
        "gather_facts": False,
        "tasks": tasks,
        "vars": {"backup_repository": estate.repository, "backup_check_tenants": ["shares"]},
    }
    (found,) = run_playbook([play]).expect_success().results("told")[HOST]["backup_check_results"]
    assert (found["tenant"], found["ok"]) == ("shares", True)


@pytest.mark.parametrize(
    "what",
    [
        "a removed pack",
        "a removed index",
        pytest.param("a pack cut off", marks=pytest.mark.deep),
        pytest.param("two packs swapped", marks=pytest.mark.deep),
    ],
)
@pytest.mark.deep
def test_damage_in_the_bucket_is_healed_by_the_next_backup(rotting: Rotting, what: str) -> None:
    first = rotting.backup()
    index = rotting.manifest(first).index
    one, other = map(data_key, sorted(index.uses)[:2])
    shard = data_key(next(iter(index.shards.values())).held)
    work: dict[str, Callable[[], None]] = {
        "a removed pack": lambda: rotting.remove(one),
        "a pack cut off": lambda: rotting.truncate(one),
        "two packs swapped": lambda: rotting.swap(one, other),
        "a removed index": lambda: rotting.remove(shard),
    }
    work[what]()
    assert plan_check.failure_of(rotting.check())
    assert rotting.entry(first.number).restorable == (NONE if "index" in what else PARTIAL)
    second = rotting.backup()
    assert plan_check.failure_of(rotting.check()) == ""
    assert rotting.restored(first) == rotting.restored(second) == set(rotting.names)
    rotting.expire()
    assert plan_check.steps_of(rotting.check()) == []
    assert rotting.restored(first) == set(rotting.names)


@pytest.mark.parametrize(
    "boundary", [pytest.param(0, marks=pytest.mark.deep), 1, pytest.param(2, marks=pytest.mark.deep)]
)
def test_a_healing_that_is_killed_is_completed_by_the_next(
    rotting: Rotting, monkeypatch: pytest.MonkeyPatch, boundary: int
) -> None:
    first = rotting.backup()
    rotting.remove(data_key(min(rotting.manifest(first).index.uses)))
    rotting.check()
    second = rotting.backup()
    put, writes = Bucket.put, iter(range(100))

    def killed(store: Bucket, key: str, data: bytes) -> None:
        if next(writes) == boundary:
            os.kill(os.getpid(), signal.SIGKILL)
        put(store, key, data)

    with monkeypatch.context() as patched:
        patched.setattr(Bucket, "put", killed)
        process = multiprocessing.get_context("fork").Process(target=rotting.check)
        process.start()
        process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert rotting.entry(first.number).restorable == PARTIAL
    assert rotting.leases() == 2
    assert plan_check.failure_of(rotting.check()) == ""
    assert rotting.leases() == 0
    assert rotting.restored(first) == rotting.restored(second) == set(rotting.names)


@pytest.mark.deep
def test_a_check_goes_on_beside_an_expiry(rotting: Rotting) -> None:
    first, second = rotting.backup(), rotting.backup()
    rotting.remove(data_key(rotting.manifest(second).dump.held[0]))
    repository = rotting.repository
    with writing(repository, "expiry", 5) as turn:
        now = repository.store.now()
        catalog = repository.catalog.write(lambda seen: plan_expire(seen, {first.name}, now), Deadline(5))
        found = rotting.check()
        assert [one.restorable for one in found.found] == [FULL, NONE]
        # the marks of the check stand beside those of the expiry
        (gone,) = sweep(turn.after(catalog), 0).gone
    assert gone.number == first.number
    (left,) = repository.catalog.read().entries
    assert (left.number, left.restorable, left.expired) == (second.number, NONE, None)
