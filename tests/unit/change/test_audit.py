# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit folds any ledger into changes, gates and evidence, and never takes what is not recorded for nothing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.gantry.odoo.plugins.module_utils._audit import model, plan_months
from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import Change, Filters, happening_from
from ansible_collections.gantry.odoo.plugins.module_utils._audit.model_report import Newest
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_audit import BUCKETS, Audit
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_proofs import (
    Evidence,
    Tenant,
    certificates_from,
    limits_from,
    promises_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._audit.report_changes import (
    approval,
    ending,
    gate_brief,
    gate_lines,
    score_lines,
)
from ansible_collections.gantry.odoo.plugins.module_utils._audit.report_json import change_line
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import Calendar, Span, Timeline
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import Entry
from tests.bench.ledger import History, entry, sealed

NOW = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)
ALL = Filters()
PATCH = {"id": "patch-1", "kind": "patch", "requester": "mara", "class": "normal", "reason": "security", "approver": ""}
EMERGENCY = {**PATCH, "id": "site-2", "kind": "site", "class": "emergency"}


def at(hours: float) -> datetime:
    """A moment so many hours before now."""
    return NOW - timedelta(hours=hours)


def said(change: dict[str, Any], event: str, hours: float, **facts: Any) -> dict[str, Any]:
    return entry(at(hours), change, event, **facts)


def folded(
    bodies: list[dict[str, Any]],
    filters: Filters = ALL,
    held: tuple[str, ...] = (),
    unsound: tuple[int, ...] = (),
) -> tuple[Audit, dict[str, Change]]:
    """The audit of a ledger with these entries, and its changes by name."""
    audit, found = Audit(filters, NOW), []
    for one in sealed(bodies):
        found += audit.add(happening_from(one, sound=one.sequence not in unsound))
    found += audit.rest(held)
    completed = [audit.completed(one) for one in found]
    for one in completed:
        audit.count(one)
    return audit, {one.id: one for one in completed}


def test_a_change_is_told_from_its_entries() -> None:
    audit, changes = folded(
        [
            said(PATCH, "opened", 5, covers=["estate"]),
            said(PATCH, "gate", 5, allowed=True, score={"total": 7, "parts": [{"name": "tiers", "points": 4}]}),
            said(PATCH, "begun", 4.9, part="app1"),
            said(PATCH, "proven", 4.5, part="app1", host="app1", release_after="2026.11.1"),
            said(PATCH, "closed", 4, parts={"app1": "proven"}),
        ]
    )
    change = changes["patch-1"]
    assert (change.outcome, change.opened, change.ended) == (model.DONE, at(5), at(4))
    assert [(one.name, one.state) for one in change.parts] == [("app1", "proven")]
    assert (change.first, change.last, change.sound) == (1, 5, True)
    assert gate_brief(change) == ["allowed", "score 7"]
    assert score_lines(change.gates[0]) == ["7", "tiers 4"]
    assert [(one.host, one.kind, one.what) for one in audit.proofs.deeds()] == [("app1", "patch", "2026.11.1")]


def test_what_is_not_recorded_is_unknown_and_not_empty() -> None:
    _audit, changes = folded([said(PATCH, "opened", 5), said(PATCH, "gate", 5), said(PATCH, "closed", 4)])
    (gate,) = changes["patch-1"].gates
    assert (gate.score, gate.parts, gate.answer) == (None, None, "")
    assert (score_lines(gate), gate_lines(gate)) == (["not recorded"], ["answer not recorded"])
    assert approval(changes["patch-1"]) == ["none recorded"]
    assert gate_brief(Change("x")) == ["not recorded"]


def test_what_is_said_after_the_end_of_a_change_belongs_to_it() -> None:
    bodies = [
        said(EMERGENCY, "opened", 5),
        said(EMERGENCY, "gate", 5, allowed=True, overridden=["no drill of harbour is known"]),
        said(EMERGENCY, "closed", 4),
    ]
    assert folded(bodies)[1]["site-2"].lacks == ("a recorded approval", "a review")
    own = said(EMERGENCY, "approved", 3, by="mara", how="signature")
    assert folded([*bodies, own])[1]["site-2"].lacks == ("a recorded approval", "a review")
    assert folded([*bodies, own])[1]["site-2"].own_approval
    other = said(EMERGENCY, "approved", 3, by="tom", how="signature")
    review = said({**EMERGENCY, "kind": "approve"}, "reviewed", 2, by="petra", words="fine")
    change = folded([*bodies, other, review])[1]["site-2"]
    assert (change.lacks, change.kind, change.overridden) == ((), "site", ("no drill of harbour is known",))
    assert approval(change) == ["tom (signature, 2026-11-29 09:00)"]


