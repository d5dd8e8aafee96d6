# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A collapse stands until it is accepted, and what was good before it stays."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep, Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_policy import (
    TIERS,
    kept_by,
    marks_of,
    parse_request,
    policy_from,
    record,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_sizes import FEWEST, sizes_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import NONE, Catalog, Entry

FIRST = datetime(2026, 1, 1, tzinfo=timezone.utc)
MIB = 1024 * 1024
# How often each tier is backed up.
EVERY = {1: timedelta(minutes=10), 2: timedelta(hours=12), 3: timedelta(hours=56)}


def taken(number: int, moment: datetime, *, small: bool = False, **facts: Any) -> Entry:
    """A backup of a tenant with 2 GB, or of one that was emptied."""
    sizes = (20 * MIB, 10, 1000) if small else (2000 * MIB, 50_000, 40_000 * MIB)
    return Entry(number, moment, moment, "u", "19.0", *sizes, name=f"{moment:%Y%m%dT%H%M%SZ}", **facts)


def policy(tier: int, sizes_from: str = "") -> Policy:
    return Policy("harbour", tier, 900, 3600, Keep(**TIERS[tier]["keep"]), sizes_from=sizes_from)


@pytest.mark.parametrize("tier", [1, 2, 3])
def test_a_collapse_stands_and_good_backups_stay_however_many_follow(tier: int) -> None:
    entries: list[Entry] = []
    for number in range(1, 501):
        now = FIRST + number * EVERY[tier]
        entries.append(taken(number, now, small=number > 100))
        if number % 20 == 0:
            unwanted, _undone = marks_of(policy(tier), Catalog(1, number, 0, tuple(entries)), now, ())
            entries = [one for one in entries if one.name not in unwanted]
    assert sizes_of(entries).odd[-1].backup == entries[-1].name
    good = [one for one in entries if one.files > 10]
    assert len(good) >= FEWEST
    assert good[-1].number == 100
    reasons = {one.backup_id: one.reasons for one in kept_by(policy(tier), Catalog(1, 500, 0, tuple(entries)), now, ())}
    assert [name for name, why in reasons.items() if "before a collapse" in why] == [one.name for one in good[:-4:-1]]
    # somebody says that it is right
    accepted = policy(tier, next(one.name for one in entries if one.files == 10))
    assert sizes_of(entries, accepted.sizes_from).odd == ()
    catalog = Catalog(1, 500, 0, tuple(entries))
    assert not any("before a collapse" in one.reasons for one in kept_by(accepted, catalog, now, ()))


def test_a_collapse_is_over_when_the_sizes_fit_again() -> None:
    listed = [taken(number, FIRST + number * EVERY[2], small=number in (11, 12)) for number in range(1, 14)]
    found = sizes_of(listed)
    assert ({one.backup for one in found.odd}, found.witnesses) == ({listed[10].name, listed[11].name}, ())


def test_a_backup_that_cannot_be_restored_is_no_measure() -> None:
    listed = [taken(number, FIRST + number * EVERY[2], restorable=NONE) for number in range(1, 11)]
    assert sizes_of([*listed, taken(11, FIRST + 11 * EVERY[2], small=True)]).odd == ()


@given(st.lists(st.integers(1, 10**12), max_size=60))
def test_what_grows_or_falls_in_small_steps_is_never_odd(steps: list[int]) -> None:
    size, listed = 10**9, []
    for number, step in enumerate(steps, 1):
        size = max(1, min(size * 103 // 100, step)) if step > size else max(1, size * 98 // 100)
        listed.append(Entry(number, FIRST, FIRST, "u", "19.0", size, 5, 5, name=f"{number:05}"))
    assert sizes_of(listed).odd == ()


def test_what_accepts_sizes_is_recorded_and_has_to_be_a_backup() -> None:
    item = {"tenant": "harbour", "tier": 2, "state": "present", "keep": None, "sizes_from": "20260105T000000Z"}
    options = ("rpo_s", "rto_s", "drill_interval_s", "copy_rpo_s", "noncurrent_days", "immutability", "copies")
    (asked,) = parse_request([{**dict.fromkeys(options), **item}], expire=False).policies
    assert policy_from(record(asked)).sizes_from == "20260105T000000Z"
    recorded = {name: value for name, value in record(asked).items() if name != "sizes_from"}
    assert policy_from(recorded).sizes_from == ""
    with pytest.raises(InputError, match="tenant harbour has sizes_from: backup: 'the last one' is not a backup's"):
        parse_request([{**dict.fromkeys(options), **item, "sizes_from": "the last one"}], expire=False)
