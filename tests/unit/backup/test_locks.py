# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks in epochs: what is promised stands after each run, and while it does, no object is asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._backup import plan_locks
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_locks import Extension, Locks, Scope
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import TIERS, parse_request
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_locks import read_locks
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Retention
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import make_repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import writing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import NONE, Catalog, Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Index, Use
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    LOCKS,
    DataName,
    data_key,
    parse_data_name,
)
from ansible_collections.gantry.odoo.plugins.modules import backup_policy

from .test_policies_of_many import params

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)
MASTER = MasterKey("estate", b"k" * 32)
TENANT, DAYS = "harbour", 10
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2040, 1, 1), timezones=st.just(timezone.utc))


def item(**given: Any) -> dict[str, Any]:
    return {"tenant": TENANT, "tier": 2, "state": "present", **given}


def entry(number: int, **given: Any) -> Entry:
    return Entry(number, NOW, NOW, "uuid", "19.0", 1, 1, 1, f"b{number}", **given)


@pytest.mark.parametrize("tier", sorted(TIERS))
def test_a_tier_has_days_where_locks_are_asked_for(tier: int) -> None:
    (locked,) = parse_request([item(tier=tier, immutability="lock")], False).policies
    (other,) = parse_request([item(tier=tier)], False).policies
    assert locked.lock_days == TIERS[tier]["lock_days"] > 0
    assert other.lock_days == 0
    assert parse_request([item(immutability="lock", lock_days=3)], False).policies[0].lock_days == 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"lock_days": 5}, "has lock_days 5 and immutability none"),
        ({"lock_days": 5, "immutability": "versions"}, "has lock_days 5 and immutability versions"),
        ({"lock_days": 0, "immutability": "lock"}, "has lock_days 0; give 1 to 3650"),
        ({"lock_days": 36500, "immutability": "lock"}, "has lock_days 36500; give 1 to 3650"),
        ({"immutability": "lock", "versioning": False}, "a bucket with Object Lock keeps versions"),
    ],
)
def test_days_that_promise_nothing_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_request([item(**options)], False)


@given(MOMENTS, MOMENTS, st.integers(1, plan_locks.MOST_DAYS))
def test_after_a_run_each_part_is_locked_for_the_days_promised(now: datetime, until: datetime, days: int) -> None:
    promised = now + timedelta(days=days)
    for record in (None, Locks(until, frozenset(("old",)), frozenset(("data/1/0",)))):
        scope = plan_locks.plan_scope(record, ("old", "new"), now, days)
        assert scope.until >= promised
        if "old" not in scope.parts:
            assert record is not None
            assert (scope.until, record.until) == (until, until)
        elif record is not None:
            # an epoch that begins is never behind the one before
            assert scope.until > record.until
        assert "new" in scope.parts


@given(MOMENTS, st.integers(1, plan_locks.MOST_DAYS))
def test_an_epoch_lasts_for_half_the_days_and_ends_for_all_runs_of_a_day_at_once(now: datetime, days: int) -> None:
    end = plan_locks.end_of_epoch(now, days)
    scope = plan_locks.plan_scope(Locks(end, frozenset(("old",))), ("old",), now + timedelta(days=days / 2), days)
    assert scope.parts == ()
    assert plan_locks.end_of_epoch(now.replace(hour=23, minute=59), days) == end


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        (None, Retention("GOVERNANCE", NOW)),
        (Retention("GOVERNANCE", NOW - DAY), Retention("GOVERNANCE", NOW)),
        (Retention("GOVERNANCE", NOW), None),
        (Retention("GOVERNANCE", NOW + DAY), None),
        (Retention("COMPLIANCE", NOW + DAY), None),
        (Retention("COMPLIANCE", NOW - DAY), Retention("COMPLIANCE", NOW)),
    ],
)
def test_a_lock_is_never_shortened_nor_made_one_that_can_be_bypassed(
    seen: Retention | None, wanted: Retention | None
) -> None:
    assert plan_locks.needed(seen, NOW, "GOVERNANCE") == wanted


def test_a_stricter_bucket_makes_longer_locks_stricter() -> None:
    seen = Retention("GOVERNANCE", NOW + DAY)
    assert plan_locks.needed(seen, NOW, "COMPLIANCE") == Retention("COMPLIANCE", NOW + DAY)


