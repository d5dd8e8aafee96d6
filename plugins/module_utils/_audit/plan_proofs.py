# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger proves of each tenant and host: backups, drills, releases and certificates, at one moment. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import (
    Filters,
    Happening,
    listed,
    mapping,
    moment,
    outcomes_of,
    words,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import TIERS
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_gate import EVIDENCE
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import CLOCK_SKEW

BACKUP, DRILL = EVIDENCE
KEPT, OLD, NONE_KNOWN, UNBOUND, AHEAD = "kept", "too old", "none known", "no limit known", "of the future"
RENEWED, RELEASED = ("renew_certificates",), ("patch", "patch_redis")
_PROVEN = "proven"


@dataclass(frozen=True)
class Tenant:
    """A tenant as the inventory declares it."""

    name: str
    tier: int | None
    group: str = ""


@dataclass(frozen=True)
class Series:
    """The evidence of one kind and tenant. good, bad: in the time of the report. gap_s: the longest time without."""

    newest: datetime | None = None
    number: int = 0
    good: int = 0
    bad: int = 0
    why: str = ""
    gap_s: float = 0.0

    def with_good(self, time: datetime, number: int, filters: Filters) -> Series:
        """With one that proves."""
        begin = max(filter(None, (self.newest, filters.since)), default=None)
        gap = (time - begin).total_seconds() if begin and filters.within(time) else 0.0
        good = self.good + filters.within(time)
        # what was recorded late takes nothing back
        newer = self.newest is None or time >= self.newest
        newest, at = (time, number) if newer else (self.newest, self.number)
        return replace(self, newest=newest, number=at, good=good, gap_s=max(self.gap_s, gap))

    def with_bad(self, seen: Happening, why: str, filters: Filters) -> Series:
        """With one that failed."""
        return replace(self, bad=self.bad + 1, why=why) if filters.within(seen.time) else self

    def at(self, now: datetime, since: datetime | None) -> Series:
        """With the time since the newest one as a gap."""
        begin = max(filter(None, (self.newest, since)), default=None)
        return replace(self, gap_s=max(self.gap_s, (now - begin).total_seconds())) if begin else self


@dataclass(frozen=True)
class Evidence:
    """The evidence of one kind and tenant beside the age that its tier allows. limit_s: None where none is known."""

    tenant: Tenant
    kind: str
    series: Series
    limit_s: float | None
    state: str
    age_s: float | None


@dataclass(frozen=True)
class Promise:
    """What the repository says of a tenant."""

    tenant: str
    compliant: bool | None
    last: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Deed:
    """What was proven last on a host: a release or certificates. what: the release, where it is recorded."""

    host: str
    kind: str
    what: str
    time: datetime | None
    change: str
    number: int


@dataclass(frozen=True)
class Certificate:
    """A certificate as the last scan found it."""

    host: str
    name: str
    ends: datetime | None
    days_left: float | None
    findings: tuple[str, ...]


