# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores: an interrupted one is finished or undone, nothing is overwritten, and what cannot work is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_restore import (
    Fetch,
    Note,
    Server,
    Space,
    Target,
    Wish,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import (
    FINISHED,
    REPLACED,
    UNFINISHED,
    check_wish,
    differing_rows,
    gives_up,
    lagging,
    origin,
    privileged_extensions,
    recovered,
    recovery,
    refuse_code,
    refuse_full,
    refuse_lost,
    refuse_server,
    refuse_twins,
    replaced_comment,
    restoration,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    InputError,
    RefusedError,
    StateError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import Home
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_extensions import entries_without
from tests.unit.backup.build import MANIFEST

ORIGIN = origin(MANIFEST)
WISH = Wish(database="harbour", tenant="harbour")
SERVER = Server(17, False, frozenset({"pg_trgm", "unaccent", "vector"}), frozenset({"pg_trgm", "unaccent"}))
BUILT = Target(new_database=True, new_comment=UNFINISHED, new_files=True)


def actions(steps: list[Step]) -> list[str]:
    return [step.action for step in steps]


def test_what_a_later_change_has_made_the_home_is_not_replaced() -> None:
    target = Target(database=True, blocked=True, home=Home(18, "box"))
    wish = replace(WISH, replace=True, blocked=True, fencing_number=17)
    with pytest.raises(
        RefusedError, match="database harbour is home 18 of box, and this change has 17, so that it was"
    ):
        restoration(target, wish, MANIFEST, Fetch())
    for number in (0, 18):
        assert restoration(target, replace(wish, fencing_number=number), MANIFEST, Fetch())


def test_a_backup_that_was_taken_without_files_needs_consent() -> None:
    with pytest.raises(StateError, match=r"harbour/\S+ lacks 1 files that were missing when it was taken, such as"):
        refuse_lost(MANIFEST, WISH)
    refuse_lost(MANIFEST, replace(WISH, accept_missing=True))
    refuse_lost(replace(MANIFEST, filestore=replace(MANIFEST.filestore, missing=())), WISH)


def test_a_half_built_database_goes_and_its_files_stay() -> None:
    assert actions(recovery(BUILT, "harbour")) == ["drop_new"]
    assert recovered(BUILT).new_files


def test_killed_before_the_swap_the_old_database_is_opened_again() -> None:
    target = replace(BUILT, database=True, blocked=True, files=True, note=Note(ORIGIN, swapping=True, reopen=True))
    assert actions(recovery(target, "harbour")) == ["reopen", "call_off_swap", "drop_new", "forget"]
    assert not recovered(target).blocked


def test_a_database_that_was_blocked_before_stays_blocked() -> None:
    target = replace(BUILT, database=True, blocked=True, files=True, note=Note(ORIGIN, swapping=True))
    assert "reopen" not in actions(recovery(target, "harbour"))
    assert recovered(target).blocked


def test_killed_after_the_swap_the_filestore_follows() -> None:
    target = Target(
        True,
        FINISHED + ORIGIN,
        old_database=True,
        old_comment=REPLACED,
        files=True,
        new_files=True,
        note=Note(ORIGIN, True, True),
    )
    assert actions(recovery(target, "harbour")) == ["finish_filestore", "drop_old", "recycle_old_files", "forget"]
    assert recovered(target) == Target(True, FINISHED + ORIGIN, files=True)


def test_killed_while_tidying_up_the_rest_is_tidied_up() -> None:
    left = Target(True, FINISHED + ORIGIN, files=True, old_files=True, note=Note(ORIGIN, True, True))
    assert actions(recovery(left, "harbour")) == ["recycle_old_files", "forget"]
    earlier = replace(left, old_database=True, old_comment=REPLACED)
    assert actions(recovery(earlier, "harbour")) == ["drop_old", "recycle_old_files", "forget"]


def test_a_database_that_is_called_like_an_old_one_is_not_ours() -> None:
    theirs = Target(True, FINISHED + ORIGIN, old_database=True, old_comment="accounts of last year")
    with pytest.raises(StateError, match="database harbour__old is in the way: it was not left by a restore; rename"):
        recovery(theirs, "harbour")
    files = Target(True, FINISHED + ORIGIN, files=True, old_files=True)
    assert recovery(files, "harbour") == []
    assert recovered(files).old_files
    with pytest.raises(RefusedError, match="the filestore harbour__old is in the way"):
        restoration(files, replace(WISH, replace=True), MANIFEST, Fetch())


def test_a_database_killed_before_it_had_its_comment_is_known_by_the_note() -> None:
    target = replace(BUILT, new_comment="", note=Note(ORIGIN))
    assert actions(recovery(target, "harbour")) == ["drop_new", "forget"]


def test_a_restore_over_the_same_backup_killed_early_is_not_taken_for_a_swap() -> None:
    stands = Target(True, FINISHED + ORIGIN, files=True, new_files=True, note=Note(ORIGIN))
    assert actions(recovery(stands, "harbour")) == ["forget"]


def test_a_copy_that_was_to_be_neutralised_is_not_taken_for_one_that_was_not() -> None:
    stands = Target(True, FINISHED + ORIGIN, files=True)
    with pytest.raises(RefusedError):
        restoration(stands, replace(WISH, neutralize=True), MANIFEST, Fetch())


def test_prefetched_files_are_not_taken_for_a_swap() -> None:
    target = Target(True, FINISHED + ORIGIN, files=True, new_files=True)
    assert recovery(target, "harbour") == []


@pytest.mark.parametrize(
    "target",
    [Target(new_database=True, new_comment="somebody's"), Target(old_database=True, old_comment=REPLACED)],
)
def test_what_no_restore_left_is_not_touched(target: Target) -> None:
    with pytest.raises(StateError, match="harbour__"):
        recovery(target, "harbour")


def test_recovery_settles_every_state_it_does_not_refuse() -> None:
    """Whatever stands there: a recovered target needs no further recovery."""
    flags = product((False, True), repeat=6)
    comments = ("", FINISHED + ORIGIN)
    notes = (None, Note(ORIGIN), Note(ORIGIN, True), Note(ORIGIN, True, True), Note("x", True))
    for (database, blocked, new, old, files, new_files), comment, note in product(flags, comments, notes):
        target = Target(database, comment, blocked, new, UNFINISHED, old, REPLACED, files, new_files, False, note)
        try:
            recovery(target, "harbour")
        except GantryError:
            continue
        assert recovery(recovered(target), "harbour") == []


BUILDING = ["create_database", "fetch_files", "restore_database", "verify"]
HARMLESS = ["renew_identity", "neutralize"]
LOADED = ["open", "load_registry"]


@pytest.mark.parametrize(
    ("wish", "then"),
    [
        (WISH, ["open", "publish"]),
        (replace(WISH, blocked=True), ["block", "publish"]),
        (replace(WISH, neutralize=True), [*HARMLESS, "open", "publish"]),
        (replace(WISH, neutralize=True, load_registry=True), [*HARMLESS, *LOADED, "publish"]),
        (replace(WISH, neutralize=True, load_registry=True, blocked=True), [*HARMLESS, *LOADED, "block", "publish"]),
        (replace(WISH, neutralize=True, load_registry=True, drill=True), [*HARMLESS, "open", "serve", "discard"]),
        (replace(WISH, drill=True), ["discard"]),
    ],
)
def test_nobody_but_the_login_connects_before_the_database_is_verified(wish: Wish, then: list[str]) -> None:
    assert actions(restoration(Target(), wish, MANIFEST, Fetch(1, 1))) == BUILDING + then


def test_nothing_is_overwritten_unless_given_up() -> None:
    with pytest.raises(RefusedError, match="harbour exists"):
        restoration(Target(database=True, files=True), WISH, MANIFEST, Fetch())
    with pytest.raises(RefusedError, match="without its database"):
        restoration(Target(files=True), WISH, MANIFEST, Fetch())
    given_up = replace(WISH, replace=True)
    steps = restoration(Target(database=True, files=True), given_up, MANIFEST, Fetch())
    assert actions(steps)[-4:] == ["replace", "drop_old", "recycle_old_files", "forget"]
    assert "stay in the recycle directory until they are removed by hand" in steps[-2].why
    orphaned = restoration(Target(files=True), given_up, MANIFEST, Fetch())
    assert actions(orphaned)[-3:] == ["recycle_filestore", "open", "publish"]


def test_of_a_neutralized_copy_that_is_replaced_nothing_is_kept() -> None:
    copy = Target(database=True, files=True, comment=f"{FINISHED}harbour/20261122T103000Z, neutralised")
    steps = restoration(copy, replace(WISH, replace=True), MANIFEST, Fetch())
    assert actions(steps)[-4:] == ["replace", "drop_old", "remove_old_files", "forget"]
    left = Target(True, FINISHED + ORIGIN, old_database=True, old_files=True)
    swapping = replace(left, old_comment=replaced_comment(copy.comment), note=Note(ORIGIN, True, True))
    assert actions(recovery(swapping, "harbour")) == ["drop_old", "remove_old_files", "forget"]


def test_two_databases_with_one_uuid_are_not_open() -> None:
    target = Target(twins=("harbour",))
    with pytest.raises(RefusedError, match="harbour is open and has the uuid of the backup"):
        refuse_twins(target, replace(WISH, database="copy"))
    for kept in ({"blocked": True}, {"neutralize": True}, {"drill": True}):
        refuse_twins(target, replace(WISH, database="copy", **kept))
    refuse_twins(Target(), WISH)


def test_only_a_database_of_tier_1_needs_a_backup_to_be_replaced() -> None:
    stands = Target(database=True)
    assert gives_up(stands, replace(WISH, replace=True, tier=1))
    assert not gives_up(stands, replace(WISH, replace=True, tier=2))
    assert not gives_up(stands, replace(WISH, replace=True))
    assert not gives_up(Target(), replace(WISH, replace=True, tier=1))
    with pytest.raises(InputError, match="tier: it is that of a database that is replaced"):
        check_wish(replace(WISH, tier=1))


def test_room_is_asked_for_before_anything_is_touched() -> None:
    fetch, dump = Fetch(2, 1000), MANIFEST.dump.size
    refuse_full(Space("/data", dump + 1000 + 2 * 4096, 4096), WISH, MANIFEST, fetch)
    said = f"needs {dump + 9192} bytes in /data, {dump} of them for the dump .* 10 are free"
    with pytest.raises(StateError, match=said):
        refuse_full(Space("/data", 10, 4096), WISH, MANIFEST, fetch)
    refuse_full(Space("/data", 9192, 4096), replace(WISH, prefetch=True), MANIFEST, fetch)


def test_the_same_backup_is_not_restored_twice() -> None:
    stands = Target(True, FINISHED + ORIGIN, files=True)
    assert restoration(stands, WISH, MANIFEST, Fetch()) == []
    assert actions(restoration(stands, replace(WISH, blocked=True), MANIFEST, Fetch())) == ["block"]
    assert actions(restoration(replace(stands, blocked=True), WISH, MANIFEST, Fetch())) == ["open"]


def test_a_drill_leaves_nothing_whatever_stands_there() -> None:
    drill = replace(WISH, drill=True, neutralize=True, blocked=True)
    steps = actions(restoration(Target(), drill, MANIFEST, Fetch()))
    assert steps[-1] == "discard"
    assert not {"publish", "replace", "block"} & set(steps)


def test_a_prefetch_brings_files_and_nothing_else() -> None:
    fetch = replace(WISH, prefetch=True)
    assert actions(restoration(Target(database=True), fetch, MANIFEST, Fetch(1, 1))) == ["fetch_files"]
    assert restoration(Target(), fetch, MANIFEST, Fetch()) == []


def test_files_that_are_there_already_are_proven_as_well() -> None:
    steps = restoration(Target(new_files=True), WISH, MANIFEST, Fetch())
    assert actions(steps)[:4] == BUILDING
    assert steps[1].why == "all files are there, and are proven"


@pytest.mark.parametrize(
    ("server", "client", "told"),
    [
        (replace(SERVER, version=16), 17, "comes from PostgreSQL 17"),
        (SERVER, 16, "postgresql-client-17"),
        (replace(SERVER, available=frozenset({"unaccent"})), 17, "lacks the extension pg_trgm"),
        (replace(SERVER, trusted=frozenset({"unaccent"})), 17, "superuser"),
    ],
)
def test_what_cannot_work_is_refused(server: Server, client: int, told: str) -> None:
    with pytest.raises(StateError, match=told):
        refuse_server(server, client, MANIFEST)


@pytest.mark.parametrize("series", ["14.0", "19.1", "saas~18.4"])
def test_a_backup_of_another_odoo_is_refused(series: str) -> None:
    with pytest.raises(StateError, match=f"is of Odoo 19.0, and the code of this instance is {series}"):
        refuse_code(series, MANIFEST)
    refuse_code("19.0", MANIFEST)
    # a container hides its code
    refuse_code("", MANIFEST)


def test_a_newer_client_is_refused_where_the_server_does_not_understand_it() -> None:
    old = replace(MANIFEST, client_version=15, database=replace(MANIFEST.database, server_version=150004))
    with pytest.raises(StateError, match="postgresql-client-15"):
        refuse_server(replace(SERVER, version=15), 17, old)
    refuse_server(replace(SERVER, version=15), 15, old)


def test_an_altered_unaccent_needs_a_superuser() -> None:
    altered = replace(MANIFEST, database=replace(MANIFEST.database, unaccent_immutable=True))
    assert privileged_extensions(SERVER, altered) == {"unaccent": "unaccent_schema"}
    assert privileged_extensions(SERVER, MANIFEST) == {}


def test_comments_on_extensions_are_left_out_and_so_is_what_exists_already() -> None:
    contents = [
        "7; 2615 16385 SCHEMA - vectors odoo",
        "2; 3079 16388 EXTENSION - pg_trgm ",
        "3555; 0 0 COMMENT - EXTENSION pg_trgm ",
        "4; 3079 16999 EXTENSION - vector ",
        "215; 1259 16500 TABLE public res_users odoo",
        "3600; 0 0 COMMENT public TABLE res_users odoo",
    ]
    assert entries_without(contents, (), ()) == [contents[0], contents[1], contents[3], contents[4], contents[5]]
    assert entries_without(contents, ("vector",), ("vectors",)) == [contents[1], contents[4], contents[5]]


@pytest.mark.parametrize(
    "wish",
    [
        replace(WISH, load_registry=True),
        replace(WISH, prefetch=True, replace=True),
        replace(WISH, prefetch=True, drill=True),
        replace(WISH, drill=True, verify=False),
        replace(WISH, scratch=True),
    ],
)
def test_contradicting_wishes_are_refused(wish: Wish) -> None:
    with pytest.raises(InputError):
        check_wish(wish)


def test_every_difference_in_rows_is_told() -> None:
    assert differing_rows({"a": 1, "b": 2}, {"a": 1, "b": 2}) == []
    assert differing_rows({"a": 1, "b": 2}, {"a": 3, "c": 1}) == [
        "a has 3 rows instead of 1",
        "b has no table rows instead of 2",
        "c has 1 rows instead of no table",
    ]


def test_a_sequence_may_be_ahead_and_never_behind() -> None:
    assert lagging({"s": 5}, {"s": 5}) == []
    assert lagging({"s": 5}, {"s": 9, "t": 1}) == []
    assert lagging({"s": 5}, {"s": 4}) == ["sequence s stands at 4 instead of 5"]
    assert lagging({"s": 5}, {}) == ["sequence s stands at its start instead of 5"]
