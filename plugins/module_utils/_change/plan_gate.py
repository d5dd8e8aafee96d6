# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate: facts in, allow or deny with every reason out. It is asked again before each irreversible step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change import plan_score
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import EMERGENCY, NORMAL, STANDARD
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import CLOCK_SKEW

# Events of the ledger that prove that a tenant can be recovered.
EVIDENCE = ("backup", "drill")


class ClosedError(StateError):
    """The gate does not let a change, or one of its parts, begin."""


@dataclass(frozen=True)
class Change:
    """One launch of a playbook that alters the estate.

    authenticated: whether its requester is an identity, so that signatures or AWX approve it, and no typed name.
    """

    id: str
    kind: str
    requester: str
    classification: str = STANDARD
    reason: str = ""
    approver: str = ""
    authenticated: bool = False

    @property
    def approvers(self) -> list[str]:
        """The persons who approved the change beside its requester. The same name in other letters is one person."""
        names = {_person(name): name.strip() for name in self.approver.split(",")}
        return [name for person, name in names.items() if person not in ("", _person(self.requester))]


@dataclass(frozen=True)
class Subject:
    """A tenant that the change touches."""

    name: str
    tier: int


@dataclass(frozen=True)
class Proof:
    """The newest evidence of recovery that the ledger holds for a tenant."""

    backup: datetime | None = None
    drill: datetime | None = None


@dataclass(frozen=True)
class Rules:
    """How old evidence may be; from which tier on it is asked for; of which repository, by name, empty for any."""

    backup_age: timedelta = timedelta(hours=24)
    drill_age: timedelta = timedelta(days=31)
    tiers: tuple[int, ...] = (1,)
    serving_after: int = 1
    repository: str = ""


def change_from(raw: Mapping[str, Any]) -> Change:
    """The change that the option `change` describes."""
    kind, requester, classification, reason, approver = (
        raw[name] for name in ("kind", "requester", "class", "reason", "approver")
    )
    authenticated = bool(raw.get("authenticated"))
    return Change(str(raw.get("id", "")), kind, requester, classification, reason, approver, authenticated)


