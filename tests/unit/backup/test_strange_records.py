# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records with values of any kind: each is read as what it says, or refused in one sentence, and never a traceback."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._backup import (
    plan_check,
    plan_copy,
    plan_locks,
    plan_policy,
    read_compliance,
    read_locks,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep, Policy, RetentionClass
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_locks import Locks
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import (
    entry_of,
    manifest_body,
    parse_manifest,
    stamp,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import policy_from, record
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_check import recorded_part
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import manifest_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import convert, require_text
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import parse_document
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import Former, Holder, Lease, Leases
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import from_body as leases_from
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, Record
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Stored
from ansible_collections.gantry.odoo.plugins.module_utils._repository import (
    apply_keys,
    apply_repository,
    apply_second,
    apply_turns,
    sealing,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_identity import read_identity
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    make_repository,
    open_repository,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Sealed, Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    Catalog,
    Entry,
    Hold,
    Marks,
    from_body,
    marks_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import (
    Place,
    Shard,
    objects_in,
    parse_shard,
    pieces_of,
    shard_bytes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import (
    Keyring,
    MasterKey,
    data_keys_body,
    keyring_from,
    parse_data_keys,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName, Note
from ansible_collections.gantry.odoo.plugins.module_utils._repository.options import known_from
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import due, plan_commit, plan_expire
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_files import LeftFiles, read_shard
from tests.unit.backup.build import MANIFEST, blob

# characters of a sentence
LONGEST = 500
NOW = datetime(2026, 11, 28, 7, tzinfo=timezone.utc)
MASTER = MasterKey("estate", b"m" * 32)
HELD = DataName(7, 0)
ENTRY = Entry(7, NOW, NOW, "uuid", "19.0", 1, 1, 1, "20261128T070000Z", NOW, 9, "partial")
POLICY = Policy(
    "harbour",
    1,
    900,
    3600,
    Keep(last=1, within="1y"),
    classes=(RetentionClass("claim", Keep(yearly=7), ("20261128T070000Z",), "10y"),),
)
LEASES = Leases(
    3, 5, (Lease(3, 8, ("write",), Holder("backup", "process 1", "app1"), NOW, NOW),), (Former(1, 1795800001, "late"),)
)


def with_catalog(body: Any) -> None:
    """Read a catalog, and do with it what the modules do."""
    found = from_body(3, body, "the store")
    assert from_body(3, json.loads(json.dumps(found.as_body())), "the store") == replace(found, copied=False)
    due(found, NOW, 86400, ())
    plan_expire(found, [one.name for one in found.entries], NOW)
    plan_commit(replace(found, fence=99), replace(ENTRY, number=99), [HELD])
    plan_policy.kept_by(POLICY, found, NOW, found.holds)


def with_manifest(body: Any) -> None:
    """Read a manifest, and write it again."""
    found = parse_manifest(body, "20261122T103000Z", "the manifest")
    json.dumps(manifest_body(found), allow_nan=False).encode()
    entry_of(found, NOW)
    objects_in(body, "the manifest")
    sum(found.database.tables.values())


def with_shard(body: Any) -> None:
    """Read a shard, and plan to read its files."""
    files = parse_shard(json.dumps(body).encode(), "the shard")
    assert all(piece.offset >= 0 and piece.length >= 0 for piece in pieces_of(files.items(), 10, 100))


def with_policy(body: Any) -> None:
    """Read a policy, and judge backups by it."""
    found = policy_from(body)
    assert policy_from(record(found)) == found
    plan_policy.kept_by(found, Catalog(1, 7, 0, (ENTRY,)), NOW, ())
    plan_policy.rule_of(found, "p")
    assert NOW - timedelta(seconds=max(found.rpo_s, found.rto_s, found.drill_interval_s, found.copy_rpo_s)) < NOW


def with_leases(body: Any) -> None:
    """Read leases, and say who holds them."""
    for one in leases_from(3, body, "the store").held:
        assert one.words
        assert one.until + timedelta(seconds=60) > one.until


def with_drill(body: Any) -> None:
    """Read the record of a drill."""
    read_compliance.drill_of(body, NOW, "the drill")


RECORDS: dict[str, tuple[Callable[[Any], object], Any]] = {
    "catalog": (
        with_catalog,
        {
            **Catalog(3, 7, 5, (ENTRY,), (HELD,), (Hold("claim", "why", "2031-12-31", ("x",)),)).as_body(),
            "copied": True,
        },
    ),
    "marks": (lambda body: marks_from(body, "the copy"), Marks({7: "none"}, (HELD,)).as_body()),
    "manifest": (with_manifest, json.loads(json.dumps(manifest_body(MANIFEST)))),
    "shard": (
        with_shard,
        json.loads(shard_bytes({blob("a"): Place(1, HELD, 0, 46), blob("b"): Place(2, HELD, 46, 47)})),
    ),
    "policy": (with_policy, record(POLICY)),
    "leases": (with_leases, json.loads(json.dumps(LEASES.as_body()))),
    "keyring": (lambda body: keyring_from(1, body, "the store"), Keyring(1, "estate", b"x").as_body()),
    "data keys": (lambda body: parse_data_keys(body, "the store"), data_keys_body({1: b"k" * 32})),
    "drill": (
        with_drill,
        {"begun": stamp(NOW), "ok": True, "backup": "x", "rto_s": 3.5, "rpo_s": -0.5, "error": "", "format": 1},
    ),
    "check": (lambda body: plan_check.next_part(body, 5), {"number": 3, "parts": 5}),
    "compared": (
        lambda body: plan_copy.compared_from(body, "the copy"),
        {"moment": stamp(NOW), "number": 7, "ok": True},
    ),
    "locks": (
        lambda body: plan_locks.locks_from(body, "the store"),
        plan_locks.locks_body(Locks(NOW, frozenset({"manifests/7"}), frozenset({"data/7/0"}))),
    ),
}
STRANGE = [
    *(None, True, False, -1, 0, 1.5, 2**63, 10**30, -(10**30), float("nan"), float("inf"), 1e300),
    *("", "x", "-5", "\ud800", "nan", "é" * 9, "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00", "2026-11-28"),
    *("20269999T999999Z", "data/7/0", "7/0", "١/٢", [], {}, [[]], [None], {"a": {}}, {"7": "full"}, [1, 2, 3, 4, 5]),
]


def paths(body: Any) -> Iterator[tuple[Any, ...]]:
    """The path of each value in a body, the body itself among them."""
    yield ()
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in inner:
        yield from ((name, *rest) for rest in paths(value))


def changed(body: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    """The body after `change` was given what holds the last name of a path, and that name."""
    holder = {"body": copy.deepcopy(body)}
    inner: Any = holder
    for name in ("body", *path)[:-1]:
        inner = inner[name]
    change(inner, ("body", *path)[-1])
    return holder["body"]


def refusal(read: Callable[[Any], object], body: Any) -> str:
    """Why a record is refused, empty where it is read. Any other error ends the test."""
    try:
        read(body)
    except GantryError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_as_it_is_written_is_read(kind: str) -> None:
    read, body = RECORDS[kind]
    read(body)


@pytest.mark.parametrize("kind", RECORDS)
def test_a_strange_value_anywhere_is_one_sentence(kind: str) -> None:
    """Each value of each record is replaced by each strange one, is left out, and has a strange one beside it."""
    read, body = RECORDS[kind]
    refused = 0
    for path in paths(body):
        for value in STRANGE:

            def replaced(inner: Any, name: Any, value: Any = value) -> None:
                inner[name] = value

            def beside(inner: Any, name: Any, value: Any = value) -> None:
                if isinstance(inner[name], dict):
                    inner[name][str(value)[:9]] = value
                elif isinstance(inner[name], list):
                    inner[name].append(value)

            def without(inner: Any, name: Any) -> None:
                del inner[name]

            for change in (replaced, beside, without):
                if change is without and not path:
                    continue
                sentence = refusal(read, changed(body, path, change))
                refused += bool(sentence)
                assert "\n" not in sentence
                assert len(sentence) < LONGEST
    assert refused > 0


@settings(max_examples=300)
@given(st.sampled_from(sorted(RECORDS)), st.data())
def test_several_strange_values_are_one_sentence(kind: str, data: st.DataObject) -> None:
    read, body = RECORDS[kind]
    values = st.sampled_from(STRANGE) | st.integers() | st.floats() | st.text() | st.lists(st.integers(-9, 9))
    for _twice in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(list(paths(body))))
        value = data.draw(values)
        body = changed(body, path, lambda inner, name, value=value: inner.__setitem__(name, value))
    assert len(refusal(read, body)) < LONGEST


NO_JSON = [
    *(b"", b"{", b"null", b"[]", b'"x"', b"7", b"\xff\xfe", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1e999}'),
    *(b'{"a": 1, "a": 2}', b'{"a": "\\ud800"}', b'{"\\udfff": 1}', b"[" * 100_000, b'{"a":' * 100_000),
    b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"a": ' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("data", NO_JSON, ids=range(len(NO_JSON)))
def test_what_is_no_json_of_ours_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    """It is sealed with the right key, and read by each function that reads a record of a repository."""
    for kind, read in readers(tmp_path).items():
        sentence = refusal(read, data)
        assert sentence, kind
        assert "\n" not in sentence, kind
        assert len(sentence) < LONGEST, kind


def readers(path: Path) -> dict[str, Callable[[bytes], object]]:
    """For each kind of record, a function that puts these bytes there and reads them."""
    directory = Directory(str(path / "store"))
    stores = Stores(directory, directory)
    repository = make_repository(stores, "harbour", [MASTER])

    def document(kind: str, read: Callable[[Repository], object], key: str = "") -> Callable[[bytes], object]:
        def reading(data: bytes) -> object:
            name = key or kind
            repository.store.put(name, repository.keys.seal(kind, name, data))
            return read(repository)

        return reading

    def logged(name: str, read: Callable[[Repository], object]) -> Callable[[bytes], object]:
        def reading(data: bytes) -> object:
            key = Log(repository.records, name).key(1)
            repository.records.put(key, repository.keys.seal("record", key, data))
            return read(repository)

        return reading

    def keyring(data: bytes) -> object:
        other = replace(repository.records, root="north/")
        other.put(Log(other, "keys").key(1), data)
        return open_repository(stores, "north", [MASTER])

    def wrapped(data: bytes) -> object:
        sealed = sealing.DataKeys("harbour", {1: MASTER.secret}).seal("keys", "estate", data)
        return apply_keys.unwrap(Keyring(1, "estate", sealed), "harbour", [MASTER], "the store")

    shard, note = Shard("", HELD, "", 1, 1), Note(HELD, "00", "ff")
    drill = "drills/20261128T070000.000000Z"
    return {
        "id": document("record", lambda one: read_identity(one.records, one.keys), "id"),
        "check": document("check", lambda one: plan_check.next_part(recorded_part(one), 5)),
        "marks": document("marks", apply_repository.read_marks),
        "copies": document("copies", apply_second.recorded_copies),
        "locks": document("locks", read_locks.read_locks),
        "manifest": document("manifest", lambda one: manifest_of(one, ENTRY), ENTRY.manifest.key),
        "shard": document("shard", lambda one: refused_if_empty(read_shard(one, shard)), "data/7/0"),
        "note": document("note", lambda one: refused_if_empty(LeftFiles(one, (note,)).below("")), note.key),
        "drill": document("drill", lambda one: read_compliance._drill(one, drill, Stored(1, NOW)), drill),
        "catalog": logged("catalog", lambda one: one.catalog.read()),
        "leases": logged("leases", lambda one: one.leases.read()),
        "reads": logged("reads", apply_turns.being_read),
        "keyring": keyring,
        "data keys": wrapped,
    }


def refused_if_empty(files: dict[str, Place]) -> None:
    """A shard of no files is one."""
    if not files:
        raise StateError("it has no files")


def test_a_lease_to_read_no_backup_is_one_sentence(tmp_path: Path) -> None:
    directory = Directory(str(tmp_path))
    repository = make_repository(Stores(directory, directory), "harbour", [MASTER])
    lease = Lease(1, 1, ("read:x:y",), Holder("restore", "process 1", "app1"), NOW, NOW + timedelta(days=36500))
    body = Leases(1, 1, (lease,)).as_body()
    assert Log(Sealed(repository.records, repository.keys), "reads").append(Record(1, body))
    with pytest.raises(StateError, match="names no backup"):
        apply_turns.being_read(repository)


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, float("nan"), float("inf"), 10**400])
def test_a_number_that_nobody_can_mean_is_refused_in_any_option(value: float) -> None:
    with pytest.raises(InputError, match=r"^policies\[0\]\.rpo_s is no number from"):
        require_text({"policies": [{"rpo_s": value}]})
    faults: list[str] = []
    convert(str(value) if isinstance(value, float) else value, {"type": "float"}, "x", faults)
    assert bool(faults) == (isinstance(value, float) or value > 2**60)
    require_text({"timeout": 2**53, "share": 0.5, "remove": True})


@pytest.mark.parametrize("number", ["9" * 5000, True, "-1", "1.5", "x", 10**30])
def test_a_number_of_a_known_backup_is_one(number: object) -> None:
    with pytest.raises(InputError, match="known_backups: "):
        known_from({"harbour": number})


def test_json_of_ours_is_read() -> None:
    assert parse_document('{"a": "\\ud83d\\ude00 é", "b": [1.5, -3]}'.encode(), "x") == {
        "a": "\U0001f600 é",
        "b": [1.5, -3],
    }
