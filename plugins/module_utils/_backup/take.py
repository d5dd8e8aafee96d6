# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take one backup: everything read in one snapshot, everything proven, the manifest written last."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.gantry.odoo.plugins.module_utils._backup import blobs, lease, source, store
from ansible_collections.gantry.odoo.plugins.module_utils._backup.layout import Layout
from ansible_collections.gantry.odoo.plugins.module_utils._backup.manifest import index_bytes, manifest_bytes
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import (
    FilestoreFacts,
    Manifest,
    Part,
    backup_id,
    moment_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.s3 import Bucket
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._filestore import paths as files
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect

# S3 itself refuses requests whose clock is further off
SKEW_S = 900
MISSING_SHOWN = 3


@dataclass(frozen=True)
class Job:
    """One backup to take. max_age_s: a complete backup younger than this many seconds suffices; 0 is never."""

    layout: Layout
    database: str
    filestore: str
    login: Login
    record_missing: bool = False
    max_age_s: int = 0
    lock_timeout: int = 300


@dataclass(frozen=True)
class Survey:
    """What stands before a backup. fresh: the complete backup that suffices, if one does."""

    complete: Sequence[str]
    leftovers: Sequence[str]
    choice: blobs.Choice
    fresh: str | None

    @property
    def send_bytes(self) -> int:
        """The size in bytes of the files that the bucket lacks."""
        return sum(self.choice.present[name] for name in self.choice.send)


@dataclass(frozen=True)
class Taken:
    """A complete backup. Sizes in bytes, times in seconds."""

    manifest: Manifest
    files_sent: int
    bytes_sent: int
    duration_s: float


def survey(bucket: Bucket, job: Job, connection: object) -> Survey:
    """Compare the database behind `connection`, the disk and the bucket. Raises StateError for a lost file."""
    complete, leftovers = store.backups(bucket, job.layout)
    stored = {job.layout.store_fname(key): item.size for key, item in bucket.objects(job.layout.filestore).items()}
    on_disk = dict(files.blobs(job.filestore))
    choice = blobs.choose(source.stored_names(connection, job.database), on_disk, stored)
    if choice.missing and not job.record_missing:
        shown = ", ".join(choice.missing[:MISSING_SHOWN])
        raise StateError(
            f"database {job.database} refers to {len(choice.missing)} files that are not in {job.filestore} ({shown}); "
            "restore them, or accept the loss with missing: record"
        )
    return Survey(complete, leftovers, choice, fresh_enough(complete, job.max_age_s, bucket.now()))


def fresh_enough(complete: Sequence[str], max_age_s: int, now: datetime) -> str | None:
    """The newest complete backup when it is younger than `max_age_s` seconds; one dated in the future never is."""
    past = [name for name in complete if moment_of(name) <= now]
    if past and (now - moment_of(past[-1])).total_seconds() < max_age_s:
        return past[-1]
    return None


def steps_of(job: Job, seen: Survey) -> list[Step]:
    """What a backup does, the same in check mode and in a run."""
    if seen.fresh:
        return []
    tenant, choice = job.layout.tenant, seen.choice
    share = f"{len(choice.send)} of {len(choice.present)} files, {seen.send_bytes} bytes, are not in the bucket"
    return [
        *(Step("remove_leftover", f"{tenant}/{name}", "it has no manifest") for name in seen.leftovers),
        Step("dump_database", job.database, "as it is in one snapshot"),
        *([Step("send_files", tenant, share)] if choice.send else []),
        Step("write_manifest", tenant, "the backup is complete"),
    ]


def preflight(job: Job, client: int) -> None:
    """Raises UnreachableError or StateError when the database cannot be backed up at all."""
    with closing(connect(job.login, job.database)) as connection:
        server = connection.server_version // 10000
        if client < server:
            raise StateError(
                f"pg_dump {client} cannot read PostgreSQL {server} at {job.login.where}; "
                f"install postgresql-client-{server}"
            )
        source.require_odoo(connection, job.database)


def preview(bucket: Bucket, job: Job) -> Survey:
    """What a backup would find, without a lease and without holding the database still."""
    with closing(connect(job.login, job.database)) as connection:
        return survey(bucket, job, connection)


def take(bucket: Bucket, job: Job, client: int, deadline: Deadline) -> tuple[Survey, Taken | None]:
    """Take the backup unless a young enough one exists. client: the major version of pg_dump."""
    started = time.monotonic()
    with lease.held(bucket, job.layout, "backup", job.lock_timeout) as held:
        guard = source.hold_collector(job.login, job.database, job.lock_timeout)
        with closing(guard), source.held_still(job.login, job.database, job.lock_timeout) as still:
            seen = survey(bucket, job, still.connection)
            if seen.fresh:
                return seen, None
            identifier = _identifier(job, seen, still.taken, bucket.now())
            for leftover in seen.leftovers:
                store.remove_backup(bucket, job.layout, leftover)
            with ThreadPoolExecutor(2) as pool:
                sending = pool.submit(blobs.upload, bucket, job.layout, job.filestore, seen.choice.send, deadline)
                # with the files safe the collector may work again
                sending.add_done_callback(lambda _done: guard.close())
                counting = pool.submit(source.facts, still.connection, job.database)
                dump = _dump(bucket, job, identifier, still.snapshot, client, deadline)
                facts, sent = counting.result(), sending.result()
        index = index_bytes(seen.choice.present)
        bucket.put(job.layout.index(identifier), index)
        manifest = Manifest(
            tenant=job.layout.tenant,
            backup_id=identifier,
            snapshot_time=still.taken,
            finished_time=datetime.now(timezone.utc),
            client_version=client,
            database=facts,
            filestore=FilestoreFacts(
                len(seen.choice.present), sum(seen.choice.present.values()), seen.choice.orphans, seen.choice.missing
            ),
            dump=dump,
            index=Part(len(index), hashlib.sha256(index).hexdigest()),
        )
        held.assert_held()
        data = manifest_bytes(manifest)
        bucket.put(job.layout.manifest(identifier), data)
    total = sent + dump.size + len(index) + len(data)
    return seen, Taken(manifest, len(seen.choice.send), total, time.monotonic() - started)


def _dump(bucket: Bucket, job: Job, identifier: str, snapshot: str, client: int, deadline: Deadline) -> Part:
    with closing(connect(job.login, job.database)) as connection:
        size = int(source.rows(connection, "SELECT pg_database_size(current_database())")[0][0])
    with pgtools.dump(job.login, job.database, snapshot, client, job.lock_timeout, deadline) as stream:
        bucket.upload(job.layout.dump(identifier), stream, size)  # type: ignore[arg-type]
        return Part(stream.size, stream.sha256)


def _identifier(job: Job, seen: Survey, taken: datetime, now: datetime) -> str:
    skew = abs((taken - now).total_seconds())
    if skew > SKEW_S:
        raise StateError(
            f"the clocks of PostgreSQL at {job.login.where} and of the S3 server are {skew:.0f} s apart; "
            "set them right first: retention goes by the time of the snapshot"
        )
    identifier = backup_id(taken)
    if identifier in seen.complete:
        raise StateError(f"tenant {job.layout.tenant} has a backup {identifier} of this very second; run again")
    return identifier
