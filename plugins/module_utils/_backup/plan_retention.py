# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups a policy keeps, by restic's rules: newest first, rules ORed, the newest of each natural UTC period."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep, moment_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Stored

COUNTED = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
_SPAN = re.compile(r"^(?:(\d+)y)?(?:(\d+)m)?(?:(\d+)d)?(?:(\d+)h)?$")


@dataclass(frozen=True)
class Verdict:
    """One backup and why it is kept; without reasons it is expired."""

    backup_id: str
    reasons: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether any rule keeps the backup."""
        return bool(self.reasons)


def check(keep: Keep) -> Keep:
    """`keep` itself. Raises InputError for a rule that cannot be meant, or when there is none at all."""
    for name in COUNTED:
        if getattr(keep, name) < -1:
            raise InputError(f"keep.{name}: {getattr(keep, name)} is not a count; give 0 or more, or -1 for all")
    if keep.within and (not _SPAN.match(keep.within) or not any(_span(keep.within))):
        raise InputError(f"keep.within: {keep.within!r} is not a span; give years, months, days, hours as in 1y5m7d2h")
    if not keep.within and not any(getattr(keep, name) for name in COUNTED):
        raise InputError("keep: a policy without any rule would expire every backup; give at least one count or within")
    return keep


def judge(identifiers: Iterable[str], keep: Keep, now: datetime) -> list[Verdict]:
    """A verdict for each backup, newest first.

    A backup dated after `now` is kept and counts for nothing, so a wrong clock can evict no real one.
    """
    check(keep)
    newest_first = sorted(set(identifiers), reverse=True)
    future = [name for name in newest_first if moment_of(name) > now]
    past = newest_first[len(future) :]
    left = {name: getattr(keep, name) for name in COUNTED}
    seen: dict[str, object] = {}
    verdicts = [Verdict(name, ("dated in the future",)) for name in future]
    since = _earliest(keep.within, moment_of(past[0])) if past and keep.within else None
    for position, name in enumerate(past):
        moment = moment_of(name)
        reasons = [f"within {keep.within}"] if since is not None and moment > since else []
        for rule in COUNTED:
            period = _PERIODS[rule](moment, position)
            # the oldest is kept while a count remains: the longest history the policy can have
            if left[rule] == 0 or (seen.get(rule) == period and position != len(past) - 1):
                continue
            seen[rule] = period
            left[rule] -= 1 if left[rule] > 0 else 0
            reasons.append(rule)
        verdicts.append(Verdict(name, tuple(reasons)))
    return verdicts


def garbage(objects: Mapping[str, Stored], referenced: Collection[str], now: datetime, grace_s: int) -> list[str]:
    """The unreferenced objects that may go, sorted by name.

    One younger than `grace_s` seconds may belong to a backup that is being written, and one dated after `now`
    has a time that proves nothing: both stay.
    """
    marked = set(referenced)
    before = now - timedelta(seconds=grace_s)
    return sorted(name for name, stored in objects.items() if name not in marked and stored.modified < min(before, now))


_PERIODS: dict[str, Callable[[datetime, int], object]] = {
    "last": lambda moment, position: position,
    "hourly": lambda moment, position: (moment.date(), moment.hour),
    "daily": lambda moment, position: moment.date(),
    "weekly": lambda moment, position: tuple(moment.isocalendar())[:2],
    "monthly": lambda moment, position: (moment.year, moment.month),
    "yearly": lambda moment, position: moment.year,
}


def _span(text: str) -> tuple[int, int, int, int]:
    match = _SPAN.match(text)
    years, months, days, hours = (int(part or 0) for part in (match.groups() if match else ()))
    return years, months, days, hours


def _earliest(span: str, latest: datetime) -> datetime:
    years, months, days, hours = _span(span)
    months_before = latest.year * 12 + latest.month - 1 - years * 12 - months
    if months_before < 12:
        return latest.min.replace(tzinfo=latest.tzinfo)
    # a day past the end of the month runs over into the next one, as restic's calendar does
    first = latest.replace(year=months_before // 12, month=months_before % 12 + 1, day=1)
    return first + timedelta(days=latest.day - 1 - days, hours=-hours)
