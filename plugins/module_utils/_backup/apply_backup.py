# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take one backup: everything read in one snapshot, everything proven, the manifest written last."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.gantry.odoo.plugins.module_utils._backup import (
    apply_blobs,
    apply_lease,
    read_database,
    read_repository,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_policy import remove_backup
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import (
    FilestoreFacts,
    Manifest,
    Part,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_layout import Layout
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import index_bytes, manifest_bytes
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import (
    Survey,
    Taken,
    choose,
    fresh_enough,
    new_identifier,
    refuse_missing,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import blobs
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket import Bucket
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect


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


def survey(bucket: Bucket, job: Job, connection: object) -> Survey:
    """Compare the database behind `connection`, the disk and the bucket. Raises StateError for a lost file."""
    complete, leftovers = read_repository.backups(bucket, job.layout)
    stored = {job.layout.store_fname(key): item.size for key, item in bucket.objects(job.layout.filestore).items()}
    on_disk = dict(blobs(job.filestore))
    choice = choose(read_database.stored_names(connection, job.database), on_disk, stored)
    if not job.record_missing:
        refuse_missing(job.database, job.filestore, choice, ", or accept the loss with missing: record")
    return Survey(complete, leftovers, choice, fresh_enough(complete, job.max_age_s, bucket.now()))


def preflight(job: Job, client: int) -> None:
    """Raises UnreachableError or StateError when the database cannot be backed up at all."""
    with closing(connect(job.login, job.database)) as connection:
        server = connection.server_version // 10000
        if client < server:
            raise StateError(
                f"pg_dump {client} cannot read PostgreSQL {server} at {job.login.where}; "
                f"install postgresql-client-{server}"
            )
        read_database.require_odoo(connection, job.database)


def preview(bucket: Bucket, job: Job) -> Survey:
    """What a backup would find, without a lease and without holding the database still."""
    with closing(connect(job.login, job.database, autocommit=False)) as connection:
        return survey(bucket, job, connection)


def take(bucket: Bucket, job: Job, client: int, deadline: Deadline) -> tuple[Survey, Taken | None]:
    """Take the backup unless a young enough one exists. client: the major version of pg_dump."""
    started = time.monotonic()
    with apply_lease.held(bucket, job.layout, "backup", job.lock_timeout) as held:
        guard = read_database.hold_collector(job.login, job.database, job.lock_timeout)
        with closing(guard), read_database.held_still(job.login, job.database, job.lock_timeout) as still:
            seen = survey(bucket, job, still.connection)
            if seen.fresh:
                return seen, None
            identifier = new_identifier(job.layout.tenant, seen, still.taken, bucket.now())
            for leftover in seen.leftovers:
                remove_backup(bucket, job.layout, leftover)
            with ThreadPoolExecutor(2) as pool:
                sending = pool.submit(apply_blobs.upload, bucket, job.layout, job.filestore, seen.choice.send, deadline)
                # with the files safe the collector may work again
                sending.add_done_callback(lambda _done: guard.close())
                counting = pool.submit(read_database.facts, still.connection, job.database)
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
        size = int(read_database.rows(connection, "SELECT pg_database_size(current_database())")[0][0])
    with pgtools.dump(job.login, job.database, snapshot, client, job.lock_timeout, deadline) as stream:
        bucket.upload(job.layout.dump(identifier), stream, size)
        return Part(stream.size, stream.sha256)
