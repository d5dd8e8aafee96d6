# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups in a directory, of a filestore and a dump, and the ways in which their objects rot."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_check
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_backup import mark_lost
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_files import fetch
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_interrupted import writing_after
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Dump, FilestoreFacts, Manifest, Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_check import Check
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import entry_of, manifest_body
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_policy import record
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import manifest_of, read_dump
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import Owner
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_index import Sender, Source
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    Repository,
    make_repository,
    stored_sizes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import Stores
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_sweep import sweep
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Entry, Stay
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Tally
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DUMP, data_key
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import plan_expire, plan_policy
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_files import (
    former_files,
    left_files,
    notes_left,
    read_shard,
)
from tests.unit.backup.build import MANIFEST

MASTER = MasterKey("estate", b"k" * 32)
CONTENTS = [b"file %d " % number * (300 if number % 20 == 0 else 5) for number in range(60)]


@dataclass
class Rotting:
    """The repository of a tenant and its filestore on the disk. known: its newest backup, by the ledger."""

    path: Path
    repository: Repository
    names: list[str] = field(default_factory=list)
    known: int = 0

    @property
    def filestore(self) -> str:
        """The filestore."""
        return str(self.path / "filestore")

    def add(self, *contents: bytes) -> list[str]:
        """Write files on the disk; their names."""
        found = []
        for content in contents:
            digest = hashlib.sha1(content).hexdigest()
            found.append(f"{digest[:2]}/{digest}")
            (self.path / "filestore" / digest[:2]).mkdir(parents=True, exist_ok=True)
            (self.path / "filestore" / found[-1]).write_bytes(content)
        self.names = sorted({*self.names, *found})
        return found

    def backup(self, hours: int = 0, stay: Stay | None = None) -> Entry:
        """Take a backup, as odoo_backup does. hours: by which its snapshot is later than that of the others."""
        repository = self.repository
        with writing_after(repository, "backup", 5, self.known) as begun:
            stored = stored_sizes(repository)
            turn = mark_lost(begun, stored)
            former, notes = former_files(turn, stored), notes_left(turn)
            left = left_files(turn, notes, stored)
            doubted = former.index.objects() & set(turn.catalog.damaged)
            sender = Sender(turn, former, left, doubted, Deadline(60))
            files = sender.send(Source(self.filestore, self.names, len(self.names)), require_all=False)
            held, dump = sender.new_name(), f"dump {turn.number} ".encode() * 1000
            sealed = repository.keys.seal(DUMP, data_key(held), dump)
            repository.store.put(data_key(held), sealed)
            manifest = replace(
                MANIFEST,
                tenant=repository.tenant,
                number=turn.number,
                snapshot_time=MANIFEST.snapshot_time + timedelta(hours=hours),
                dump=Dump((held,), (len(sealed),), len(dump), hashlib.sha256(dump).hexdigest()),
                filestore=FilestoreFacts(files.index.files, files.index.bytes, 0, files.lost),
                index=files.index,
                stay=stay,
            )
            entry = turn.commit(entry_of(manifest, repository.store.now()), manifest_body(manifest), stay)
            repository.store.delete([note.key for note in [*notes, *sender.notes]])
        return entry

    def promise(self, policy: Policy | None) -> None:
        """Record a policy, as backup_policy does."""
        recorded = None if policy is None else record(policy)
        self.repository.catalog.write(lambda seen: plan_policy(seen, recorded), Deadline(5))

    def expire(self, *names: str) -> list[str]:
        """Mark backups and remove what is due without a grace; the keys of the objects that are left."""
        with writing_after(self.repository, "expiry", 5, 0) as turn:
            now = self.repository.store.now()
            catalog = self.repository.catalog.write(lambda seen: plan_expire(seen, names, now), Deadline(5))
            sweep(turn.after(catalog), 0)
        return self.listed()

    def check(self, parts: int = 1, rebuild: bool = False) -> Check:
        """Check, as odoo_backup_check does."""
        return apply_check.check(self.repository, self.order(parts, rebuild), Progress())

    def foresee(self, parts: int = 1, rebuild: bool = False) -> Check:
        """Check in check mode."""
        return apply_check.foresee(self.repository, self.order(parts, rebuild), Progress())

    def order(self, parts: int = 1, rebuild: bool = False) -> apply_check.Order:
        """What the check is asked for."""
        return apply_check.Order(parts, rebuild, lock_timeout=5, timeout=60)

    def entry(self, number: int) -> Entry:
        """A backup as the catalog has it now."""
        return next(one for one in self.repository.catalog.read().entries if one.number == number)

    def manifest(self, entry: Entry) -> Manifest:
        """The manifest of a backup."""
        return manifest_of(self.repository, self.entry(entry.number))

    def restored(self, entry: Entry, accept_missing: bool = False) -> set[str]:
        """Restore a backup beside the others; the names of the files that came, each with its SHA-1."""
        manifest = self.manifest(entry)
        assert len(b"".join(read_dump(self.repository, manifest))) == manifest.dump.size
        target = self.path / f"restored-{entry.number}-{len(list(self.path.iterdir()))}"
        owner = Owner(os.getuid(), os.getgid())
        fetch(self.repository, manifest.index, str(target), owner, accept_missing, Deadline(60))
        found = {path.relative_to(target).as_posix() for path in target.glob("??/*")}
        assert all(hashlib.sha1((target / name).read_bytes()).hexdigest() == name[3:] for name in found)
        return found

    def is_counted(self, entry: Entry) -> bool:
        """Whether the manifest of a backup counts each object as far as its index uses it."""
        index = self.manifest(entry).index
        tally = Tally({})
        for shard in index.shards.values():
            totals = {name: use.total for name, use in index.uses.items()}
            tally.change((), read_shard(self.repository, shard).values(), totals)
        return tally.uses() == dict(index.uses)

    def listed(self) -> list[str]:
        """The keys of contents and manifests."""
        return [key for part in ("data/", "manifests/") for key in sorted(self.repository.store.objects(part))]

    def state(self) -> dict[str, bytes]:
        """Every object of the store but the leases, read from the disk."""
        root = self.path / "store"
        paths = (path for path in root.rglob("*") if path.is_file() and not {"leases", "reads"} & set(path.parts))
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}

    def flip(self, key: str, at: int = -40) -> None:
        """Change a byte of an object."""
        data = bytearray(self.repository.store.get(key) or b"")
        data[at] ^= 1
        self.repository.store.put(key, bytes(data))

    def truncate(self, key: str) -> None:
        """Take the second half of an object away."""
        data = self.repository.store.get(key) or b""
        self.repository.store.put(key, data[: len(data) // 2])

    def remove(self, key: str) -> None:
        """Remove an object."""
        self.repository.store.delete([key])

    def swap(self, one: str, other: str) -> None:
        """Give two objects one another's keys."""
        first, second = self.repository.store.get(one) or b"", self.repository.store.get(other) or b""
        self.repository.store.put(one, second)
        self.repository.store.put(other, first)

    def lose_catalog(self) -> None:
        """Remove all records of the catalog."""
        self.repository.records.delete(self.repository.records.names("catalog/", 10_000))

    def leases(self) -> int:
        """How many leases are held. One that has expired is listed until the next one is taken."""
        now = self.repository.leases.objects.now()
        registers = (self.repository.leases, self.repository.readers)
        return sum(lease.until > now for register in registers for lease in register.read().held)


def rotting_in(
    path: Path, stores: Stores | None = None, tenant: str = "harbour", keys: Sequence[MasterKey] = (MASTER,)
) -> Rotting:
    """The repository of a tenant and an empty filestore; by default in a directory beside it."""
    directory = Directory(str(path / "store"))
    return Rotting(path, make_repository(stores or Stores(directory, directory), tenant, keys))
