# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take one backup: everything read in one snapshot, everything proven, and nothing counts before the catalog has it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup import read_database
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_interrupted import (
    with_interrupted,
    writing_after,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import (
    DatabaseFacts,
    Dump,
    FilestoreFacts,
    Manifest,
    State,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import entry_of, manifest_body
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import (
    Survey,
    Taken,
    former_dump_bytes,
    refuse_changed,
    refuse_lost,
    refuse_missing,
    refuse_other_database,
    refuse_skew,
    said_of_missing,
    survey_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_lost import marked
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import (
    DUMPING,
    FILES,
    ROWS,
    Count,
    counted,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_index import Files, Sender, Source
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import (
    RECORD_S,
    Repository,
    make_repository,
    open_repository,
    stored_sizes,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import PieceReader, Stores, segments
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import Turn, is_at_work
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Entry, Marks, Stay
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import wasteful
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_keys import MasterKey
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DUMP, DataName, data_key
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import (
    added,
    plan_lost,
    plan_stay,
    worsened,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_files import (
    former_files,
    left_files,
    notes_left,
)

PIECE_BYTES = 1024 * 1024
SEGMENT_BYTES = 32 * 1024**3
_CONSENT = ", or accept the loss with missing: record"


@dataclass(frozen=True)
class Job:
    """One backup to take. max_age_s: a complete backup younger than this many seconds suffices; 0 is never.

    stay: how long it is kept whatever a policy says. known: the number of its newest backup in the ledger, 0 for none.
    expected: what the database has to be, None for anything.
    """

    tenant: str
    database: str
    filestore: str
    login: Login
    record_missing: bool = False
    accept_other: bool = False
    max_age_s: int = 0
    lock_timeout: int = 300
    stay: Stay | None = None
    known: int = 0
    expected: State | None = None


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


def preview(stores: Stores, keys: tuple[MasterKey, ...], job: Job) -> Survey:
    """What a backup would find. Raises StateError where it would be refused."""
    repository = open_repository(stores, job.tenant, keys)
    catalog = repository.catalog.read() if repository else Catalog()
    listed: tuple[Entry, ...] = ()
    if repository and not is_at_work(repository):
        before, catalog = catalog, with_interrupted(repository, job.known, catalog)
        listed = added(before, catalog)
    before = catalog
    if repository:
        catalog = marked(repository, catalog, stored_sizes(repository))
    with closing(connect(job.login, job.database, autocommit=False)) as connection:
        _refuse(catalog, job, connection)
        superusers = tuple(read_database.for_superusers(connection))
    seen = survey_of(catalog, job.max_age_s, job.stay, stores.records.now(), repository is None)
    superusers = () if seen.fresh else superusers
    return replace(seen, listed=listed, marked=worsened(before, catalog), superusers=superusers)


def take(
    stores: Stores,
    keys: tuple[MasterKey, ...],
    job: Job,
    client: int,
    deadline: Deadline,
    progress: Progress,
) -> tuple[Survey, Taken | None]:
    """Take the backup unless a young enough one exists. client: the major version of pg_dump."""
    started = time.monotonic()
    found = open_repository(stores, job.tenant, keys)
    repository = found or make_repository(stores, job.tenant, keys)
    with writing_after(repository, "backup", job.lock_timeout, job.known) as begun:
        now, stored = repository.store.now(), stored_sizes(repository)
        turn = mark_lost(begun, stored)
        seen = survey_of(turn.catalog, job.max_age_s, job.stay, now, found is None)
        seen = replace(seen, listed=turn.listed, marked=worsened(begun.catalog, turn.catalog))
        if seen.fresh:
            if seen.stay:
                _hold(repository, seen.fresh.name, seen.stay, now)
            return seen, None
        former, notes = former_files(turn, stored), notes_left(turn)
        left = left_files(turn, notes, stored)
        doubted = wasteful(former.index.uses) | (former.index.objects() & set(turn.catalog.damaged))
        sender = Sender(turn, former, left, doubted, deadline)
        guard = read_database.hold_collector(job.login, job.database, job.lock_timeout)
        with closing(guard), read_database.held_still(job.login, job.database, job.lock_timeout) as still:
            refuse_skew(still.taken, now)
            _refuse(turn.catalog, job, still.connection)
            seen = replace(seen, superusers=tuple(read_database.for_superusers(still.connection)))
            size = read_database.size(still.connection)
            with ThreadPoolExecutor(2) as pool, sender.stopped_by_failure():
                sending = pool.submit(_send_files, sender, job, still, progress)
                # with the files safe the collector may work again
                sending.add_done_callback(lambda _done: guard.close())
                counting = pool.submit(_facts, job, still, progress)
                with (
                    pgtools.dump(job.login, job.database, still.snapshot, client, job.lock_timeout, deadline) as stream,
                    progress.part(DUMPING) as counter,
                ):
                    counter.expect(size=former_dump_bytes(turn.catalog), estimated=True)
                    dump, dump_sent = _dump(turn, sender, stream, size, counter.add)
                facts, files = counting.result(), sending.result()
        if not job.record_missing:
            refuse_missing(job.database, job.filestore, [*files.kept, *files.lost], _CONSENT)
        manifest = Manifest(
            tenant=job.tenant,
            number=turn.number,
            name="",
            snapshot_time=still.taken,
            finished_time=datetime.now(timezone.utc),
            client_version=client,
            database=facts,
            filestore=FilestoreFacts(files.index.files, files.index.bytes, files.orphans, files.lost, files.kept),
            dump=dump,
            index=files.index,
            stay=job.stay,
        )
        refuse_lost(manifest.lost(stored_sizes(repository)), repository.where)
        entry = turn.commit(entry_of(manifest, repository.store.now()), manifest_body(manifest), job.stay)
        repository.store.delete([note.key for note in [*notes, *sender.notes]])
    sent, seconds = files.sent_bytes + dump_sent, time.monotonic() - started
    warnings = (*former.warnings, *said_of_missing(files.lost))
    return seen, Taken(replace(manifest, name=entry.name), files.sent, sent, seconds, warnings)


def mark_lost(turn: Turn, stored: Mapping[DataName, int]) -> Turn:
    """Record which backups have lost objects; the turn with that catalog. stored: the size of each that is there."""
    found = marked(turn.repository, turn.catalog, stored)
    lost = Marks({one.number: one.restorable for one in worsened(turn.catalog, found)}, found.damaged)
    return turn.after(turn.repository.catalog.write(lambda seen: plan_lost(seen, lost), Deadline(RECORD_S)))


def _hold(repository: Repository, backup: str, stay: Stay, now: datetime) -> None:
    repository.catalog.write(lambda seen: plan_stay(seen, backup, stay, now), Deadline(RECORD_S))


def _refuse(catalog: Catalog, job: Job, connection: Any) -> None:
    refuse_changed(job.database, job.expected, read_database.state(connection))
    read_database.require_all_rows(connection)
    if not job.accept_other:
        refuse_other_database(catalog, job.tenant, read_database.uuid(connection))


def _send_files(sender: Sender, job: Job, still: read_database.Still, progress: Progress) -> Files:
    with read_database.joined(job.login, job.database, still) as connection, progress.part(FILES) as counter:
        count, names = read_database.stored_names(connection, job.database)
        counter.expect(files=count)
        source = Source(job.filestore, names, count)
        return sender.send(source, require_all=not job.record_missing, count=counter.add)


def _facts(job: Job, still: read_database.Still, progress: Progress) -> DatabaseFacts:
    # in a transaction of its own: its failure must not end the snapshot before pg_dump has met the same cause
    with read_database.joined(job.login, job.database, still) as connection, progress.part(ROWS):
        return read_database.facts(connection, job.database)


def _dump(turn: Turn, sender: Sender, stream: pgtools.DumpStream, size: int, count: Count) -> tuple[Dump, int]:
    """Send the dump in objects of at most SEGMENT_BYTES; what it is, and how many bytes were sent. size: a rough one.

    An object of S3 has at most 10,000 parts, so a larger one would need larger parts, and more memory for them.
    """
    held: list[DataName] = []
    stored: list[int] = []
    for segment in segments(counted(iter(partial(stream.read, PIECE_BYTES), b""), count), SEGMENT_BYTES):
        held.append(sender.new_name())
        key = data_key(held[-1])
        sealed = PieceReader(turn.repository.keys.seal_stream(DUMP, key, segment))
        turn.repository.store.upload(key, sealed, min(size, SEGMENT_BYTES))
        stored.append(sealed.size)
    return Dump(tuple(held), tuple(stored), stream.size, stream.sha256), sum(stored)
