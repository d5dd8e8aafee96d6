# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What entries of gates, approvals and reviews say: the one place that knows their facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import (
    Approval,
    Gate,
    Happening,
    ScorePart,
    listed,
    mapping,
    moment,
    texts,
    words,
)

# Events: an answer of the gate, a change that was refused before it had a lease, an approval, and a review.
GATE, REFUSED, APPROVED, REVIEWED = "gate", "refused", "approved", "reviewed"
ALLOWED, DENIED, OVERRIDDEN = "allowed", "denied", "overridden"
_GATES = (GATE, REFUSED, ALLOWED, DENIED, OVERRIDDEN)
# Names of facts, the first one that is there counts.
_WHO = ("by", "who", "approver", "reviewer", "identity")
_HOW = ("how", "method", "means")
_TEXT = ("words", "text", "reason", "review")
_POINTS = ("points", "value", "score")


def gate_in(seen: Happening) -> Gate | None:
    """The answer of a gate that an entry holds, None where it holds none. Another event may carry one beside."""
    facts = seen.facts
    if seen.event not in _GATES and not {"denials", "overridden", "score"} & set(facts):
        return None
    denials, overridden = texts(facts.get("denials")), texts(facts.get("overridden"))
    score, parts = _score(facts)
    return Gate(
        seen.number, seen.time, _answer(seen, bool(denials), bool(overridden)), denials, overridden, score, parts
    )


def _answer(seen: Happening, denied: bool, overridden: bool) -> str:
    allowed = seen.facts.get("allowed")
    if denied or allowed is False or seen.event in (REFUSED, DENIED):
        return DENIED
    if overridden or seen.event == OVERRIDDEN:
        return OVERRIDDEN
    return ALLOWED if allowed is True or seen.event == ALLOWED else ""


def approval_in(seen: Happening) -> Approval:
    """The approval or the review that an entry holds."""
    return _approval(seen.number, seen.time, seen.facts)


def approvals_beside(seen: Happening) -> Iterator[Approval]:
    """The approvals that the entry of a change lists among its facts."""
    for one in map(mapping, listed(seen.facts.get("approvals"))):
        yield _approval(seen.number, moment(one.get("time")) or seen.time, one)


def _approval(number: int, time: datetime | None, facts: Mapping[str, Any]) -> Approval:
    how = _first(facts, _HOW) or ("signature" if "signature" in facts else "")
    return Approval(number, time, _first(facts, _WHO) or "somebody who is not recorded", how, _first(facts, _TEXT))


def _score(facts: Mapping[str, Any]) -> tuple[str | None, tuple[ScorePart, ...] | None]:
    if "score" not in facts:
        return None, None
    found = facts["score"]
    if not isinstance(found, Mapping):
        return words(found) or None, _parts(facts.get("parts", facts.get("score_parts")))
    return _first(found, ("total", *_POINTS)) or None, _parts(found.get("parts"))


def _parts(found: Any) -> tuple[ScorePart, ...] | None:
    if isinstance(found, Mapping):
        return tuple(ScorePart(words(name), words(points)) for name, points in list(found.items())[:50])
    if not isinstance(found, (list, tuple)):
        return None
    parts = map(mapping, listed(found))
    return tuple(
        ScorePart(_first(one, ("name", "part")), _first(one, _POINTS), _first(one, ("why", "text"))) for one in parts
    )


def _first(facts: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next(filter(None, (words(facts.get(name)) for name in names)), "")
