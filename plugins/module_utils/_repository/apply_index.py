# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends the files of a filestore that a repository lacks, and writes the index of all of them, a shard at a time."""

from __future__ import annotations

import itertools
import os
import threading
from collections import ChainMap, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import opened_below
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import Count, uncounted
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import opened_filestore
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_send import (
    send_large,
    send_pack,
    send_shard,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_turns import Turn
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import (
    Index,
    Place,
    Shard,
    Tally,
    Use,
    digest_of,
    grouped,
    size_of,
    width_for,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import DataName, Note, note_of
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_files import (
    FormerFiles,
    LeftFiles,
    listed,
    read_shard,
)

# A pack is held in memory; a larger file is an object of its own, which is streamed.
PACK_BYTES = 16 * 1024 * 1024
PACK_FILES = 4096
LARGE_BYTES = 8 * 1024 * 1024
SENDERS = 3
# What is sent and not yet in a shard: so much is held at once.
WAITING = 6


@dataclass(frozen=True)
class Files:
    """What a backup holds of a filestore.

    sent: files that the repository lacked. kept: names of files that are in the repository, and on the disk no more.
    lost: names that the database refers to, and that are nowhere. orphans: files that the database does not refer to.
    """

    index: Index
    sent: int
    sent_bytes: int
    orphans: int
    kept: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """The files to back up. names: each once, in the order of their bytes. count: how many they are."""

    filestore: str
    names: Iterable[str]
    count: int


@dataclass(eq=False)
class _Batch:
    """Files that become one object."""

    held: DataName
    names: list[str] = field(default_factory=list)
    bytes: int = 0
    sent: Future[dict[str, Place]] | None = None


@dataclass
class _Pending:
    """A shard whose files are on their way. before: its files in the backup before this one."""

    prefix: str
    files: dict[str, Place]
    before: Mapping[str, Place]
    batches: list[_Batch] = field(default_factory=list)


class Sender:
    """Sends what the repository of a turn lacks.

    doubted: objects whose files are sent again, such as damaged ones. notes: of the objects that were sent.
    """

    def __init__(
        self,
        turn: Turn,
        former: FormerFiles,
        left: LeftFiles,
        doubted: Collection[DataName],
        deadline: Deadline,
    ) -> None:
        self._turn = turn
        self._former = former
        self._left = left
        self._doubted = former.lost.union(doubted)
        self._deadline = deadline
        self._count: Count = uncounted
        self._places = itertools.count()
        self._batch: _Batch | None = None
        self._going: deque[_Batch] = deque()
        self._pending: deque[_Pending] = deque()
        self._shards: dict[str, Shard] = {}
        self._tally = Tally(former.index.uses)
        self._totals: dict[DataName, int] = {}
        self._kept: list[str] = []
        self._lost: list[str] = []
        self._sent = 0
        self._sent_bytes = 0
        self._stopped = threading.Event()
        self.notes: list[Note] = []

    def new_name(self) -> DataName:
        """The name of one more object of this turn."""
        return DataName(self._turn.number, next(self._places))

    def send(self, source: Source, *, require_all: bool, count: Count = uncounted) -> Files:
        """Send the files, and write the shards that differ from those of the backup before.

        require_all: once a file is missing on the disk, nothing more is sent; the others are still looked for.
        count: is told the files that are done with, and the bytes that are sent.
        """
        self._count = count
        width, orphans = width_for(source.count), 0
        with ThreadPoolExecutor(SENDERS) as pool:
            try:
                for prefix, names in grouped(source.names, width):
                    self._go_on()
                    if prefix is None:
                        self._lost += names
                        continue
                    on_disk = listed(source.filestore, prefix)
                    orphans += len(on_disk.difference(names))
                    if require_all and (self._kept or self._lost):
                        self._lost += [name for name in names if name not in on_disk]
                    elif names or self._former.index.overlapping(prefix):
                        same = self._is_unchanged(prefix, width, names, on_disk)
                        to_send = 0 if same else self._plan(pool, source.filestore, prefix, names, on_disk)
                        self._count(len(names) - to_send, 0)
                self._flush(pool, source.filestore)
                while self._pending:
                    self._settle()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        index = Index(width, dict(sorted(self._shards.items())), self._uses())
        return Files(index, self._sent, self._sent_bytes, orphans, tuple(self._kept), tuple(self._lost))

    @contextmanager
    def stopped_by_failure(self) -> Iterator[None]:
        """Send nothing more once the block has failed."""
        try:
            yield
        except BaseException:
            self._stopped.set()
            raise

    def _go_on(self) -> None:
        if self._stopped.is_set():
            raise StateError("sending the filestore was stopped, as another part of the backup has failed")
        self._turn.require()

    def _is_unchanged(self, prefix: str, width: int, names: Sequence[str], on_disk: Collection[str]) -> bool:
        """Whether the shard of the backup before holds the same files, so that it need not even be read."""
        same = self._former.index.shards.get(prefix) if self._former.index.width == width else None
        if same is None or self._doubted:
            return False
        absent = [name for name in names if name not in on_disk]
        if same.digest == digest_of(names):
            self._kept += absent
        elif absent and same.digest == digest_of(name for name in names if name in on_disk):
            self._lost += absent
        else:
            return False
        self._shards[prefix] = same
        return True

    def _plan(
        self, pool: ThreadPoolExecutor, filestore: str, prefix: str, names: Sequence[str], on_disk: Collection[str]
    ) -> int:
        """Put the files of a shard that the repository lacks among those to send; how many they are."""
        before, left = self._former.below(prefix), self._left.below(prefix)
        pending = _Pending(prefix, {}, before)
        to_send = []
        for name in names:
            place = before.get(name) or left.get(name)
            if place is not None and place.held in self._former.lost:
                place = left.get(name)
            if name not in on_disk:
                (self._lost if place is None else self._kept).append(name)
            elif place is None or place.held in self._doubted:
                to_send.append(name)
                continue
            if place is not None:
                pending.files[name] = place
        for name, size in _sizes(filestore, to_send).items():
            self._collect(pool, filestore, name, size, pending)
        self._pending.append(pending)
        return len(to_send)

    def _collect(self, pool: ThreadPoolExecutor, filestore: str, name: str, size: int, pending: _Pending) -> None:
        if size > LARGE_BYTES:
            batch = _Batch(self.new_name(), [name], size)
            pending.batches.append(batch)
            work = partial(send_large, self._turn.repository, batch.held, filestore, name, self._count)
            self._start(pool, batch, work)
            return
        full = self._batch and (self._batch.bytes + size > PACK_BYTES or len(self._batch.names) == PACK_FILES)
        if full:
            self._flush(pool, filestore)
        if self._batch is None:
            self._batch = _Batch(self.new_name())
        self._batch.names.append(name)
        self._batch.bytes += size
        if not pending.batches or pending.batches[-1] is not self._batch:
            pending.batches.append(self._batch)

    def _flush(self, pool: ThreadPoolExecutor, filestore: str) -> None:
        batch, self._batch = self._batch, None
        if batch:
            work = partial(send_pack, self._turn.repository, batch.held, filestore, batch.names, self._count)
            self._start(pool, batch, work)

    def _start(self, pool: ThreadPoolExecutor, batch: _Batch, work: Callable[[], dict[str, Place]]) -> None:
        self._go_on()
        batch.sent = pool.submit(work)
        self._going.append(batch)
        while len(self._going) > WAITING:
            self._finish(self._going[0])
        while self._pending and all(one.sent and one.sent.done() for one in self._pending[0].batches):
            self._settle()

    def _finish(self, batch: _Batch) -> dict[str, Place]:
        """Wait until an object is sent; where its files lie."""
        if batch.sent is None:
            raise AssertionError(f"{batch.held} was not started")
        try:
            files = batch.sent.result(self._deadline.remaining)
        except FutureTimeoutError as error:
            raise DeadlineError(
                f"sending the filestore was stopped after {self._deadline.seconds:g} s, its deadline"
            ) from error
        if batch in self._going:
            self._going.remove(batch)
            self._sent += len(files)
            size = size_of(files)
            self._sent_bytes += size
            self._totals[batch.held] = size
            self.notes.append(note_of(batch.held, files))
        return files

    def _settle(self) -> None:
        """Write the first shard that waits for its files."""
        pending = self._pending.popleft()
        for batch in pending.batches:
            for name, place in self._finish(batch).items():
                if name.startswith(pending.prefix):
                    pending.files[name] = place
        gone = [place for name, place in pending.before.items() if pending.files.get(name) != place]
        new = [place for name, place in pending.files.items() if pending.before.get(name) != place]
        self._tally.change(gone, new, ChainMap(self._totals, self._left.totals))
        if pending.files:
            self._shards[pending.prefix] = self._write(pending)

    def _uses(self) -> dict[DataName, Use]:
        """How far each object is used: all are counted anew where a part of the former index could not be read."""
        if not self._former.unread:
            return self._tally.uses()
        totals = {name: use.total for name, use in self._former.index.uses.items()}
        tally = Tally({})
        try:
            for shard in self._shards.values():
                places = read_shard(self._turn.repository, shard).values()
                tally.change((), places, ChainMap(self._totals, self._left.totals, totals))
        except StateError as error:
            self._former.warnings.append(f"{error}; this backup needs it as well, so check the backups")
            return self._tally.uses()
        return tally.uses()

    def _write(self, pending: _Pending) -> Shard:
        shard, sent = send_shard(self._turn.repository, self.new_name(), pending.prefix, pending.files)
        self._sent_bytes += sent
        return shard


def _sizes(filestore: str, names: Sequence[str]) -> dict[str, int]:
    """The bytes of files, in the order of their names."""
    found: dict[str, int] = {}
    if not names:
        return found
    with opened_filestore(filestore) as top:
        for shard, group in itertools.groupby(names, key=lambda name: name[:2]):
            try:
                with opened_below(top, shard) as directory:
                    for name in group:
                        found[name] = os.stat(name[3:], dir_fd=directory, follow_symlinks=False).st_size
            except OSError as error:
                where = f"{filestore}/{shard}"
                raise StateError(f"a file in {where} cannot be read: {error.strerror} ({error.filename})") from error
    return found