def test_the_record_has_the_parts_of_which_every_object_is_proven() -> None:
    former = Locks(NOW, frozenset(("manifests/1",)), frozenset(("manifests/1", "data/1/0")))
    needs = {name: frozenset((name, "data/1/0", f"data/{name[-1]}/0")) for name in ("manifests/2", "manifests/3")}
    extension = Extension("x", Scope(tuple(needs), former), needs, 1)
    assert extension.keys == ("data/2/0", "data/3/0", "manifests/2", "manifests/3")
    record = plan_locks.record_after(extension, ("data/3/0",))
    assert record.parts == {"manifests/1", "manifests/2"}
    assert record.objects == {"manifests/1", "data/1/0", "data/2/0", "manifests/2", "manifests/3"}
    assert plan_locks.locks_from(plan_locks.locks_body(record), "x") == record
    assert plan_locks.locks_from(None, "x") is None


def test_the_first_version_of_each_key_comes_before_what_was_written_since() -> None:
    versions = {"a": ["a1", "a2", "a3"], "b": ["b1"], "c": ["c1", "c2"]}
    assert plan_locks.in_turn(("a", "c", "lost"), versions) == [
        ("a", "a1"),
        ("c", "c1"),
        ("a", "a2"),
        ("c", "c2"),
        ("a", "a3"),
    ]


@pytest.mark.parametrize("body", [{}, {"until": "soon", "parts": [], "objects": []}, {"until": 1}])
def test_a_record_of_another_kind_is_one_sentence(body: dict[str, Any]) -> None:
    with pytest.raises(StateError, match="remove it, and run backup_policy"):
        plan_locks.locks_from(body, "x")


def test_the_oldest_backup_and_the_oldest_that_is_not_recorded_prove_the_most() -> None:
    entries = (entry(1, expired=NOW), entry(2, restorable=NONE), *(entry(number) for number in range(3, 7)))
    catalog = Catalog(1, 9, 0, entries)
    record = Locks(NOW, frozenset(("manifests/3", "manifests/4")))
    assert [one.number for one in plan_locks.telling(catalog, record)] == [3, 5]
    assert [one.number for one in plan_locks.telling(catalog, None)] == [3]
    assert plan_locks.telling(Catalog(1, 9, 0, entries[-1:]), None) == ()


class KilledError(BaseException):
    """The run was killed."""


@dataclass
class Locking(Directory):
    """A directory that locks as a bucket does, with one version of each object, and counts what it is asked for."""

    root: str
    locks: dict[str, Retention] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    kill_at: int = 0
    deaf: str = ""
    rules: list[dict[str, Any]] = field(default_factory=list)
    more: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.root)

    def versioning(self) -> bool:
        return True

    def set_versioning(self, enabled: bool) -> None:
        assert enabled

    def region(self) -> str | None:
        return None

    def lifecycle(self) -> list[dict[str, Any]]:
        return self.rules

    def set_lifecycle(self, rules: list[dict[str, Any]]) -> None:
        self.rules = rules

    def default_lock(self) -> str:
        self.asked["default"] += 1
        return "GOVERNANCE"

    def versions(self, prefix: str) -> dict[str, list[str]]:
        self.asked["versions"] += 1
        return {key: [str(count) for count in range(1 + self.more.get(key, 0))] for key in self.objects(prefix)}

    def retention(self, key: str, version: str = "") -> Retention | None:
        self.asked["retention"] += 1
        return self.locks.get(f"{key}@{version or 0}")

    def retain(self, key: str, version: str, lock: Retention) -> None:
        self.asked["retain"] += 1
        if self.kill_at and self.asked["retain"] >= self.kill_at:
            raise KilledError
        before = self.locks.get(f"{key}@{version}")
        assert before is None or before.until < lock.until
        if key != self.deaf:
            self.locks[f"{key}@{version}"] = lock


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Locking:
    """A store with two backups. The second has an object of the first, and a dump and a file of its own."""
    made = Locking(str(tmp_path))
    monkeypatch.setattr(backup_policy, "open_stores", lambda _location: Stores(made, made, ""))
    for _twice in range(2):
        back_up(made)
    return made


