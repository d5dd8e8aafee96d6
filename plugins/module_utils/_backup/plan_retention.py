# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups a policy keeps, by restic's rules: newest first, rules ORed, the newest of each natural UTC period."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

COUNTED = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
WITHIN = ("within", "within_hourly", "within_daily", "within_weekly", "within_monthly", "within_yearly")
_UNLIMITED = -1
_DURATION = re.compile(r"(?:-?[0-9]+[ymdh])*")
_PART = re.compile(r"(-?[0-9]+)([ymdh])")
_LARGEST = 2**63 - 1  # restic's integers have 64 bits


@dataclass(frozen=True)
class Verdict:
    """One backup and why it is kept; without reasons it is expired."""

    backup_id: str
    reasons: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether any rule keeps the backup."""
        return bool(self.reasons)


@dataclass(frozen=True)
class _Rule:
    """One rule of a policy. count: periods left, or -1 for all. reach: how many of the newest backups it looks at.

    start: the first moment of a period, None where each backup is a period of its own.
    """

    reason: str
    count: int
    reach: int
    start: Callable[[datetime], datetime] | None


def check(keep: Keep, where: str = "keep") -> Keep:
    """`keep` itself. Raises InputError for a rule that restic refuses, or when there is none at all.

    where: the option, as an error names it.
    """
    for name in COUNTED:
        if getattr(keep, name) < _UNLIMITED:
            raise InputError(f"{where}.{name}: {getattr(keep, name)} is not a count; give 0 or more, or -1 for all")
    durations = [duration_in(getattr(keep, name), f"{where}.{name}") for name in WITHIN]
    if not any(getattr(keep, name) for name in COUNTED) and not any(any(one.values()) for one in durations):
        raise InputError(
            f"{where}: a policy without any rule would expire every backup; give at least one count or within"
        )
    return keep


def judge(history: Iterable[tuple[str, datetime]], keep: Keep, now: datetime) -> list[Verdict]:
    """A verdict for each backup, newest first. history: the unique identifier of each and its snapshot time.

    A backup dated after `now` is kept and counts for nothing, so a wrong clock can evict no real one.
    """
    check(keep)
    ordered = sorted(((moment.astimezone(timezone.utc), name) for name, moment in history), reverse=True)
    moments = [moment for moment, _name in ordered]
    future = _newer(moments, now)
    reasons = [("dated in the future",)] * future + _reasons(moments[future:], keep)
    return [Verdict(name, why) for (_moment, name), why in zip(ordered, reasons)]


def _reasons(moments: Sequence[datetime], keep: Keep) -> list[tuple[str, ...]]:
    """Why each backup is kept. moments: their times, newest first."""
    reasons: list[tuple[str, ...]] = [()] * len(moments)
    for rule in _rules(moments, keep):
        for position, reason in _kept(moments, rule):
            reasons[position] += (reason,)
    return reasons


def _rules(moments: Sequence[datetime], keep: Keep) -> Iterator[_Rule]:
    """The rules of `keep`, in the order in which restic gives its reasons."""
    within = {name: duration_in(getattr(keep, name), f"keep.{name}") for name in WITHIN}
    for name in (WITHIN[0], *COUNTED, *WITHIN[1:]):
        start = _STARTS.get(name.removeprefix("within_"))
        if name in COUNTED:
            yield _Rule(name, getattr(keep, name), len(moments), start)
        elif any(within[name].values()):
            text = "".join(f"{number}{unit}" for unit, number in within[name].items() if number)
            yield _Rule(f"{name} {text}", _UNLIMITED, _reach(moments, within[name]), start)


def _kept(moments: Sequence[datetime], rule: _Rule) -> Iterator[tuple[int, str]]:
    """The positions that one rule keeps, and the reason for each."""
    begins: datetime | None = None
    left, oldest = rule.count, len(moments) - 1
    for position in range(rule.reach):
        # -1 counts down as well, and never meets 0
        if left == 0:
            return
        is_new = begins is None or moments[position] < begins
        # the oldest is kept while a count remains: the longest history the policy can have
        if is_new or position == oldest:
            yield position, rule.reason if is_new else f"oldest {rule.reason}"
            begins = rule.start(moments[position]) if rule.start else None
            left -= 1


def _reach(moments: Sequence[datetime], duration: Mapping[str, int]) -> int:
    """The number of backups that are less than `duration` older than the newest one."""
    since = _before(moments[0], duration) if moments else None
    return len(moments) if since is None else _newer(moments, since)


def _before(latest: datetime, duration: Mapping[str, int]) -> datetime | None:
    """The moment that lies `duration` before `latest`, or None for one before the year 1."""
    months = latest.year * 12 + latest.month - 1 - duration["y"] * 12 - duration["m"]
    try:
        # a day past the end of the month runs over into the next one, as restic's calendar does
        first = latest.replace(year=months // 12, month=months % 12 + 1, day=1)
        return first + timedelta(days=latest.day - 1 - duration["d"]) - timedelta(hours=duration["h"])
    except (OverflowError, ValueError):
        return None


def _newer(moments: Iterable[datetime], since: datetime) -> int:
    return sum(moment > since for moment in moments)


def is_within(moment: datetime, text: str, now: datetime) -> bool:
    """Whether a moment lies less than a duration before `now`."""
    since = _before(now.astimezone(timezone.utc), duration_in(text, "period"))
    return since is None or moment > since


def duration_in(text: str, where: str) -> dict[str, int]:
    """The numbers in a duration, by unit. where: the option. Raises InputError when it is not one."""
    try:
        return _parse(text)
    except ValueError as error:
        raise InputError(
            f"{where}: {text!r} is not a duration; give numbers of years, months, days and hours, as in 1y5m7d2h"
        ) from error


def _parse(text: str) -> dict[str, int]:
    """The numbers in a duration, by unit: in any order, and the last one of a unit counts, as in restic."""
    duration = dict.fromkeys("ymdh", 0)
    if not _DURATION.fullmatch(text.strip()):
        raise ValueError(text)
    for digits, unit in _PART.findall(text):
        duration[unit] = int(digits)
        if abs(duration[unit]) > _LARGEST:
            raise ValueError(digits)
    if min(duration.values()) < 0:
        raise ValueError(text)
    return duration


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _week(moment: datetime) -> datetime:
    return _day(moment) - timedelta(days=moment.weekday())


def _month(moment: datetime) -> datetime:
    return _day(moment).replace(day=1)


def _year(moment: datetime) -> datetime:
    return _day(moment).replace(month=1, day=1)


_STARTS = {"hourly": _hour, "daily": _day, "weekly": _week, "monthly": _month, "yearly": _year}