def test_an_approval_of_a_request_belongs_to_the_change_that_names_it() -> None:
    request = {"id": "request-3", "kind": "approve", "requester": "mara"}
    _audit, changes = folded(
        [
            said(request, "approved", 6, by="tom", how="signature", request=3, digest="ab"),
            said(
                PATCH, "opened", 5, request=3, approvals=[{"by": "tom", "time": at(6).isoformat(), "how": "signature"}]
            ),
            said(PATCH, "closed", 4),
        ]
    )
    assert list(changes) == ["patch-1"]
    assert approval(changes["patch-1"]) == ["tom (signature, 2026-11-29 06:00)"]


def test_refusals_with_one_name_are_told_apart() -> None:
    refused = {**PATCH, "id": "patch-refused"}
    _audit, changes = folded([said(refused, "refused", hours, denials=["a lease is held"]) for hours in (3, 2)])
    assert [one.outcome for one in changes.values()] == [model.DENIED, model.DENIED]
    assert list(changes) == ["patch-refused, entry 1", "patch-refused, entry 2"]


def test_a_change_that_was_denied_is_none_that_was_interrupted() -> None:
    bodies = [said(PATCH, "opened", 5), said(PATCH, "gate", 5, allowed=False, denials=["a freeze holds"])]
    assert folded(bodies)[1]["patch-1"].outcome == model.DENIED
    begun = [*bodies, said(PATCH, "begun", 4, part="app1")]
    assert folded(begun)[1]["patch-1"].outcome == model.INTERRUPTED


def test_a_change_that_was_resumed_says_how_that_ended() -> None:
    resume, again = ({"id": f"resume-{one}", "kind": "resume", "requester": "tom"} for one in (2, 3))
    bodies = [
        said(PATCH, "opened", 9),
        said(PATCH, "failed", 8, part="app1", why="no answer"),
        said(resume, "opened", 7, resumes="patch-1", way="finish"),
        said(resume, "unfinished", 6, lost="app1 failed"),
        said(again, "opened", 5, resumes="resume-2", way="undo"),
    ]
    assert ending(folded(bodies)[1]["patch-1"])[1] == "interrupted, resumed by resume-2"
    closed = folded([*bodies, said(again, "closed", 4)])[1]["patch-1"]
    assert ending(closed)[1] == "interrupted, resumed by resume-2 and settled"
    assert [one.why for one in closed.parts] == ["no answer"]


def test_a_change_whose_lease_is_held_is_under_way() -> None:
    assert folded([said(PATCH, "opened", 1)], held=("patch-1",))[1]["patch-1"].outcome == model.RUNNING


def backup(hours: float, *tenants: tuple[str, bool]) -> dict[str, Any]:
    change = {"id": f"backup-{hours}", "kind": "backup", "requester": "awx"}
    return said(change, "backup", hours, tenants=[{"tenant": name, "ok": ok, "error": "full"} for name, ok in tenants])


def proofs(audit: Audit, *tenants: Tenant, limits: dict[tuple[str, str], float] | None = None) -> dict[str, Evidence]:
    """The evidence of backups by tenant."""
    return {one.tenant.name: one for one in audit.proofs.evidence(tenants, limits or {}, NOW) if one.kind == "backup"}


def test_evidence_is_judged_by_the_age_of_the_tier() -> None:
    audit, _changes = folded([backup(30, ("harbour", True), ("mill", True)), backup(10, ("harbour", False))])
    found = proofs(audit, Tenant("harbour", 1), Tenant("mill", 3), Tenant("quarry", 3))
    assert {name: one.state for name, one in found.items()} == {
        "harbour": "too old",
        "mill": "kept",
        "quarry": "none known",
    }
    harbour = found["harbour"]
    assert (harbour.series.good, harbour.series.bad, harbour.series.why) == (1, 1, "full")
    assert (harbour.age_s, harbour.series.gap_s, harbour.limit_s) == (108000.0, 108000.0, 900)
    assert proofs(audit, Tenant("harbour", 1), limits={("backup", "harbour"): 200000.0})["harbour"].state == "kept"
    assert proofs(audit)["mill"].state == "no limit known"


def test_evidence_that_is_not_sound_or_of_the_future_proves_nothing() -> None:
    audit, _changes = folded([backup(5, ("harbour", True))], unsound=(1,))
    assert (proofs(audit, Tenant("harbour", 1))["harbour"].state, audit.proofs.doubted) == ("none known", 1)
    audit, _changes = folded([backup(-5, ("harbour", True))])
    assert proofs(audit)["harbour"].state == "of the future"