def back_up(store: Locking) -> int:
    """Take a backup as far as locks can say; its number."""
    repository = make_repository(Stores(store, store, ""), TENANT, (MASTER,))
    with writing(repository, "backup", 1) as turn:
        dump, alone = DataName(turn.number, 0), DataName(turn.number, 1)
        for held in (dump, alone):
            repository.store.put(data_key(held), b"x")
        uses = {alone: Use(1, 1, 1), **{DataName(one.number, 1): Use(1, 1, 1) for one in turn.catalog.entries[:1]}}
        moment = NOW + timedelta(minutes=len(turn.catalog.entries))
        manifest = {"dump": {"held": [str(dump)]}, "index": Index(uses=uses).as_body()}
        turn.commit(Entry(turn.number, moment, moment, "", "19.0", 1, 1, 1), manifest)
        return turn.number


def call(store: Locking, check: bool = False, **options: Any) -> Outcome:
    """Run the module."""
    given = {**params(Path(store.root), TENANT), "expire": False}
    (policy,) = given["policies"]
    policy = {**policy, "keep": {"last": 9}, "immutability": "lock", "lock_days": DAYS, **options}
    store.asked.clear()
    return backup_policy.work(Call({**given, "policies": [policy]}, check_mode=check))


def steps(outcome: Outcome) -> list[str]:
    return [step.why for step in outcome.steps or () if step.action == "extend_locks"]


def needed_keys(store: Locking) -> set[str]:
    return {key for below in ("data", "manifests", "keys") for key in store.objects(f"{TENANT}/{below}/")}


def locked(store: Locking) -> set[str]:
    """The objects whose lock is as long as promised."""
    least = store.now() + timedelta(days=DAYS)
    return {key.partition("@")[0] for key, lock in store.locks.items() if lock.until >= least}


def test_check_mode_says_what_a_run_does_and_the_second_run_asks_for_no_object(store: Locking) -> None:
    foretold = call(store, check=True)
    assert store.locks == {}
    done = call(store)
    assert done.failure == ""
    assert [one.as_dict() for one in foretold.steps or ()] == [one.as_dict() for one in done.steps or ()]
    assert (foretold.before, foretold.after) == (done.before, done.after)
    # two dumps, two files, two manifests and the wrapped data keys
    assert steps(done)[0].startswith("7 objects that kept backups need are to be locked until ")
    assert locked(store) == needed_keys(store)
    assert store.asked["retain"] == 7

    again = call(store)
    assert again.values()["changed"] is False
    assert again.before == again.after == done.after
    assert store.asked == {"default": 1}


def test_a_new_backup_costs_what_is_new(store: Locking) -> None:
    call(store)
    until = {lock.until for lock in store.locks.values()}
    back_up(store)
    outcome = call(store)
    assert steps(outcome)[0].startswith("3 objects ")
    assert store.asked["retain"] == 3
    assert {lock.until for lock in store.locks.values()} == until
    assert locked(store) == needed_keys(store)


@pytest.mark.parametrize("at", range(1, 8))
def test_a_run_that_is_killed_is_finished_by_the_next(store: Locking, at: int) -> None:
    store.kill_at = at
    with pytest.raises(KilledError):
        call(store)
    assert not Path(store.root, TENANT, LOCKS).exists()
    store.kill_at, done = 0, len(store.locks)
    assert call(store).failure == ""
    assert locked(store) == needed_keys(store)
    assert store.asked["retain"] == 7 - done
    assert call(store).values()["changed"] is False


def test_an_epoch_that_ends_is_followed_by_a_longer_one(store: Locking, monkeypatch: pytest.MonkeyPatch) -> None:
    call(store)
    first = {key: lock.until for key, lock in store.locks.items()}
    later = store.now() + timedelta(days=DAYS / 2 + 2)
    monkeypatch.setattr(store, "now", lambda: later)
    assert len(steps(call(store))) == 1
    assert all(lock.until > first[key] for key, lock in store.locks.items())
    assert locked(store) == needed_keys(store)


def test_fewer_days_shorten_nothing_and_more_count_at_once(store: Locking) -> None:
    call(store)
    before = dict(store.locks)
    assert steps(call(store, lock_days=2)) == []
    assert store.locks == before
    assert len(steps(call(store, lock_days=90))) == 1
    assert min(lock.until for lock in store.locks.values()) >= store.now() + timedelta(days=90)


