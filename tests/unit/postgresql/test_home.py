# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The number of a home in the comment of a database, beside what else is recorded there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_access import (
    Record,
    Right,
    parted,
    recorded,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import (
    Home,
    fault_of,
    home_of,
    with_home,
    without_home,
)

HOMES = st.builds(Home, st.integers(1, 10**18 - 1), st.sampled_from(["app", "box-2", "a group"]))


@given(st.text().filter(lambda text: home_of(text) is None), HOMES, HOMES)
def test_a_home_is_read_as_it_was_recorded_and_the_comment_stays(comment: str, first: Home, second: Home) -> None:
    said = with_home(with_home(comment, first), second)
    assert home_of(said) == second
    assert without_home(said) == comment
    assert with_home(said, None) == said


def test_a_block_and_a_home_are_recorded_beside_each_other() -> None:
    record = Record((Right("odoo", 5, owner=True),), "gantry")
    blocked = recorded(with_home("made by hand", Home(9, "app")), record)
    assert (home_of(blocked), parted(blocked)[1]) == (Home(9, "app"), record)
    opened = with_home(parted(blocked)[0], Home(12, "app"))
    assert (home_of(opened), without_home(opened)) == (Home(12, "app"), "made by hand")


@pytest.mark.parametrize("comment", [None, "", "gantry.odoo: home: x app\n", " gantry.odoo: home: 9 app\n"])
def test_a_comment_without_a_home(comment: str | None) -> None:
    assert home_of(comment) is None
    assert without_home(comment) == (comment or "")


@pytest.mark.parametrize(("number", "group"), [(0, "app"), (-1, "app"), (10**18, "app"), (1, " "), (1, "a\nb")])
def test_what_is_no_home_is_refused(number: int, group: str) -> None:
    assert fault_of(number, group)
    assert not fault_of(1, "app")
