# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what a module does, and writes it once a second to a file that the controller reads."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import (
    DIRECTORY,
    Part,
    Snapshot,
    path_of,
    text_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome

WRITE_S = 1.0
# A file that was not written for so long is of a call that was killed.
LEFT_S = 600.0


def progress_spec() -> dict[str, Any]:
    """The options of modules that show their progress."""
    return {"progress_interval": {"type": "int", "default": 5}, "progress_id": {"type": "str", "default": ""}}


class Counter:
    """What one part has done, from several threads."""

    def __init__(self, name: str, lock: threading.Lock) -> None:
        self._name = name
        self._lock = lock
        self._started = time.monotonic()
        self._done = [0, 0]
        self._total = (0, 0, False)

    def add(self, files: int, size: int) -> None:
        """Count files and bytes that were done."""
        with self._lock:
            self._done[0] += files
            self._done[1] += size

    def expect(self, files: int = 0, size: int = 0, *, estimated: bool = False) -> None:
        """Set the totals; 0 where one is unknown."""
        self._total = (files, size, estimated)

    def part(self) -> Part:
        """The part as it is now."""
        files, size = self._done
        return Part(self._name, round(time.monotonic() - self._started, 1), files, size, *self._total)


class Progress:
    """How far the work of a call is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._item = ("", 0, 0)
        self._parts: list[Counter] = []

    def begin(self, item: str, number: int = 1, items: int = 1) -> None:
        """Say which of several items is worked on. number: the first is 1."""
        self._item = (item, number, items)

    @contextmanager
    def part(self, name: str) -> Iterator[Counter]:
        """The block is one part of the work, and may run beside others."""
        counter = Counter(name, self._lock)
        with self._lock:
            self._parts.append(counter)
        try:
            yield counter
        finally:
            with self._lock:
                self._parts.remove(counter)

    def snapshot(self) -> Snapshot:
        """How far it is now."""
        with self._lock:
            parts = tuple(one.part() for one in self._parts)
        return Snapshot(round(time.monotonic() - self._started, 1), *self._item, parts)


def shown(work: Callable[[Call, Progress], Outcome]) -> Callable[[Call], Outcome]:
    """The work of a module that counts what it does, for `run`."""

    def call_it(call: Call) -> Outcome:
        with reporting(call.params["progress_id"]) as progress:
            return work(call, progress)

    return call_it


@contextmanager
def reporting(identity: str) -> Iterator[Progress]:
    """Write, during the block, how far it is, where the controller reads it. identity: of the call, empty for not.

    What keeps the file from being written is no error: the work is done all the same.
    """
    progress = Progress()
    if not identity:
        yield progress
        return
    path, ended = path_of(identity), threading.Event()
    writer = threading.Thread(target=_write_until, args=(ended, path, progress), daemon=True)
    writer.start()
    try:
        yield progress
    finally:
        ended.set()
        writer.join()


def _write_until(ended: threading.Event, path: str, progress: Progress) -> None:
    if ended.wait(WRITE_S):
        return
    # without the right to write there is no progress to read
    with suppress(OSError):
        _make_directory()
        try:
            while True:
                _write(path, text_of(progress.snapshot()))
                if ended.wait(WRITE_S):
                    return
        finally:
            for one in (path, f"{path}.new"):
                with suppress(FileNotFoundError):
                    os.unlink(one)


def _make_directory() -> None:
    """Make the directory, for this account alone, and remove what killed calls left in it."""
    with suppress(FileExistsError):
        os.mkdir(DIRECTORY, 0o700)
    oldest = time.time() - LEFT_S
    with os.scandir(DIRECTORY) as entries:
        for entry in entries:
            # other calls write and remove theirs meanwhile
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime < oldest:
                    os.unlink(entry.path)


def _write(path: str, text: str) -> None:
    with open(os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    os.rename(f"{path}.new", path)
