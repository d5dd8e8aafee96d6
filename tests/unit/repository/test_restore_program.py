# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that restores without the collection reads what the collection writes, and refuses what it did not."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_index import Sender, Source
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import make_repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import writing
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Entry
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Index
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DUMP, SHARD, data_key
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_files import FormerFiles, LeftFiles
from tests.unit.backup.rotting import MASTER as ROTTING
from tests.unit.backup.rotting import rotting_in
from tests.unit.project.tree import ROOT

MASTER = MasterKey("estate", b"m" * 32)
NOW = datetime(2026, 11, 27, 2, 0, tzinfo=timezone.utc)
CONTENTS = [b"", b"an invoice", b"plan " * 100_000, bytes(range(256)) * 40_000]
PROGRAM = ROOT / "extensions/restore/restore_backup.py"


def backed_up(store: Path, filestore: Path) -> list[str]:
    """Take a backup of these files, and of a dump; the names of the files."""
    names = []
    for content in CONTENTS:
        digest = hashlib.sha1(content).hexdigest()
        names.append(f"{digest[:2]}/{digest}")
        (filestore / digest[:2]).mkdir(parents=True, exist_ok=True)
        (filestore / names[-1]).write_bytes(content)
    directory = Directory(str(store))
    repository = make_repository(Stores(directory, directory, "estate"), "harbour", [MASTER])
    with writing(repository, "backup", 0) as turn:
        sender = Sender(turn, FormerFiles(repository, Index()), LeftFiles(repository), (), Deadline(60))
        files = sender.send(Source(str(filestore), sorted(names), len(names)), require_all=True)
        dump, held = b"the dump " * 50_000, sender.new_name()
        repository.store.put(data_key(held), repository.keys.seal(DUMP, data_key(held), dump))
        entry = Entry(turn.number, NOW, NOW, "uuid", "19.0", len(dump), len(names), files.index.bytes)
        turn.commit(
            entry,
            {
                "tenant": "harbour",
                "number": turn.number,
                "dump": {"held": [str(held)], "size": len(dump), "sha256": hashlib.sha256(dump).hexdigest()},
                "filestore": {"missing": []},
                "index": files.index.as_body(),
            },
        )
    return names


def program(
    store: Path, *arguments: str, key: bytes = MASTER.secret, prefix: str = "estate"
) -> subprocess.CompletedProcess[str]:
    """Run the program as a person does, with the key on its standard input."""
    argv = [sys.executable, str(PROGRAM), "--directory", str(store), "--prefix", prefix, "--key-file", "-"]
    text = base64.b64encode(key).decode()
    return subprocess.run([*argv, *arguments, "harbour"], input=text, capture_output=True, text=True, check=False)


def test_a_backup_is_listed_and_written_to_a_directory(tmp_path: Path) -> None:
    store, target = tmp_path / "store", tmp_path / "target"
    names = backed_up(store, tmp_path / "filestore")
    assert program(store).stdout == "20261127T020000Z  4 files\n"
    done = program(store, "--to", str(target))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "20261127T020000Z: 450000 bytes of dump, 4 files, 0 lost before the backup\n"
    assert (target / "database.dump").read_bytes() == b"the dump " * 50_000
    found = {
        path.relative_to(target / "filestore").as_posix(): path.read_bytes() for path in target.glob("filestore/*/*")
    }
    assert found == dict(zip(names, CONTENTS))


def test_a_lost_catalog_does_not_hide_a_backup(tmp_path: Path) -> None:
    store = tmp_path / "store"
    backed_up(store, tmp_path / "filestore")
    for path in (store / "estate/harbour/catalog").rglob("*"):
        if path.is_file():
            path.unlink()
    assert program(store).stdout.startswith("number ")
    assert program(store, "--to", str(tmp_path / "target")).returncode == 0


