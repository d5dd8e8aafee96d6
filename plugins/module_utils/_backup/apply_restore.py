# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores a backup under a temporary name, verifies it, and only then gives it its name."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from typing import IO

from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_files
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_restore import (
    Block,
    CreateDatabase,
    Discard,
    DropDatabase,
    FetchFiles,
    LoadRegistry,
    Neutralize,
    Note,
    Open,
    Publish,
    PublishFiles,
    RemoveFiles,
    RemoveNote,
    RenewIdentity,
    RestoreDump,
    Survey,
    Verify,
    WriteNote,
    aside,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import (
    FINISHED,
    mark,
    privileged_extensions,
    swapped,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_restore import Order, read_target
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_restored import verify_restored
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import replace_file
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Hands, Step, carry_out
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.apply_move import remove
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_access import block_database, open_database
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_content import Content
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import drop_database
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_extensions import create_extensions
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import connect, explaining
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import refuse_overtaken, with_home
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_extensions import entries_without
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_bring import Owner
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DUMP, data_key

PIECE_BYTES = 1024 * 1024


@dataclass
class Timings:
    """Seconds that each part took; parts that run at the same time overlap."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Measure the block as `part`."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[part] = round(time.monotonic() - started, 3)


def restore(order: Order, seen: Survey, timings: Timings) -> None:
    """Carry out the plan of a survey. What fails leaves nothing but files, which spare the next run the way."""
    restorer = Restorer(order, seen, timings)
    restorer.carry_out(seen.undo)
    builds = any(isinstance(step, CreateDatabase) for step in seen.todo)
    try:
        restorer.carry_out(seen.todo)
    finally:
        if builds:
            restorer.tidy()


@dataclass(frozen=True)
class Restorer:
    """The hands of a restore."""

    order: Order
    seen: Survey
    timings: Timings

    def carry_out(self, steps: Sequence[Step]) -> None:
        """Do the steps in their order; files come while the dump is restored."""
        with ThreadPoolExecutor(1) as pool:
            coming: Future[None] | None = None
            for step in steps:
                if isinstance(step, FetchFiles):
                    coming = pool.submit(self._do, step)
                    continue
                if coming and not isinstance(step, RestoreDump):
                    coming.result()
                self._do(step)
            if coming:
                coming.result()

    def tidy(self) -> None:
        """Remove the database in the making and the note. A swap that was interrupted is the next run's to finish."""
        if swapped(read_target(self.order)):
            return
        with explaining(f"removing {self.order.build.at}", self.order.build.login):
            self.order.build.discard(keep_files=not self.order.wish.drill)
        self._remove_note()

    def _do(self, step: Step) -> None:
        try:
            with explaining(f"the step {step.action} of {step.target}", self.order.build.login):
                carry_out(step, self._hands())
        except OSError as error:
            raise StateError(f"the step {step.action} of {step.target} failed: {error}") from error

    def _hands(self) -> Hands:
        build = self.order.build
        return {
            WriteNote: lambda step: self._write_note(step.note),
            RemoveNote: lambda _step: self._remove_note(),
            PublishFiles: lambda _step: build.publish_filestore(aside(build.name)),
            DropDatabase: lambda step: drop_database(build.login, step.target),
            RemoveFiles: lambda step: self._remove_files(step.target),
            Open: lambda step: open_database(build.login, step.target),
            Block: lambda step: block_database(build.login, step.target),
            CreateDatabase: lambda _step: self._create(),
            FetchFiles: lambda _step: self._fetch(),
            RestoreDump: lambda _step: self._restore_dump(),
            Verify: lambda _step: self._verify(),
            RenewIdentity: lambda _step: Content(build.login).renew_identity(build.at),
            Neutralize: lambda _step: self._neutralize(),
            LoadRegistry: lambda _step: self._load_registry(),
            Publish: self._publish,
            Discard: lambda _step: build.discard(),
        }

    def _create(self) -> None:
        build, manifest = self.order.build, self.seen.manifest
        apply_files.make_directory(build.files, self._owner_of_files())
        apply_files.prune(self.order.repository, manifest.index, build.files)
        self._write_note(Note(mark(manifest, self.order.wish)))
        with closing(connect(build.login)) as connection, connection.cursor() as cursor:
            build.create(cursor, self.order.owner, locale=manifest.database.locale, private=True)
            if self.order.wish.neutralize:
                build.require_private(cursor)

    def _fetch(self) -> None:
        order, index = self.order, self.seen.manifest.index
        with self.timings.of("fetch_files_s"):
            apply_files.fetch(order.repository, index, order.build.files, self._owner_of_files(), order.deadline)

    def _restore_dump(self) -> None:
        order, build, manifest = self.order, self.order.build, self.seen.manifest
        # without a name, the file is gone with the process however that ends
        with tempfile.TemporaryFile(dir=build.data_dir) as archive:
            with self.timings.of("fetch_dump_s"):
                _fetch_dump(order, manifest, archive)
            with self.timings.of("restore_s"), closing(connect(build.login, build.at)) as connection:
                contents = pgtools.contents(archive.fileno(), order.deadline)
                special = privileged_extensions(self.seen.server, manifest)
                with connection.cursor() as cursor:
                    altered = manifest.database.unaccent_immutable
                    schemas = create_extensions(cursor, special, order.owner, altered)
                    entries = entries_without(contents, special, schemas)
                    pgtools.restore(
                        build.login, build.at, archive.fileno(), entries, order.owner, order.jobs, order.deadline
                    )
                    # let the planner know the restored tables
                    cursor.execute("ANALYZE")

    def _verify(self) -> None:
        build = self.order.build
        with self.timings.of("verify_s"):
            verify_restored(build.login, build.at, build.files, self.seen.manifest, self.order.deadline)

    def _neutralize(self) -> None:
        with self.timings.of("neutralize_s"):
            self.order.neutralizer.run(self.order.build)

    def _load_registry(self) -> None:
        with self.timings.of("load_registry_s"):
            self.order.odoo.load_registry(self.order.build.at, self.order.deadline)

    def _publish(self, step: Publish) -> None:
        """What stood there goes to the old name, then for good. On failure it has its name and access again."""
        build, old = self.order.build, aside(self.order.build.name)
        with self.timings.of("swap_s"):
            # another change may have made it the home since the plan was made
            home = read_target(self.order).home
            refuse_overtaken(build.name, home, self.order.wish.fencing_number)
            self._write_note(Note(step.origin, swapping=True, reopen=step.reopen))
            try:
                with explaining(f"giving {build.at} its name", build.login):
                    if step.replaces:
                        block_database(build.login, build.name)
                    said = with_home(FINISHED + step.origin, home)
                    build.publish(said, old if step.replaces else "")
            except GantryError:
                if read_target(self.order).new_database:
                    self._write_note(Note(step.origin))
                    if step.reopen:
                        open_database(build.login, build.name)
                raise
            self._remove_note()
            drop_database(build.login, old)
            self._remove_files(old)

    def _remove_files(self, name: str) -> None:
        remove(self.order.files(name))

    def _owner_of_files(self) -> Owner:
        data_dir = self.order.build.data_dir
        try:
            found = os.stat(data_dir)
        except OSError as error:
            raise StateError(f"data_dir {data_dir} cannot be used: {error.strerror}; install Odoo first") from error
        return Owner(found.st_uid, found.st_gid)

    def _write_note(self, note: Note) -> None:
        replace_file(self.order.note_path, json.dumps(asdict(note)), 0o644)

    def _remove_note(self) -> None:
        if os.path.exists(self.order.note_path):
            os.unlink(self.order.note_path)


def _fetch_dump(order: Order, manifest: Manifest, archive: IO[bytes]) -> None:
    """Write the dump to an open file. Raises StateError when it is not the one that the manifest tells of."""
    key, repository = data_key(manifest.dump.held), order.repository
    where = f"{key} in the {repository.where}"
    digest = hashlib.sha256()
    pieces = repository.store.pieces(key, PIECE_BYTES)
    for piece in repository.keys.open_stream(DUMP, key, pieces, where):
        digest.update(piece)
        archive.write(piece)
    archive.flush()
    if digest.hexdigest() != manifest.dump.sha256:
        raise StateError(f"{where} is damaged: its SHA-256 is not the manifest's; use another backup")
