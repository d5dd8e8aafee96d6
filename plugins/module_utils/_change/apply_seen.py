# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what a controller has seen of a change store, and lets nothing be read or written in another one in its place.

A directory that is not mounted, an emptied bucket and a database that was made anew hold no records, and neither does a
store before its first use. A standby that was promoted and a copy that was put back lack the newest ones. So a store
has an identity, which is written once, and each controller keeps it beside the newest number that it has seen in each
log.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    BAD_VALUES,
    DeadlineError,
    GantryError,
    StateError,
    UnreachableError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import lock_file, replace_file
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, record_at
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects, read_several

_KEY = "identity"
_SECRETS = ("password", "access_key", "secret_key")
# How long a store counts as verified. What is absent, and what was written, is verified each time.
_VERIFIED_S = 5.0


@dataclass(frozen=True)
class Seen:
    """What a controller knows of a store. identity: of the store. numbers: the highest of a record, by log."""

    identity: str
    numbers: Mapping[str, int]

    @property
    def lease(self) -> int:
        """The highest number of a record of the leases."""
        return self.numbers.get(Register.NAME, 0)

    def risen(self, numbers: Mapping[str, int]) -> Seen:
        """What is known when these numbers were seen as well."""
        highest = {name: max(number, self.numbers.get(name, 0)) for name, number in numbers.items()}
        return replace(self, numbers={**self.numbers, **highest})


def directory_of(declared: Mapping[str, Any]) -> str:
    """The directory on the controller for what it knows of the store that the option `store` describes."""
    kind = next(one for one in ("directory", "postgresql", "s3") if declared.get(one))
    where = declared[kind]
    if isinstance(where, Mapping):
        where = {name: value for name, value in where.items() if value is not None and name not in _SECRETS}
    name = hashlib.sha256(json.dumps([kind, where], sort_keys=True).encode()).hexdigest()[:16]
    return os.path.join(os.path.expanduser(declared["outbox"]), name)


def remember(declared: Mapping[str, Any], seen: Seen) -> None:
    """Keep what was seen of a store, beside what others have kept of it; without a place for files, nothing is kept."""
    with suppress(OSError, DeadlineError):
        os.makedirs(directory_of(declared), mode=0o700, exist_ok=True)
        with _alone(declared):
            before = recall(declared)
            if before is not None and before.identity == seen.identity:
                seen = before.risen(seen.numbers)
            if seen != before:
                replace_file(_file(declared), json.dumps(asdict(seen)), 0o600)


def recall(declared: Mapping[str, Any]) -> Seen | None:
    """What was seen of a store, None before its first use from here. Raises StateError where that cannot be read."""
    if not declared.get("outbox"):
        return None
    try:
        with open(_file(declared), encoding="utf-8") as stream:
            found = json.load(stream)
        numbers = {str(name): int(number) for name, number in found["numbers"].items()}
        return Seen(str(found["identity"]), numbers)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, *BAD_VALUES) as error:
        raise StateError(f"{_file(declared)} cannot be read: {error}; remove it") from error


def identity_of(objects: Objects) -> str:
    """The identity of a store, which is made where it has none yet. Raises StateError where it is not shown then."""
    objects.create(_KEY, uuid.uuid4().hex.encode())
    found = objects.get(_KEY)
    if not found:
        raise StateError(f"the {objects.where} does not show what was written into it; see whether it is consistent")
    return found.decode(errors="replace")


def as_seen(objects: Objects, declared: Mapping[str, Any]) -> Objects:
    """A store that is refused unless it is the one that this controller has seen under this option."""
    seen = recall(declared)
    return objects if seen is None else SameStore(objects, seen, declared)


