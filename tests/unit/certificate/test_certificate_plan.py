# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates are due, and what keeps two orders from meaning the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.gantry.odoo.plugins.filter.unissued_certificates import (
    unissued_certificates,
    unreplaced_certificates,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import (
    Advice,
    Certificate,
    Found,
    Issuer,
    Offer,
    Refusal,
    Request,
    advices,
    asked,
    covers,
    issuer,
    offers,
    requests,
    said,
    wait_in,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.plan import (
    Due,
    Policy,
    check_clock,
    ended,
    lost,
    plan,
    refuse,
    refused_by,
    steps,
    stood,
    to_put_back,
    to_revoke,
    untrue,
)
from ansible_collections.gantry.odoo.plugins.module_utils._certificate.report import advised, sentence
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
HARBOUR = Request("harbour", ("erp.harbour.example", "harbour.internal.example"))
GOOD = Certificate(0xABC, "f0" * 32, NOW - timedelta(days=10), NOW + timedelta(days=80), HARBOUR.domains)


SOON = Advice(GOOD.serial, NOW - timedelta(hours=1), NOW - timedelta(hours=1), "https://acme.example/why")


def due(found: Found, advice: Advice | None = None, **policy: object) -> list[Due]:
    """The plan for HARBOUR alone."""
    advised = {f"{GOOD.serial:X}": advice} if advice else {}
    return plan([HARBOUR], {"harbour": found}, advised, Policy(**policy), NOW)


def test_a_good_certificate_is_left_alone() -> None:
    assert due(Found(GOOD)) == []
    assert due(Found(replace(GOOD, domains=HARBOUR.domains[::-1]))) == []


@pytest.mark.parametrize(
    ("found", "policy", "why"),
    [
        (Found(), {}, "there is none yet"),
        (Found(replace(GOOD, domains=("erp.harbour.example",))), {}, "the domains have changed"),
        (Found(broken="has the key of another certificate"), {}, "it has the key of another certificate"),
        (Found(replace(GOOD, not_after=NOW, intermediate="CN=R9")), {}, "its intermediate CN=R9 has expired"),
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
    known = replace(GOOD, renewal_id="aki.serial")
    (one,) = due(Found(known), SOON)
    assert (one.why, one.replaces) == (
        "the ACME server advises to renew it from 2026-11-22 11:00 UTC on, see https://acme.example/why",
        "aki.serial",
    )
    assert due(Found(known), replace(SOON, start=NOW + timedelta(hours=1), end=NOW + timedelta(hours=2))) == []
    # in force, an order names what it replaces where the server has said that it knows of that
    assert [one.replaces for one in due(Found(known), force=True)] == [""]


def test_advice_counts_as_it_was_recorded_until_there_is_new_one() -> None:
    (one,) = due(Found(GOOD, advice=SOON))
    assert (one.why[:30], one.replaces) == ("the ACME server advises to ren", "")
    assert due(Found(GOOD, advice=SOON), replace(SOON, start=GOOD.not_after, end=GOOD.not_after)) == []


def test_each_certificate_has_its_own_moment_of_the_window_and_the_canary_the_first() -> None:
    names = [f"tenant{number}" for number in range(50)]
    window = replace(SOON, start=NOW, end=NOW + timedelta(days=2))
    moments = [window.moment(Policy(canary="tenant7").part(name)) for name in names]
    assert min(moments) == moments[7] == NOW
    assert len(set(moments)) == 50
    assert all(NOW <= moment <= window.end for moment in moments)
    assert sum(moment < NOW + timedelta(days=1) for moment in moments) in range(15, 36)
    assert replace(window, end=NOW - timedelta(days=1)).moment(0.5) == NOW


def test_a_complete_pair_that_waits_is_not_ordered_again() -> None:
    (one,) = due(Found(staged=GOOD, interrupted=True))
    assert one.staged
    assert steps([one])[0].action == "install"


@pytest.mark.parametrize(
    "staged",
    [
        replace(GOOD, domains=("north.example",)),
        replace(GOOD, not_after=NOW - timedelta(hours=1)),
    ],
    ids=["other domains", "expired"],
)
def test_a_pair_that_waits_and_is_not_fit_is_ordered_again(staged: Certificate) -> None:
    (one,) = due(Found(GOOD, staged, interrupted=True), force=True)
    assert not one.staged


def test_an_interrupted_order_may_have_replaced_the_certificate_already() -> None:
    (one,) = due(Found(replace(GOOD, renewal_id="aki.serial"), interrupted=True), SOON, force=True)
    assert one.replaces == ""


OFFER = Offer("edge1", "harbour", HARBOUR.domains, NOW - timedelta(days=1), NOW + timedelta(days=89))


def offered(found: Found, offer: Offer = OFFER, **policy: object) -> list[Due]:
    """The plan for HARBOUR alone where another host has a pair."""
    return plan([HARBOUR], {"harbour": found}, {}, Policy(**policy), NOW, [replace(OFFER, host="old", name="x"), offer])


@pytest.mark.parametrize(
    ("found", "policy"),
    [
        (Found(GOOD), {}),
        (Found(), {}),
        (Found(broken="has the key of another certificate"), {}),
        (Found(replace(GOOD, not_before=NOW, domains=("north.example",))), {}),
        (Found(GOOD), {"ordered_by": "edge1", "force": True}),
        # an order that was refused here is of no matter where the other host has got one
        (Found(refusal=Refusal(HARBOUR.domains, "no", 1, NOW, NOW + timedelta(hours=1))), {}),
    ],
    ids=["older", "none", "broken", "other domains", "forced elsewhere", "refused"],
)
def test_a_newer_pair_of_another_host_is_taken_and_not_ordered(found: Found, policy: dict[str, object]) -> None:
    (one,) = offered(found, **policy)
    assert (one.why, one.host, one.refusal, one.deferred) == ("edge1 has a newer one", "edge1", None, "")
    assert steps([one])[0].action == "install"
    assert refused_by(Issuer("503"), [one], {"harbour": found}, NOW) == [one]


@pytest.mark.parametrize(
    "offer",
    [
        replace(OFFER, not_before=GOOD.not_before),
        replace(OFFER, not_after=NOW),
        replace(OFFER, not_before=NOW + timedelta(hours=1)),
        replace(OFFER, domains=("erp.harbour.example",)),
        replace(OFFER, name="north"),
    ],
    ids=["of the same age", "expired", "not valid yet", "for other domains", "for another name"],
)
def test_a_pair_that_is_no_better_is_not_taken(offer: Offer) -> None:
    assert offered(Found(GOOD), offer) == []


def test_the_host_that_orders_takes_none_where_all_are_to_be_ordered() -> None:
    (one,) = offered(Found(GOOD), force=True)
    assert (one.why, one.host) == ("it was asked for", "")


def test_what_was_forced_is_not_forced_for_the_same_again() -> None:
    once = {"force": True, "forced_by": "renewal 1"}
    assert due(Found(GOOD, forced_by="renewal 1"), **once) == []
    for other in ("renewal 2", ""):
        assert [one.why for one in due(Found(GOOD, forced_by=other), **once)] == ["it was asked for"]
    # without a name, each call is another one
    assert [one.why for one in due(Found(GOOD), force=True)] == ["it was asked for"]
    # and what is due is due
    assert due(Found(replace(GOOD, not_after=NOW), forced_by="renewal 1"), **once)[0].why == "it has expired"


def test_what_was_forced_on_another_host_is_taken_from_there() -> None:
    once = {"force": True, "forced_by": "renewal 1"}
    (one,) = offered(Found(GOOD), replace(OFFER, forced_by="renewal 1"), **once)
    assert (one.why, one.host) == ("edge1 has a newer one", "edge1")
    (one,) = offered(Found(GOOD), replace(OFFER, name="north", forced_by="renewal 1"), **once)
    assert (one.why, one.host) == ("it was asked for", "")


def test_what_another_host_orders_is_not_ordered_here_and_not_refused_here() -> None:
    refusal = Refusal(HARBOUR.domains, "no", 1, NOW, NOW + timedelta(hours=1))
    (one,) = due(Found(refusal=refusal), ordered_by="edge1")
    assert (one.deferred, one.refusal) == ("edge1 orders it", None)
    assert steps([one]) == []
    assert ended(HARBOUR, Found(refusal=refusal), "", NOW, "edge1") is None
    # what was completed here is installed all the same
    assert [one.staged for one in due(Found(staged=GOOD), ordered_by="edge1")] == [True]
    assert ended(HARBOUR, Found(staged=GOOD, waits=True), "", NOW, "edge1") == GOOD


def test_a_pair_that_was_put_back_waits_until_it_is_due() -> None:
    here = Found(GOOD, replace(GOOD, serial=7), waits=True)
    assert ended(HARBOUR, here, "", NOW, is_due=False) is None
    # nor is one that nobody could be served refused before it is needed
    assert ended(HARBOUR, Found(GOOD, waits=True, unusable="is damaged"), "", NOW, is_due=False) is None


NEWER = replace(GOOD, serial=0xDEF)


def test_a_pair_is_put_back_once_and_the_first_one_to_none() -> None:
    assert to_put_back({"harbour": "ABC"}, {"harbour": NEWER}, {"harbour": GOOD}, NOW) == ["harbour"]
    assert to_put_back({"harbour": ""}, {"harbour": NEWER}, {"harbour": None}, NOW) == ["harbour"]
    assert to_put_back({"harbour": "ABC"}, {"harbour": GOOD}, {"harbour": None}, NOW) == []


@pytest.mark.parametrize(
    ("serial", "kept", "words"),
    [
        ("ABC", None, "is not put back to serial ABC, as none is kept beside it; what is installed stays"),
        ("123", GOOD, "is not put back to serial 123, as ABC is kept beside it"),
        ("", GOOD, "is not put back to serial none, as ABC is kept beside it"),
        ("ABC", replace(GOOD, not_after=NOW), "is not put back to serial ABC, which has expired"),
    ],
)
def test_no_other_pair_is_put_back_and_none_that_has_expired(serial: str, kept: Certificate | None, words: str) -> None:
    with pytest.raises(StateError, match=words):
        to_put_back({"harbour": serial}, {"harbour": NEWER}, {"harbour": kept}, NOW)


def test_offers_are_read_from_what_the_module_returns() -> None:
    told = {
        "name": "harbour",
        "requested": list(HARBOUR.domains),
        "not_before": OFFER.not_before.isoformat(),
        "not_after": OFFER.not_after.isoformat(),
        "fingerprint_sha256": "f0" * 32,
    }
    none = {**told, "not_before": "", "not_after": "", "fingerprint_sha256": ""}
    assert offers({"edge1": [told], "edge2": [none]}) == [replace(OFFER, fingerprint_sha256="f0" * 32)]
    with pytest.raises(InputError, match="offers takes certificates as this module returns them"):
        offers({"edge1": [{"name": "harbour"}]})


def test_advice_is_read_from_what_the_module_returns() -> None:
    def told(start: object, end: object = "2026-11-24T12:00:00.123456789Z") -> dict[str, object]:
        return {
            "renewal_info": {"suggestedWindow": {"start": start, "end": end}, "explanationURL": "https://a.example"}
        }

    end = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
    found = advices(
        {"ABC": told("2026-11-22T14:00:00+02:00"), "DEF": {"failed": True, "msg": "no answer"}, "1": told("soon")}
    )
    assert found == {"ABC": Advice(0xABC, NOW, end, "https://a.example")}
    # and goes to other hosts in the same form
    assert advices(advised([*found.values(), None])) == found
    assert advices({"ABC": told(None), "": told("2026-11-22T12:00:00Z"), "2": told("9999-12-31T23:59:59Z")}) == {}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([{"name": "../x", "domains": ["a.example"]}], "a name takes lower-case letters"),
        ([{"name": "a", "domains": ["a.example"]}] * 2, "asked for twice"),
        ([{"name": "a", "domains": []}], "and none is given"),
        ([{"name": "a", "domains": ["*.example.org"]}], r"\*.example.org can be validated by dns-01 alone"),
        ([{"name": "a", "domains": ["a.*.org"], "challenge": "dns-01"}], r"not a\.\*\.org"),
        (
            [{"name": "a", "domains": ["*.a.example", "b.a.example"], "challenge": "dns-01"}],
            "a wildcard covers b.a.example",
        ),
        ([{"name": "a", "domains": ["a.example"], "challenge": "tls-alpn-01"}], "challenge is one of http-01, dns-01"),
        ([{"name": "a", "domains": ["a.example"], "hosts": ["b.a.example"]}], "does not cover b.a.example"),
        ([{"name": "a", "domains": ["erp..example.org"]}], r"not erp\.\.example\.org"),
        ([{"name": "a", "domains": ["erp.example.org.."]}], r"not erp\.example\.org\.$"),
        ([{"name": "a", "domains": ["stra\u00dfe.example.org"]}], "not stra\u00dfe.example.org"),
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


def test_a_refused_order_waits_longer_each_time_and_at_most_a_day() -> None:
    refusal, now, hours = None, NOW, []
    for _turn in range(8):
        refusal = refuse(HARBOUR, refusal, "no such name", now)
        hours.append((refusal.until - now) / timedelta(hours=1))
        now = refusal.until
    assert hours == [1, 2, 4, 8, 16, 24, 24, 24]


def test_a_refused_order_is_held_until_its_time_and_no_other_is() -> None:
    north = Request("north", ("north.example",))
    refusal = refuse(HARBOUR, None, "no such name", NOW)
    found = {"harbour": Found(refusal=refusal), "north": Found()}

    def ordered(requests_: list[Request], now: datetime, **policy: object) -> list[str]:
        return [step.target for step in steps(plan(requests_, found, {}, Policy(**policy), now))]

    both = [HARBOUR, north]
    assert ordered(both, NOW + timedelta(minutes=59)) == ["certificate north"]
    assert ordered(both, refusal.until) == ["certificate harbour", "certificate north"]
    assert ordered(both, NOW, force=True) == ["certificate harbour", "certificate north"]
    assert ordered([replace(HARBOUR, domains=("erp.harbour.example",))], NOW) == ["certificate harbour"]
    # by a clock that was wrong
    assert ordered([HARBOUR], NOW - timedelta(days=80)) == ["certificate harbour"]


def test_each_order_ends_alone() -> None:
    good, other = Found(staged=GOOD, waits=True), Found(GOOD)
    assert ended(HARBOUR, good, "", NOW) == GOOD
    assert ended(HARBOUR, other, "", NOW) is None
    refused = ended(HARBOUR, other, "no such name", NOW)
    assert isinstance(refused, Refusal)
    assert (refused.why, refused.tries) == ("no such name", 1)
    again = ended(HARBOUR, Found(GOOD, refusal=refused), "no such name", NOW)
    assert isinstance(again, Refusal)
    assert again.tries == 2
    assert ended(HARBOUR, Found(GOOD, refusal=refused), "", NOW) == refused
    never = ended(HARBOUR, Found(), "", NOW)
    assert isinstance(never, Refusal)
    assert not never.holds(HARBOUR, NOW)
    assert sentence(HARBOUR, never).endswith("(it was not ordered; order it first)")


def test_a_refusal_is_one_sentence() -> None:
    refusal = refuse(HARBOUR, refuse(HARBOUR, None, "", NOW), "no such name", NOW)
    assert sentence(HARBOUR, refusal) == (
        "certificate harbour for erp.harbour.example, harbour.internal.example (no such name; refused 2 times, "
        "ordered again from 2026-11-22 14:00 UTC on, or at once with force)"
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({}, Issuer()),
        ({"status": 200}, Issuer()),
        ({"status": -1, "msg": "Connection refused"}, Issuer("Connection refused")),
        ({"status": 503, "msg": "busy", "retry_after": "7200"}, Issuer("busy", timedelta(hours=2))),
        ({"status": 503, "msg": "busy", "retry_after": "9" * 40}, Issuer("busy", timedelta(days=8))),
        (
            {"status": 429, "msg": "slow", "retry_after": "Sun, 22 Nov 2026 15:00:00 GMT"},
            Issuer("slow", timedelta(hours=3)),
        ),
        ({"status": 429, "msg": "slow", "retry_after": "soon"}, Issuer("slow")),
        ({"status": 429, "msg": "slow", "retry_after": "Sun, 22 Nov 2026 15:00:00 -0000"}, Issuer("slow")),
    ],
)
def test_the_answer_of_a_directory(answer: dict[str, object], expected: Issuer) -> None:
    assert issuer(answer, NOW) == expected


def test_an_issuer_that_takes_no_order_refuses_what_is_due_and_no_pair_that_waits() -> None:
    due = [Due(HARBOUR, "there is none yet"), Due(HARBOUR, "there is none yet", staged=True)]
    first, second = refused_by(Issuer("busy", timedelta(hours=2)), due, {"harbour": Found()}, NOW)
    assert first.refusal == Refusal(HARBOUR.domains, "busy", 1, NOW, NOW + timedelta(hours=2))
    assert second == due[1]


def test_words_of_an_issuer_name_a_wait() -> None:
    words = "too many certificates already issued, retry after 2026-11-22 18:30:00 UTC: see the page on limits"
    assert wait_in(words, NOW) == timedelta(hours=6, minutes=30)
    assert wait_in("retry after 2026-99-22 18:30:00 UTC", NOW) is None
    refused = ended(HARBOUR, Found(), words, NOW)
    assert isinstance(refused, Refusal)
    assert refused.until == NOW + timedelta(hours=6, minutes=30)


def test_the_words_of_a_refusal_come_without_addresses() -> None:
    assert (
        said(
            "Failed to start new order for https://acme/order with status 400 Bad Request. "
            "Error urn:ietf:params:acme:error:rejectedIdentifier:\n  no"
        )
        == "rejectedIdentifier: no"
    )


def test_one_request_however_its_domains_are_written() -> None:
    written = ["b\u00fccher.example", "B\u00dcCHER.example.", "xn--bcher-kva.example", "Erp.Example", "erp.example."]
    assert requests([{"name": "a", "domains": written}]) == [Request("a", ("xn--bcher-kva.example", "erp.example"))]


@pytest.mark.parametrize(
    "domains",
    [(*HARBOUR.domains, "www.harbour.example"), HARBOUR.domains[:1]],
    ids=["added", "left out"],
)
def test_what_the_issuer_made_of_a_request_is_no_other_request(domains: tuple[str, ...]) -> None:
    issued = replace(GOOD, domains=domains, requested=HARBOUR.domains)
    assert ended(HARBOUR, Found(staged=issued, waits=True), "", NOW) == issued
    assert due(Found(issued)) == []
    (one,) = plan([replace(HARBOUR, domains=domains)], {"harbour": Found(issued)}, {}, Policy(), NOW)
    assert one.why == "the domains have changed"


def test_a_name_that_users_are_served_is_not_given_up() -> None:
    less = replace(GOOD, domains=HARBOUR.domains[:1], requested=HARBOUR.domains)
    refused = ended(HARBOUR, Found(GOOD, less, waits=True), "", NOW)
    assert isinstance(refused, Refusal)
    assert refused.why == "the staged pair is without harbour.internal.example, which the installed certificate has"
    assert ended(HARBOUR, Found(replace(GOOD, not_after=NOW), less, waits=True), "", NOW) == less
    none = replace(less, domains=("other.example",))
    assert isinstance(ended(HARBOUR, Found(staged=none, waits=True), "", NOW), Refusal)


def test_a_certificate_of_the_future_waits_for_its_time_and_is_not_ordered_again() -> None:
    later = replace(GOOD, not_before=NOW + timedelta(hours=30))
    refused = ended(HARBOUR, Found(staged=later, waits=True), "", NOW)
    assert isinstance(refused, Refusal)
    assert refused.why == "the staged pair is valid only from 2026-11-23 18:00 UTC on"
    found = {"harbour": Found(staged=later, waits=True, interrupted=True, refusal=refused)}
    (held,) = plan([HARBOUR], found, {}, Policy(), NOW + timedelta(hours=29))
    assert held.refusal == refused
    (ready,) = plan([HARBOUR], found, {}, Policy(), later.not_before)
    assert (ready.staged, ready.refusal) == (True, None)
    (one,) = due(Found(later))
    assert one.why == "it is not valid yet"


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ("Sun, 22 Nov 2026 11:56:00 GMT", ""),
        ("Thu, 03 Sep 2026 12:00:00 GMT", "80 days, 0:00:00 .* ahead of"),
        ("Sun, 22 Nov 2026 12:06:00 GMT", "0:06:00 .* behind"),
        ("", ""),
        ("yesterday", ""),
    ],
)
def test_a_clock_that_is_minutes_off_judges_no_certificate(date: str, words: str) -> None:
    answer = issuer({"status": 200, "date": date}, NOW)
    if not words:
        check_clock(answer, NOW)
        return
    with pytest.raises(StateError, match=f"the clock of this host is {words} that of the issuer"):
        check_clock(answer, NOW)


