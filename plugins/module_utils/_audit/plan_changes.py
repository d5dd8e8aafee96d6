# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folds the entries of a ledger into its changes. Only those that have not ended are held. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import (
    DENIED,
    DONE,
    INTERRUPTED,
    MANY,
    RUNNING,
    UNFINISHED,
    Approval,
    Break,
    Change,
    Gate,
    Happening,
    PartSeen,
    mapping,
    outcomes_of,
    tenants_in,
    texts,
    words,
)
from ansible_collections.gantry.odoo.plugins.module_utils._audit.model_gate import (
    approval_in,
    approvals_beside,
    gate_in,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import APPROVED, REVIEWED
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import BROKEN, CLOSED, OPENED, REFUSED
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import STATES

_ENDS = {CLOSED: DONE, UNFINISHED: UNFINISHED}
# So many answers, failures and the like of one change are kept.
_FEW = 20
_T = TypeVar("_T")


@dataclass
class _Draft:
    """A change under way."""

    change: Change
    last: int = 0
    late: int = 0
    sound: bool = True
    tenants: dict[str, None] = field(default_factory=dict)
    parts: dict[str, PartSeen] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    reviews: list[Approval] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)

    def add(self, seen: Happening) -> None:
        """Take what an entry says of the change."""
        self._papers(seen)
        for name in tenants_in(seen.facts):
            if len(self.tenants) < MANY:
                self.tenants[name] = None
        part = words(seen.facts.get("part"))
        if part and seen.event in STATES and (part in self.parts or len(self.parts) < MANY):
            self.parts[part] = PartSeen(part, seen.event, words(seen.facts.get("why")))
        for one in outcomes_of(seen.facts):
            if one.get("ok") is False:
                _keep(self.failures, f"{words(one.get('tenant'))}: {words(one.get('error')) or 'failed'}")
        self._said(seen)

    def _said(self, seen: Happening) -> None:
        """Keep what gates and people say of the change."""
        gate = gate_in(seen)
        if gate:
            _keep(self.gates, gate)
        if seen.event == APPROVED:
            _keep(self.approvals, approval_in(seen))
        for approval in approvals_beside(seen):
            _keep(self.approvals, approval)
        if seen.event == REVIEWED:
            _keep(self.reviews, approval_in(seen))
        if seen.event == BROKEN:
            _keep(self.breaks, break_in(seen))

    def _papers(self, seen: Happening) -> None:
        """Keep what is said of the change for the first time."""
        self.last, self.late = seen.number, self.late + seen.late
        self.sound = self.sound and seen.sound
        change, papers = self.change, seen.papers
        if change.kind and seen.event != OPENED and "request" not in seen.facts:
            # the other entries repeat them
            return
        self.change = change = replace(
            change,
            first=change.first or seen.number,
            kind=change.kind or words(papers.get("kind")),
            classification=change.classification or words(papers.get("class")),
            requester=change.requester or words(papers.get("requester")),
            approver=change.approver or words(papers.get("approver")),
            reason=change.reason or words(papers.get("reason")),
            request=change.request or words(seen.facts.get("request")),
        )
        if seen.event == OPENED:
            self.change = replace(
                change,
                opened=seen.time,
                covers=texts(seen.facts.get("covers")),
                resumes=words(seen.facts.get("resumes")),
                way=words(seen.facts.get("way")),
            )

    def ended(self, outcome: str, seen: Happening | None = None) -> Change:
        """The change as it ended, by an entry or without one."""
        parts = dict(self.parts)
        for name, state in mapping(seen.facts.get("parts") if seen else None).items():
            if name not in parts and len(parts) < MANY:
                parts[words(name)] = PartSeen(words(name), words(state))
        denied = outcome != DONE and self.gates and self.gates[-1].answer == DENIED and not self.parts
        return replace(
            self.change,
            outcome=DENIED if denied else outcome,
            last=self.last,
            late=self.late,
            sound=self.sound,
            ended=seen.time if seen else None,
            why=words(seen.facts.get("lost")) if seen else "",
            tenants=tuple(self.tenants),
            parts=tuple(parts.values()),
            failures=tuple(self.failures),
            gates=tuple(self.gates),
            approvals=tuple(self.approvals),
            reviews=tuple(self.reviews),
            breaks=tuple(self.breaks),
        )


