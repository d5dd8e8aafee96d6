# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tenants are due for a restore drill today, so that drills spread evenly over their interval. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import Judgement
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import TIERS

DAY_S = 86400
# A round of drills ends before the interval does, so that one that fails or is missed can be made good.
SHARE = 6 / 7
STRICTEST_S = int(TIERS[1]["drill_interval_s"])


def due_today(fleet: Iterable[Judgement], now: datetime) -> list[str]:
    """The tenants whose drill is due today, in UTC.

    Each group of tenants with one interval has a quota a day, by which all are drilled once a round. It goes to those
    whose drill is the longest ago, those without one first, in an order that does not follow from their names. A drill
    of today counts, so a second call on one day names no further tenant. A tenant whose newest drill failed is named
    besides, and takes no place of another one. One without a backup has nothing to restore. One without a policy has
    the interval of the first tier.
    """
    groups: dict[int, list[Judgement]] = {}
    for one in fleet:
        if one.latest is not None:
            groups.setdefault(one.policy.drill_interval_s if one.policy else STRICTEST_S, []).append(one)
    return [name for interval_s in sorted(groups) for name in _due(groups[interval_s], interval_s, now)]


def _due(group: Sequence[Judgement], interval_s: int, now: datetime) -> list[str]:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = max(1, math.floor(interval_s / DAY_S * SHARE))
    failed = [one for one in group if one.drills and not one.drills[0].ok]
    rest = [one for one in group if one not in failed]
    done = sum(one.drills[0].begun >= today for one in rest if one.drills)
    left = max(0, math.ceil(len(group) / days) - done)
    since = today - timedelta(days=days - 1)
    waiting = sorted((one for one in rest if _last(one) < since), key=lambda one: (_last(one), _mixed(one.tenant)))
    return [one.tenant for one in [*failed, *waiting[:left]]]


def _last(one: Judgement) -> datetime:
    """The day of the newest proven drill, long ago without one."""
    good = one.last_good_drill
    if good is None:
        return datetime.min.replace(tzinfo=one.latest.stored.tzinfo if one.latest else None)
    return good.begun.replace(hour=0, minute=0, second=0, microsecond=0)


def _mixed(tenant: str) -> str:
    return hashlib.sha256(tenant.encode()).hexdigest()
