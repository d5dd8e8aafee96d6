# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates are due, and what keeps two orders from meaning the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import (
    Advice,
    Certificate,
    Found,
    Request,
    advices,
    requests,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.plan import Due, Policy, plan, steps
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
HARBOUR = Request("harbour", ("erp.harbour.example", "harbour.internal.example"))
GOOD = Certificate(0xABC, "f0" * 32, NOW - timedelta(days=10), NOW + timedelta(days=80), HARBOUR.domains)


def due(found: Found, advice: Advice | None = None, **policy: object) -> list[Due]:
    """The plan for HARBOUR alone."""
    advised = {"harbour": advice} if advice else {}
    return plan([HARBOUR], {"harbour": found}, advised, Policy(**policy), NOW)


def test_a_good_certificate_is_left_alone() -> None:
    assert due(Found(GOOD)) == []
    assert due(Found(replace(GOOD, domains=HARBOUR.domains[::-1]))) == []


@pytest.mark.parametrize(
    ("found", "policy", "why"),
    [
        (Found(), {}, "there is none yet"),
        (Found(replace(GOOD, domains=("erp.harbour.example",))), {}, "the domains have changed"),
        (Found(replace(GOOD, key_matches=False)), {}, "its key belongs to another certificate"),
        (Found(GOOD), {"force": True}, "it was asked for"),
        (Found(replace(GOOD, not_after=NOW)), {}, "it has expired"),
        (Found(GOOD), {"renew_share": 0.9}, "it has less than 90 % of its lifetime left"),
    ],
)
def test_what_is_due_says_why(found: Found, policy: dict[str, object], why: str) -> None:
    (one,) = due(found, **policy)
    assert (one.why, one.staged) == (why, False)
    assert [step.as_dict() for step in steps([one])] == [
        {"action": "order", "target": "certificate harbour", "why": why}
    ]


def test_the_server_may_advise_it() -> None:
    (one,) = due(Found(GOOD), Advice("revoked tomorrow", "aki.serial"))
    assert (one.why, one.replaces) == ("revoked tomorrow", "aki.serial")
    assert due(Found(GOOD), Advice("", "aki.serial")) == []


def test_a_complete_pair_that_waits_is_not_ordered_again() -> None:
    (one,) = due(Found(staged=GOOD, interrupted=True))
    assert one.staged
    assert steps([one])[0].action == "install"


@pytest.mark.parametrize(
    "staged",
    [
        replace(GOOD, key_matches=False),
        replace(GOOD, domains=("north.example",)),
        replace(GOOD, not_after=NOW - timedelta(hours=1)),
    ],
    ids=["foreign key", "other domains", "expired"],
)
def test_a_pair_that_waits_and_is_not_fit_is_ordered_again(staged: Certificate) -> None:
    (one,) = due(Found(GOOD, staged, interrupted=True), force=True)
    assert not one.staged


def test_an_interrupted_order_may_have_replaced_the_certificate_already() -> None:
    (one,) = due(Found(GOOD, interrupted=True), Advice("", "aki.serial"), force=True)
    assert one.replaces == ""


def test_advice_is_read_from_what_the_module_returns() -> None:
    told = {
        "a": {"should_renew": True, "msg": "soon", "supports_ari": True, "cert_id": "id"},
        "b": {"should_renew": False, "msg": "valid", "supports_ari": False, "cert_id": "id"},
        "c": {"failed": True, "msg": "no answer"},
    }
    assert advices(told) == {"a": Advice("soon", "id"), "b": Advice(), "c": Advice()}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([{"name": "../x", "domains": ["a.example"]}], "a name takes lower-case letters"),
        ([{"name": "a", "domains": ["a.example"]}] * 2, "asked for twice"),
        ([{"name": "a", "domains": []}], "and none is given"),
        ([{"name": "a", "domains": ["*.example.org"]}], r"not \*.example.org"),
        ([{"name": "a", "domains": ["Erp.example.org"]}], "not Erp.example.org"),
        ([{"name": "a", "domains": ["localhost"]}], "not localhost"),
    ],
)
def test_a_request_that_cannot_be_meant(given: list[dict[str, object]], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        requests(given)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, 33.0])
def test_a_share_is_one(share: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        Policy(renew_share=share)
