# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the ledger and its witness for an audit: nothing is written, and no record that is damaged ends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_findings import (
    OTHER,
    UNASKED,
    UNREADABLE,
    UNWITNESSED,
    Examined,
    Fault,
    Faults,
    Judged,
    Read,
    Verification,
    Witnessed,
    compared,
    end_faults,
    examined,
    judged,
    unknown_faults,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_seen import recall
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_witness import Witness, open_witness
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import Entry
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import decoded
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, record_at
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects, read_several

_LEDGER, _IDENTITY = "ledger", "identity"
_AT_ONCE = 1000


@dataclass
class Source:
    """A ledger that is read and verified. compare: whether the witness is asked for each hash.

    faults, last, sound: what was found, complete once `walk` has come to its end.
    """

    store: Objects
    witness: Witness | None
    seen: int = 0
    compare: bool = False
    faults: Faults = field(default_factory=Faults)
    witnessed: Witnessed = Witnessed()
    last: Entry | None = None
    sound: int = 0
    newest: int = 0

    def walk(self) -> Iterator[Judged]:
        """The records in their order, each judged. Raises UnreachableError where the store does not answer."""
        self.newest = self._newest()
        self.witnessed = self._hear()
        records = examined(self._records(range(1, self.newest + 1)))
        if self.compare:
            records = self._compared(records)
        for one in judged(records, self.witnessed):
            self.faults.add([one.fault])
            self.sound += one.sound
            self.last = one.entry or self.last
            yield one
        self.faults.add(end_faults(self.newest, self.last, self.witnessed, self.seen))
        self.faults.add(unknown_faults(self.witnessed))
        if self.witnessed.silence:
            said = f"the witness did not answer, so that a cut or forged ledger is not found: {self.witnessed.silence}"
            self.faults.add([Fault(UNASKED, said)])

    @property
    def torn(self) -> bool:
        """Whether the witness is to be asked for each hash, as the chain does not say which entry was replaced."""
        asked = self.witness is not None and not self.witnessed.silence and self.witnessed.newest is not None
        return asked and not self.compare and any(one.kind != UNWITNESSED for one in self.faults.kept)

    def verification(self) -> Verification:
        """What was found, behind the walk."""
        faults = self.faults
        last_hash = self.last.hash if self.last else ""
        return Verification(
            self.store.where, self.sound, self.newest, last_hash, tuple(faults.kept), faults.count, self.witnessed
        )

    def _newest(self) -> int:
        try:
            return Log(self.store, _LEDGER).newest_number()
        except StateError as error:
            self.faults.add([Fault(UNREADABLE, str(error))])
            numbers = [one for one in map(_number, self.store.names(f"{_LEDGER}/", 10**9)) if one]
            return max(numbers, default=0)

    def _records(self, numbers: Sequence[int]) -> Iterator[Read]:
        for first in range(0, len(numbers), _AT_ONCE):
            part = numbers[first : first + _AT_ONCE]
            found = list(self._read(self.store, _LEDGER, part))
            if len(part) == _AT_ONCE and all(one.data is None and not one.why for one in found):
                # a stray of a high number: what is between is named once
                yield from self._beyond(part[0], numbers[-1])
                return
            yield from found

    def _beyond(self, first: int, last: int) -> Iterator[Read]:
        """The records behind a thousand that are missing, and the first one that is."""
        there = sorted(one for one in Log(self.store, _LEDGER).numbers() if first <= one <= last)
        yield Read(first, None)
        yield from self._read(self.store, _LEDGER, there)

    @staticmethod
    def _read(store: Objects, name: str, numbers: Sequence[int]) -> Iterator[Read]:
        log = Log(store, name)
        keys = [log.key(number) for number in numbers]
        try:
            found = list(read_several(store, keys))
        except StateError:
            # one of them is no file, or too large
            for number, key in zip(numbers, keys):
                yield _one(store, number, key)
            return
        for number, data in zip(numbers, found):
            yield Read(number, data)

    def _hear(self) -> Witnessed:
        witness = self.witness
        if witness is None:
            return Witnessed()
        try:
            begun, newest = witness.begun, witness.newest()
            told = set(witness.numbers())
            # a stray of a high number leaves nothing but gaps, which are named anyhow
            last = min(self.newest, max(told, default=0) + _AT_ONCE)
            unknown = (one for one in range((begun or 0) + 1, last + 1) if told and one not in told)
            return Witnessed(witness.where, "", newest, begun, frozenset(unknown))
        except GantryError as error:
            return Witnessed(witness.where, str(error))

    def _compared(self, records: Iterator[Examined]) -> Iterator[Examined]:
        """The records, a thousand at a time beside the hashes that the witness knows."""
        if self.witness is None:
            return
        while part := [one for _place, one in zip(range(_AT_ONCE), records)]:
            heads = self._read(self.witness.objects, self.witness.NAME, [one.number for one in part])
            yield from compared(part, map(_hash, heads))


def open_source(declared: Mapping[str, Any]) -> Source:
    """The ledger in the store that the option `store` describes; also one that is refused as it lost records."""
    store = open_store({**declared, "outbox": None})
    source = Source(store, open_witness(declared))
    try:
        seen = recall(declared)
        found = store.get(_IDENTITY) if seen else None
    except StateError as error:
        source.faults.add([Fault(UNREADABLE, str(error))])
        return source
    if seen is None:
        return source
    if found is None or found.decode(errors="replace") != seen.identity:
        said = f"the {store.where} is another store than this controller has seen there, or was made anew"
        source.faults.add([Fault(OTHER, said)])
    else:
        source.seen = seen.numbers.get(_LEDGER, 0)
    return source


def again(source: Source) -> Source:
    """The same ledger, to be read once more with each hash that the witness knows."""
    first = [one for one in source.faults.kept if one.kind == OTHER]
    other = Source(source.store, source.witness, source.seen, compare=True)
    other.faults.add(first)
    return other


def read_now(store: Objects) -> tuple[datetime, str]:
    """The time by the store's clock, or by this controller's with the reason, as for an account that may only read."""
    try:
        return store.now(), ""
    except GantryError as error:
        return datetime.now(
            timezone.utc
        ), f"ages count by the clock of this controller, as the store does not tell its time: {error}"


def read_held(store: Objects) -> tuple[frozenset[str], str]:
    """The changes whose lease is held, and why that is not known."""
    try:
        now, leases = store.now(), Register(store).read()
    except GantryError as error:
        return frozenset(), f"it is not known which changes are under way: {error}"
    return frozenset(one.change for one in leases.held if one.until > now), ""


def _one(store: Objects, number: int, key: str) -> Read:
    try:
        return Read(number, store.get(key))
    except StateError as error:
        return Read(number, None, str(error))


def _hash(read: Read) -> str:
    """The hash in a record of the witness, empty where there is none that can be read."""
    try:
        return str(decoded(read.data or b"")["hash"])
    except BAD_VALUES:
        return ""


def _number(key: str) -> int:
    record = record_at(key)
    return record[1] if record else 0
