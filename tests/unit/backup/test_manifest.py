# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests, and which backup of a catalog stands for a tenant."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import State, check_backup_name
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import manifest_body, parse_manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_backup import (
    earlier_than,
    fresh_enough,
    latest_of,
    newest_fit,
    refuse_changed,
    refuse_damaged,
    refuse_missing,
    refuse_other_database,
    refuse_skew,
    said_of_missing,
    stay_of,
    steps_of,
    survey_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_freshness import unfit
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    NONE,
    PARTIAL,
    Catalog,
    Entry,
    Stay,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import plan_stay
from tests.unit.backup.build import MANIFEST

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def entry(number: int, hours_ago: float, **changes: Any) -> Entry:
    """A backup."""
    moment = NOW - HOUR * hours_ago
    return replace(Entry(number, moment, moment, "uuid", "19.0", 1, 1, 1, f"{moment:%Y%m%dT%H%M%SZ}"), **changes)


def test_a_manifest_is_read_as_it_was_written() -> None:
    body = json.loads(json.dumps(manifest_body(MANIFEST)))
    assert "name" not in body
    assert parse_manifest(body, MANIFEST.name, "here") == MANIFEST
    # those of an earlier version have no rights on the database
    del body["database"]["rights"]
    assert parse_manifest(body, MANIFEST.name, "here").database.rights == ()
    body["database"]["rights"] = [{"role": "bi", "privilege": "ALL; DROP", "passes_on": False}]
    with pytest.raises(StateError, match="is no right on a database"):
        parse_manifest(body, MANIFEST.name, "here")


@pytest.mark.parametrize(
    "damage",
    [{"format": 2}, {"dump": {}}, {"snapshot_time": "yesterday"}, {"database": None}, {"index": {"shards": [[]]}}],
)
def test_a_manifest_of_another_version_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(StateError, match="here"):
        parse_manifest({**manifest_body(MANIFEST), **damage}, MANIFEST.name, "here")


def test_the_latest_backup_is_not_far_in_the_future_and_not_expired() -> None:
    old, new = entry(1, 5), entry(2, 3)
    future, marked = entry(3, -1), entry(4, 1, expired=NOW)
    assert latest_of(Catalog(entries=(old, new, future, marked)), NOW) == new
    assert latest_of(Catalog(entries=(future, marked)), NOW) is None
    # a snapshot with an older time may have a higher number, where the clock of PostgreSQL was set back
    assert latest_of(Catalog(entries=(new, replace(old, number=9))), NOW) == new


def test_earlier_backups_are_those_that_can_be_restored_in_full_the_latest_first() -> None:
    hour = timedelta(hours=1)
    first = Entry(1, NOW - 3 * hour, NOW - 3 * hour, "uuid", "19.0", 1, 1, 1, "b1")
    second = replace(first, number=2, snapshot=NOW - 2 * hour, name="b2", expired=NOW)
    partial = replace(first, number=3, snapshot=NOW - hour, name="b3", restorable=PARTIAL)
    newest = replace(first, number=4, snapshot=NOW, name="b4")
    assert earlier_than(newest, Catalog(entries=(first, second, partial, newest))) == ["b2", "b1"]
    many = tuple(replace(first, number=number, name=f"b{number}") for number in range(10, 99))
    assert earlier_than(newest, Catalog(entries=(*many, newest)))[:2] == ["b98", "b97"]
    assert len(earlier_than(newest, Catalog(entries=(*many, newest)))) == 10


@pytest.mark.parametrize(("ahead_s", "counts"), [(1, True), (300, True), (900, True), (901, False)])
def test_a_backup_of_a_clock_that_is_a_little_ahead_is_the_latest(ahead_s: int, counts: bool) -> None:
    old = entry(1, 5)
    ahead = replace(entry(2, 0), snapshot=NOW + timedelta(seconds=ahead_s), name="ahead")
    catalog = Catalog(entries=(old, ahead))
    assert latest_of(catalog, NOW) == (ahead if counts else old)
    assert fresh_enough(catalog, 3600, NOW) == (ahead if counts else None)
    fit, said = newest_fit(catalog, NOW)
    assert fit == (ahead if counts else old)
    assert ["backup ahead is dated 901 s after the clock of" in one for one in said] == [True] * (not counts)
    # a moment that is asked for says what is not wanted
    assert newest_fit(catalog, NOW, until=NOW) == (old, [])


def test_a_clock_that_was_ahead_and_is_right_again_hides_no_later_backup() -> None:
    ahead = replace(entry(1, 0), snapshot=NOW + timedelta(seconds=300), stored=NOW - timedelta(seconds=130))
    later = replace(entry(2, 0), snapshot=NOW - timedelta(seconds=120), stored=NOW - timedelta(seconds=110))
    assert latest_of(Catalog(entries=(ahead, later)), NOW) == later


def test_a_damaged_backup_is_neither_the_latest_nor_a_fresh_one() -> None:
    full, partial, none = entry(1, 5), entry(2, 3, restorable=PARTIAL), entry(3, 1, restorable=NONE)
    everything = Catalog(entries=(full, partial, none))
    assert latest_of(everything, NOW) == full
    assert latest_of(Catalog(entries=(partial, none)), NOW) is None
    assert fresh_enough(everything, 4 * 3600, NOW) is None
    assert fresh_enough(everything, 6 * 3600, NOW) == full
    assert newest_fit(Catalog(entries=(full,)), NOW) == (full, [])
    assert newest_fit(Catalog(entries=(none,)), NOW) == (none, [])
    assert newest_fit(Catalog(), NOW) == (None, [])


def test_with_consent_the_newest_backup_whose_dump_is_there_is_restored() -> None:
    full, partial, none = entry(1, 5), entry(2, 3, restorable=PARTIAL), entry(3, 1, restorable=NONE)
    everything = Catalog(entries=(full, partial, none))
    passed_over = f"backup {none.name} is newer than {{0}} and damaged, so {{0}} is restored"
    lacking = (
        f"backup {partial.name} is restored without the files of it that are missing or damaged; {full.name} is the "
    )
    lacking += "newest one that can be restored in full"
    assert newest_fit(everything, NOW) == (full, [passed_over.format(full.name)])
    assert newest_fit(everything, NOW, accept_missing=True) == (partial, [passed_over.format(partial.name), lacking])
    only = Catalog(entries=(partial, none))
    assert newest_fit(only, NOW) == (partial, [passed_over.format(partial.name)])
    newer = Catalog(entries=(partial, replace(full, number=4, snapshot=NOW, stored=NOW)))
    assert newest_fit(newer, NOW, accept_missing=True) == (newer.entries[1], [])


def test_a_damaged_backup_is_restored_only_where_files_alone_lack_and_that_is_accepted() -> None:
    refuse_damaged(entry(1, 1), "bucket", accept_missing=False)
    refuse_damaged(entry(1, 1, restorable=PARTIAL), "bucket", accept_missing=True)
    with pytest.raises(StateError, match=r"in the bucket lacks files that .* with missing_files: list"):
        refuse_damaged(entry(1, 1, restorable=PARTIAL), "bucket", accept_missing=False)
    with pytest.raises(StateError, match="cannot be restored: its dump, manifest or index is missing or damaged"):
        refuse_damaged(entry(1, 1, restorable=NONE), "bucket", accept_missing=True)


def test_a_backup_suffices_that_is_young_by_both_clocks() -> None:
    young = entry(1, 1)
    assert fresh_enough(Catalog(entries=(young,)), 7200, NOW) == young
    assert fresh_enough(Catalog(entries=(young,)), 3600, NOW) is None
    assert fresh_enough(Catalog(entries=(replace(young, stored=NOW - 3 * HOUR),)), 7200, NOW) is None
    assert fresh_enough(Catalog(entries=(entry(1, -1),)), 7200, NOW) is None
    assert fresh_enough(Catalog(entries=(young,)), 0, NOW) is None
    assert fresh_enough(Catalog(), 7200, NOW) is None


def test_a_copy_does_not_become_the_newest_backup_of_its_source() -> None:
    catalog = Catalog(entries=(entry(1, 5), entry(2, 3)))
    refuse_other_database(catalog, "harbour", "uuid")
    refuse_other_database(Catalog(), "harbour", "any")
    for uuid, named in (("another", "another"), ("", "none")):
        with pytest.raises(StateError, match=f"are of the database with uuid uuid, and this one has {named}; give"):
            refuse_other_database(catalog, "harbour", uuid)


@pytest.mark.parametrize(
    ("expected", "found", "refused"),
    [
        (None, State(5, False), ""),
        (State(5, True), State(5, True), ""),
        # blocked on purpose, or by a decommissioning
        (State(5, False), State(5, False), ""),
        (State(5, False), State(5, True), ""),
        (State(5, True), State(5, False), "is blocked as home 5, and counts only while it is open as home 5"),
        (State(5, True), State(7, True), "is open as home 7, and counts only while it is open as home 5"),
        (State(5, False), State(7, False), "is blocked as home 7, and counts only while it is blocked as home 5"),
        (State(0, True), State(0, False), "is blocked without a home number, and counts only while it is open without"),
    ],
)
def test_a_database_that_is_no_home_any_more_is_not_backed_up(
    expected: State | None, found: State, refused: str
) -> None:
    if not refused:
        refuse_changed("harbour", expected, found)
        return
    with pytest.raises(RefusedError, match=f"database harbour {refused}"):
        refuse_changed("harbour", expected, found)


def test_missing_files_are_counted_and_a_few_are_named() -> None:
    refuse_missing("harbour", "/files", [])
    told = r"refers to 4 files that are not in /files \('a', 'b', 'c'\); restore them, or accept the loss"
    with pytest.raises(StateError, match=told):
        refuse_missing("harbour", "/files", ["a", "b", "c", "d"], ", or accept the loss")


def test_names_that_odoo_does_not_give_are_quoted_on_one_line() -> None:
    sound = "ab/ab" + "0" * 38
    with pytest.raises(StateError) as told:
        refuse_missing("harbour", "/files", [sound, "", f"{sound}\n"])
    assert f"({sound}, '', '{sound}\\n')" in str(told.value)
    (said,) = said_of_missing(["ab/" + "a" * 5000])
    assert f"('ab/{'a' * 56})" in said
    assert said_of_missing([]) == []


def test_clocks_that_are_far_apart_are_refused() -> None:
    refuse_skew(NOW + timedelta(seconds=900), NOW)
    with pytest.raises(StateError, match="are 901 s apart; set them right first"):
        refuse_skew(NOW - timedelta(seconds=901), NOW)


def test_what_stands_for_a_database_is_its_own_and_young() -> None:
    assert unfit(entry(1, 1), "uuid", 3600, NOW) == ""
    assert unfit(entry(1, 1.5), "uuid", 3600, NOW) == (
        "is 1 h 30 min old, and at most 1 h are accepted before its database is given up"
    )
    assert unfit(entry(1, 1.5), "uuid", None, NOW) == ""
    assert unfit(replace(entry(1, 1), stored=NOW - 2 * HOUR), "uuid", 3600, NOW).startswith("is 2 h old")
    assert unfit(entry(1, 1), "another", 3600, NOW) == "is of another database, with uuid uuid"


@pytest.mark.parametrize("name", ["20261122T103000Z", "20261122T103000Z-2"])
def test_identifiers_of_backups(name: str) -> None:
    assert check_backup_name(name) == name


@pytest.mark.parametrize("name", ["", "latest ", "20261122T103000Z\n", "20261122", "20261122T103000Z-0", "../x"])
def test_what_is_no_identifier_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="is not a backup's identifier"):
        check_backup_name(name)


def test_a_backup_that_suffices_is_held_where_it_is_not_yet() -> None:
    stay, young = Stay(30, "before a restore"), entry(1, 1)
    seen = survey_of(Catalog(entries=(young,)), 7200, stay, NOW)
    assert [step.target for step in steps_of("harbour", "harbour", seen)] == [f"harbour/{young.name}"]
    held = plan_stay(Catalog(entries=(young,)), young.name, stay, NOW)
    assert steps_of("harbour", "harbour", survey_of(held, 7200, stay, NOW)) == []
    taken = steps_of("harbour", "harbour", survey_of(held, 0, stay, NOW))
    assert [step.action for step in taken] == ["back_up", "place_hold"]
    assert [step.action for step in steps_of("harbour", "harbour", survey_of(held, 0, None, NOW))] == ["back_up"]


@pytest.mark.parametrize(("days", "reason"), [(-1, "x"), (3, ""), (3, " ")])
def test_a_backup_does_not_stay_without_a_reason(days: int, reason: str) -> None:
    with pytest.raises(InputError, match="keep_days"):
        stay_of(days, reason)
    assert stay_of(0, "x") is None