NIGHT = [Request(f"tenant{number}", (f"tenant{number}.example",)) for number in range(30)]


def aged(days: float, *, of: list[Request] = NIGHT) -> dict[str, Found]:
    """All certificates of one night, so many days later."""
    issued = NOW - timedelta(days=days)
    return {
        one.name: Found(Certificate(1, "f0" * 32, issued, issued + timedelta(days=90), one.domains, one.domains))
        for one in of
    }


def renewed(found: dict[str, Found], advice: dict[str, Advice] | None = None, **policy: object) -> list[str]:
    """The names that one call orders."""
    planned = plan(NIGHT, found, advice or {}, Policy(**policy), NOW)
    return [one.request.name for one in planned if not one.deferred]


def test_certificates_of_one_night_are_renewed_over_days_and_the_canary_before_all_others() -> None:
    found, ages = aged(0), {}
    for day in range(70):
        for name in renewed(found):
            ages.setdefault(name, day)
        # what was ordered is new from then on
        found = {name: one for name, one in aged(day + 1).items() if name not in ages}
        found.update({name: Found(GOOD) for name in ages})
        found = {
            name: replace(one, current=replace(one.current, requested=(f"{name}.example",)))
            for name, one in found.items()
            if one.current
        }
    assert sorted(ages) == sorted(one.name for one in NIGHT)
    first, *others = sorted(ages.values())
    assert ages["tenant0"] == first < others[0]
    assert all(first < day <= 61 for day in others)
    assert max(others.count(day) for day in others) <= 8