@dataclass(frozen=True)
class Decision:
    """Allowed exactly when there is no reason against."""

    denials: tuple[str, ...]
    overridden: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the change may go on."""
        return not self.denials

    @property
    def closed(self) -> str:
        """Why it may not, as a sentence; empty where it may."""
        return f"the gate is closed: {'; '.join(self.denials)}" if self.denials else ""


def decide(
    change: Change,
    subjects: Iterable[Subject],
    proofs: Mapping[str, Proof],
    now: datetime,
    rules: Rules = Rules(),
    serving_after: int | None = None,
    downtime_minutes: int = 0,
    further: Sequence[str] = (),
) -> Decision:
    """Decide on a change.

    serving_after: how many nodes go on serving while one is changed; None where that does not matter.
    downtime_minutes: the downtime that is accepted where no other node serves; 0 for none.
    further: why calendars forbid it, and its score. An emergency with a reason and an approver overrides what evidence,
    capacity, calendars and the score say, and the decision says so.
    """
    facts = [*further, *_capacity(serving_after, rules, downtime_minutes), *_facts(subjects, proofs, now, rules)]
    return judge(change, list(papers(change)), facts)


def judge(change: Change, paper: Sequence[str], facts: Sequence[str]) -> Decision:
    """The decision on what was found. paper: what nothing overrides. facts: what a complete emergency overrides."""
    if change.classification == EMERGENCY and not paper:
        return Decision((), tuple(facts))
    return Decision((*paper, *facts))


def is_emergency(given: Mapping[str, Any]) -> bool:
    """Whether a change is an emergency with all its papers. given: class and the like."""
    change = change_from({"kind": "", **given})
    return change.classification == EMERGENCY and not list(papers(change))


def approvals_needed(classification: str, by_score: int = 0) -> int:
    """How many identities have to approve a change. by_score: that its score asks for. An emergency needs none yet."""
    if classification == EMERGENCY:
        return 0
    return max(by_score, int(classification == NORMAL))


def papers(change: Change) -> Iterable[str]:
    """What a change lacks of a reason, and of an approval where that is a typed name."""
    if change.classification == STANDARD:
        return
    if not change.reason.strip():
        yield f"a change of class {change.classification} needs a reason; set change_reason"
    if change.authenticated:
        return
    if not change.approver.strip(", "):
        yield f"a change of class {change.classification} needs an approver; set change_approver"
    elif not change.approvers:
        yield f"{change.approver} cannot approve an own change; have someone else approve it"


def _person(name: str) -> str:
    return " ".join(name.split()).casefold()


def _capacity(serving_after: int | None, rules: Rules, downtime_minutes: int) -> Iterable[str]:
    if serving_after is not None and serving_after < rules.serving_after and not downtime_minutes:
        yield (
            f"{serving_after} nodes would go on serving, and at least {rules.serving_after} must; bring the others up "
            "first, or accept a downtime: set change_downtime_minutes to its minutes"
        )


def without_backup(subjects: Iterable[Subject], proofs: Mapping[str, Proof], now: datetime, rules: Rules) -> list[str]:
    """The tenants of which a backup is asked for and none is known that is young enough."""
    return [
        subject.name
        for subject in subjects
        if subject.tier in rules.tiers
        and any(_aged(subject, "backup", proofs.get(subject.name, Proof()).backup, now, rules, ""))
    ]


def age_of(
    what: str, subjects: Iterable[Subject], proofs: Mapping[str, Proof], now: datetime, rules: Rules
) -> plan_score.Age:
    """How old the oldest evidence of one kind is among the tenants of which it is asked for."""
    limit = rules.backup_age if what == "backup" else rules.drill_age
    asked = [one.name for one in subjects if one.tier in rules.tiers]
    seen = {name: getattr(proofs.get(name, Proof()), what) for name in asked}
    lacking = next((name for name, when in seen.items() if when is None or when - now > CLOCK_SKEW), "")
    oldest = max((now - when for when in seen.values() if when), default=timedelta())
    return plan_score.Age(limit, max(oldest, timedelta()), lacking, bool(asked))


def _facts(subjects: Iterable[Subject], proofs: Mapping[str, Proof], now: datetime, rules: Rules) -> Iterable[str]:
    for subject in subjects:
        if subject.tier not in rules.tiers:
            continue
        proof = proofs.get(subject.name, Proof())
        yield from _aged(subject, "backup", proof.backup, now, rules, "gantry.odoo.backup")
        yield from _aged(subject, "restore drill", proof.drill, now, rules, "gantry.odoo.restore_drill")


def _aged(
    subject: Subject, what: str, seen: datetime | None, now: datetime, rules: Rules, remedy: str
) -> Iterable[str]:
    limit = rules.backup_age if what == "backup" else rules.drill_age
    where = f" in the {rules.repository}" if rules.repository else ""
    if seen is None:
        yield f"no {what} of {subject.name} (tier {subject.tier}){where} is known; run {remedy}"
    elif seen - now > CLOCK_SKEW:
        yield (
            f"the newest {what} of {subject.name} (tier {subject.tier}) is of {seen:%Y-%m-%d %H:%M} UTC, which is "
            f"still to come; correct the clock, and run {remedy}"
        )
    elif now - seen > limit:
        age, most = (duration(one.total_seconds()) for one in (now - seen, limit))
        yield f"the newest {what} of {subject.name} (tier {subject.tier}) is {age} old and may be {most}; run {remedy}"


def proof_from(backup: Mapping[str, Any] | None, drill: Mapping[str, Any] | None) -> Proof:
    """The proof that a tenant's newest entries of the two events are."""
    return Proof(_moment(backup), _moment(drill))


def with_backup(proof: Proof, seen: datetime | None) -> Proof:
    """The proof with a backup that the repository holds, where it is newer."""
    return replace(proof, backup=max(filter(None, (proof.backup, seen)), default=None))


def evidence(body: Mapping[str, Any]) -> list[str]:
    """The tenants that an entry is evidence for. One that does not say when, with a zone, and of whom, is none.

    What failed is recorded as well, and proves nothing.
    """
    if body.get("event") not in EVIDENCE or _moment(body) is None:
        return []
    try:
        return [str(item["tenant"]) for item in body["facts"]["tenants"] if item["ok"] is True]
    except (KeyError, TypeError):
        return []


def _moment(body: Mapping[str, Any] | None) -> datetime | None:
    try:
        when = datetime.fromisoformat((body or {})["time"])
    except (KeyError, TypeError, ValueError):
        return None
    return when if when.tzinfo else None
