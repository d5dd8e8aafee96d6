# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store in memory whose every request waits for a scheduler, and runs that work on it, each in a thread of its own.

The scheduler lets one run do one request at a time. A request may be done, be repeated, fail, lose its answer, arrive
late, or be the last one before its run is killed. Time passes only when the scheduler says so, so a run that stalls is
one that waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Readable, Stored

DONE, REPEATED, FAILED, UNANSWERED, LATE, KILLED = "done", "repeated", "failed", "unanswered", "late", "killed"
MODES = (DONE, REPEATED, FAILED, UNANSWERED, LATE, KILLED)
START = datetime(2026, 11, 27, 2, 0, tzinfo=timezone.utc)
_HANG_S = 20


class KilledError(BaseException):
    """The run was killed: what it does on its way out does nothing."""


@dataclass
class Memory:
    """Objects in memory. clock: of the store. version: rises with each change of what is complete.

    first: what was written under each key, however it has rotted since.
    """

    held: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    first: dict[str, bytes] = field(default_factory=dict)
    clock: datetime = START
    version: int = 0
    where: str = "store in memory"

    def write(self, key: str, data: bytes) -> None:
        """Write an object."""
        self.held[key] = (data, self.clock)
        self.first.setdefault(key, data)
        self.version += "/catalog/" in key or "/manifests/" in key

    def rot(self, key: str) -> None:
        """Change a byte of an object."""
        data, moment = self.held[key]
        self.held[key] = (bytes([*data[:-1], data[-1] ^ 1]), moment)

    def is_rotten(self, key: str) -> bool:
        """Whether an object is there, and not as it was written."""
        return key in self.held and self.held[key][0] != self.first[key]

    def remove(self, key: str) -> None:
        """Remove an object."""
        self.held.pop(key, None)
        self.version += 1


class Run:
    """Work in a thread of its own, which stops before each request until `step` lets it go on."""

    def __init__(self, name: str, work: Callable[[], Any]) -> None:
        self.name = name
        self.result: Any = None
        self.error: BaseException | None = None
        self.ended = False
        self.dead = False
        self._work = work
        self._mode = DONE
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._wait()

    def step(self, mode: str) -> None:
        """Let the run do its next request in this way, and go on to the one after that."""
        self._mode = mode
        self.dead = self.dead or mode == KILLED
        self._go.release()
        self._wait()

    def ask(self) -> str:
        """Called in the thread of the run: wait for the scheduler; how the request shall go."""
        if self.dead:
            raise KilledError
        self._stopped.release()
        if not self._go.acquire(timeout=_HANG_S):
            raise KilledError
        return self._mode

    def _wait(self) -> None:
        if not self._stopped.acquire(timeout=_HANG_S):
            raise AssertionError(f"{self.name} neither asks for anything nor ends")

    def _run(self) -> None:
        _CURRENT.run = self
        try:
            self.result = self._work()
        except (GantryError, KilledError) as error:
            self.error = error
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.ended = True
            self._stopped.release()


class _Current(threading.local):
    run: Run | None = None


_CURRENT = _Current()


def current() -> str:
    """The name of the run in whose thread this is called; empty outside of all."""
    return _CURRENT.run.name if _CURRENT.run else ""


@dataclass
class Scheduled:
    """The objects of a memory, for runs that a scheduler steps. late: requests that have not arrived yet."""

    memory: Memory
    late: list[Callable[[], Any]] = field(default_factory=list)
    readers: int = 1

    @property
    def where(self) -> str:
        """The store as an error sentence names it."""
        return self.memory.where

    def now(self) -> datetime:
        """The time by the clock of the store."""
        return self._request(lambda: self.memory.clock)

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that does not exist yet; False where it exists."""

        def write() -> bool:
            if key in self.memory.held:
                return False
            self.memory.write(key, data)
            return True

        return self._request(write, writes=True)

    def put(self, key: str, data: bytes) -> None:
        """Write one object, whether it exists or not."""
        self._request(lambda: self.memory.write(key, data), writes=True)

    def upload(self, key: str, stream: Readable, expected_bytes: int) -> None:
        """Write one object from a stream."""
        data = stream.read()
        assert expected_bytes >= 0
        self.put(key, data)

    def get(self, key: str) -> bytes | None:
        """The bytes of an object, None when there is none."""
        found: tuple[bytes, datetime] | None = self._request(lambda: self.memory.held.get(key))
        return found[0] if found else None

    def pieces(self, key: str, size: int, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of an object in pieces."""
        data = self.get(key)
        if data is None:
            raise StateError(f"{key} is not there")
        data = data[offset : None if length is None else offset + length]
        yield from (data[start : start + size] for start in range(0, len(data), size))

    def names(self, prefix: str, limit: int) -> list[str]:
        """The first `limit` keys that begin with `prefix`."""
        return self._request(lambda: sorted(key for key in self.memory.held if key.startswith(prefix))[:limit])

    def objects(self, prefix: str) -> Mapping[str, Stored]:
        """Every object whose key begins with `prefix`, by key."""
        return self._request(
            lambda: {
                key: Stored(len(data), moment)
                for key, (data, moment) in sorted(self.memory.held.items())
                if key.startswith(prefix)
            }
        )

    def delete(self, keys: Iterable[str]) -> int:
        """Remove objects, each in a request of its own; the number that was asked for."""
        listed = list(keys)
        for key in listed:
            self._request(lambda key=key: self.memory.remove(key), writes=True)
        return len(listed)

    def _request(self, work: Callable[[], Any], writes: bool = False) -> Any:
        run = _CURRENT.run
        if run is None:
            return work()
        mode = run.ask()
        if mode == DONE:
            return work()
        if mode == REPEATED:
            # as the client of S3 does by itself after an answer that it did not get
            work()
            return work()
        if mode == UNANSWERED:
            work()
        elif mode == LATE and writes:
            self.late.append(work)
        elif mode == KILLED:
            raise KilledError
        raise UnreachableError("the store did not answer")


def later(memory: Memory, seconds: float) -> None:
    """Let time pass."""
    memory.clock += timedelta(seconds=seconds)
