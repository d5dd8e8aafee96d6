# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The counts that a zero in a summary is believed for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.tally import Tally, percentile, summary


def test_a_lost_session_is_counted_apart_from_a_failed_request_and_both_as_sent() -> None:
    tally = Tally(started=100.0)
    tally.succeeded(100.0, 100.1)
    tally.went_wrong(101.0, "reset by peer")
    tally.went_wrong(102.0, "session expired", logged_out=True)
    tally.finish(102.5)

    counted = summary([tally])

    assert (counted["sent"], counted["failed"], counted["logged_out"]) == (3, 1, 1)
    assert counted["problems"] == [
        {"after_s": 1.0, "seen": "reset by peer"},
        {"after_s": 2.0, "seen": "session expired"},
    ]


@pytest.mark.parametrize(
    ("successes", "end", "gap"),
    [
        ([], 5.0, 5.0),  # nothing ever answered
        ([3.0], 4.0, 3.0),  # silence at the start
        ([1.0, 2.0], 9.0, 7.0),  # silence at the end
        ([1.0, 5.0, 6.0], 6.5, 4.0),  # silence between
        ([2.0, 1.0], 3.0, 2.0),  # two users whose answers are counted out of order
    ],
)
def test_a_gap_is_the_longest_silence_wherever_it_lies(successes: list[float], end: float, gap: float) -> None:
    tally = Tally(started=0.0)
    for at in successes:
        tally.succeeded(at, at)
    tally.finish(end)

    assert summary([tally])["longest_gap_s"] == gap


def test_a_summary_of_no_requests_has_no_latency() -> None:
    assert summary([])["latency_ms"] == {"p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0}


@given(st.lists(st.floats(0, 1e3), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_is_a_value_that_its_share_of_values_does_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)

    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