class Proofs:
    """What was proven, folded one entry at a time."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self._series: dict[tuple[str, str], Series] = {}
        self._deeds: dict[tuple[str, str], Deed] = {}
        # entries that would prove something, and are not sound
        self.doubted = 0

    def add(self, seen: Happening) -> None:
        """Take an entry."""
        if seen.event in EVIDENCE:
            self._evidence(seen)
        kind = words(seen.papers.get("kind"))
        if seen.event == _PROVEN and seen.sound:
            host = words(seen.facts.get("host")) or words(seen.facts.get("part"))
            for one in _deeds(kind, seen.facts) if host else ():
                what = words(seen.facts.get("release_after"))
                self._deeds[(one, host)] = Deed(host, one, what, seen.time, seen.change, seen.number)

    def _evidence(self, seen: Happening) -> None:
        if seen.time is None or not seen.sound:
            self.doubted += 1
            return
        for one in outcomes_of(seen.facts):
            name = words(one.get("tenant"))
            if not name or not self._filters.concerns([name]):
                continue
            series = self._series.get((seen.event, name), Series())
            if one.get("ok") is True:
                series = series.with_good(seen.time, seen.number, self._filters)
            else:
                series = series.with_bad(seen, words(one.get("error")) or "failed", self._filters)
            self._series[(seen.event, name)] = series

    def evidence(
        self, tenants: Iterable[Tenant], limits: Mapping[tuple[str, str], float], now: datetime
    ) -> list[Evidence]:
        """Each tenant that is declared or named, with both kinds. limits: ages by kind and tenant, else of tiers."""
        known = {one.name: one for one in tenants if self._filters.concerns([one.name])}
        for _kind, name in self._series:
            known.setdefault(name, Tenant(name, None))
        return [
            _judged(known[name], kind, self._series.get((kind, name), Series()), limits, now, self._filters)
            for name in sorted(known)
            for kind in EVIDENCE
        ]

    def deeds(self) -> list[Deed]:
        """What was proven last on each host."""
        return [self._deeds[key] for key in sorted(self._deeds)]


def _deeds(kind: str, facts: Mapping[str, Any]) -> Iterable[str]:
    """The kinds of deeds that a proven part is; a change that resumes another says it by its facts."""
    if kind in (*RENEWED, *RELEASED):
        return (kind,)
    return [
        name for name, fact in (("patch", "release_after"), ("renew_certificates", "certificates")) if fact in facts
    ]


def _judged(
    tenant: Tenant,
    kind: str,
    series: Series,
    limits: Mapping[tuple[str, str], float],
    now: datetime,
    filters: Filters,
) -> Evidence:
    tier = TIERS.get(tenant.tier) if tenant.tier is not None else None
    declared = tier["rpo_s" if kind == BACKUP else "drill_interval_s"] if tier else None
    limit = limits.get((kind, tenant.name), declared)
    if series.newest is None:
        return Evidence(tenant, kind, series, limit, NONE_KNOWN, None)
    age = (now - series.newest).total_seconds()
    series = series.at(now, filters.since)
    if age < -CLOCK_SKEW.total_seconds():
        return Evidence(tenant, kind, series, limit, AHEAD, age)
    state = UNBOUND if limit is None else KEPT if age <= limit else OLD
    return Evidence(tenant, kind, series, limit, state, max(age, 0.0))


def promises_from(compliance: Any, filters: Filters) -> list[Promise]:
    """What gantry.odoo.backup_compliance has returned."""
    found = (mapping(one) for one in listed(compliance))
    return [
        Promise(
            words(one.get("tenant")),
            one.get("compliant") if isinstance(one.get("compliant"), bool) else None,
            words(one.get("last_success")),
            tuple(
                words(part.get("sentence"))
                for part in map(mapping, listed(one.get("parts")))
                if part.get("state") in ("violated", "unknown")
            ),
        )
        for one in found
        if filters.concerns([words(one.get("tenant"))])
    ]


def limits_from(compliance: Any) -> dict[tuple[str, str], float]:
    """The ages that recorded policies allow, by kind and tenant."""
    keys = ((BACKUP, "rpo_s"), (DRILL, "drill_interval_s"))
    rows = (mapping(one) for one in listed(compliance))
    return {
        (kind, words(row.get("tenant"))): float(row[key])
        for row in rows
        for kind, key in keys
        if isinstance(row.get(key), (int, float)) and not isinstance(row.get(key), bool)
    }


def certificates_from(document: Any) -> tuple[datetime | None, list[Certificate]]:
    """The moment of a scan, by its oldest host, and its certificates: the file that gantry.odoo.certificates writes."""
    rows: list[Certificate] = []
    times: list[datetime] = []
    for host in map(mapping, listed(mapping(document).get("hosts"))):
        name, time = words(host.get("host")), moment(host.get("time"))
        times += [time] if time else []
        if host.get("answered") is not True:
            rows.append(Certificate(name, "", None, None, (words(host.get("why")) or "did not answer",)))
        for one in map(mapping, listed(host.get("certificates"))):
            said = (mapping(finding) for finding in listed(one.get("findings")))
            left = one.get("days_left")
            rows.append(
                Certificate(
                    name,
                    words(one.get("name")),
                    moment(one.get("not_after")),
                    float(left) if isinstance(left, (int, float)) and not isinstance(left, bool) else None,
                    tuple(filter(None, (words(finding.get("sentence")) for finding in said))),
                )
            )
    return min(times, default=None), rows


def tenants_from(raw: Iterable[Any]) -> list[Tenant]:
    """The tenants of `odoo_tenants`; one that does not state its tier has the default, 3."""
    found = []
    for one in raw:
        name = words(mapping(one).get("name"))
        tier = mapping(one).get("tier", 3)
        number = int(tier) if isinstance(tier, int) or (isinstance(tier, str) and tier.isdigit()) else None
        if name:
            found.append(Tenant(name, number, words(mapping(mapping(one).get("runtime")).get("group"))))
    return found
