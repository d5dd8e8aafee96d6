# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What entries of gates, approvals and reviews say: the one place that knows their facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import (
    DENIED,
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
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import DECIDED, REFUSED

ALLOWED, OVERRIDDEN = "allowed", "overridden"


def gate_in(seen: Happening) -> Gate | None:
    """The answer of a gate that an entry holds, None where it holds none."""
    if seen.event not in DECIDED:
        return None
    denials, overridden = texts(seen.facts.get("denials")), texts(seen.facts.get("overridden"))
    answer = _answer(seen, bool(denials), bool(overridden))
    return Gate(seen.number, seen.time, answer, denials, overridden, *_score(seen.facts.get("score")))


def _answer(seen: Happening, denied: bool, overridden: bool) -> str:
    allowed = seen.facts.get("allowed")
    if denied or allowed is False or seen.event == REFUSED:
        return DENIED
    if overridden:
        return OVERRIDDEN
    return ALLOWED if allowed is True else ""


def approval_in(seen: Happening) -> Approval:
    """The approval or the review that an entry holds."""
    return _approval(seen, seen.time, seen.facts)


def approvals_beside(seen: Happening) -> Iterator[Approval]:
    """The approvals that the entry of a change lists among its facts."""
    for one in map(mapping, listed(seen.facts.get("approvals"))):
        yield _approval(seen, moment(one.get("time")) or seen.time, one)


def _approval(seen: Happening, time: datetime | None, facts: Mapping[str, Any]) -> Approval:
    who = words(facts.get("by")) or "somebody who is not recorded"
    verdict = seen.verdicts.get(str(facts.get("signature", "")))
    verified, fault = verdict is not None and not verdict.fault, verdict.fault if verdict else ""
    return Approval(seen.number, time, who, words(facts.get("how")), words(facts.get("words")), verified, fault)


def _score(found: Any) -> tuple[str | None, tuple[ScorePart, ...] | None]:
    """The points of a score and its parts, None where they are not recorded."""
    if not isinstance(found, Mapping):
        return None, None
    parts = found.get("parts")
    return words(found.get("total")) or None, _parts(parts) if isinstance(parts, list) else None


def _parts(found: list[Any]) -> tuple[ScorePart, ...]:
    return tuple(
        ScorePart(words(one.get("name")), words(one.get("points")), words(one.get("why")))
        for one in map(mapping, listed(found))
    )
