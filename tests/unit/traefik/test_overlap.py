# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two rules meet unless it is certain that no request matches both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import (
    Every,
    Matcher,
    Not,
    Rule,
    Some,
    every,
    parse,
    some,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_overlap import lies_within, meet, regions


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Host(`a.example`)", "Host(`b.example`)"),
        ("Host(`a.b.example`)", "Host(`*.example`)"),
        ("Host(`*.a.example`)", "Host(`*.b.example`)"),
        ("Host(`a.example`)", "HostRegexp(`^b`)"),
        ("Host(`a.example`)", "!HostRegexp(`^a`)"),
        ("Path(`/websocket`)", "Path(`/websocket/x`)"),
        ("Path(`/web`)", "PathPrefix(`/website`)"),
        ("PathPrefix(`/my`)", "PathPrefix(`/shop`)"),
        ("Path(`/my`)", "PathRegexp(`^/shop`)"),
        ("PathPrefix(`/my/orders`)", "!PathPrefix(`/my`)"),
        ("Path(`/Web`)", "Path(`/web`)"),
        ("Method(`GET`)", "Method(`POST`)"),
        ("ClientIP(`10.0.0.0/9`)", "ClientIP(`10.128.0.0/9`)"),
        ("ClientIP(`10.0.0.0/8`)", "ClientIP(`fe80::/10`)"),
        ("Header(`X-Canary`, `1`)", "!Header(`x-canary`, `1`)"),
        ("Query(`debug`)", "!Query(`debug`, ``)"),
        ("(Host(`a`) || Host(`b`)) && Path(`/x`)", "Host(`b`) && !Path(`/x`)"),
        ("!(Host(`a`) || Host(`b`))", "Host(`a`)"),
    ],
)
def test_no_request_matches_both(one: str, other: str) -> None:
    assert not meet(regions(parse(one)), regions(parse(other)))
    assert not meet(regions(parse(other)), regions(parse(one)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Host(`A.example`)", "Host(`a.EXAMPLE.`)"),
        ("Host(`a.example`)", "Host(`*.example`)"),
        ("Host(`a.example`)", "HostRegexp(`^a`)"),
        # a request may say the dot at the end
        ("Host(`a.example`)", "HostRegexp(`\\.$`)"),
        # not certain: Python and Go do not read these alike, or a match could take long
        ("Host(`a.example`)", "HostRegexp(`^(?i)b`)"),
        ("Host(`a.example`)", "HostRegexp(`^(b+)+$`)"),
        ("Path(`//my`)", "PathPrefix(`/my`)"),
        ("Path(`/p%2fx`)", "Path(`/p%2Fx`)"),
        ("Path(`/p%71`)", "Path(`/pq`)"),
        ("Path(`/p x`)", "Path(`/p%20x`)"),
        ("PathPrefix(`/web`)", "Path(`/websocket`)"),
        ("PathPrefix(`/a`)", "PathRegexp(`^/b`)"),
        ("Method(`get`)", "Method(`GET`)"),
        ("ClientIP(`10.0.0.1/8`)", "ClientIP(`10.9.0.0/16`)"),
        ("ClientIP(`10.0.0.1`)", "ClientIP(`::ffff:10.0.0.0/104`)"),
        # a request may have a header and a query more than once
        ("Header(`X-A`, `1`)", "Header(`X-A`, `2`)"),
        ("Query(`a`, `1`)", "Query(`a`, `2`)"),
        ("Host(`a`)", "PathPrefix(`/`)"),
    ],
)
def test_a_request_may_match_both(one: str, other: str) -> None:
    assert meet(regions(parse(one)), regions(parse(other)))
    assert meet(regions(parse(other)), regions(parse(one)))


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ("Host(`a`) && PathPrefix(`/my`)", "Host(`a`)"),
        ("Host(`a`)", "Host(`a`) || Host(`b`)"),
        ("Host(`a.example`)", "Host(`*.example`) || Host(`b`)"),
        ("Path(`/my/orders`)", "PathPrefix(`/my`)"),
        ("ClientIP(`10.0.0.0/16`) || ClientIP(`10.1.0.0/16`)", "ClientIP(`10.0.0.0/8`)"),
        ("Path(`/my/1`)", "PathRegexp(`^/my/[0-9]+$`)"),
        ("Path(`/my`)", "!PathPrefix(`/shop`)"),
        ("!PathPrefix(`/my`)", "!PathPrefix(`/my/orders`)"),
        ("Header(`X-A`, `1`)", "HeaderRegexp(`x-a`, `^[0-9]$`)"),
    ],
)
def test_the_one_lies_within_the_other(inner: str, outer: str) -> None:
    assert lies_within(regions(parse(inner)), regions(parse(outer)))
    assert not lies_within(regions(parse(outer)), regions(parse(inner)))


def test_a_rule_with_too_many_alternatives_is_refused() -> None:
    one = "(Header(`a`, `1`) || Header(`b`, `1`))"
    with pytest.raises(InputError, match="alternatives; accepted are 1000"):
        regions(parse(" && ".join([one] * 20)))


PLAIN = st.sampled_from(
    [
        Matcher("Host", ("a",)),
        Matcher("Host", ("b",)),
        Matcher("PathPrefix", ("/m",)),
        Matcher("PathPrefix", ("/my",)),
        Matcher("Path", ("/my",)),
        Matcher("Method", ("GET",)),
        Matcher("Header", ("x", "1")),
    ]
)
RULES: st.SearchStrategy[Rule] = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(every, st.lists(inner, min_size=1, max_size=3)),
        st.builds(some, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=6,
)
REQUESTS = [
    (host, path, method, header)
    for host in "abc"
    for path in ("/", "/m", "/my", "/my/x")
    for method in ("GET", "POST")
    for header in ("", "1")
]


def matches(rule: Rule, request: tuple[str, str, str, str]) -> bool:
    host, path, method, header = request
    if isinstance(rule, Not):
        return not matches(rule.part, request)
    if isinstance(rule, Every):
        return all(matches(one, request) for one in rule.parts)
    if isinstance(rule, Some):
        return any(matches(one, request) for one in rule.parts)
    value = rule.values[-1]
    seen = {"Host": host, "Path": path, "Method": method, "Header": header}
    return path.startswith(value) if rule.name == "PathPrefix" else seen[rule.name] == value


@given(RULES, RULES)
def test_what_is_said_of_sets_is_so_for_each_request(one: Rule, other: Rule) -> None:
    a, b = regions(one), regions(other)
    both = [request for request in REQUESTS if matches(one, request) and matches(other, request)]
    assert meet(a, b) or not both
    if lies_within(a, b):
        assert all(matches(other, request) for request in REQUESTS if matches(one, request))