@pytest.mark.parametrize("lost", [False, True])
def test_the_manifest_of_a_healed_backup_is_followed(tmp_path: Path, lost: bool) -> None:
    rotting = rotting_in(tmp_path)
    rotting.add(*CONTENTS)
    first = rotting.backup()
    shard = rotting.manifest(first).index.shards[""]
    rotting.remove(data_key(min(rotting.manifest(first).index.uses)))
    rotting.check()
    assert program(tmp_path / "store", prefix="", key=ROTTING.secret).stdout == f"{first.name}  4 files  damaged\n"
    second = rotting.backup()
    rotting.check()
    rotting.remove(data_key(shard.held))
    if lost:
        rotting.lose_catalog()
    names = [f"number {one.number}" if lost else one.name for one in (first, second)]
    listed = program(tmp_path / "store", prefix="", key=ROTTING.secret).stdout.splitlines()
    assert [line.partition("  ")[0] for line in listed] == names
    target = tmp_path / "target"
    done = program(tmp_path / "store", "--backup", names[0], "--to", str(target), prefix="", key=ROTTING.secret)
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.relative_to(target / "filestore").as_posix() for path in target.glob("filestore/*/*")} == {
        *rotting.names
    }


@pytest.mark.parametrize("what", ["another key", "a changed byte", "another tenant's manifest", "no backup"])
def test_what_was_not_written_so_is_refused(tmp_path: Path, what: str) -> None:
    store, arguments, key = tmp_path / "store", ["--to", str(tmp_path / "target")], MASTER.secret
    backed_up(store, tmp_path / "filestore")
    (manifest,) = (store / "estate/harbour/manifests").iterdir()
    if what == "another key":
        key = b"x" * 32
    elif what == "a changed byte":
        data = bytearray(manifest.read_bytes())
        data[100] ^= 1
        manifest.write_bytes(data)
    elif what == "another tenant's manifest":
        directory = Directory(str(store))
        north = make_repository(Stores(directory, directory, "estate"), "north", [MASTER])
        name = f"manifests/{manifest.name}"
        manifest.write_bytes(north.keys.seal("manifest", name, b"{}"))
    else:
        arguments += ["--backup", "20200101T000000Z"]
    done = program(store, *arguments, key=key)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("restore_backup.py: ")


# what is lost of the backup, and what is not written then; -1 is the dump
LOSSES = [
    ("a large file is cut off", [3]),
    ("a large file is missing", [3]),
    ("a pack is missing", [0, 1, 2]),
    ("a pack has a changed byte", [1]),
    ("the dump has a changed byte", [-1]),
    ("the dump is missing", [-1]),
    ("the index is missing", [0, 1, 2, 3]),
    ("all contents are missing", [-1, 0, 1, 2, 3]),
]


@pytest.mark.parametrize(("loss", "lost"), LOSSES)
def test_what_is_not_lost_is_written_and_the_rest_is_listed(tmp_path: Path, loss: str, lost: list[int]) -> None:
    store, target = tmp_path / "store", tmp_path / "target"
    names = backed_up(store, tmp_path / "filestore")
    (contents,) = (store / "estate/harbour/data").iterdir()
    kinds = {kind: contents / str(place) for place, kind in enumerate(("pack", "large file", "index", "dump"))}
    for kind, path in kinds.items():
        if kind not in loss and "all" not in loss:
            continue
        data = bytearray(path.read_bytes())
        data[-5] ^= 1
        path.write_bytes(data[:-100] if "cut off" in loss else data)
        if "missing" in loss:
            path.unlink()
    done = program(store, "--to", str(target))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert all(line.startswith("missing or damaged: ") for line in lines)
    files = [place for place in range(4) if place not in lost]
    assert done.stdout.endswith(f" {len(files)} files, 0 lost before the backup, {len(lines)} missing or damaged\n")
    written = {path.relative_to(target / "filestore").as_posix() for path in target.glob("filestore/*/*")}
    assert written == {names[place] for place in files}
    assert (target / "database.dump").exists() == (-1 not in lost)
    assert (target / "database.dump.damaged").exists() == (-1 in lost)