def test_who_overwrites_an_object_does_not_take_the_lock_from_the_first_one(store: Locking) -> None:
    key = min(store.objects(f"{TENANT}/data/"))
    store.more[key] = 2
    call(store)
    assert {f"{key}@{version}" for version in range(3)} <= set(store.locks)


def test_what_is_lost_does_not_keep_the_others_from_being_locked(store: Locking) -> None:
    key = max(store.objects(f"{TENANT}/data/"))
    Path(store.root, key).unlink()
    outcome = call(store)
    name = key.removeprefix(f"{TENANT}/")
    assert f"were not all extended: {name} is missing in the directory" in outcome.failure
    assert locked(store) == needed_keys(store)
    # the backup that needs it is not recorded, so this is said until a check has marked the object
    again = call(store)
    assert "is missing" in again.failure
    assert store.asked["retain"] == 0


def test_an_object_that_a_check_has_marked_may_be_missing(store: Locking) -> None:
    key = max(store.objects(f"{TENANT}/data/"))
    Path(store.root, key).unlink()
    repository = make_repository(Stores(store, store, ""), TENANT, (MASTER,))
    name = parse_data_name(key.removeprefix(f"{TENANT}/data/"))
    repository.catalog.write(lambda seen: replace(seen, number=seen.number + 1, damaged=(name,)), Deadline(5))
    assert call(store).failure == ""
    assert locked(store) == needed_keys(store)
    record = read_locks(repository)
    assert record is not None
    assert key.removeprefix(f"{TENANT}/") not in record.objects
    assert call(store).values()["changed"] is False


def test_a_manifest_that_cannot_be_read_does_not_keep_the_others_from_being_locked(store: Locking) -> None:
    manifest = max(store.objects(f"{TENANT}/manifests/"))
    Path(store.root, manifest).write_bytes(b"forged")
    foretold = call(store, check=True)
    outcome = call(store)
    assert foretold.failure == outcome.failure
    assert f"{manifest.removeprefix(TENANT + '/')} in the directory" in outcome.failure
    assert len(locked(store)) == 4


def test_a_store_that_says_yes_and_locks_nothing_is_found(store: Locking) -> None:
    store.deaf = min(store.objects(f"{TENANT}/data/"))
    assert "is not locked after the store said so" in call(store).failure
    assert "is not locked after the store said so" in call(store).failure


def test_a_store_that_is_away_ends_the_run_and_records_nothing(store: Locking, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_given: Any) -> None:
        raise UnreachableError("the store did not answer")

    monkeypatch.setattr(store, "retain", away)
    assert "the store did not answer" in call(store).failure
    assert not Path(store.root, TENANT, LOCKS).exists()


def test_marked_backups_are_not_locked_any_longer_and_held_ones_are(store: Locking) -> None:
    given = {"keep": {"last": 1}}
    oldest = min(store.objects(f"{TENANT}/manifests/"))
    outcome = backup_policy.work(Call(expiring(store, given)))
    assert outcome.failure == ""
    assert f"{oldest}@0" not in store.locks
    hold = {"name": "claim", "reason": "a claim", "until": None, "backups": None, "state": "present"}
    outcome = backup_policy.work(Call(expiring(store, {**given, "holds": [hold]})))
    assert [step.action for step in outcome.steps or ()] == ["place_hold", "keep", "extend_locks"]
    assert locked(store) == needed_keys(store)


def expiring(store: Locking, options: dict[str, Any]) -> dict[str, Any]:
    given = params(Path(store.root), TENANT)
    (policy,) = given["policies"]
    policy = {**policy, "immutability": "lock", "lock_days": DAYS, **options}
    return {**given, "policies": [policy], "grace_s": 86400}


def test_a_store_without_locks_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    made = make_repository(Stores(Directory(str(tmp_path)), Directory(str(tmp_path)), ""), TENANT, (MASTER,))
    given = params(tmp_path, TENANT)
    policies = [{**one, "immutability": "lock"} for one in given["policies"]]
    outcome = backup_policy.work(Call({**given, "policies": policies}))
    assert "locks no new objects, and the policy has immutability: lock" in outcome.failure
    assert made.catalog.read().policy is None


def test_locked_policies_without_backups_need_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Locking(str(tmp_path))
    monkeypatch.setattr(backup_policy, "open_stores", lambda _location: Stores(made, made, ""))
    assert steps(call(made)) == []
    assert call(made).values()["changed"] is False
