# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of backups as metrics in the text form of Prometheus.

Times are exported, not ages: a file that is not renewed any more would go on to show a young age.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import (
    CRITICAL,
    OK,
    WARNING,
    Judgement,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_compliance import RULES
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_metrics import Number, lines

PREFIX = "gantry_odoo_backup"
OBSERVED = f"{PREFIX}_observed_timestamp_seconds"


@dataclass(frozen=True)
class Metric:
    """One metric. samples: further labels and value of each sample of a tenant; none where it is not known."""

    name: str
    text: str
    samples: Callable[[Judgement], Iterable[tuple[dict[str, str], Number]]]


def render(judged: Sequence[Judgement], now: datetime, where: str) -> str:
    """All metrics of all tenants. now: the moment of the observation, by the store's clock.

    where: the repository, which tells the tenants of one estate from those of another with the same names.
    """
    estate = {"repository": where}
    found = lines(OBSERVED, "Time of the observation, by the clock of the repository.", [(estate, now.timestamp())])
    for metric in METRICS:
        samples = (
            ({**estate, "tenant": one.tenant, **labels}, value)
            for one in judged
            for labels, value in metric.samples(one)
        )
        found += lines(f"{PREFIX}_{metric.name}", metric.text, samples)
    return "\n".join(found) + "\n"


def without_time(text: str) -> str:
    """Metrics without the time of their observation, which each run renews."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(OBSERVED))


def _one(value: Callable[[Judgement], Number]) -> Callable[[Judgement], Iterable[tuple[dict[str, str], Number]]]:
    return lambda judged: [({}, value(judged))]


def _expected(one: Judgement) -> Iterator[tuple[dict[str, str], Number]]:
    yield {"tier": str(one.policy.tier) if one.policy else "unknown"}, 1


def _sizes(one: Judgement) -> Iterator[tuple[dict[str, str], Number]]:
    if one.latest is not None:
        yield {"content": "database"}, one.latest.dump_bytes
        yield {"content": "files"}, one.latest.files_bytes


def _counts(one: Judgement) -> Iterator[tuple[dict[str, str], Number]]:
    yield {"state": "kept"}, one.backups
    yield {"state": "expired"}, one.expired


def _parts(one: Judgement) -> Iterator[tuple[dict[str, str], Number]]:
    for part in one.parts:
        yield {"part": part.name, "state": part.state}, 1


def _rules(one: Judgement) -> Iterator[tuple[dict[str, str], Number]]:
    for rule in RULES:
        yield {"rule": rule}, one.rules[rule] == OK


def _findings(one: Judgement) -> Iterator[tuple[dict[str, str], Number]]:
    for severity in (CRITICAL, WARNING):
        yield {"severity": severity}, sum(finding.severity == severity for finding in one.findings)


def _moment(moment: datetime | None) -> Number:
    return None if moment is None else moment.timestamp()


METRICS = (
    Metric("expected", "1 for each tenant that is to have backups.", _expected),
    Metric(
        "last_success_timestamp_seconds",
        "Time of the newest backup that counts, the earliest that PostgreSQL, its writer and the store say.",
        _one(lambda one: _moment(one.latest_moment)),
    ),
    Metric("rpo_seconds", "Recovery point objective.", _one(lambda one: one.policy.rpo_s if one.policy else None)),
    Metric("rto_seconds", "Recovery time objective.", _one(lambda one: one.policy.rto_s if one.policy else None)),
    Metric("size_bytes", "Size of the newest backup that counts, before it is sealed.", _sizes),
    Metric(
        "files", "Files in the newest backup that counts.", _one(lambda one: one.latest.files if one.latest else None)
    ),
    Metric("rows", "Rows in the newest backup that counts.", _one(lambda one: one.opened.rows if one.opened else None)),
    Metric(
        "duration_seconds",
        "Duration of the newest backup that counts.",
        _one(lambda one: one.opened.duration_s if one.opened else None),
    ),
    Metric("backups", "Backups in the catalog.", _counts),
    Metric("holds", "Legal holds that stand.", _one(lambda one: one.holds)),
    Metric(
        "drill_interval_seconds",
        "Seconds after which the last restore drill that proved a backup is too old.",
        _one(lambda one: one.policy.drill_interval_s if one.policy else None),
    ),
    Metric(
        "drill_last_timestamp_seconds",
        "Time of the last restore drill.",
        _one(lambda one: _moment(one.drills[0].begun) if one.drills else None),
    ),
    Metric(
        "drill_last_ok",
        "Whether the last restore drill proved the backup.",
        _one(lambda one: one.drills[0].ok if one.drills else None),
    ),
    Metric(
        "drill_last_success_timestamp_seconds",
        "Time of the last restore drill that proved a backup.",
        _one(lambda one: _moment(one.last_good_drill.begun) if one.last_good_drill else None),
    ),
    Metric(
        "drill_rto_seconds",
        "RTO that the last restore drill that proved a backup has measured.",
        _one(lambda one: one.last_good_drill.rto_s if one.last_good_drill else None),
    ),
    Metric(
        "drill_rpo_seconds",
        "RPO that the last restore drill that proved a backup has measured.",
        _one(lambda one: one.last_good_drill.rpo_s if one.last_good_drill else None),
    ),
    Metric(
        "copy_last_timestamp_seconds",
        "Time that the newest compared backup in the second repository shows.",
        _one(lambda one: _moment(one.copy.shows) if one.copy else None),
    ),
    Metric(
        "copy_compared_timestamp_seconds",
        "Time of the last comparison of the second repository.",
        _one(lambda one: _moment(one.copy.compared.moment) if one.copy and one.copy.compared else None),
    ),
    Metric(
        "check_last_full_timestamp_seconds",
        "Time at which checks had read the whole repository for the last time.",
        _one(lambda one: _moment(one.checked)),
    ),
    Metric("compliance", "1 for the state of each part of the policy: ok, violated, unknown or not_required.", _parts),
    Metric("rule", "Whether each of the rules 3-2-1-1-0 is proven.", _rules),
    Metric("findings", "Findings about backups.", _findings),
)
