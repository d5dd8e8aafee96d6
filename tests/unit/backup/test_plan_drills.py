# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills spread over their interval: evenly, each in time, and the same answer for the same day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import Judgement
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_drills import DAY_S, SHARE, due_today

from .evidence import DAY, DRILL, HOUR, NOW, POLICY, judged

ALIKE = judged()


def tenant(name: str, last: datetime | None, interval_days: int = 28, failed: datetime | None = None) -> Judgement:
    drills = [replace(DRILL, begun=failed, ok=False, error="no")] if failed else []
    drills += [replace(DRILL, begun=last)] if last else []
    policy = replace(POLICY, drill_interval_s=interval_days * DAY_S)
    return replace(ALIKE, tenant=name, policy=policy, drills=tuple(drills))


def fleet(last: Mapping[str, datetime | None], interval_days: int = 28) -> list[Judgement]:
    return [tenant(name, moment, interval_days) for name, moment in last.items()]


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 120), interval=st.integers(2, 60), away=st.integers(0, 3))
def test_every_tenant_is_drilled_in_time_and_no_day_has_more_than_its_share(
    count: int, interval: int, away: int
) -> None:
    last: dict[str, datetime | None] = {f"t{number}": None for number in range(count)}
    days = max(1, math.floor(interval * SHARE))
    quota = math.ceil(count / days)
    for day in range(3 * interval):
        now = NOW + day * DAY
        due = due_today(fleet(last, interval), now)
        assert len(due) <= quota
        assert due == due_today(reversed(fleet(last, interval)), now)
        # the host of the timer is off for some days
        if interval <= day < interval + min(away, interval - days):
            continue
        last.update(dict.fromkeys(due, now))
        assert due_today(fleet(last, interval), now + HOUR) == []
        if day >= days:
            assert all(moment is not None and now - moment <= interval * DAY for moment in last.values())


def test_the_longest_ago_comes_first_and_tiers_do_not_wait_for_each_other() -> None:
    seen = [
        tenant("slow", NOW - 300 * DAY, 364),
        tenant("new", None),
        tenant("old", NOW - 60 * DAY),
        tenant("fresh", NOW - 3 * DAY),
        tenant("yearly", NOW - 400 * DAY, 364),
    ]
    assert due_today(seen, NOW) == ["new", "yearly"]


def test_a_failed_drill_is_tried_again_and_takes_no_place() -> None:
    failed = tenant("failed", NOW - 40 * DAY, failed=NOW - DAY)
    assert due_today([failed, tenant("old", NOW - 60 * DAY)], NOW) == ["failed", "old"]


def test_a_tenant_without_a_backup_has_nothing_to_drill_and_one_without_a_policy_has() -> None:
    nothing = replace(tenant("nothing", None), latest=None)
    unruled = replace(tenant("unruled", None), policy=None)
    assert due_today([nothing, unruled], NOW) == ["unruled"]


def test_a_drill_of_today_uses_up_the_quota() -> None:
    done = tenant("done", NOW - timedelta(hours=2))
    assert due_today([done, tenant("other", None)], NOW) == []
    assert due_today([done, tenant("other", None)], NOW + DAY) == ["other"]