@pytest.mark.parametrize("kind", ["catalog", "keys"])
def test_a_damaged_record_is_one_sentence(tmp_path: Path, kind: str) -> None:
    store = tmp_path / "store"
    backed_up(store, tmp_path / "filestore")
    for path in (store / "estate/harbour" / kind).rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-3])
    done = program(store, "--to", str(tmp_path / "target"))
    assert (done.returncode, done.stderr.count("\n"), "Traceback" in done.stderr) == (1, 1, False)
    # without the catalog, the backups are those with a manifest
    assert (tmp_path / "target/database.dump").exists() == (kind == "catalog")


def test_what_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    store = tmp_path / "store"
    backed_up(store, tmp_path / "filestore")
    (tmp_path / "target").mkdir()
    for done, told in (
        (program(store, "--to", str(tmp_path / "target")), "target cannot be used: File exists"),
        (
            program(tmp_path / "none"),
            "there are no keys of tenant harbour below prefix estate, nor of any other one (none is there); give the "
            "right --prefix, or the bucket of records as --records-bucket",
        ),
        (program(store, key=b"short"), "- holds no key of 32 bytes in base64"),
        (program(store, "--key-file", str(tmp_path / "none")), "none cannot be used: No such file or directory"),
    ):
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.endswith(f"{told}\n")


def test_the_key_that_is_missing_is_named_with_those_that_were_given(tmp_path: Path) -> None:
    store, old, new = tmp_path / "store", tmp_path / "old.key", tmp_path / "new.key"
    backed_up(store, tmp_path / "filestore")
    old.write_bytes(base64.b64encode(b"x" * 32))
    new.write_bytes(base64.b64encode(MASTER.secret))
    done = program(store, "--key-file", str(old), key=b"y" * 32)
    assert done.stderr == (
        "restore_backup.py: the backups of harbour are opened by the key called estate, and by none of those that were "
        f"given (-, {old}); give the file of estate as --key-file, or its record below keys/ is damaged\n"
    )
    assert program(store, "--key-file", str(new), key=b"y" * 32).stdout == "20261127T020000Z  4 files\n"


def test_what_was_sealed_with_a_later_data_key_names_it(tmp_path: Path) -> None:
    store = tmp_path / "store"
    backed_up(store, tmp_path / "filestore")
    (manifest,) = (store / "estate/harbour/manifests").iterdir()
    data = bytearray(manifest.read_bytes())
    data[2:4] = (7).to_bytes(2, "big")
    manifest.write_bytes(data)
    done = program(store, "--to", str(tmp_path / "target"))
    assert "is sealed with data key 7, and the newest record of the keys has 1: it is an older one" in done.stderr


def test_a_tenant_or_backup_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    store = tmp_path / "store"
    backed_up(store, tmp_path / "filestore")
    (store / "estate/empty").mkdir()
    argv = [sys.executable, str(PROGRAM), "--directory", str(store), "--key-file", "-"]
    text = base64.b64encode(MASTER.secret).decode()
    run = partial(subprocess.run, input=text, capture_output=True, text=True, check=False)
    assert run([*argv, "--prefix", "estate", "north"]).stderr == (
        "restore_backup.py: there are no keys of tenant north below prefix estate; the repository has harbour\n"
    )
    assert "(estate is there); give the right --prefix" in run([*argv, "--prefix", "other", "harbour"]).stderr
    done = program(store, "--backup", "20200101T000000Z", "--to", str(tmp_path / "target"))
    assert done.stderr.endswith("there is no backup 20200101T000000Z of harbour; there are 20261127T020000Z\n")


