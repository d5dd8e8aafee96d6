# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores a backup under a temporary name, verifies it, and only then gives it its name."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup import apply_files
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_scratch import at_its_server
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
    RecycleFiles,
    RemoveFiles,
    RemoveNote,
    RenewIdentity,
    RestoreDump,
    Serve,
    Survey,
    Verify,
    WriteNote,
    aside,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import (
    FINISHED,
    mark,
    replaced_comment,
    swapped,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_manifest import read_dump
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_restore import Order, read_target
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_restored import verify_restored
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Counter, Progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import (
    Owner,
    made_directory,
    opened_directory,
    owner_of_directory,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import replace_file
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import (
    DUMPING,
    FILES,
    NEUTRALIZE,
    REGISTRY,
    RESTORE,
    VERIFY,
    counted,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Hands, Step, carry_out
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.apply_move import recycle, remove
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import shown
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_access import block_database, open_database
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_content import Content
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_serve import serve
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import (
    drop_database,
    drop_unfinished,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_fill import Filling, fill
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_grants import make_grants
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_settings import make_settings
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_write import Writing
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import connect, explaining
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Extensions, Setting
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_access import (
    CONNECT,
    DatabaseRight,
    record_for,
    recorded,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import refuse_overtaken, with_home


@dataclass
class Timings:
    """Seconds that each part took; parts that run at the same time overlap. served: what Odoo answered in a drill."""

    seconds: dict[str, float] = field(default_factory=dict)
    served: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Measure the block as `part`."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[part] = round(time.monotonic() - started, 3)


@dataclass(frozen=True)
class LeftOut:
    """What a restore could not make of a backup, each with the reason: settings, rights, and objects.

    files: names of those that are missing or damaged in the backup. notes: what else is to be said.
    """

    settings: dict[Setting, str] = field(default_factory=dict)
    grants: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def sentences(self) -> list[str]:
        """All of it, for people."""
        return [
            *(f"setting {one.name} was left out: {why}" for one, why in sorted(self.settings.items())),
            *(f"{statement.removesuffix(';')} was left out: {why}" for statement, why in self.grants.items()),
            *(
                [f"{len(self.files)} files were left out, the first as {next(iter(self.files.values()))}"]
                if self.files
                else []
            ),
            *self.notes,
        ]


def restore(order: Order, seen: Survey, timings: Timings, progress: Progress) -> LeftOut:
    """Carry out the plan of a survey; what could not be made of the backup.

    What fails leaves nothing but files, which spare the next run the way.
    """
    Restorer(order, seen, timings, progress).carry_out(seen.undo)
    builds = any(isinstance(step, CreateDatabase) for step in seen.todo)
    with at_its_server(order, seen) as there:
        restorer = Restorer(there, seen, timings, progress)
        if builds:
            lost = seen.manifest.filestore.missing
            restorer.left_out.files.update(
                {name: f"{shown(name)} was missing when the backup was taken" for name in lost}
            )
        try:
            restorer.carry_out(seen.todo)
        finally:
            if builds:
                restorer.tidy()
    return restorer.left_out


@dataclass(frozen=True)
class Restorer:
    """The hands of a restore."""

    order: Order
    seen: Survey
    timings: Timings
    progress: Progress
    left_out: LeftOut = field(default_factory=LeftOut)

    def carry_out(self, steps: Sequence[Step]) -> None:
        """Do the steps in their order; files come while the dump is restored."""
        with ThreadPoolExecutor(1) as pool:
            coming: Future[None] | None = None
            for writes, group in groupby(steps, lambda step: isinstance(step, (RenewIdentity, Neutralize))):
                if writes:
                    if coming:
                        coming.result()
                    self._write(list(group))
                    continue
                for step in group:
                    if isinstance(step, FetchFiles):
                        coming = pool.submit(self._do, step, self._hands())
                        continue
                    if coming and not isinstance(step, RestoreDump):
                        coming.result()
                    self._do(step, self._hands())
            if coming:
                coming.result()

    def tidy(self) -> None:
        """Remove the database in the making and the note. A swap that was interrupted is the next run's to finish."""
        if self.order.scratch is not None:
            # its database goes with its server, which may have ended
            remove(self.order.build.files)
            self._remove_note()
            return
        if swapped(read_target(self.order)):
            return
        with explaining(f"removing {self.order.build.at}", self.order.build.login):
            self.order.build.discard(keep_files=not self.order.wish.drill)
        self._remove_note()

    def _write(self, steps: Sequence[Step]) -> None:
        """Do the steps that write in the database, in one session."""
        order = self.order
        with (
            explaining(f"writing in {order.build.at}", order.build.login),
            order.writer.inside(order.build.at, order.deadline.remaining) as writing,
        ):
            hands: Hands = {
                RenewIdentity: lambda _step: Content(writing).renew_identity(),
                Neutralize: lambda _step: self._neutralize(writing),
            }
            for step in steps:
                self._do(step, hands)

    def _do(self, step: Step, hands: Hands) -> None:
        try:
            with explaining(f"the step {step.action} of {step.target}", self.order.build.login):
                carry_out(step, hands)
        except OSError as error:
            raise StateError(f"the step {step.action} of {step.target} failed: {error}") from error

    @contextmanager
    def _part(self, timing: str, name: str) -> Iterator[Counter]:
        """Measure the block as `timing`, and show it as `name`."""
        with self.timings.of(timing), self.progress.part(name) as counter:
            yield counter

    def _hands(self) -> Hands:
        build = self.order.build
        return {
            WriteNote: lambda step: self._write_note(step.note),
            RemoveNote: lambda _step: self._remove_note(),
            PublishFiles: lambda _step: build.publish_filestore(aside(build.name)),
            DropDatabase: lambda step: self._drop(step.target),
            RecycleFiles: lambda step: recycle(build.data_dir, step.target, self.order.started, step.database),
            RemoveFiles: lambda step: self._remove_files(step.target),
            Open: lambda step: open_database(build.login, step.target),
            Block: lambda step: block_database(build.login, step.target),
            CreateDatabase: lambda _step: self._create(),
            FetchFiles: lambda _step: self._fetch(),
            RestoreDump: lambda _step: self._restore_dump(),
            Verify: lambda _step: self._verify(),
            LoadRegistry: lambda _step: self._load_registry(),
            Serve: lambda _step: self._serve(),
            Publish: self._publish,
            Discard: lambda _step: build.discard(),
        }

    def _create(self) -> None:
        build, manifest = self.order.build, self.seen.manifest
        with made_directory(build.files, self._owner_of_files()):
            pass
        apply_files.prune(self.order.repository, manifest.index, build.files)
        self._write_note(Note(mark(manifest, self.order.wish)))
        with closing(connect(build.login)) as connection, connection.cursor() as cursor:
            build.create(cursor, self.order.owner, locale=manifest.database.locale, private=True)
            if self.order.wish.neutralize:
                build.require_private(cursor)

    def _fetch(self) -> None:
        order, index = self.order, self.seen.manifest.index
        with self._part("fetch_files_s", FILES) as counter:
            counter.expect(self.seen.fetch.files, self.seen.fetch.bytes)
            owner, accept = self._owner_of_files(), order.wish.accept_missing
            files, deadline = order.build.files, order.deadline
            lacking = apply_files.fetch(order.repository, index, files, owner, accept, deadline, counter.add)
            self.left_out.files.update(lacking)

    def _restore_dump(self) -> None:
        order, build, manifest = self.order, self.order.build, self.seen.manifest
        # without a name, the file is gone with the process however that ends
        with (
            opened_directory(build.data_dir) as data,
            tempfile.TemporaryFile(dir=f"/proc/self/fd/{data}") as archive,
        ):
            with self._part("fetch_dump_s", DUMPING) as counter:
                counter.expect(size=manifest.dump.size)
                for piece in counted(read_dump(order.repository, manifest), counter.add):
                    archive.write(piece)
                archive.flush()
            with self._part("restore_s", RESTORE):
                filled = fill(build.login, self._filling(), archive.fileno(), order.deadline)
        self.timings.seconds["give_s"] = filled.give_s
        self.left_out.grants.update(filled.left_out)
        self.left_out.notes.extend([filled.note] if filled.note else [])
        with closing(connect(build.login, build.at)) as connection, connection.cursor() as cursor:
            self.left_out.settings.update(make_settings(cursor, build.at, manifest.database.settings))
        self._give_rights([one for one in self._rights() if one.privilege != CONNECT])

    def _rights(self) -> list[DatabaseRight]:
        """The rights on the database that the backup has, but for those of roles that have their own here."""
        order = self.order
        own = {order.owner, order.build.login.user, order.restore_user, order.write_user}
        return [one for one in self.seen.manifest.database.rights if one.role not in own]

    def _give_rights(self, rights: Sequence[DatabaseRight]) -> None:
        build = self.order.build
        named = {one.grant(build.at): one.grant(build.name) for one in rights}
        if not named:
            return
        with closing(connect(build.login)) as connection, connection.cursor() as cursor:
            refused = make_grants(cursor, self.order.owner, named)
        self.left_out.grants.update({named[statement]: why for statement, why in refused.items()})

    def _let_in(self, said: str) -> str:
        """Let those connect that could, or record them for who opens the database. said: the comment on it."""
        connects = [one for one in self._rights() if one.privilege == CONNECT]
        if not connects:
            return said
        if not self.order.wish.blocked:
            self._give_rights(connects)
            return said
        build = self.order.build
        with closing(connect(build.login)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT rolname::text, oid::bigint FROM pg_roles")
            roles = dict(cursor.fetchall())
        lost = {one.grant(build.name): f'role "{one.role}" does not exist' for one in connects if one.role not in roles}
        self.left_out.grants.update(lost)
        return recorded(said, record_for(connects, roles))

    def _filling(self) -> Filling:
        order, server, facts = self.order, self.seen.server, self.seen.manifest.database
        extensions = Extensions(facts.extensions, server.trusted, facts.unaccent_immutable)
        return Filling(order.build.at, order.owner, order.restore_user, extensions, order.jobs, order.lock_s)

    def _verify(self) -> None:
        build = self.order.build
        with self._part("verify_s", VERIFY) as counter:
            counter.expect(self.seen.manifest.filestore.files)
            verify_restored(
                build.login,
                build.at,
                build.files,
                self.seen.manifest,
                set(self.left_out.settings),
                set(self.left_out.files),
                counter.add,
            )

    def _neutralize(self, writing: Writing) -> None:
        with self._part("neutralize_s", NEUTRALIZE):
            self.order.neutralizer.run(self.order.build, writing)

    def _load_registry(self) -> None:
        with self._part("load_registry_s", REGISTRY):
            self.order.odoo.load_registry(self.order.build.at, self.order.deadline)

    def _serve(self) -> None:
        with self.timings.of("serve_s"):
            served = serve(self.order.odoo, self.order.build.at, self.order.deadline)
        self.timings.served.update(asdict(served))

    def _publish(self, step: Publish) -> None:
        """What stood there goes to the old name. On failure it has its name and access again."""
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
                    said = self._let_in(with_home(FINISHED + step.origin, home))
                    build.publish(said, old if step.replaces else "", replaced_comment(self.seen.target.comment))
            except GantryError:
                if read_target(self.order).new_database:
                    self._write_note(Note(step.origin))
                    if step.reopen:
                        open_database(build.login, build.name)
                raise
            if not step.replaces:
                self._remove_note()

    def _drop(self, name: str) -> None:
        # what is left of a restore may be anything that the dump's code has made of it
        (drop_unfinished if name == self.order.build.at else drop_database)(self.order.build.login, name)

    def _remove_files(self, name: str) -> None:
        remove(self.order.files(name))

    def _owner_of_files(self) -> Owner:
        data_dir = self.order.build.data_dir
        try:
            with opened_directory(data_dir) as directory:
                return owner_of_directory(directory)
        except OSError as error:
            raise StateError(f"data_dir {data_dir} cannot be used: {error.strerror}; install Odoo first") from error

    def _write_note(self, note: Note) -> None:
        replace_file(self.order.note_path, json.dumps(asdict(note)), 0o644)

    def _remove_note(self) -> None:
        remove(self.order.note_path)
