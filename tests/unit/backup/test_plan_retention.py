# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention: restic's own vectors, examples, and what holds for every history."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_retention import COUNTED, WITHIN, check, judge
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

History = list[tuple[str, datetime]]

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
# What restic's TestApplyPolicy feeds and expects: the times of its snapshots, newest first, and for each of its golden
# files policy_keep_snapshots_0 to _39 the policy, and as positions in the times what is kept and for which reasons.
# Left out are the 3 whose policy uses tags: 18, 19 and 20. The stored copy of 17 is older than restic's rule that keeps
# the oldest snapshot (0.16), which adds the last position here, as in the newer copies of 16, 35 and 39.
RESTIC = json.loads(Path(__file__).with_name("restic_vectors.json").read_text(encoding="utf-8"))
TIMES: list[str] = RESTIC["times"]
VECTORS: list[dict[str, Any]] = RESTIC["vectors"]

zones = st.sampled_from([timezone.utc, timezone(timedelta(hours=9)), timezone(timedelta(hours=-5, minutes=-30))])
# The second kind is close together and of whole seconds, for periods with many backups and for ties.
moments = st.one_of(
    st.datetimes(datetime(2019, 1, 1), datetime(2026, 11, 21), timezones=zones),
    st.integers(0, 400).map(lambda steps: NOW - timedelta(hours=1, seconds=steps // 2 * 2700)),
)
histories = st.lists(
    st.tuples(st.text("abcd", min_size=1, max_size=4), moments), max_size=40, unique_by=lambda one: one[0]
)
durations = st.sampled_from(["3d", "1m", "2m1y", "12h", "9999y"])
keeps = st.builds(
    Keep,
    **{name: st.integers(-1, 6) for name in COUNTED},
    **{name: st.one_of(st.just(""), durations) for name in WITHIN},
).filter(lambda keep: keep != Keep())


def positions(runs: str) -> Iterator[int]:
    """The numbers in runs such as `0-2 5`."""
    for run in runs.split():
        first, _dash, last = run.partition("-")
        yield from range(int(first), int(last or first) + 1)


def parsed(text: str) -> datetime:
    """The moment that restic writes as `text`."""
    pattern = "%Y-%m-%dT%H:%M:%S.%fZ" if "." in text else "%Y-%m-%dT%H:%M:%SZ"
    return datetime.strptime(text, pattern).replace(tzinfo=timezone.utc)


def translated(reason: str) -> str:
    """Our words for a reason of restic: `daily within 7d` is `within_daily 7d`, `daily snapshot` is `daily`."""
    return re.sub(r"(\w+) within", r"within_\1", reason).removesuffix(" snapshot")


def history(*texts: str) -> History:
    """A history whose identifiers are the texts of its times."""
    return [(text, datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=timezone.utc)) for text in texts]


def kept(backups: History, keep: Keep, now: datetime = NOW) -> list[str]:
    """The identifiers of what is kept, newest first."""
    return [verdict.backup_id for verdict in judge(backups, keep, now) if verdict.kept]


def reasons(backups: History, keep: Keep) -> dict[str, tuple[str, ...]]:
    """The reasons of each backup."""
    return {verdict.backup_id: verdict.reasons for verdict in judge(backups, keep, NOW)}


def newest_first(backups: History) -> list[str]:
    """The identifiers in the order of verdicts."""
    return [name for name, _moment in sorted(backups, key=lambda one: (one[1], one[0]), reverse=True)]


def test_every_vector_of_restic_without_tags_is_here() -> None:
    assert [vector["number"] for vector in VECTORS] == [number for number in range(40) if number not in (18, 19, 20)]
    assert len(TIMES) == 103


@pytest.mark.parametrize("vector", VECTORS[1:], ids=lambda vector: vector["number"])
def test_restic_keeps_the_same_for_the_same_reasons(vector: dict[str, Any]) -> None:
    wanted: dict[int, tuple[str, ...]] = dict.fromkeys(positions(vector["kept"]), ())
    for reason, runs in vector["reasons"].items():
        for position in positions(runs):
            wanted[position] += (translated(reason),)
    # of the same moment the one with the greatest identifier is first
    names = {f"{len(TIMES) - position:03}": text for position, text in enumerate(TIMES)}
    oldest_first = sorted((name, parsed(text)) for name, text in names.items())
    judged = judge(oldest_first, Keep(**vector["keep"]), NOW)
    assert len(judged) == len(TIMES)
    found = [(names[verdict.backup_id], verdict.reasons) for verdict in judged if verdict.kept]
    assert found == [(TIMES[position], why) for position, why in wanted.items()]


def test_a_policy_without_a_rule_keeps_nothing_in_restic_and_is_refused_here() -> None:
    assert (VECTORS[0]["keep"], VECTORS[0]["kept"]) == ({}, "")
    with pytest.raises(InputError, match="without any rule"):
        judge([], Keep(), NOW)


def test_the_newest_of_each_day_is_kept() -> None:
    backups = history("2026-11-20 01:00", "2026-11-20 23:00", "2026-11-21 01:00", "2026-11-21 23:00")
    assert kept(backups, Keep(daily=1)) == ["2026-11-21 23:00"]
    backups += history("2026-11-01 01:00")
    assert kept(backups, Keep(daily=2)) == ["2026-11-21 23:00", "2026-11-20 23:00"]


def test_the_oldest_is_kept_while_a_count_remains() -> None:
    backups = history("2026-11-20 01:00", "2026-11-20 05:00", "2026-11-20 23:00")
    assert reasons(backups, Keep(daily=2)) == {
        "2026-11-20 23:00": ("daily",),
        "2026-11-20 05:00": (),
        "2026-11-20 01:00": ("oldest daily",),
    }
    assert kept(backups, Keep(daily=1)) == ["2026-11-20 23:00"]


def test_the_oldest_is_kept_by_a_duration_that_it_is_in() -> None:
    backups = history("2026-11-20 01:00", "2026-11-20 05:00", "2026-11-20 23:00")
    assert reasons(backups, Keep(within_daily="1d"))["2026-11-20 01:00"] == ("oldest within_daily 1d",)
    assert kept(backups, Keep(within_daily="20h")) == ["2026-11-20 23:00"]


def test_days_without_a_backup_do_not_count() -> None:
    backups = history("2026-01-01 01:00", "2026-06-01 01:00", "2026-11-21 01:00")
    assert kept(backups, Keep(daily=2)) == ["2026-11-21 01:00", "2026-06-01 01:00"]


def test_weeks_are_iso_weeks() -> None:
    # 2024-12-30 and 2025-01-05 are both in week 1 of 2025; 2024-12-29 is in week 52 of 2024
    backups = history("2024-12-22 10:00", "2024-12-29 10:00", "2024-12-30 10:00", "2025-01-05 10:00")
    assert kept(backups, Keep(weekly=2)) == ["2025-01-05 10:00", "2024-12-29 10:00"]
    assert kept(backups, Keep(within_weekly="8d")) == ["2025-01-05 10:00", "2024-12-29 10:00"]


def test_days_are_those_of_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    backups = [("early", datetime(2026, 11, 20, 8, tzinfo=tokyo)), ("late", datetime(2026, 11, 20, 10, tzinfo=tokyo))]
    assert kept([*backups, *history("2026-01-01 00:00")], Keep(daily=2)) == ["late", "early"]


def test_within_is_measured_from_the_newest_backup_and_not_from_now() -> None:
    backups = history("2020-01-01 00:00", "2020-01-04 00:00", "2020-01-05 00:00", "2020-01-07 00:00")
    assert kept(backups, Keep(within="3d")) == ["2020-01-07 00:00", "2020-01-05 00:00"]
    assert kept(backups, Keep(within="3d1h")) == ["2020-01-07 00:00", "2020-01-05 00:00", "2020-01-04 00:00"]


def test_within_runs_over_the_end_of_a_short_month() -> None:
    # one month before 31 March is 31 February, which is 3 March
    backups = history("2026-03-02 12:00", "2026-03-04 12:00", "2026-03-31 12:00")
    assert kept(backups, Keep(within="1m")) == ["2026-03-31 12:00", "2026-03-04 12:00"]


@pytest.mark.parametrize("within", ["2026y", "999999d", f"{2**63 - 1}y", f"{2**63 - 1}d", f"{2**63 - 1}h"])
def test_within_more_than_the_calendar_has_keeps_all(within: str) -> None:
    assert len(kept(history("0001-01-01 00:00", "2026-03-31 12:00"), Keep(within=within))) == 2


def test_a_backup_from_the_future_is_kept_and_evicts_nothing() -> None:
    backups = history("2026-11-22 10:00", "2026-11-22 12:00", "2031-01-01 00:00")
    assert reasons(backups, Keep(last=1, within="1h")) == {
        "2031-01-01 00:00": ("dated in the future",),
        "2026-11-22 12:00": ("within 1h", "last"),
        "2026-11-22 10:00": (),
    }
    assert kept(backups[2:], Keep(within="1h")) == ["2031-01-01 00:00"]


def test_all_is_all() -> None:
    backups = history(*(f"2026-0{month}-01 00:00" for month in range(1, 10)))
    assert len(kept(backups, Keep(monthly=-1))) == 9


@pytest.mark.parametrize(
    ("within", "meant"),
    [
        ("9h", "9h"),
        ("6m4d8h", "6m4d8h"),
        ("1y1d1m", "1y1m1d"),
        ("4h3d9m", "9m3d4h"),
        ("0y007d", "7d"),
        ("1d2h3d", "3d2h"),
        ("-5d3d", "3d"),
        (" 1d\n", "1d"),
    ],
)
def test_a_duration_is_read_as_restic_reads_it(within: str, meant: str) -> None:
    assert reasons(history("2026-03-31 12:00"), Keep(within=within)) == {"2026-03-31 12:00": (f"within {meant}",)}


@pytest.mark.parametrize(
    "within",
    [
        "1w",
        "1y4m3w1d",
        "s",
        "d",
        "5",
        "1d 2h",
        "1.5d",
        "1D",
        "--1d",
        "-7m5d",
        "1y4m-5d-3h",
        "߀d",
        f"{2**63}d",
        "9" * 5000,
    ],
)
@pytest.mark.parametrize("option", WITHIN)
def test_a_duration_that_restic_refuses_is_refused(option: str, within: str) -> None:
    with pytest.raises(
        InputError, match=f"^keep.{option}: {re.escape(repr(within))} is not a duration; give .*1y5m7d2h$"
    ):
        check(Keep(last=1, **{option: within}))


@pytest.mark.parametrize("option", COUNTED)
def test_a_count_below_all_is_refused(option: str) -> None:
    assert check(Keep(**{option: -1}))
    with pytest.raises(InputError, match=f"^keep.{option}: -2 is not a count; give 0 or more, or -1 for all$"):
        check(Keep(within="1d", **{option: -2}))


@pytest.mark.parametrize("keep", [Keep(), Keep(within="0d"), Keep(within_daily="0y0h"), Keep(within=" ")])
def test_a_policy_without_any_rule_is_refused(keep: Keep) -> None:
    with pytest.raises(InputError, match="without any rule"):
        check(keep)
    assert check(replace(keep, last=1))


@given(histories, keeps)
def test_every_backup_has_one_verdict_newest_first(backups: History, keep: Keep) -> None:
    assert [verdict.backup_id for verdict in judge(backups, keep, NOW)] == newest_first(backups)


@given(histories, keeps, st.randoms(use_true_random=False))
def test_the_order_of_a_history_is_of_no_account(backups: History, keep: Keep, random: Any) -> None:
    shuffled = random.sample(backups, len(backups))
    assert judge(shuffled, keep, NOW) == judge(backups, keep, NOW)


@given(histories, keeps)
def test_the_zone_of_a_time_is_of_no_account(backups: History, keep: Keep) -> None:
    in_utc = [(name, moment.astimezone(timezone.utc)) for name, moment in backups]
    assert judge(in_utc, keep, NOW) == judge(backups, keep, NOW)


@given(histories.filter(bool), keeps)
def test_the_newest_is_always_kept(backups: History, keep: Keep) -> None:
    assert newest_first(backups)[0] in kept(backups, keep)


@given(histories, keeps)
def test_expiring_twice_expires_nothing_more(backups: History, keep: Keep) -> None:
    left = kept(backups, keep)
    assert kept([(name, moment) for name, moment in backups if name in left], keep) == left


@given(histories, keeps, st.sampled_from(COUNTED))
def test_a_greater_count_never_expires_more(backups: History, keep: Keep, rule: str) -> None:
    longer = replace(keep, **{rule: getattr(keep, rule) + 1 if getattr(keep, rule) >= 0 else -1})
    assert set(kept(backups, keep)) <= set(kept(backups, longer))


@given(histories, keeps, st.sampled_from(WITHIN), st.integers(0, 60), st.integers(0, 60))
def test_a_longer_duration_never_expires_more(backups: History, keep: Keep, rule: str, days: int, more: int) -> None:
    shorter, longer = (replace(keep, last=1, **{rule: f"{number}d"}) for number in (days, days + more))
    assert set(kept(backups, shorter)) <= set(kept(backups, longer))


@given(histories, keeps, keeps, st.sampled_from([*COUNTED, *WITHIN]))
def test_a_rule_that_is_added_never_expires_more(backups: History, keep: Keep, other: Keep, rule: str) -> None:
    without = replace(keep, **{rule: getattr(Keep(), rule)}, **({"last": 1} if rule != "last" else {"daily": 1}))
    assert set(kept(backups, without)) <= set(kept(backups, replace(without, **{rule: getattr(other, rule)})))


@given(histories, keeps)
def test_what_is_kept_is_what_any_rule_keeps_alone(backups: History, keep: Keep) -> None:
    alone = [Keep(**{name: getattr(keep, name)}) for name in (*COUNTED, *WITHIN) if getattr(keep, name)]
    assert set(kept(backups, keep)) == {name for one in alone for name in kept(backups, one)}


@given(histories, st.integers(1, 6))
def test_last_keeps_that_many(backups: History, count: int) -> None:
    assert kept(backups, Keep(last=count)) == newest_first(backups)[:count]


@given(histories, st.integers(1, 6))
def test_daily_keeps_at_most_one_a_day_but_for_the_oldest(backups: History, count: int) -> None:
    left = kept(backups, Keep(daily=count))
    days = [dict(backups)[name].astimezone(timezone.utc).date() for name in left[:-1]]
    assert len(left) <= count
    assert len(set(days)) == len(days)


@given(histories, st.sampled_from(WITHIN[1:]), durations)
def test_a_duration_of_periods_keeps_what_is_in_it_as_without_limit(backups: History, rule: str, within: str) -> None:
    inside = set(kept(backups, Keep(within=within)))
    unlimited = kept(backups, Keep(**{rule.removeprefix("within_"): -1}))
    assert kept(backups, Keep(**{rule: within})) == [name for name in unlimited if name in inside]


@given(moments, st.integers(2, 9), keeps)
def test_backups_of_the_same_moment_are_not_one(moment: datetime, count: int, keep: Keep) -> None:
    backups = [(str(number), moment) for number in range(count)]
    assert len(judge(backups, keep, NOW)) == count
    assert len(kept(backups, Keep(last=count - 1))) == count - 1
    assert len(kept(backups, Keep(within="1h"))) == count
    assert kept(backups, Keep(hourly=1)) == [str(count - 1)]


@given(histories.filter(bool), st.integers(1, 2000))
def test_forged_backups_change_no_verdict_on_real_ones(backups: History, days: int) -> None:
    keep = Keep(last=2, daily=3, monthly=2, within="2d", within_weekly="2m")
    forged = ("forged", NOW + timedelta(days=days))
    assert kept([*backups, forged], keep) == ["forged", *kept(backups, keep)]