@pytest.mark.parametrize(
    "item",
    [
        ["../../etc/cron.d/x", 1, "1/0", 0, 10],
        ["da/da39a3ee5e6b4b0d3255bfef95601890afd80709", 0, "../keys", 0, 10],
        ["da/da39a3ee5e6b4b0d3255bfef95601890afd80709", 0, "{held}/0", -1, 10],
        ["da/da39a3ee5e6b4b0d3255bfef95601890afd80709", 0, "{held}/0", 10**30, 10],
        ["da/da39a3ee5e6b4b0d3255bfef95601890afd80709", 0, "{held}/0", True, 1.5],
        ["da/da39a3ee5e6b4b0d3255bfef95601890afd80709", "0", "{held}/0", 0, None],
        [[], 0],
        7,
    ],
)
def test_an_index_of_strange_values_is_no_traceback(tmp_path: Path, item: object) -> None:
    store, target = tmp_path / "store", tmp_path / "target"
    backed_up(store, tmp_path / "filestore")
    directory = Directory(str(store))
    repository = make_repository(Stores(directory, directory, "estate"), "harbour", [MASTER])
    (entry,) = repository.catalog.read().entries
    key = f"data/{entry.number}/2"
    listed = json.loads(repository.keys.open(SHARD, key, repository.store.get(key) or b"", key))
    listed[0] = json.loads(json.dumps(item).replace("{held}", str(entry.number)))
    repository.store.put(key, repository.keys.seal(SHARD, key, json.dumps(listed).encode()))
    done = program(store, "--to", str(target))
    assert (done.returncode, done.stderr.count("\n"), "Traceback" in done.stderr) == (1, 1, False)
    assert done.stdout.endswith(" 3 files, 0 lost before the backup, 1 missing or damaged\n")


def test_a_catalog_that_was_rolled_back_hides_no_backup(tmp_path: Path) -> None:
    rotting = rotting_in(tmp_path)
    rotting.add(b"an invoice")
    first = rotting.backup()
    older = rotting.repository.records.names("catalog/", 1)[0]
    second = rotting.backup(1)
    newer = [key for key in rotting.repository.records.names("catalog/", 100) if key < older]
    rotting.repository.records.delete(newer)
    done = program(tmp_path / "store", key=ROTTING.secret, prefix="")
    assert (done.returncode, done.stdout.splitlines()) == (
        1,
        [f"{first.name}  1 files", f"number {second.number}   files  not in the catalog"],
    )
    assert done.stderr == (
        f"the catalog lacks number {second.number}, of which there are manifests: it is an older one, or a backup was "
        "interrupted at its end; name one with --backup to write it\n"
    )
    done = program(tmp_path / "store", "--to", str(tmp_path / "latest"), key=ROTTING.secret, prefix="")
    assert (done.returncode, done.stdout.startswith(first.name)) == (1, True)
    named = ("--backup", f"number {second.number}", "--to", str(tmp_path / "named"))
    done = program(tmp_path / "store", *named, key=ROTTING.secret, prefix="")
    assert (tmp_path / "named/database.dump").read_bytes() == f"dump {second.number} ".encode() * 1000


def test_what_is_no_manifest_or_was_removed_is_not_missing_in_the_catalog(tmp_path: Path) -> None:
    rotting = rotting_in(tmp_path)
    rotting.add(b"an invoice")
    first, second = rotting.backup(), rotting.backup(1)
    former = rotting.repository.store.get(first.manifest.key) or b""
    rotting.expire(first.name)
    # an expiry that was interrupted leaves the manifest
    rotting.repository.store.put(first.manifest.key, former)
    done = program(tmp_path / "store", key=ROTTING.secret, prefix="")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{second.name}  1 files\n", "")
    rotting.repository.store.put(f"manifests/{second.number + 9}", b"x")
    done = program(tmp_path / "store", key=ROTTING.secret, prefix="")
    assert (done.returncode, done.stdout) == (1, f"{second.name}  1 files\n")
    assert f"a manifest that is not in the catalog, number {second.number + 9}: " in done.stderr
