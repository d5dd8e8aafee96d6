# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog of a tenant: what may follow on what."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import LostError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import (
    FULL,
    NONE,
    PARTIAL,
    REBUILT,
    Catalog,
    Entry,
    Hold,
    Left,
    Stay,
    from_body,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import (
    DataName,
    ManifestName,
    data_key,
    data_name,
    manifest_name,
    note_of,
    parse_note,
    tenant_root,
)
from ansible_collections.gantry.odoo.plugins.module_utils._repository.plan_catalog import (
    doomed,
    due,
    given_up,
    plan_begin,
    plan_commit,
    plan_expire,
    plan_heal,
    plan_mark,
    plan_rebuild,
    plan_remove,
    plan_stay,
    replaced_manifests,
)

NOW = datetime(2026, 11, 27, 2, 0, tzinfo=timezone.utc)
HOUR = 3600


def entry(number: int, hours_ago: float = 0, **changes: Any) -> Entry:
    """A backup."""
    moment = NOW - timedelta(hours=hours_ago)
    return Entry(number, moment, moment, "uuid", "19.0", 1000, 10, 5000, **changes)


def catalog(*entries: Entry, fence: int = 9) -> Catalog:
    """A catalog with backups."""
    seen = Catalog()
    for one in entries:
        seen = plan_commit(plan_begin(seen, one.number), one)
    return plan_begin(seen, fence)


def test_an_overtaken_run_commits_and_removes_nothing() -> None:
    seen = catalog(entry(3), fence=5)
    with pytest.raises(LostError, match="lease 4 was overtaken by lease 5"):
        plan_commit(seen, entry(4))
    with pytest.raises(LostError, match="lease 4 was overtaken by lease 5"):
        plan_remove(seen, 4, seen.entries, 4)
    with pytest.raises(LostError, match="lease 4 was overtaken by lease 5"):
        plan_begin(seen, 4)
    assert plan_begin(seen, 5) == seen


def test_backups_of_one_second_have_names_of_their_own() -> None:
    seen = catalog(entry(3), entry(4), entry(5))
    assert [one.name for one in seen.entries] == ["20261127T020000Z", "20261127T020000Z-2", "20261127T020000Z-3"]
    assert plan_commit(plan_begin(seen, 10), entry(3)).entries == seen.entries


def test_a_catalog_is_read_as_it_was_written() -> None:
    seen = plan_expire(catalog(entry(3, 2), entry(4, 1)), ["20261127T000000Z"], NOW)
    assert from_body(seen.number, json.loads(json.dumps(seen.as_body())), "x") == seen
    for broken in (
        {},
        {**seen.as_body(), "entries": [{}]},
        {**seen.as_body(), "entries": [{"snapshot": "2026-11-27"}]},
        {**seen.as_body(), "entries": [{**seen.as_body()["entries"][0], "restorable": "perhaps"}]},
        {**seen.as_body(), "damaged": ["3-1"]},
    ):
        with pytest.raises(StateError, match="record 7 of the catalog in the bucket cannot be read"):
            from_body(7, broken, "bucket")


def test_marks_are_exactly_those_that_were_asked_for_and_keep_their_time() -> None:
    seen = catalog(entry(3, 30), entry(4, 20), entry(5, 10))
    first, second, third = (one.name for one in seen.entries)
    marked = plan_expire(seen, [first, second], NOW)
    assert plan_expire(marked, [first, second], NOW + timedelta(hours=1)) == marked
    undone = plan_expire(marked, [second, third], NOW + timedelta(hours=1))
    assert [one.expired for one in undone.entries] == [None, NOW, NOW + timedelta(hours=1)]
    with pytest.raises(StateError, match="backup 20200101T000000Z is not there any more"):
        plan_expire(seen, ["20200101T000000Z"], NOW)


def test_a_backup_is_due_when_its_grace_has_ended_and_nobody_reads_it() -> None:
    seen = catalog(entry(3, 30), entry(4, 20), entry(5, 10))
    marked = plan_expire(seen, [seen.entries[0].name, seen.entries[1].name], NOW)
    assert due(marked, NOW + timedelta(seconds=HOUR - 1), HOUR, ()) == ()
    assert due(marked, NOW + timedelta(seconds=HOUR), HOUR, ()) == marked.entries[:2]
    assert due(marked, NOW + timedelta(seconds=HOUR), HOUR, {3}) == marked.entries[1:2]