class Changes:
    """The changes of a ledger. What is said of one that has ended is kept until `completed` is asked for it."""

    def __init__(self) -> None:
        self._drafts: dict[str, _Draft] = {}
        self._after: dict[str, list[Happening]] = {}
        self._heirs: dict[str, str] = {}
        self._settled: dict[str, str] = {}
        # of changes that have ended, as the name of one is used once
        self._ended: set[str] = set()
        # by the number of their request, which a change names that was approved by it
        self._approved: dict[str, list[Approval]] = {}

    def add(self, seen: Happening) -> Iterator[Change]:
        """Take an entry; the changes that have ended with it."""
        if not seen.change or seen.event == REFUSED:
            yield from self._nameless(seen)
            return
        draft = self._drafts.get(seen.change)
        if seen.event == APPROVED and draft is None and words(seen.facts.get("request")):
            _keep(self._approved.setdefault(words(seen.facts["request"]), []), approval_in(seen))
            return
        if draft is None and seen.change in self._ended and seen.event != OPENED:
            self._after.setdefault(seen.change, []).append(seen)
            return
        if draft is None:
            draft = self._drafts[seen.change] = _Draft(Change(seen.change))
        draft.add(seen)
        if seen.event == OPENED and draft.change.resumes:
            former = draft.change.resumes
            self._heirs[former] = seen.change
            if former in self._drafts:
                yield self._end(former, INTERRUPTED)
        if seen.event in _ENDS:
            if draft.change.resumes:
                self._settled[seen.change] = _ENDS[seen.event]
            yield self._end(seen.change, _ENDS[seen.event], seen)

    def rest(self, held: Collection[str]) -> Iterator[Change]:
        """The changes that have not ended. held: those whose lease is held, which are under way."""
        for name in list(self._drafts):
            yield self._end(name, RUNNING if name in held else INTERRUPTED)

    def completed(self, change: Change) -> Change:
        """A change with all that was said of it after its end."""
        draft = _Draft(change, change.last, change.late, change.sound)
        for seen in self._after.get(change.id, ()):
            draft.add(seen)
        heir = self._heirs.get(change.id, "")
        last, looked_at = heir, set()
        while last in self._heirs and last not in looked_at:
            looked_at.add(last)
            last = self._heirs[last]
        return replace(
            change,
            approver=draft.change.approver,
            gates=(*change.gates, *draft.gates),
            approvals=_once((*change.approvals, *draft.approvals, *self._approved.get(draft.change.request, ()))),
            reviews=(*change.reviews, *draft.reviews),
            breaks=(*change.breaks, *draft.breaks),
            resumed_by=heir,
            settled=self._settled.get(last, "") if heir else "",
            last=draft.last,
            sound=draft.sound,
            late=draft.late,
        )

    def _end(self, name: str, outcome: str, seen: Happening | None = None) -> Change:
        self._ended.add(name)
        return self._drafts.pop(name).ended(outcome, seen)

    def _nameless(self, seen: Happening) -> Iterator[Change]:
        """A change that was refused before it had a lease; others may have had the same name then."""
        if gate_in(seen):
            draft = _Draft(Change(f"{seen.change or 'no name'}, entry {seen.number}", opened=seen.time))
            draft.add(seen)
            yield draft.ended(INTERRUPTED)


def break_in(seen: Happening) -> Break:
    """The lease that an entry says was taken away."""
    facts = seen.facts
    return Break(
        seen.number,
        seen.time,
        seen.change,
        words(facts.get("by")),
        words(facts.get("reason")),
        words(facts.get("lease")),
    )


def _once(found: Iterable[Approval]) -> tuple[Approval, ...]:
    """The approvals without those that a second entry tells again."""
    return tuple({(one.who, one.time and one.time.replace(microsecond=0)): one for one in found}.values())


def _keep(kept: list[_T], one: _T) -> None:
    if len(kept) < _FEW:
        kept.append(one)