class SameStore:
    """A store that is verified to be the one that was seen. It counts as one that does not answer where it is another.

    What is read and written there is kept as seen. declared: the option that describes the store.
    """

    def __init__(self, objects: Objects, seen: Seen, declared: Mapping[str, Any]) -> None:
        self._objects, self._seen, self._declared = objects, seen, declared
        self._verified = float("-inf")

    @property
    def where(self) -> str:
        """The store as an error sentence names it."""
        return self._objects.where

    def now(self) -> datetime:
        """The time by the clock of the store."""
        self._verify()
        return self._objects.now()

    def create(self, key: str, data: bytes) -> bool:
        """Write an object that does not exist yet; False where it exists."""
        record = record_at(key)
        if record is not None and record[1] <= self._seen.numbers.get(record[0], 0):
            # that number was given away already, by a writer that was faster, or before the store lost it
            self._verified = float("-inf")
        self._verify()
        made = self._objects.create(key, data)
        if made:
            self._verify_identity()
            self._note(key)
        return made

    def get(self, key: str) -> bytes | None:
        """The bytes of an object, None when there is none."""
        self._verify()
        found = self._objects.get(key)
        if found is None:
            self._verify_identity()
        return found

    def several(self, keys: Sequence[str]) -> Iterator[bytes | None]:
        """The bytes of many objects, in the order of their keys."""
        self._verify()
        for found in read_several(self._objects, keys):
            if found is None:
                self._verify_identity()
            yield found

    def names(self, prefix: str, limit: int) -> list[str]:
        """The first `limit` keys that begin with `prefix`."""
        self._verify()
        found = self._objects.names(prefix, limit)
        if not found:
            self._verify_identity()
            self._require(prefix.rstrip("/"), 0)
        elif record := record_at(found[0]):
            self._require(*record)
            self._note(found[0])
        return found

    def delete(self, keys: Iterable[str]) -> int:
        """Remove objects; the number that was asked for."""
        self._verify()
        return self._objects.delete(keys)

    def _verify(self) -> None:
        """Raise UnreachableError where the store is another one, or an older copy."""
        if time.monotonic() - self._verified < _VERIFIED_S:
            return
        self._verify_identity()
        # others of this controller have written meanwhile
        kept = recall(self._declared)
        if kept is not None and kept.identity == self._seen.identity:
            self._seen = self._seen.risen(kept.numbers)
        for name in sorted(self._seen.numbers):
            try:
                newest = Log(self._objects, name).newest_number()
            except GantryError as error:
                raise UnreachableError(str(error)) from error
            self._require(name, newest)
        self._verified = time.monotonic()

    def _verify_identity(self) -> None:
        try:
            found = self._objects.get(_KEY)
        except GantryError as error:
            # a table or a bucket that is gone is no answer either
            raise UnreachableError(str(error)) from error
        if found is None:
            self._refuse("it holds no change store")
        elif found.decode(errors="replace") != self._seen.identity:
            self._refuse("it holds another change store")

    def _require(self, log: str, newest: int) -> None:
        """Raise UnreachableError where the newest number of a log is lower than what was seen there."""
        known = self._seen.numbers.get(log, 0)
        if newest < known:
            raise UnreachableError(
                f"the {self.where} is not what it was: its newest record of {log} has number {newest}, and this "
                f"controller has seen {known} there; bring back what it has lost, or, where that is lost for good, "
                f"verify all hosts of the last change and remove {_file(self._declared)}"
            )

    def _note(self, key: str) -> None:
        """Keep the number of a record that was seen, where it is of a log and higher than those before."""
        record = record_at(key)
        if record is not None and record[1] > self._seen.numbers.get(record[0], 0):
            self._seen = self._seen.risen(dict([record]))
            # an operator may have removed what was seen
            if recall(self._declared) is not None:
                remember(self._declared, self._seen)

    def _refuse(self, what: str) -> None:
        raise UnreachableError(
            f"the {self.where} is not what it was: {what}, and this controller has seen lease {self._seen.lease} "
            f"there; mount or restore it, or remove {_file(self._declared)} where it was made anew on purpose"
        )


@contextmanager
def _alone(declared: Mapping[str, Any]) -> Iterator[None]:
    """Keep other processes of this controller from writing what they have seen."""
    path = f"{_file(declared)}.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        lock_file(handle, Deadline(_VERIFIED_S), f"the end of another process that writes {_file(declared)}")
        yield
    finally:
        os.close(handle)


def _file(declared: Mapping[str, Any]) -> str:
    return os.path.join(directory_of(declared), "seen")
