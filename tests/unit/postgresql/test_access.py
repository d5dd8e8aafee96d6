# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a block takes is recorded beside the comment, and opening gives back neither less nor more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_access import (
    DatabaseRight,
    Record,
    Right,
    given_back,
    parted,
    record_for,
    record_of,
    recorded,
    rights_of,
)

LOGIN = "gantry"
OWNER = Right("odoo_harbour", 11, owner=True)
REPORT = Right('report\'s "own"', 12, passes_on=True)
PUBLIC = Right("", 0)
ROLES = {right.oid: right.role for right in (OWNER, REPORT)}


@given(st.text(), st.lists(st.builds(Right, st.text(), st.integers(0), st.booleans(), st.booleans())), st.text())
def test_a_record_leaves_the_comment_and_is_read_back(comment: str, taken: list[Right], login: str) -> None:
    record = Record(tuple(taken), login)
    assert parted(recorded(comment, record)) == (comment, record)
    assert parted(comment) == (comment, None)


@pytest.mark.parametrize("said", ["", "[]", "null", '{"taken": 1, "login": ""}', '{"taken": [{}], "login": ""}'])
def test_a_record_that_cannot_be_read_is_none(said: str) -> None:
    mark = recorded("", Record((), "")).partition("{")[0]
    assert parted(f"a comment{mark}{said}") == ("a comment", None)


def test_opening_gives_back_what_the_block_took_and_no_more() -> None:
    for taken in ([OWNER], [OWNER, REPORT], [OWNER, PUBLIC], [OWNER, REPORT, PUBLIC]):
        back, lost = given_back(record_of(taken, LOGIN, None), OWNER.role, ROLES)
        assert [(right.role, right.passes_on) for right in back] == [(one.role, one.passes_on) for one in taken]
        assert lost == []


def test_without_a_record_only_the_owner_gets_the_right() -> None:
    assert given_back(None, OWNER.role, ROLES) == ([Right(OWNER.role, 0, owner=True)], [])


def test_a_new_owner_gets_the_right_of_the_former_one() -> None:
    back, _lost = given_back(record_of([OWNER], LOGIN, None), "odoo_other", ROLES)
    assert [right.role for right in back] == ["odoo_other"]


def test_a_role_of_the_same_name_is_another_one() -> None:
    back, lost = given_back(record_of([OWNER, REPORT], LOGIN, None), OWNER.role, {11: OWNER.role, 99: REPORT.role})
    assert ([right.role for right in back], lost) == ([OWNER.role], [REPORT.role])


def test_a_second_block_adds_what_was_granted_since_and_forgets_nothing() -> None:
    first = record_of([OWNER], LOGIN, None)
    lent = Right(LOGIN, 10)
    assert record_of([lent], LOGIN, first) == first
    assert record_of([lent, REPORT], LOGIN, first).taken == (OWNER, REPORT)
    assert record_of([lent, REPORT], "another login", first) == Record((OWNER, REPORT), LOGIN)


def test_the_login_keeps_a_right_that_it_had_before() -> None:
    assert record_of([OWNER], LOGIN, None).login == LOGIN
    assert record_of([OWNER, Right(LOGIN, 10)], LOGIN, None).login == ""


def test_rights_on_a_database_are_those_that_it_has_while_it_is_open() -> None:
    seen = [DatabaseRight("bi", "TEMPORARY")]
    assert rights_of(seen, None) == tuple(seen)
    block = Record((Right("", 0), Right("owner", 5, owner=True), Right("bi", 7, passes_on=True)), "gantry")
    assert rights_of(seen, block) == (DatabaseRight("bi", "CONNECT", True), DatabaseRight("bi", "TEMPORARY"))


def test_a_restored_database_lets_those_in_that_are_there_once_it_is_opened() -> None:
    rights = [DatabaseRight("bi", "CONNECT", True), DatabaseRight("gone", "CONNECT"), DatabaseRight("bi", "CREATE")]
    record = record_for(rights, {"bi": 9, "other": 3})
    assert record == Record((Right("bi", 9, passes_on=True),), "")
    assert parted(recorded("said", record)) == ("said", record)
    back, lost = given_back(record, "owner", {9: "bi"})
    assert ([one.role for one in back], lost) == (["owner", "bi"], [])


def test_the_name_of_a_role_is_quoted() -> None:
    assert DatabaseRight('b"i; DROP', "CONNECT", True).grant("a-b") == (
        'GRANT CONNECT ON DATABASE "a-b" TO "b""i; DROP" WITH GRANT OPTION;'
    )
    with pytest.raises(ValueError, match="ALL is no right on a database"):
        DatabaseRight("bi", "ALL")