def test_a_canary_that_is_refused_keeps_early_renewals_back_and_no_late_one() -> None:
    refusal = refuse(NIGHT[3], None, "no such name", NOW)
    early, late = aged(59), aged(61)
    for found in (early, late):
        found["tenant3"] = replace(found["tenant3"], refusal=refusal)
    planned = plan(NIGHT, early, {}, Policy(canary="tenant3"), NOW)
    assert {one.deferred for one in planned if one.request.name != "tenant3"} == {
        "certificate tenant3 is renewed first"
    }
    assert len(renewed(late, canary="tenant3", limit=100)) == 30


def test_renewals_of_one_call_are_limited_and_what_users_lack_is_not() -> None:
    found = aged(61)
    assert len(renewed(found, limit=7)) == 7
    assert renewed(found, limit=1, canary="tenant9") == ["tenant9"]
    assert len(renewed(aged(91), limit=7)) == 30
    assert len(renewed({one.name: Found() for one in NIGHT}, limit=7)) == 30
    assert len(renewed(aged(1), limit=7, force=True)) == 30
    advised = {f"{one.current.serial:X}": SOON for one in aged(1).values() if one.current}
    assert len(renewed(aged(1), advised, limit=7)) == 7
    why = [one.deferred for one in plan(NIGHT, found, {}, Policy(limit=7), NOW) if one.deferred]
    assert why == ["7 others are renewed first, the limit of one call"] * 23