def test_what_interrupted_backups_left_is_given_up_after_its_grace() -> None:
    seen = catalog(entry(3), entry(6), fence=9)
    old, new = NOW - timedelta(hours=2), NOW
    written = {
        DataName(2, 0): old,
        DataName(3, 0): old,
        DataName(4, 0): old,
        DataName(4, 1): new,
        DataName(5, 0): old,
        DataName(9, 0): old,
    }
    latest = NOW - timedelta(hours=1)
    assert given_up(seen, 9, (), written, latest) == 5
    assert given_up(seen, 9, (), {DataName(4, 0): old, DataName(4, 1): new}, latest) == 0
    assert given_up(seen, 9, seen.entries[1:], {}, latest) == 6


def test_only_what_no_backup_uses_is_doomed() -> None:
    seen = plan_remove(catalog(entry(3), entry(6), fence=9), 9, (), 4)
    written = [DataName(number, place) for number in (2, 3, 4, 5, 6, 9, 10) for place in (0, 1)]
    used = {DataName(2, 0), DataName(3, 0), DataName(6, 0)}
    assert doomed(seen, 9, used, written) == [
        DataName(2, 1),
        DataName(3, 1),
        DataName(4, 0),
        DataName(4, 1),
        DataName(6, 1),
    ]


def test_keys_are_read_as_they_were_written_and_all_others_are_not_ours() -> None:
    name = DataName(12, 3)
    note = note_of(name, ["0a/0a", "ff/ff", "10/10"])
    assert data_name(data_key(name)) == name
    assert parse_note(note.key) == note
    assert note.key == "sent/12/3-0a-ff"
    for manifest in (ManifestName(12), ManifestName(12, 15)):
        assert manifest_name(manifest.key) == manifest
    for key in (
        "data/12/3/4",
        "data/0/3",
        "data/12/03",
        "data/12/3\n",
        "filestore/data/12/3",
        "sent/12/3",
        "data/12/",
        "manifests/12.json",
        "manifests/012",
        "manifests/12-",
        "manifests/12-0",
        "../data/1/2",
    ):
        assert data_name(key) is None
        assert parse_note(key) is None
        assert manifest_name(key) is None


@pytest.mark.parametrize("tenant", ["", "zz\n", "Zz", "a/b", "..", "-a", "a" * 64, "ä"])
def test_a_name_that_cannot_be_a_tenants_is_refused(tenant: str) -> None:
    with pytest.raises(InputError, match="cannot name a tenant"):
        tenant_root("backups", tenant)


def test_roots_of_tenants() -> None:
    assert tenant_root("/backups/odoo/", "harbour") == "backups/odoo/harbour/"
    assert tenant_root("", "harbour") == "harbour/"


def test_a_mark_changes_what_the_check_has_read_and_nothing_else() -> None:
    before = catalog(entry(3, 30), entry(4, 20))
    seen = plan_commit(plan_begin(before, 10), entry(10, 1))
    marked = plan_mark(seen, before, {3: PARTIAL, 4: NONE}, [DataName(4, 2), DataName(3, 1)])
    assert [one.restorable for one in marked.entries] == [PARTIAL, NONE, FULL]
    assert marked.damaged == (DataName(3, 1), DataName(4, 2))
    assert (marked.number, marked.fence) == (seen.number + 1, seen.fence)
    assert plan_mark(marked, marked, {3: PARTIAL, 4: NONE}, marked.damaged) == marked
    assert from_body(marked.number, json.loads(json.dumps(marked.as_body())), "x") == marked
    # what was removed since is left out, and another check's marks are not overwritten
    gone = plan_remove(before, 9, before.entries[:1], 3)
    assert [one.restorable for one in plan_mark(gone, before, {3: NONE, 4: PARTIAL}, ()).entries] == [PARTIAL]
    for other in (replace(before, damaged=(DataName(3, 1),)), plan_mark(before, before, {4: PARTIAL}, ())):
        with pytest.raises(StateError, match="another check has marked backups meanwhile; run again"):
            plan_mark(other, before, {3: PARTIAL}, ())


def test_a_backup_that_uses_a_damaged_object_lacks_files() -> None:
    seen = replace(catalog(entry(3), fence=9), damaged=(DataName(3, 1),))
    assert plan_commit(seen, entry(9), {DataName(3, 1), DataName(9, 0)}).entries[-1].restorable == PARTIAL
    assert plan_commit(seen, entry(9), {DataName(3, 2), DataName(9, 0)}).entries[-1].restorable == FULL