def test_what_is_recorded_late_takes_no_evidence_back() -> None:
    audit, _changes = folded([backup(1, ("harbour", True)), backup(9, ("harbour", True))])
    assert proofs(audit)["harbour"].series.newest == at(1)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (Filters(), {"patch-1", "backup-30", "backup-10", "move-4"}),
        (Filters(tenant="harbour"), {"patch-1", "backup-30"}),
        (Filters(tenant="mill"), {"patch-1", "backup-30", "backup-10", "move-4"}),
        (Filters(since=at(15)), {"patch-1", "backup-10", "backup-30", "move-4"}),
        (Filters(until=at(20)), {"backup-30"}),
    ],
)
def test_filters_by_tenant_and_time(filters: Filters, names: set[str]) -> None:
    move = {**PATCH, "id": "move-4", "kind": "migrate"}
    bodies = [
        backup(30, ("harbour", True), ("mill", True)),
        backup(10, ("mill", True)),
        said(PATCH, "opened", 9, covers=["estate"]),
        said(PATCH, "closed", 8),
        said(move, "opened", 7, tenant="mill"),
        said(move, "closed", 6),
    ]
    audit, changes = folded(bodies, filters)
    assert set(changes) == names
    for one in changes.values():
        assert not filters.tenant or set(one.tenants) <= {filters.tenant}
    others = {one.tenant.name for one in audit.proofs.evidence((), {}, NOW)}
    assert not filters.tenant or others <= {filters.tenant}


def test_a_change_that_ended_before_the_time_of_the_report_is_left_out() -> None:
    bodies = [said(PATCH, "opened", 9), said(PATCH, "closed", 8)]
    assert folded(bodies, Filters(since=at(7)))[1] == {}
    assert list(folded(bodies, Filters(since=at(8.5)))[1]) == ["patch-1"]


def test_the_report_shows_what_was_known_at_its_end() -> None:
    bodies = [said(EMERGENCY, "opened", 9), said(EMERGENCY, "closed", 8), said(EMERGENCY, "reviewed", 2, by="petra")]
    assert folded(bodies, Filters(until=at(4)))[1]["site-2"].reviews == ()
    assert len(folded(bodies)[1]["site-2"].reviews) == 1


def test_the_counts_agree_with_the_changes() -> None:
    history = History(tuple(f"t{number:03}" for number in range(40)), NOW, timedelta(days=90))
    audit, changes = folded(list(history.bodies(2000)))
    summary = audit.summary()
    assert summary.entries == 2000 == sum(summary.events.values())
    for group in ("class", "requester", "kind"):
        assert sum(one.changes for one in summary.tallies[group]) == len(changes)
    assert sum(summary.outcomes.values()) == len(changes)
    shown = sum(sum(lane.done) + sum(lane.failed) for lane in summary.timeline.lanes)
    assert (shown, {len(lane.done) for lane in summary.timeline.lanes}) == (len(changes), {BUCKETS})
    assert summary.break_count == sum(len(one.breaks) for one in changes.values()) > 0
    assert {one.outcome for one in changes.values()} >= {model.DONE, model.DENIED, model.INTERRUPTED, model.UNFINISHED}


def test_changes_that_have_ended_are_not_held() -> None:
    history = History(tuple(f"t{number:03}" for number in range(200)), NOW, timedelta(days=900))
    audit, most = Audit(Filters(), NOW), 0
    for one in sealed(history.bodies(3000)):
        for change in audit.add(happening_from(one, sound=True)):
            audit.count(change)
        most = max(most, len(audit._changes._drafts))
    open_at_the_end = len(list(audit.rest(())))
    assert most <= open_at_the_end + 3


