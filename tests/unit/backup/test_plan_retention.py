# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention: restic's rules, told as examples and as what holds for every history."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep, backup_id, moment_of
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_retention import COUNTED, check, judge
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)

moments = st.datetimes(
    min_value=datetime(2019, 1, 1), max_value=datetime(2026, 11, 22, 11), timezones=st.just(timezone.utc)
)
histories = st.lists(moments.map(backup_id), max_size=40, unique=True)
keeps = st.builds(
    Keep,
    **{name: st.integers(0, 6) for name in COUNTED},
    within=st.sampled_from(["", "3d", "1m", "1y2m", "12h"]),
).filter(lambda keep: bool(keep.within) or any(getattr(keep, name) for name in COUNTED))


def at(text: str) -> str:
    return backup_id(datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=timezone.utc))


def kept(history: list[str], keep: Keep, now: datetime = NOW) -> list[str]:
    return [verdict.backup_id for verdict in judge(history, keep, now) if verdict.kept]


def test_the_newest_of_each_day_is_kept() -> None:
    history = [at("2026-11-20 01:00"), at("2026-11-20 23:00"), at("2026-11-21 01:00"), at("2026-11-21 23:00")]
    assert kept(history, Keep(daily=1)) == [at("2026-11-21 23:00")]
    assert kept([at("2026-11-01 01:00"), *history], Keep(daily=2)) == [at("2026-11-21 23:00"), at("2026-11-20 23:00")]


def test_the_oldest_is_kept_while_a_count_remains() -> None:
    history = [at("2026-11-20 01:00"), at("2026-11-20 05:00"), at("2026-11-20 23:00")]
    assert kept(history, Keep(daily=2)) == [at("2026-11-20 23:00"), at("2026-11-20 01:00")]
    assert kept(history, Keep(daily=1)) == [at("2026-11-20 23:00")]


def test_days_without_a_backup_do_not_count() -> None:
    history = [at("2026-01-01 01:00"), at("2026-06-01 01:00"), at("2026-11-21 01:00")]
    assert kept(history, Keep(daily=2)) == [at("2026-11-21 01:00"), at("2026-06-01 01:00")]


def test_weeks_are_iso_weeks() -> None:
    # 2024-12-30 and 2025-01-05 are both in week 1 of 2025; 2024-12-29 is in week 52 of 2024
    history = [at("2024-12-22 10:00"), at("2024-12-29 10:00"), at("2024-12-30 10:00"), at("2025-01-05 10:00")]
    assert kept(history, Keep(weekly=2)) == [at("2025-01-05 10:00"), at("2024-12-29 10:00")]


def test_within_is_measured_from_the_newest_backup_and_not_from_now() -> None:
    history = [at("2020-01-01 00:00"), at("2020-01-05 00:00"), at("2020-01-07 00:00")]
    assert kept(history, Keep(within="3d")) == [at("2020-01-07 00:00"), at("2020-01-05 00:00")]


def test_within_runs_over_the_end_of_a_short_month() -> None:
    # one month before 31 March is 31 February, which is 3 March
    history = [at("2026-03-02 12:00"), at("2026-03-04 12:00"), at("2026-03-31 12:00")]
    assert kept(history, Keep(within="1m")) == [at("2026-03-31 12:00"), at("2026-03-04 12:00")]


def test_a_backup_from_the_future_is_kept_and_evicts_nothing() -> None:
    real, forged = at("2026-11-22 10:00"), at("2031-01-01 00:00")
    verdicts = {verdict.backup_id: verdict.reasons for verdict in judge([real, forged], Keep(last=1), NOW)}
    assert verdicts[forged] == ("dated in the future",)
    assert verdicts[real] == ("last",)


def test_all_is_all() -> None:
    history = [at(f"2026-0{month}-01 00:00") for month in range(1, 10)]
    assert len(kept(history, Keep(monthly=-1))) == 9


@pytest.mark.parametrize(
    ("keep", "told"),
    [
        (Keep(), "without any rule"),
        (Keep(last=-2), "keep.last"),
        (Keep(within="1w"), "1w"),
        (Keep(within="0d"), "0d"),
        (Keep(within="d"), "span"),
        (Keep(within="1h1d"), "1h1d"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(keep: Keep, told: str) -> None:
    with pytest.raises(InputError, match=told):
        check(keep)


@given(histories, keeps)
def test_every_backup_has_one_verdict_newest_first(history: list[str], keep: Keep) -> None:
    judged = [verdict.backup_id for verdict in judge(history, keep, NOW)]
    assert judged == sorted(set(history), reverse=True)


@given(histories.filter(bool), keeps)
def test_the_newest_is_always_kept(history: list[str], keep: Keep) -> None:
    assert max(history) in kept(history, keep)


@given(histories, keeps)
def test_expiring_twice_expires_nothing_more(history: list[str], keep: Keep) -> None:
    left = kept(history, keep)
    assert kept(left, keep) == left


@given(histories, keeps, st.sampled_from(COUNTED))
def test_a_longer_rule_never_expires_more(history: list[str], keep: Keep, rule: str) -> None:
    counts = {name: getattr(keep, name) for name in COUNTED}
    longer = Keep(**{**counts, rule: counts[rule] + 1}, within=keep.within)
    assert set(kept(history, keep)) <= set(kept(history, longer))


@given(histories, st.integers(1, 6))
def test_last_keeps_that_many(history: list[str], count: int) -> None:
    assert kept(history, Keep(last=count)) == sorted(history, reverse=True)[:count]


@given(histories, st.integers(1, 6))
def test_daily_keeps_at_most_one_a_day_but_for_the_oldest(history: list[str], count: int) -> None:
    left = kept(history, Keep(daily=count))
    days = [moment_of(name).date() for name in left[:-1]]
    assert len(left) <= count
    assert len(set(days)) == len(days)


@given(histories.filter(bool), st.integers(1, 2000))
def test_forged_backups_change_no_verdict_on_real_ones(history: list[str], days: int) -> None:
    keep = Keep(last=2, daily=3, monthly=2, within="2d")
    forged = backup_id(NOW + timedelta(days=days))
    assert kept([*history, forged], keep) == [forged, *kept(history, keep)]
