# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the ledger in a change store and appends to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_known import KnownLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_known import numbers_in, with_numbers
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import (
    Entry,
    require_chain,
    says_same,
    seal,
    unseal,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_gate import evidence
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, Record
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects

# Of each tenant and event; the entries themselves are in the ledger, which keeps all.
KEPT_EVIDENCE = 100
# How far back evidence of one repository is looked for behind that of others.
LOOKED_AT = 20


@dataclass(frozen=True)
class Ledger:
    """The ledger of an estate."""

    objects: Objects

    def newest(self) -> Entry | None:
        """The last entry, None before the first."""
        record = self._log.newest()
        return None if record is None else self._entry(record)

    def newest_number(self) -> int:
        """The number of the last entry, 0 before the first."""
        return self._log.newest_number()

    def entries(self, after: int = 0) -> list[Entry]:
        """The entries with a number above `after`, verified, in their order."""
        records = self._log.records(max(after - 1, 0))
        entries = [self._entry(record) for record in records]
        if after and entries and entries[0].sequence == after:
            require_chain(entries[1:], self.objects.where, entries[0])
            return entries[1:]
        require_chain(entries, self.objects.where)
        return entries

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

        def follow(newest: Record | None) -> Record:
            last = None if newest is None else self._entry(newest)
            written = next((entry for entry in self._behind(after, last) if says_same(entry.body, body)), None)
            entry = written or seal(body, last)
            return Record(entry.sequence, entry.as_record())

        entry = self._entry(self._log.write(follow, deadline))
        self._index(entry, deadline)
        return entry

    def evidence(self, event: str, tenant: str, repository: str = "") -> Entry | None:
        """The newest entry that is evidence of the kind `event` for the tenant.

        repository: the one that it has to be of, by its name; empty for any. So many are looked at as LOOKED_AT says.
        """
        kept = self._of(event, tenant)
        newest = kept.newest()
        last = newest.number if newest else 0
        for number in range(last, max(0, last - LOOKED_AT), -1):
            kind = newest if number == last else kept.record(number)
            record = self._log.record(int(kind.body["sequence"])) if kind else None
            entry = self._entry(record) if record else None
            if entry and repository in ("", entry.body["facts"].get("repository", "")):
                return entry
        return None

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
            if newest is not None and newest.body["sequence"] >= entry.sequence:
                return newest
            return Record(1 if newest is None else newest.number + 1, {"sequence": entry.sequence})

        for tenant in evidence(entry.body):
            self._of(entry.body["event"], tenant).write(follow, deadline)
        numbers = numbers_in(entry.body)
        if numbers:
            KnownLog(self.objects).write(lambda seen: with_numbers(seen, numbers), deadline)

    @property
    def _log(self) -> Log:
        return Log(self.objects, "ledger")

    def _of(self, event: str, tenant: str) -> Log:
        # a tenant's name is part of a key, and must not lead elsewhere in a directory
        return Log(self.objects, f"evidence/{event}/{quote(tenant, safe='').replace('.', '%2E')}", KEPT_EVIDENCE)

    def _entry(self, record: Record) -> Entry:
        return unseal(record.number, record.body, self.objects.where)
