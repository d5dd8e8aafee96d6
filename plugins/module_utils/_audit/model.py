# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit reads in the ledger: entries, changes, gates and evidence. Pure.

Other versions of the collection, and other hands, may have written an entry. So whatever is not there, or is of another
kind than expected, is not known, and never fails the audit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import Entry
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import EMERGENCY
from ansible_collections.gantry.odoo.plugins.module_utils._core import model_record
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, LONGEST, excerpt

# How a change ended, as far as the ledger says.
DONE, UNFINISHED, INTERRUPTED, RUNNING, DENIED = OUTCOMES = ("done", "unfinished", "interrupted", "running", "denied")
# So many names and texts of one entry are kept.
MANY = 1000


@dataclass(frozen=True)
class Filters:
    """What the report is about. tenant: empty for all. until: the report shows what was known then."""

    tenant: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def has(self, moment: datetime | None) -> bool:
        """Whether the report knows of what happened at a moment; of an entry without one it does."""
        return moment is None or self.until is None or moment < self.until

    def within(self, moment: datetime | None) -> bool:
        """Whether a moment lies in the time of the report."""
        return self.has(moment) and (moment is None or self.since is None or moment >= self.since)

    def concerns(self, tenants: Sequence[str]) -> bool:
        """Whether what names these tenants concerns the report; what names none may have touched each."""
        return not self.tenant or not tenants or self.tenant in tenants


@dataclass(frozen=True)
class Verdict:
    """Whether a signed approval or review verifies. fault: why not, empty where it does."""

    fault: str = ""


@dataclass(frozen=True)
class Happening:
    """An entry of the ledger. sound: whether it proves anything, as the chain and the witness hold it.

    verdicts: on its approvals, by their signature; none where no identities were declared to verify them by.
    """

    number: int
    time: datetime | None
    event: str
    change: str
    papers: Mapping[str, Any]
    facts: Mapping[str, Any]
    late: bool = False
    sound: bool = True
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)


@dataclass(frozen=True)
class ScorePart:
    """A part of a score. points: as recorded."""

    name: str
    points: str
    why: str = ""


@dataclass(frozen=True)
class Gate:
    """An answer of the gate. answer: empty where it is not recorded. score, parts: None where the entry has none."""

    number: int
    time: datetime | None
    answer: str
    denials: tuple[str, ...] = ()
    overridden: tuple[str, ...] = ()
    score: str | None = None
    parts: tuple[ScorePart, ...] | None = None


@dataclass(frozen=True)
class Approval:
    """An approval, or a review, that an entry records. how: as recorded, such as `signature`.

    verified: whether its signature was. fault: why it does not verify, so that it counts for nothing.
    """

    number: int
    time: datetime | None
    who: str
    how: str = ""
    text: str = ""
    verified: bool = False
    fault: str = ""


@dataclass(frozen=True)
class PartSeen:
    """The last state of a part of a change."""

    name: str
    state: str
    why: str = ""


@dataclass(frozen=True)
class Break:
    """A lease that was taken away."""

    number: int
    time: datetime | None
    change: str
    who: str
    reason: str
    lease: str


@dataclass(frozen=True)
class Change:
    """A change as the ledger tells it. approver: as typed. tenants: those it names, none where it names none.

    first, last: numbers of its entries. resumed_by: the change that went on with it. settled: how that one ended.
    request: the number by which it was approved.
    """

    id: str
    kind: str = ""
    classification: str = ""
    requester: str = ""
    approver: str = ""
    reason: str = ""
    opened: datetime | None = None
    ended: datetime | None = None
    outcome: str = INTERRUPTED
    why: str = ""
    tenants: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    parts: tuple[PartSeen, ...] = ()
    failures: tuple[str, ...] = ()
    gates: tuple[Gate, ...] = ()
    approvals: tuple[Approval, ...] = ()
    reviews: tuple[Approval, ...] = ()
    breaks: tuple[Break, ...] = ()
    resumes: str = ""
    way: str = ""
    resumed_by: str = ""
    settled: str = ""
    request: str = ""
    first: int = 0
    last: int = 0
    late: int = 0
    sound: bool = True

    @property
    def overridden(self) -> tuple[str, ...]:
        """What was overridden, by all its gates."""
        return tuple(dict.fromkeys(one for gate in self.gates for one in gate.overridden))

    @property
    def denials(self) -> tuple[str, ...]:
        """Why it was denied, by all its gates."""
        return tuple(dict.fromkeys(one for gate in self.gates for one in gate.denials))

    @property
    def breaks_glass(self) -> bool:
        """Whether it went around the usual approval."""
        return self.classification == EMERGENCY or bool(self.overridden)

    @property
    def approvers(self) -> tuple[str, ...]:
        """Those who approved it by what the ledger records; the typed name where it records nothing else."""
        counted = dict.fromkeys(one.who for one in self.approvals if not one.fault)
        return tuple(counted) or ((self.approver,) if self.approver else ())

    @property
    def lacks(self) -> tuple[str, ...]:
        """What a change that broke the glass still needs."""
        if not self.breaks_glass:
            return ()
        # one by the requester counts for nothing, and a name that was typed is nobody's approval
        needed = {"a recorded approval": self.approvals, "a review": self.reviews}
        return tuple(
            what for what, found in needed.items() if all(one.who == self.requester or one.fault for one in found)
        )

    @property
    def own_approval(self) -> bool:
        """Whether the requester approved it as well."""
        return bool(self.requester) and self.requester in self.approvers


def happening_from(entry: Entry, *, sound: bool) -> Happening:
    """What an entry says."""
    body = entry.body
    papers = mapping(body.get("change"))
    return Happening(
        entry.sequence,
        moment(body.get("time")),
        words(body.get("event")),
        words(papers.get("id")),
        papers,
        mapping(body.get("facts")),
        body.get("late") is True,
        sound,
    )


def words(value: Any) -> str:
    """A text as one printable line; empty for what is none."""
    # nearly all of them, and looked at in one step
    if isinstance(value, str) and value.isascii() and value.isprintable() and len(value) <= LONGEST:
        return value if "  " not in value and value == value.strip() else " ".join(value.split())
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    return excerpt(str(value))


def listed(value: Any) -> Iterator[Any]:
    """The items of a list, up to MANY of them; none for what is no list."""
    return iter(value[:MANY] if isinstance(value, (list, tuple)) else ())


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list, or a single text."""
    found = [value] if isinstance(value, str) else listed(value)
    return tuple(filter(None, map(words, found)))


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping; an empty one for what is none."""
    return value if isinstance(value, Mapping) else {}


def moment(value: Any) -> datetime | None:
    """A moment with a zone, in UTC; None for what is none."""
    try:
        return model_record.moment(value).astimezone(timezone.utc)
    except BAD_VALUES:
        return None


def outcomes_of(facts: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What became of each tenant, by the facts of a backup, a drill and the like."""
    return (one for one in listed(facts.get("tenants")) if isinstance(one, Mapping))


def tenants_in(facts: Mapping[str, Any]) -> Iterable[str]:
    """The tenants that the facts of an entry name."""
    named = [words(facts.get("tenant")), *(words(one.get("tenant")) for one in outcomes_of(facts))]
    named += [words(one) for one in listed(facts.get("tenants")) if isinstance(one, str)]
    return filter(None, named)
