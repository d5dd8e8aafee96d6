# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the ledger in a change store and appends to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Callable
from urllib.parse import quote

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_known import KnownLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_witness import Witness, open_witness
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_known import numbers_in, with_numbers
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import (
    Entry,
    chained,
    says_same,
    seal,
    unseal,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_witness import (
    WITNESS_BEFORE,
    WITNESS_NEW,
    Head,
    require_known,
    witness_in,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_gate import evidence
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, Record
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects

# Of each tenant and event; the entries themselves are in the ledger, which keeps all.
KEPT_EVIDENCE = 100
# How far back evidence of one repository is looked for behind that of others.
LOOKED_AT = 20


@dataclass(frozen=True)
class Ledger:
    """The ledger of an estate. witness: what knows the hash of each entry in a second place, None where none does."""

    objects: Objects
    witness: Witness | None = None

    def newest(self) -> Entry | None:
        """The last entry, None before the first."""
        record = self._log.newest()
        return None if record is None else self._entry(record)

    def newest_number(self) -> int:
        """The number of the last entry, 0 before the first."""
        return self._log.newest_number()

    def entries(self, after: int = 0) -> list[Entry]:
        """The entries with a number above `after`, verified, in their order."""
        return list(self.walk(after))

    def walk(self, after: int = 0) -> Iterator[Entry]:
        """As `entries`, one after the other, so that few of them are in memory."""
        first = self._at(after) if after else None
        return chained(map(self._entry, self._log.walk(after)), self.objects.where, first)

    def unknown(self) -> list[Entry]:
        """The entries behind the last one that the witness knows.

        Raises StateError where the ledger has that one no more, or another one, UnreachableError where the witness
        does not answer.
        """
        if self.witness is None:
            return []
        # in this order: what another controller writes meanwhile is in the ledger before its witness knows it
        head, newest = self.witness.newest(), self.newest()
        self._require(head, newest)
        known = head.sequence if head else self.witness.begun
        return [] if known is None else self.entries(known)

    def begin_witness(self) -> dict[str, Any]:
        """Verify all of the ledger and have a new witness take it as it is; what the ledger keeps of that, if it was.

        Where the ledger names a witness that it had before, that is told as well.
        """
        if self.witness is None or self.witness.begun is not None:
            return {}
        last, before = None, ""
        for entry in self.walk():
            last, before = entry, witness_in(entry.body) or before
        # heads without a beginning are of an emergency that began while the witness was away
        told = self.witness.numbers()
        self.witness.begin(told[-1] - 1 if told else last.sequence if last else 0)
        if last and not told:
            self.witness.add(last)
        return {WITNESS_NEW: True, **({WITNESS_BEFORE: before} if before else {})}

    def unwitnessed(self) -> list[int]:
        """The numbers of all entries that the witness was not told of by their writer."""
        if self.witness is None:
            return []
        told = set(self.witness.numbers())
        return [one for one in range((self.witness.begun or 0) + 1, self.newest_number() + 1) if one not in told]

    def record(
        self, now: datetime, change: Mapping[str, Any], event: str, facts: Mapping[str, Any], deadline: Deadline
    ) -> Entry:
        """Append what happened in a change. now: by the clock of the store."""
        time = now.isoformat(timespec="milliseconds")
        return self.append({"time": time, "change": change, "event": event, "facts": facts}, deadline)

    def append(self, body: Mapping[str, Any], deadline: Deadline, after: int | None = None) -> Entry:
        """Seal `body` and write it behind the last entry; where it is there already, that is it.

        after: number of the entry behind which it is looked for; by default, the last one alone is looked at.
        """

        head = self._head()

        def follow(newest: Record | None) -> Record:
            last = None if newest is None else self._entry(newest)
            self._require(head, last)
            written = next((entry for entry in self._behind(after, last) if says_same(entry.body, body)), None)
            entry = written or seal(body, last)
            return Record(entry.sequence, entry.as_record())

        entry = self._entry(self._log.write(follow, deadline))
        if self.witness is not None:
            self.witness.add(entry)
        self._index(entry, deadline)
        return entry

    def evidence(
        self, event: str, tenant: str, repository: str = "", doubt: Callable[[str], None] = lambda _sentence: None
    ) -> Entry | None:
        """The newest entry that is evidence of the kind `event` for the tenant.

        repository: the one that it has to be of, by its name; empty for any. So many are looked at as LOOKED_AT says.
        doubt: is told of an entry that is left out, as the witness does not know it.
        """
        kept = self._of(event, tenant)
        newest = kept.newest()
        last = newest.number if newest else 0
        for number in range(last, max(0, last - LOOKED_AT), -1):
            kind = newest if number == last else kept.record(number)
            entry = self._named(kind, event, tenant) if kind else None
            if entry is None or repository not in ("", entry.body["facts"].get("repository", "")):
                continue
            if self._is_sound(entry):
                return entry
            doubt(
                f"entry {entry.sequence} of the ledger says that {tenant} had a {event} at {entry.body['time']}, which "
                f"its witness does not know, so that it proves nothing; see who wrote it, and run the {event} again"
            )
        return None

    def _named(self, kind: Record, event: str, tenant: str) -> Entry | None:
        """The entry that a record of the evidence names; None where that is no such evidence.

        A ledger that was rolled back has another one there, or none.
        """
        number = kind.body.get("sequence") if isinstance(kind.body, Mapping) else None
        entry = self._at(number) if isinstance(number, int) and number > 0 else None
        return entry if entry and entry.body.get("event") == event and tenant in evidence(entry.body) else None

    def _is_sound(self, entry: Entry) -> bool:
        """Whether the writer of an entry told the witness of it; or, where there is none, whether the next one follows.

        Raises StateError where the witness knows another one, or the next one does not follow.
        """
        if self.witness is not None:
            head = self.witness.head(entry.sequence)
            if head is not None:
                require_known(head, entry, entry.sequence, self.objects.where, self.witness.where)
                return True
            if entry.sequence > (self.witness.begun or 0):
                return False
        following = self._at(entry.sequence + 1)
        deque(chained([following] if following else [], self.objects.where, entry), maxlen=0)
        return True

    def _head(self) -> Head | None:
        """The last entry that the witness knows; None where it does not answer, as what has happened is recorded."""
        if self.witness is None or self.witness.waits:
            return None
        try:
            return self.witness.newest()
        except UnreachableError as error:
            self.witness.waits = str(error)
            return None

    def _require(self, head: Head | None, last: Entry | None) -> None:
        """Raise StateError where the ledger with that last entry has not what the witness knows."""
        if head is None or self.witness is None:
            return
        newest = last.sequence if last else 0
        found = last if newest == head.sequence else self._at(head.sequence) if newest > head.sequence else None
        require_known(head, found, newest, self.objects.where, self.witness.where)

    def _behind(self, after: int | None, last: Entry | None) -> list[Entry]:
        """The entries from the one behind number `after` to the last one; that one alone for None.

        All of them where the ledger ends before `after`, as it was rolled back then.
        """
        if last is None or last.sequence == after:
            return []
        if after is None or last.sequence == after + 1:
            return [last]
        if last.sequence < after:
            after = 0
        return [self._entry(record) for record in self._log.records(after, last.sequence - after)]

    def _index(self, entry: Entry, deadline: Deadline) -> None:
        """Let the newest evidence of a tenant be found without reading the ledger."""

        def follow(newest: Record | None) -> Record:
            if newest is not None and self._is_newer(newest, entry, tenant):
                return newest
            return Record(1 if newest is None else newest.number + 1, {"sequence": entry.sequence})

        for tenant in evidence(entry.body):
            self._of(entry.body["event"], tenant).write(follow, deadline)
        numbers = numbers_in(entry.body)
        if numbers:
            KnownLog(self.objects).write(lambda seen: with_numbers(seen, numbers), deadline)

    def _is_newer(self, kind: Record, entry: Entry, tenant: str) -> bool:
        """Whether a record of the evidence names what is as new as an entry."""
        named = self._named(kind, entry.body["event"], tenant)
        return named is not None and named.sequence >= entry.sequence

    def _at(self, number: int) -> Entry | None:
        record = self._log.record(number)
        return None if record is None else self._entry(record)

    @property
    def _log(self) -> Log:
        return Log(self.objects, "ledger")

    def _of(self, event: str, tenant: str) -> Log:
        # a tenant's name is part of a key, and must not lead elsewhere in a directory
        return Log(self.objects, f"evidence/{event}/{quote(tenant, safe='').replace('.', '%2E')}", KEPT_EVIDENCE)

    def _entry(self, record: Record) -> Entry:
        return unseal(record.number, record.body, self.objects.where)


def open_ledger(declared: Mapping[str, Any], store: Objects | None = None) -> Ledger:
    """The ledger in the store that the option `store` describes, with its witness. store: where it is open already."""
    return Ledger(store or open_store(declared), open_witness(declared))