def test_only_the_run_of_the_fence_heals_and_only_what_it_has_marked() -> None:
    first = catalog(entry(3, 30), entry(4, 20), fence=8)
    marked = plan_mark(first, first, {3: PARTIAL}, [DataName(3, 1)])
    seen = plan_begin(marked, 9)
    healed = plan_heal(seen, 9, marked, {3: FULL}, ())
    assert [(one.manifest, one.restorable) for one in healed.entries] == [
        (ManifestName(3, 9), FULL),
        (ManifestName(4), FULL),
    ]
    assert healed.damaged == ()
    assert plan_heal(healed, 9, marked, {3: FULL}, ()) == healed
    with pytest.raises(LostError, match="lease 8 was overtaken by lease 9; nothing that was written since counts"):
        plan_heal(seen, 8, marked, {3: FULL}, ())
    with pytest.raises(StateError, match="another check has marked backups meanwhile"):
        plan_heal(plan_mark(seen, seen, {4: NONE}, [DataName(4, 0)]), 9, marked, {3: FULL}, ())
    names = [ManifestName(3), ManifestName(3, 9), ManifestName(3, 7), ManifestName(4), ManifestName(4, 10)]
    assert replaced_manifests(healed, 10, names) == [ManifestName(3), ManifestName(3, 7)]


def test_a_catalog_is_made_anew_only_where_it_is_lost() -> None:
    known = catalog(entry(3, 30), entry(4, 20), entry(5, 20))
    lost = [replace(one, name="") for one in known.entries]
    made = plan_rebuild(Catalog(), 20, Left(tuple(reversed(lost))))
    assert made == Catalog(1, 20, 19, known.entries, holds=(REBUILT,))
    with pytest.raises(StateError, match="the catalog is not lost: its record 7 is there; leave rebuild out"):
        plan_rebuild(replace(known, number=7), 20, Left(tuple(lost)))
    with pytest.raises(StateError, match="lease 5 is not above backup 5; set the clock of the store right"):
        plan_rebuild(Catalog(), 5, Left(tuple(lost)))
    with pytest.raises(StateError, match="lease 20 is not above backup 21"):
        plan_rebuild(Catalog(), 20, Left((replace(lost[0], healed=21),)))
    with pytest.raises(StateError, match="no manifest of a backup can be read"):
        plan_rebuild(Catalog(), 20, Left(()))


def test_a_backup_that_is_to_stay_is_held_from_its_first_record_on() -> None:
    stay = Stay(30, "before a restore")
    seen = plan_commit(plan_begin(Catalog(), 3), entry(3), (), stay)
    (hold,) = seen.holds
    name = seen.entries[0].name
    assert (hold.name, hold.backups, hold.reason) == (f"kept-{name.lower()}", (name,), "before a restore")
    assert hold.until == f"{seen.entries[0].stored + timedelta(days=30):%Y-%m-%d}"
    assert seen.number == 2
    assert plan_commit(seen, entry(3), (), stay) is seen


def test_a_hold_that_a_backup_has_placed_is_never_shortened_and_ends_by_itself() -> None:
    seen = plan_commit(plan_begin(Catalog(), 3), entry(3))
    name, now = seen.entries[0].name, seen.entries[0].stored
    other = Hold("claim", "a claim", "2020-01-01")
    held = plan_stay(replace(seen, holds=(other,)), name, Stay(30, "before a restore"), now)
    assert plan_stay(held, name, Stay(10, "another reason"), now) is held
    longer = plan_stay(held, name, Stay(40, "another reason"), now)
    assert [one.reason for one in longer.holds] == ["a claim", "another reason"]
    # one that an operator has given no end is the longest
    endless = replace(held, holds=tuple(replace(one, until="") for one in held.holds))
    assert plan_stay(endless, name, Stay(40, "another reason"), now) is endless
    later = plan_commit(plan_begin(held, 4), entry(4), (), Stay(1, "later"))
    assert len(later.holds) == 3
    # what is over goes with the next one; what an operator has placed stays
    after = replace(entry(4), stored=now + timedelta(days=60))
    assert [one.reason for one in plan_commit(plan_begin(held, 4), after, (), Stay(1, "x")).holds] == ["a claim", "x"]
    with pytest.raises(StateError, match="is not there any more"):
        plan_stay(held, "20200101T000000Z", Stay(1, "later"), now)