def test_the_newest_are_kept() -> None:
    kept: Newest[int] = Newest(3)
    for number in (5, 1, 9, 7, 2, 8, 3, 4, 6):
        kept.add(number, number)
    assert (kept.newest(), kept.count) == ([9, 8, 7], 9)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_EVENTS = [
    "opened",
    "gate",
    "refused",
    "approved",
    "reviewed",
    "backup",
    "drill",
    "begun",
    "proven",
    "failed",
    "closed",
]
_FACTS = [
    "tenants",
    "tenant",
    "part",
    "parts",
    "score",
    "denials",
    "overridden",
    "request",
    "approvals",
    "covers",
    "by",
]
_PAPERS = ["id", "kind", "requester", "class", "reason", "approver"]


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "time": _VALUES | st.just("2026-11-01T10:00:00+00:00"),
                "event": st.sampled_from([*_EVENTS, "broken", "unfinished"]) | _VALUES,
                "change": st.dictionaries(st.sampled_from(_PAPERS), _VALUES | st.sampled_from(["patch-1", "b"]))
                | _VALUES,
                "facts": st.dictionaries(st.sampled_from(_FACTS), _VALUES) | _VALUES,
                "late": _VALUES,
            },
        ),
        max_size=12,
    ),
    st.sampled_from([Filters(), Filters(tenant="harbour"), Filters(since=at(900), until=at(1))]),
)
@settings(max_examples=120, deadline=None)
def test_no_entry_fails_the_audit(bodies: list[dict[str, Any]], filters: Filters) -> None:
    audit, found = Audit(filters, NOW), []
    for number, body in enumerate(bodies, 1):
        found += audit.add(happening_from(Entry(number, "", "", body), sound=True))
    found += audit.rest(())
    for one in found:
        complete = audit.completed(one)
        audit.count(complete)
        change_line(complete)
        gate_brief(complete), ending(complete), approval(complete)
    summary = audit.summary()
    assert summary.entries <= len(bodies)
    assert sum(summary.outcomes.values()) == len(found)
    audit.proofs.evidence((), {}, NOW)


def test_what_is_beside_the_ledger_may_be_anything() -> None:
    assert certificates_from(["no mapping"]) == (None, [])
    assert certificates_from({"hosts": [{"host": "edge1", "answered": False}]})[1][0].findings == ("did not answer",)
    compliance = [
        {"tenant": "harbour", "rpo_s": 900, "compliant": True, "parts": [{"state": "violated", "sentence": "x"}]}
    ]
    assert limits_from([*compliance, "x", {"rpo_s": True}]) == {("backup", "harbour"): 900.0}
    assert [one.sentences for one in promises_from(compliance, Filters())] == [("x",)]
    assert promises_from(compliance, Filters(tenant="mill")) == []


def calendar(kind: str, concerns: str, *spans: tuple[datetime, datetime]) -> Timeline:
    shown = Calendar(f"{kind}s", kind, concerns, "/x.ics")
    return Timeline(shown, at(9999), at(-9999), tuple(Span(*one, "named") for one in spans))


def test_the_calendar_has_each_piece_of_a_span() -> None:
    begin = datetime(2026, 11, 29, 18, tzinfo=timezone.utc)
    freeze = calendar("freeze", "estate", (begin, begin + timedelta(hours=36)))
    window = calendar("window", "group:app", (begin, begin + timedelta(hours=3)), (begin, begin + timedelta(hours=6)))
    since, until = plan_months.horizon(NOW, NOW)
    months = plan_months.months([freeze, window], since, until, NOW)
    assert [f"{one.first:%Y-%m}" for one in months] == ["2026-11", "2026-12", "2027-01"]
    november = {day.date.day: day for day in months[0].days}
    assert [(one.kind, one.begin, one.end) for one in november[29].pieces] == [
        ("freeze", 0.75, 1.0),
        ("window", 0.75, 1.0),
    ]
    assert [(one.kind, one.begin, one.end) for one in november[30].pieces] == [("freeze", 0.0, 1.0)]
    assert [day.date.day for day in months[0].days if day.today] == [29]
    assert months[1].days[0].pieces[0].end == 0.25
    assert plan_months.spans_listed([window, freeze], 2)[1] == 3


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc)), st.integers(1, 4000))
@settings(max_examples=60, deadline=None)
def test_the_days_of_the_calendar_have_all_of_a_span(begin: datetime, hours: int) -> None:
    end = begin + timedelta(hours=hours)
    since, until = plan_months.horizon(None, begin)
    months = plan_months.months([calendar("freeze", "estate", (begin, end))], since, until, begin)
    shown = sum(one.end - one.begin for month in months for day in month.days for one in day.pieces)
    assert shown == pytest.approx((min(end, until) - begin).total_seconds() / 86400, abs=1e-6)
    assert sum(day.today for month in months for day in month.days) == 1


def test_a_tenant_sees_the_calendars_that_concern_it() -> None:
    listed = [
        calendar("freeze", one).calendar
        for one in ("estate", "group:app", "group:web", "tenant:harbour", "tenant:mill")
    ]
    tenants = [Tenant("harbour", 1, "app")]
    found = plan_months.concerning(listed, tenants, Filters(tenant="harbour"))
    assert [one.concerns for one in found] == ["estate", "group:app", "tenant:harbour"]
    assert plan_months.concerning(listed, tenants, Filters()) == listed
    unknown = plan_months.concerning(listed, [], Filters(tenant="mill"))
    assert [one.concerns for one in unknown] == ["estate", "group:app", "group:web", "tenant:mill"]