def test_a_new_certificate_is_never_due() -> None:
    assert renewed(aged(0), renew_share=0.95, spread=0.9) == []


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [({"spread": 1.0}, "renew_spread"), ({"limit": 0}, "renew_limit"), ({"canary": "north"}, "canary is north")],
)
def test_a_spread_that_cannot_be_meant(policy: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        renewed(aged(1), **policy)


def test_what_was_refused_on_several_edges_is_said_once_for_each_issuer() -> None:
    refused = [{"name": "north", "sentence": "certificate north for a.example (why)"}]
    edge = {"certificate_acme_directory": "https://acme/dir", "certificate_refused": refused}
    more = [*refused, {"name": "south", "sentence": "certificate south for b.example (why)"}]
    assert unissued_certificates({"edge1": edge, "edge2": {**edge, "certificate_refused": more}, "app1": {}}) == [
        "https://acme/dir did not issue certificate north for a.example (why), nor certificate south for b.example "
        "(why), and every installed certificate stays as it is"
    ]
    assert unissued_certificates({"edge1": {**edge, "certificate_refused": []}}) == []


def test_what_stood_before_a_killed_run_is_what_another_host_still_has() -> None:
    old, new = replace(GOOD, fingerprint_sha256="01"), replace(GOOD, fingerprint_sha256="02")
    assert stood(new, old, ["02", "01"], NOW) == old
    # every host has the new one, or none is left to go back to
    assert stood(new, old, ["02"], NOW) == stood(new, old, [], NOW) == new
    assert stood(new, None, ["01"], NOW) == stood(new, replace(old, not_after=NOW), ["01"], NOW) == new
    assert stood(None, old, ["01"], NOW) is None


def test_a_wildcard_covers_one_label_and_is_proven_by_a_name_below_it() -> None:
    (one,) = requests([{"name": "a", "domains": ["*.Harbour.example", "harbour.example"], "challenge": "dns-01"}])
    assert one.domains == ("*.harbour.example", "harbour.example")
    assert asked(one.domains) == ["gantry-proof.harbour.example", "harbour.example"]
    assert asked(one.domains, ["erp.harbour.example"]) == ["erp.harbour.example"]
    assert [covers(one.domains, name) for name in ("erp.harbour.example", "a.b.harbour.example", "example")] == [
        True,
        False,
        False,
    ]


TERMS = (("preferred_chain", "Root Two"), ("profile", "shortlived"))
ASKED = replace(HARBOUR, profile="shortlived", preferred_chain="Root Two")


def test_other_terms_are_a_reason_to_renew_and_those_that_were_not_recorded_are_none() -> None:
    def whys(request: Request, terms: tuple[tuple[str, str], ...]) -> list[str]:
        return [one.why for one in plan([request], {"harbour": Found(replace(GOOD, terms=terms))}, {}, Policy(), NOW)]

    assert whys(ASKED, TERMS) == whys(ASKED, ()) == whys(HARBOUR, ()) == []
    assert whys(ASKED, (("preferred_chain", ""), TERMS[1])) == ["its preferred_chain has changed"]
    assert whys(HARBOUR, TERMS) == ["its preferred_chain and profile has changed"]
    found = Found(GOOD, replace(GOOD, terms=(("profile", ""),)), waits=True)
    end = ended(ASKED, found, "", NOW)
    assert isinstance(end, Refusal)
    assert end.why == "the staged pair was ordered with another profile"


def test_a_profile_that_the_issuer_does_not_list_is_refused_without_an_order() -> None:
    due = plan([ASKED], {"harbour": Found()}, {}, Policy(), NOW)

    def why(**directory: object) -> str:
        told = issuer({"status": 200, **directory}, NOW)
        (one,) = refused_by(told, due, {"harbour": Found()}, NOW)
        return one.refusal.why if one.refusal else ""

    assert why() == why(json={"meta": {"profiles": {"classic": "", "shortlived": ""}}}) == ""
    assert why(json={}) == why(json={"meta": None}) == "the server has no profile shortlived, but no profiles"
    assert why(json={"meta": {"profiles": {"classic": ""}}}) == "the server has no profile shortlived, but classic"
    (plain,) = refused_by(issuer({"status": 200, "json": {}}, NOW), [Due(HARBOUR, "x")], {"harbour": Found()}, NOW)
    assert plain.refusal is None


def test_a_chain_that_the_issuer_does_not_have_is_named() -> None:
    assert untrue(ASKED, replace(GOOD, root="Root Two")) == untrue(HARBOUR, GOOD) == ""
    assert untrue(ASKED, replace(GOOD, root="Root One")) == "its chain leads to Root One and not to Root Two"


def test_a_certificate_whose_key_is_lost_is_ordered_at_once_and_listed_when_another_one_is_installed() -> None:
    refused = Refusal(HARBOUR.domains, "no such name", 1, NOW, NOW + timedelta(hours=1))
    found = lost(["harbour"], "key_compromise", {"harbour": Found(GOOD, GOOD, refusal=refused, waits=True)})
    (one,) = plan([HARBOUR], found, {}, Policy(), NOW, [OFFER])
    # neither is a pair that waits taken, nor that of another host, which may have been made before
    assert (one.why, one.staged, one.host, one.refusal) == ("it is to be revoked", False, "", None)
    assert to_revoke(found, NOW) == {}
    # what is under way is not begun anew, and goes on without being asked for again
    assert lost(["harbour"], "superseded", found) == found
    renewed = {"harbour": replace(found["harbour"], current=replace(GOOD, serial=0xDEF))}
    assert plan([HARBOUR], renewed, {}, Policy(), NOW) == []
    assert lost(["harbour"], "key_compromise", renewed) == renewed
    assert [one.serial for one in to_revoke(renewed, NOW).values()] == [GOOD.serial]
    assert to_revoke(renewed, GOOD.not_after) == {}
    with pytest.raises(InputError, match=r"revoke names north, and no such certificate is installed \(harbour\)"):
        lost(["north"], "key_compromise", found)


def test_nothing_is_revoked_that_an_edge_may_serve() -> None:
    revocations = [{"name": "harbour", "serial": "ABC"}]
    hosts = {"edge1": {"renew_serves": ["DEF"]}, "edge2": {"renew_serves": ["ABC"]}, "edge3": {}}
    assert unreplaced_certificates(hosts, ["edge3", "edge2", "edge1"], revocations) == ["edge2", "edge3"]
    assert unreplaced_certificates(hosts, ["edge1"], revocations) == []
    assert unissued_certificates({"edge1": {"certificate_left_valid": "harbour: not revoked"}}) == [
        "harbour: not revoked"
    ]
