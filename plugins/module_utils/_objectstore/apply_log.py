# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records with numbers that only rise: each an object of its own that is created once; the newest is found at once.

A store has to do no more than to refuse a second object of one key. That is tried, with writers at once, before it is
trusted: a server of S3 may ignore the condition and overwrite.

Old records of a log that keeps only some are removed. Then their keys are free again for a writer that has planned long
ago: so a record counts only where fewer than `kept` have followed on it when its writer looks again. A record that is
removed has had more behind it, at that time and ever after.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Callable, ClassVar, Generic, Protocol, TypeVar

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import decoded
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects, read_several

# Numbers count down in the keys, since listings begin with the smallest. No directory has more than a thousand files.
_LAST, _EACH = 10**9 - 1, 1000
_RACES, _RACERS = 4, 4
_INTERVAL_S, _LOOKS = 0.05, 5
# So many records are read at once: what a directory has.
_AT_ONCE = _EACH
_KEY = re.compile(r"([^/]+)/(\d{6})/(\d{3})")
# At most so many are removed at once, so that a log that has grown for years holds no writer up.
_REMOVED = 2000


class StrayError(StateError):
    """The first record of a log cannot be read, and follows on no other one: somebody has put it there."""


@dataclass(frozen=True)
class Record:
    """A record of a log. body: what its writer gave."""

    number: int
    body: Mapping[str, Any]


def record_at(key: str) -> tuple[str, int] | None:
    """Log and number of the record with that key; None where it is of no log, or of one below another name."""
    found = _KEY.fullmatch(key)
    return None if found is None else (found[1], _LAST - int(found[2]) * _EACH - int(found[3]))


@dataclass(frozen=True)
class Log:
    """The records below one prefix of a store. The first has the number 1.

    kept: how many of the newest records are kept, the same for all who write into the log; None for all of them.
    """

    objects: Objects
    name: str
    kept: int | None = None

    def newest(self) -> Record | None:
        """The record with the highest number, None where there is none."""
        for _look in range(_LOOKS):
            keys = self.objects.names(f"{self.name}/", 1)
            if not keys:
                return None
            with self.judging_the_first():
                data = self.objects.get(keys[0])
                # without it, the record was removed meanwhile, and others are newer
                if data is not None:
                    return self._parsed(self._number(keys[0]), data)
        raise StateError(
            f"the newest record of {self.name} in the {self.objects.where} is listed and cannot be read; "
            "see whether the store is consistent"
        )

    @contextmanager
    def judging_the_first(self) -> Iterator[None]:
        """Say what to do where the block cannot read the first record: one that follows on no other is a stray."""
        try:
            yield
        except StrayError:
            raise
        except StateError as error:
            key, *former = self.objects.names(f"{self.name}/", 2)
            if former and record_at(key) and record_at(former[0]) and self._number(key) > self._number(former[0]) + 1:
                raise StrayError(
                    f"{error}; it does not follow on {former[0]}, the record before it, so see who put it there, and "
                    "remove it"
                ) from error
            raise

    def newest_number(self) -> int:
        """The highest number of a record, 0 where there is none."""
        keys = self.objects.names(f"{self.name}/", 1)
        return self._number(keys[0]) if keys else 0

    def record(self, number: int) -> Record | None:
        """The record with that number, None where there is none."""
        data = self.objects.get(self.key(number))
        return None if data is None else self._parsed(number, data)

    def write(self, plan: Callable[[Record | None], Record], deadline: Deadline) -> Record:
        """Plan on the newest record and append what follows, until no other writer is first; the newest record then.

        plan: is given the newest record, and returns the one behind it, or the same one where nothing is to be written.
        """

        def attempt() -> Record | None:
            newest = self.newest()
            following = plan(newest)
            return following if following == newest or self.append(following) else None

        what = f"the turn to write into {self.name} in the {self.objects.where}"
        return deadline.wait(attempt, what, interval=_INTERVAL_S)

    def append(self, record: Record) -> bool:
        """Write a record; False where another writer was first with its number, or where that is long ago.

        After an exception it is not known whether it was written; the same record again tells.
        """
        key = self.key(record.number)
        data = _encoded(record.body)
        won = self.objects.create(key, data) or self.objects.get(key) == data
        if not won or self.kept is None:
            return won
        newest = self._number(self.objects.names(f"{self.name}/", 1)[0])
        if newest % max(self.kept // 10, 1) == 0:
            self._remove_up_to(newest - self.kept)
        return newest - record.number < self.kept

    def records(self, after: int = 0, limit: int = _LAST) -> list[Record]:
        """The newest `limit` records whose number is higher than `after`, the oldest first."""
        listed = (self._number(key) for key in self.objects.names(f"{self.name}/", limit))
        numbers = sorted(number for number in listed if number > after)
        return list(self._read(numbers, missing=b""))

    def walk(self, after: int = 0) -> Iterator[Record]:
        """The records of a log that keeps all, from the one behind number `after` on; few of them are in memory.

        A number that is missing is left out. Raises StateError where as many in a row are as are read at once.
        """
        newest = self.newest_number()
        for first in range(after + 1, newest + 1, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, newest + 1))
            read = 0
            for record in self._read(numbers):
                read += 1
                yield record
            if not read:
                raise StateError(
                    f"the {self.objects.where} has record {newest} of {self.name}, and none of the numbers {first} to "
                    f"{numbers[-1]}; see who put {self.key(newest)} there or removed the others, and compare them with "
                    "a copy"
                )

    def numbers(self) -> list[int]:
        """The numbers of all records, the highest first."""
        return [self._number(key) for key in self.objects.names(f"{self.name}/", _LAST)]

    def _remove_up_to(self, number: int) -> None:
        """Remove old records: an attempt, which the next writer makes good."""
        with suppress(GantryError):
            listed = self.objects.names(f"{self.name}/", (self.kept or 0) + _REMOVED)
            self.objects.delete([key for key in listed if self._number(key) <= number])

    def key(self, number: int) -> str:
        """The key of the record with that number."""
        place = _LAST - number
        return f"{self.name}/{place // _EACH:06d}/{place % _EACH:03d}"

    def _number(self, key: str) -> int:
        try:
            thousand, one = key.removeprefix(f"{self.name}/").split("/")
            return _LAST - int(thousand) * _EACH - int(one)
        except ValueError as error:
            raise StateError(
                f"{key} in the {self.objects.where} is no record of {self.name}; see who put it there, and remove it"
            ) from error

    def _read(self, numbers: Sequence[int], missing: bytes | None = None) -> Iterator[Record]:
        """The records with these numbers. missing: what is read in the place of one that is not there."""
        for number, data in zip(numbers, read_several(self.objects, [self.key(number) for number in numbers])):
            found = missing if data is None else data
            if found is not None:
                yield self._parsed(number, found)

    def _parsed(self, number: int, data: bytes) -> Record:
        try:
            body = decoded(data)
        except BAD_VALUES as error:
            raise StateError(
                f"record {number} of {self.name} in the {self.objects.where} is damaged; compare it with a copy"
            ) from error
        return Record(number, body)


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except ValueError as error:
        raise StateError(f"a record that no reader would take was not written: {error}; correct its values") from error


