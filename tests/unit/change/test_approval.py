# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A digest is of one change, and an approval counts once, for that change, by someone else, in its time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import (
    REVIEWED,
    Asked,
    Inventory,
    Request,
    Sealed,
    Statement,
    canonical,
    is_digest,
    policy_of,
    request_from,
    sealed_from,
    statement_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import identities_from
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_approval import (
    Found,
    Limits,
    Signed,
    is_waiting,
    open_request,
    plan_found,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_approval import (
    Own,
    differences,
    other_rules,
    request_lines,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from tests.unit.change.people import ASKED, NOW, approved

# Whoever verifies an approval by other means gets these, or has another form.
DIGEST = "6d6a8230085196edeae35180c7755c8a14fd24f02da5b9d9d45a82c7bffc189e"
EMPTY = Asked("mara", "site", "standard", "", Inventory(), {})
DIGEST_OF_EMPTY = "73bd62255418d95774180651f5f6c211c4ba0f2bf0265ea2f0bf69d1b444f8a7"
KNOWN = identities_from(
    [
        {"name": "mara", "may": ["request", "approve"]},
        {"name": "tom", "may": ["approve"]},
        {"name": "ines", "may": ["approve"]},
        {"name": "otto", "may": ["request"]},
    ]
)
LIMITS, HOUR = Limits(), timedelta(hours=1)
REQUEST = Request(1, ASKED, NOW - 2 * HOUR)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


def signed(statement: Statement, signer: str = "") -> Signed:
    return Signed(statement, signer or statement.by, "SHA256:x")


def found(
    *statements: Signed, asked: Asked = ASKED, used: dict[int, str] | None = None, change: str = "patch-9"
) -> Found:
    requests = {1: REQUEST, 2: replace(REQUEST, number=2)}
    return plan_found(asked, requests, statements, used or {}, "patch-9", KNOWN, LIMITS, NOW)


def test_digests_are_those_that_were_published() -> None:
    assert ASKED.digest == DIGEST
    assert EMPTY.digest == DIGEST_OF_EMPTY
    assert is_digest(DIGEST)
    assert not is_digest(DIGEST.upper())
    assert (
        canonical({"b": [1, "é\n"], "a": {"y": None, "x": True}}) == '{"a":{"x":true,"y":null},"b":[1,"é\\n"]}'.encode()
    )


def test_each_rule_has_a_digest_of_its_own() -> None:
    one, other = (policy_of({"change_classes": {}, "change_approval_hours": hours}) for hours in (24.0, 25.0))
    assert one["change_classes"] == other["change_classes"] != ASKED.digest
    assert one["change_approval_hours"] != other["change_approval_hours"]
    assert other_rules(one, one) == []
    assert other_rules(one, other) == [
        "it is judged by other rules than those of your inventory, in change_approval_hours; see why first"
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"requester": "otto"},
        {"kind": "site"},
        {"classification": "emergency"},
        {"reason": "another"},
        {"inventory": Inventory("1" * 40)},
        {"inventory": replace(ASKED.inventory, dirty=True)},
        {"inventory": replace(ASKED.inventory, content="1" * 64)},
        {"policy": {"change_classes": "e" * 64}},
        {"facts": {"release": "2026.12"}},
        {"parts": ("app2", "app1")},
        {"part_facts": {"app1": {"home": "a"}}},
        {"covers": ("estate",)},
    ],
)
def test_all_that_is_asked_for_is_in_the_digest(changed: dict[str, Any]) -> None:
    other = replace(ASKED, **changed)
    assert other.digest != ASKED.digest
    assert found(signed(approved()), asked=other).approvals == ()


def test_the_order_of_what_a_change_covers_is_none() -> None:
    two = replace(ASKED, covers=("b", "a"))
    assert two.digest == replace(ASKED, covers=("a", "b")).digest


