# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules are read by their grammar, and what is written is read back as the same tree."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import (
    Matcher,
    Not,
    Rule,
    every,
    parse,
    some,
)

from .builders import route
from .rules import REFUSED, TAKEN

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
MATCHERS = st.one_of(
    st.builds(lambda path: Matcher("PathPrefix", (f"/{path}",)), TEXT),
    st.builds(lambda name, value: Matcher("Header", (name, value)), TEXT, TEXT),
    st.builds(lambda name: Matcher("Query", (name,)), TEXT),
    st.just(Matcher("Host", ("a.example",))),
)
RULES: st.SearchStrategy[Rule] = st.recursive(
    MATCHERS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(every, st.lists(inner, min_size=1, max_size=3)),
        st.builds(some, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=12,
)


@given(RULES)
def test_a_rule_that_was_written_is_read_back(rule: Rule) -> None:
    assert parse(str(rule)) == rule


@given(st.text(alphabet='Host(`a`)&|! \n"\\', max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        assert parse(str(parse(text))) == parse(text)


@pytest.mark.parametrize("text", TAKEN)
def test_what_traefik_takes_is_read(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_traefik_refuses_is_refused_with_the_position(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        parse(text)
    assert str(error.value).startswith(said)


def test_strings_are_those_of_go() -> None:
    assert parse('Query(`\\n`, "\\u0041\\x41\\101\\t\\"")') == Matcher("Query", ("\\n", 'AAA\t"'))


def test_a_rule_that_leaves_its_route_is_refused() -> None:
    with pytest.raises(InputError, match=r"^route harbour: rule is .*, and at character 16, expected && or \|\|"):
        route(rule="PathPrefix(`/`)) || (PathPrefix(`/`)")


@pytest.mark.parametrize("text", ["(" * 500 + "Host(`a`)" + ")" * 500, "!" * 500 + "Host(`a`)", "Host(`a`)" * 5000])
def test_a_rule_without_measure_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"nested deeper|characters; accepted"):
        parse(text)
