# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ledgers of years, made without the playbooks: entries as the modules write them, sealed, in a store with its witness.

The same seed gives the same ledger, so that tests, pictures and benchmarks speak of one.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import Entry, seal
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_witness import head_of
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log

PEOPLE = ("mara", "tom", "ines", "yusuf", "awx-nightly")
APPROVERS = ("petra", "joao", "tom")
# A group of tenants is backed up by one host, in one entry.
_IN_GROUP = 10
Body = dict[str, Any]


@dataclass
class History:
    """What happened in an estate up to a moment. tenants: their names, the tier by their place."""

    tenants: tuple[str, ...]
    now: datetime
    span: timedelta
    seed: int = 7
    lease: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def tier(self, tenant: str) -> int:
        """1 for every fifth tenant, 2 for two of them, else 3."""
        return (1, 2, 2, 3, 3)[self.tenants.index(tenant) % 5]

    def bodies(self, count: int) -> Iterator[Body]:
        """The bodies of so many entries, spread over the time."""
        made = 0
        step = self.span / max(count, 1)
        while made < count:
            time = self.now - self.span + step * made
            for body in self._change(time):
                if made == count:
                    return
                made += 1
                yield body

    def _change(self, time: datetime) -> Iterator[Body]:
        chance = self._chance.random()
        if chance < 0.62:
            yield from self.backup(time)
        elif chance < 0.74:
            yield from self.drill(time)
        elif chance < 0.86:
            yield from self.patch(time)
        elif chance < 0.92:
            yield from self.renewal(time)
        elif chance < 0.96:
            yield from self.emergency(time)
        else:
            yield from self.broken(time)

    def opened(self, time: datetime, kind: str, classification: str = "standard", **facts: Any) -> tuple[Body, Body]:
        """A new change, and the entry that opens it."""
        self.lease += 1
        who = "awx-nightly" if kind in ("backup", "restore_drill") else self._chance.choice(PEOPLE[:4])
        others = [one for one in APPROVERS if one != who]
        change = {
            "id": f"{kind}-{self.lease}",
            "kind": kind,
            "requester": who,
            "class": classification,
            "reason": self._chance.choice(("security release", "tenant asked", "disk is full"))
            if classification != "standard"
            else "",
            "approver": self._chance.choice(others) if classification == "normal" else "",
            "lease": self.lease,
            "fencing_number": self.lease,
        }
        return change, entry(time, change, "opened", **{"covers": ["estate"], **facts})

    def _group(self) -> list[str]:
        first = self._chance.randrange(0, max(len(self.tenants), 1), _IN_GROUP)
        return list(self.tenants[first : first + _IN_GROUP])

    def backup(self, time: datetime) -> Iterator[Body]:
        """A backup of one group of tenants; one in sixty tenants fails."""
        change, first = self.opened(time, "backup", covers=["backup:app"])
        yield first
        outcomes = [self._outcome(one, "the disk of the repository is full") for one in self._group()]
        yield entry(time + timedelta(minutes=4), change, "backup", host="app1", repository="main", tenants=outcomes)
        yield entry(time + timedelta(minutes=5), change, "closed")

    def drill(self, time: datetime) -> Iterator[Body]:
        """A restore drill of one group of tenants."""
        change, first = self.opened(time, "restore_drill", covers=["backup:drill"])
        yield first
        outcomes = [self._outcome(one, "the copy does not start") for one in self._group()]
        yield entry(time + timedelta(minutes=20), change, "drill", host="app2", repository="main", tenants=outcomes)
        yield entry(time + timedelta(minutes=21), change, "closed")

    def _outcome(self, tenant: str, error: str) -> Body:
        failed = self._chance.random() < 1 / 60
        return {"tenant": tenant, "ok": not failed, "error": error if failed else "", "number": self.lease}

    def patch(self, time: datetime) -> Iterator[Body]:
        """A patch of two hosts. One in eight fails on the second one, and is resumed."""
        release = f"2026.{1 + self.lease % 11}.{self.lease % 3}"
        change, first = self.opened(time, "patch", "normal", group="app", release=release)
        yield first
        yield entry(time, change, "gate", allowed=True, score=self._score())
        yield entry(time, change, "approved", by=change["approver"], how="signature")
        yield from self._host(time + timedelta(minutes=5), change, "app1", release)
        if self._chance.random() >= 1 / 8:
            yield from self._host(time + timedelta(minutes=15), change, "app2", release)
            yield entry(time + timedelta(minutes=20), change, "closed", parts={"app1": "proven", "app2": "proven"})
            return
        late = time + timedelta(minutes=30)
        yield entry(time + timedelta(minutes=15), change, "begun", part="app2")
        yield entry(late, change, "failed", part="app2", why="app2 does not answer on /web/health after 120 s")
        yield entry(late, change, "unfinished", parts={"app1": "proven", "app2": "failed"}, lost="app2 failed")
        again, opened = self.opened(late, "resume", resumes=change["id"], way="finish")
        yield opened
        yield from self._host(late + timedelta(minutes=8), again, "app2", release)
        yield entry(late + timedelta(minutes=10), again, "closed", parts={"app2": "proven"})

    @staticmethod
    def _host(time: datetime, change: Body, host: str, release: str) -> Iterator[Body]:
        yield entry(time, change, "begun", part=host)
        after = time + timedelta(minutes=6)
        yield entry(after, change, "proven", part=host, host=host, release_before="2025.12.1", release_after=release)

    def _score(self) -> Body:
        parts = {
            "tiers touched": 4,
            "age of backup": self._chance.randrange(3),
            "last failures": self._chance.randrange(4),
        }
        return {
            "total": sum(parts.values()),
            "parts": [{"name": name, "points": points} for name, points in parts.items()],
        }

    def renewal(self, time: datetime) -> Iterator[Body]:
        """New certificates on the two edges."""
        change, first = self.opened(time, "renew_certificates", force=False)
        yield first
        for host in ("edge1", "edge2"):
            yield entry(time, change, "begun", part=host)
            done = time + timedelta(minutes=3)
            yield entry(done, change, "proven", part=host, host=host, certificates=[{"name": "wildcard"}], refused=[])
        yield entry(time + timedelta(minutes=4), change, "closed", parts={"edge1": "proven", "edge2": "proven"})

    def emergency(self, time: datetime) -> Iterator[Body]:
        """An emergency that overrides the gate. Half of them are reviewed."""
        change, first = self.opened(time, "migrate", "emergency", tenant=self._chance.choice(self.tenants))
        yield first
        tenant = first["facts"]["tenant"]
        yield entry(time, change, "gate", allowed=True, overridden=[f"no restore drill of {tenant} (tier 1) is known"])
        yield entry(time + timedelta(minutes=9), change, "begun", part=tenant, stage="dump")
        yield entry(time + timedelta(minutes=31), change, "proven", part=tenant)
        yield entry(time + timedelta(minutes=32), change, "closed", parts={tenant: "proven"})
        if self._chance.random() < 5 / 6:
            yield entry(time + timedelta(hours=2), change, "approved", by="joao", how="signature")
        if self._chance.random() < 1 / 2:
            yield entry(
                time + timedelta(hours=20), change, "reviewed", by="petra", words="the disk was grown; no data lost"
            )

    def broken(self, time: datetime) -> Iterator[Body]:
        """A change that is denied, or one that was killed and whose lease somebody broke."""
        if self._chance.random() < 0.5:
            change, first = self.opened(time, "patch", "normal", group="app", release="2026.9.1")
            yield first
            reasons = ["the freeze calendar month-end (estate) forbids changes until 2026-11-03 06:00 UTC; begin then"]
            yield entry(time, change, "gate", allowed=False, denials=reasons, score=self._score())
            return
        change, first = self.opened(time, "site")
        yield first
        yield entry(time + timedelta(minutes=2), change, "begun", part="cache1")
        late = time + timedelta(hours=1)
        yield entry(
            late, {"id": change["id"]}, "broken", by="tom", reason="its controller was rebooted", lease=change["lease"]
        )


def entry(time: datetime, change: Body, event: str, **facts: Any) -> Body:
    """The body of an entry."""
    return {"time": time.isoformat(timespec="milliseconds"), "change": change, "event": event, "facts": facts}


def sealed(bodies: Iterable[Body]) -> Iterator[Entry]:
    """The bodies as a chain."""
    last = None
    for body in bodies:
        last = seal(body, last)
        yield last


def write(entries: Iterable[Entry], store: Path, witness: Path | None = None) -> Entry:
    """A ledger on disk as the modules write it, without waiting for the disk; the last entry.

    witness: the place of one that was told of each.
    """
    last = None
    for last in entries:
        _put(store, Log(Directory(str(store)), "ledger").key(last.sequence), last.as_record())
        if witness is not None:
            _put(witness, Log(Directory(str(witness)), "heads").key(last.sequence), head_of(last).as_body())
    if witness is not None:
        (witness / "begun").write_text(json.dumps({"sequence": 0}), encoding="utf-8")
    if last is None:
        raise ValueError("a ledger without an entry is none")
    return last


def _put(place: Path, key: str, body: Any) -> None:
    path = place / key
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