def require_conditions(objects: Objects) -> None:
    """Let writers race for a key a few times. Raises StateError where the store lets more or fewer than one win."""
    keys = [f"probe/{uuid.uuid4().hex}" for _race in range(_RACES)]
    try:
        for key in keys:
            _require_one_winner(objects, key)
    except GantryError:
        # what is wrong has been said
        with suppress(GantryError):
            objects.delete(keys)
        raise
    objects.delete(keys)


def _require_one_winner(objects: Objects, key: str) -> None:
    bodies = [b"%d" % racer for racer in range(_RACERS)]
    with ThreadPoolExecutor(_RACERS) as pool:
        won = list(pool.map(lambda body: objects.create(key, body), bodies))
    winners = [body for body, first in zip(bodies, won) if first]
    if len(winners) != 1 or objects.get(key) != winners[0] or objects.create(key, b"late"):
        raise StateError(
            f"the {objects.where} let {len(winners)} of {_RACERS} writers create one object, or a later one, "
            "and a lease needs exactly one; use a server that honors If-None-Match, or another kind of store"
        )


def require_refusal(objects: Objects, name: str) -> None:
    """Write the newest record of a log once more, with the same bytes. Raises StateError where that is not refused.

    A server may ignore the condition from the day on which its bucket keeps versions.
    """
    keys = objects.names(f"{name}/", 1)
    data = objects.get(keys[0]) if keys else None
    if data is not None and objects.create(keys[0], data):
        raise StateError(
            f"the {objects.where} let a second object of one key be created, and a lease needs that to be refused; "
            "let its bucket keep no versions, or give another one for the records"
        )


class State(Protocol):
    """What a record of a log says as a whole. number: that of the record, 0 where there is none yet."""

    @property
    def number(self) -> int:
        """The number of the record."""

    def as_body(self) -> dict[str, Any]:
        """The body of the record."""


S = TypeVar("S", bound=State)


@dataclass(frozen=True)
class StateLog(Generic[S]):
    """A log whose newest record says everything; who writes the next number first has won.

    NAME: of the log. KEPT: how many records are kept. A subclass says what a record means.
    """

    objects: Objects

    NAME: ClassVar[str]
    KEPT: ClassVar[int] = 1000

    def parsed(self, record: Record | None) -> S:
        """The state that a record says, or the first one. Raises StateError where it is none of ours."""
        raise NotImplementedError

    def read(self) -> S:
        """The newest state."""
        return self.parsed(self._log.newest())

    def of(self, number: int) -> S:
        """The state that the record with that number says, the first one where there is no such record."""
        return self.parsed(self._log.record(number))

    def write(self, plan: Callable[[S], S], deadline: Deadline) -> S:
        """Plan on the newest state and write what follows, unless it is equal, until no other writer is first."""

        def follow(newest: Record | None) -> Record:
            seen = self.parsed(newest)
            following = plan(seen)
            if newest is not None and following == seen:
                return newest
            return Record(seen.number + 1, following.as_body())

        return self.parsed(self._log.write(follow, deadline))

    @property
    def _log(self) -> Log:
        return Log(self.objects, self.NAME, self.KEPT)