@settings(max_examples=40)
@given(JSON, JSON)
def test_two_values_have_two_digests(one: Any, other: Any) -> None:
    same = replace(ASKED, facts={"x": one}).digest == replace(ASKED, facts={"x": other}).digest
    assert same == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "facts.x: nan is no number"),
        (2**53 + 1, "give it as a text"),
        ({1: "a"}, "the name 1 is no text"),
        (b"a", "bytes is no kind of value"),
        ("\ud800", "cannot be written for its digest"),
    ],
)
def test_what_programs_read_in_two_ways_has_no_digest(value: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        _digest = replace(ASKED, facts={"x": value}).digest


@settings(max_examples=30)
@given(JSON)
def test_a_request_is_read_as_it_was_written(value: Any) -> None:
    asked = replace(ASKED, facts={"x": value})
    body = json.loads(json.dumps(Request(7, asked, NOW).as_body()))
    assert request_from(7, body, "store").asked.digest == asked.digest


def test_a_request_with_another_digest_is_forged() -> None:
    body = REQUEST.as_body()
    with pytest.raises(StateError, match="request 1 in the store has another digest than its content"):
        request_from(1, {**body, "asked": {**body["asked"], "requester": "otto"}}, "store")
    for damaged in ({}, {**body, "asked": None}, {**body, "time": "2026-11-30"}, {**body, "digest": 4}):
        with pytest.raises(StateError, match="request 1 in the store cannot be read"):
            request_from(1, damaged, "store")


def test_a_statement_is_read_only_as_it_is_written() -> None:
    statement = approved()
    assert statement_from(statement.as_text(), "x") == statement
    for text in (
        statement.as_text() + " ",
        json.dumps(json.loads(statement.as_text())),
        statement.as_text().replace("approved", "granted"),
        "{}",
        "[]",
        "[" * 50_000,
        statement.as_text().replace('"by"', '"by":"mara","by"'),
    ):
        with pytest.raises(StateError, match=r"^x "):
            statement_from(text, "x")


@given(st.binary(max_size=200))
def test_any_object_is_an_approval_or_refused(data: bytes) -> None:
    with pytest.raises(StateError, match=r"^x "):
        sealed_from(data, "x")


def test_an_object_has_an_end() -> None:
    sealed = Sealed("a", "b", 3)
    assert sealed_from(sealed.as_bytes(), "x") == sealed
    with pytest.raises(StateError, match="more than 65536 bytes"):
        sealed_from(b" " * 65_537, "x")


def test_an_approval_by_someone_else_counts() -> None:
    (one,) = found(signed(approved())).approvals
    assert (one.by, one.how, one.time) == ("tom", "signature", NOW)
    assert one.as_facts()["digest"] == ASKED.digest


def test_two_people_are_two_and_one_person_is_one() -> None:
    seen = found(signed(approved()), signed(approved("ines")), signed(approved(ago=HOUR)))
    assert sorted(one.by for one in seen.approvals) == ["ines", "tom"]
    assert (seen.request, seen.refused) == (1, ())


@pytest.mark.parametrize(
    ("statement", "signer", "words"),
    [
        (approved("mara"), "", "mara cannot approve an own change"),
        (approved("otto"), "", "otto may not approve a change"),
        (approved("nobody"), "", "'nobody' belongs to no identity"),
        (approved("Tom"), "", "one of tom looks like it"),
        (approved("tom"), "ines", "says approved by tom, so that it approves nothing"),
        (Statement(REVIEWED, "tom", NOW, 1, ASKED.digest), "", "says reviewed by tom"),
        (approved(digest="0" * 64), "", "is for another change"),
        (approved(request=3), "", "is for another change"),
        (approved(ago=25 * HOUR), "", "is 1 day 1 h old and holds for 1 day"),
        (approved(ago=-HOUR), "", "which is still to come"),
        (approved(ago=3 * HOUR), "", "is older than the request"),
    ],
)
def test_another_approval_does_not_count(statement: Statement, signer: str, words: str) -> None:
    seen = found(signed(statement, signer))
    assert seen.approvals == ()
    (refused,) = seen.refused
    assert words in refused


def test_an_approval_counts_once() -> None:
    used = found(signed(approved()), used={1: "patch-8"})
    assert used.approvals == ()
    assert "was used by patch-8, and counts once" in used.refused[0]
    # asked again before each step, and by another request
    assert found(signed(approved()), used={1: "patch-9"}).request == 1
    assert found(signed(approved()), signed(approved(request=2)), used={1: "patch-8"}).request == 2


def test_the_approvals_of_two_requests_do_not_add_up() -> None:
    seen = found(signed(approved()), signed(approved("ines", request=2)))
    assert [one.by for one in seen.approvals] == ["ines"]


def test_a_change_waits_until_it_is_used_or_too_old() -> None:
    assert is_waiting(REQUEST, "", False, LIMITS, NOW)
    assert is_waiting(REQUEST, "", True, LIMITS, NOW)
    assert not is_waiting(REQUEST, "patch-9", False, LIMITS, NOW)
    assert not is_waiting(REQUEST, "", False, LIMITS, NOW + timedelta(days=8))
    emergency = replace(REQUEST, asked=replace(ASKED, classification="emergency"))
    assert is_waiting(emergency, "patch-9", False, LIMITS, NOW)
    assert not is_waiting(emergency, "patch-9", True, LIMITS, NOW)


def test_a_change_is_asked_for_once() -> None:
    assert open_request(ASKED, [REQUEST, replace(REQUEST, number=2)], {}, LIMITS, NOW) == 2
    assert open_request(ASKED, [REQUEST], {1: "patch-9"}, LIMITS, NOW) == 0
    assert open_request(replace(ASKED, reason="x"), [REQUEST], {}, LIMITS, NOW) == 0
    assert open_request(ASKED, [REQUEST], {}, LIMITS, NOW + timedelta(days=8)) == 0


def test_a_person_reads_all_that_is_signed() -> None:
    hostile = replace(ASKED, reason="fine\n  digest: \x1b[2Jforged\u202e", facts={"a": [1, {"b": "\x07"}]})
    lines = request_lines(Request(3, hostile, NOW - HOUR), ["ines"], Own(ASKED.inventory, ASKED.policy), NOW)
    assert lines[0] == "request 3: patch of class normal for mara, 1 h ago"
    assert "  parts: app1, app2" in lines
    assert "  approved by: ines" in lines
    assert f"  digest: {hostile.digest}" in lines
    assert '  a: [1, {"b": "\\u0007"}]' in lines
    assert all(line.isprintable() for line in lines)
    assert sum(line.startswith("  digest:") for line in lines) == 1


def test_the_inventory_is_compared_with_that_of_the_reader() -> None:
    assert differences(ASKED.inventory, ASKED.inventory) == []
    assert "your inventory is another one" in differences(ASKED.inventory, Inventory("2" * 40))[0]
    assert "in no commit" in differences(replace(ASKED.inventory, dirty=True), ASKED.inventory)[0]
    assert "in no commit" in differences(Inventory(), Inventory())[0]
