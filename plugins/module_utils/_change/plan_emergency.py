# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an emergency still lacks: a reason when it begins, an approval within its time, and a review after it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import (
    APPROVED,
    STATEMENTS,
    statement_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import OPENED
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import EMERGENCY
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import moment
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration


@dataclass(frozen=True)
class Limits:
    """Until when an emergency has to be approved and reviewed, from when it began."""

    approval: timedelta = timedelta(hours=24)
    review: timedelta = timedelta(days=5)


@dataclass(frozen=True)
class Signed:
    """Who has signed, and when."""

    by: str
    time: datetime


@dataclass(frozen=True)
class Emergency:
    """An emergency as the ledger has it. request: the number by which its approval names it, 0 where it has none."""

    change: str
    requester: str
    reason: str
    began: datetime
    request: int = 0
    approvals: tuple[Signed, ...] = ()
    reviews: tuple[Signed, ...] = ()


@dataclass(frozen=True)
class Missing:
    """What an emergency lacks, or had too late. overdue: whether its time is over."""

    change: str
    sentence: str
    overdue: bool


def require_reason(requester: str, reason: str) -> None:
    """Raise InputError for an emergency that begins without saying why; all else may come after it."""
    if not reason.strip():
        raise InputError(f"an emergency of {requester} begins with its reason; set change_reason")


def missing(emergency: Emergency, now: datetime, limits: Limits | None = None) -> list[Missing]:
    """What an emergency lacks now, and what came too late, which stays reported."""
    limits = limits or Limits()
    found = []
    if not emergency.reason.strip():
        found.append(Missing(emergency.change, f"{emergency.change} is an emergency without a reason", overdue=True))
    found += _late(emergency, "approved", emergency.approvals, limits.approval, now)
    found += _late(emergency, "reviewed", emergency.reviews, limits.review, now)
    return found


def emergencies(bodies: Iterable[Mapping[str, Any]]) -> list[Emergency]:
    """The emergencies in the entries of a ledger, by what it has of their approvals and reviews, in their order.

    bodies: without approvals and reviews whose signature is not good, see read_signature. A change names its request by
    the fact `request` of any of its entries.
    """
    opened: dict[str, dict[str, Any]] = {}
    requests: dict[str, int] = {}
    approved: dict[int, list[Signed]] = {}
    reviewed: dict[str, list[Signed]] = {}
    for body in bodies:
        try:
            _sort(body, opened, requests, approved, reviewed)
        except BAD_VALUES as error:
            raise StateError(f"an entry {body.get('event')!r} of the ledger cannot be read: {error!r}") from error
    return [
        Emergency(
            name,
            one["requester"],
            one["reason"],
            one["began"],
            requests.get(name, 0),
            _others(approved.get(requests[name], ()) if requests.get(name) else (), one["requester"]),
            _others(reviewed.get(name, ()), one["requester"]),
        )
        for name, one in opened.items()
    ]


def opened_emergency(bodies: Iterable[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """The change of that id as it was opened. Raises InputError where it is none, or no emergency."""
    found: dict[str, Any] | None = None
    for body in bodies:
        if body.get("event") == OPENED and body.get("change", {}).get("id") == name:
            found = dict(body["change"])
    if found is None or found.get("class") != EMERGENCY:
        seen = "the ledger has no such change" if found is None else f"it is of class {found.get('class')}"
        raise InputError(f"review: {name} is no emergency that could be reviewed: {seen}; give the id of one")
    return found


def _sort(
    body: Mapping[str, Any],
    opened: dict[str, dict[str, Any]],
    requests: dict[str, int],
    approved: dict[int, list[Signed]],
    reviewed: dict[str, list[Signed]],
) -> None:
    event, change, facts = body.get("event"), body.get("change", {}), body.get("facts", {})
    if event in STATEMENTS:
        # what the signature covers counts, and not what stands beside it
        said = statement_from(facts["signed"], f"the signed text of {event}")
        signed = Signed(said.by, said.time)
        if event == said.says == APPROVED:
            approved.setdefault(said.request, []).append(signed)
        elif event == said.says:
            reviewed.setdefault(said.subject, []).append(signed)
    elif change.get("class") == EMERGENCY:
        if event == OPENED:
            began = moment(body["time"])
            opened[change["id"]] = {"requester": change["requester"], "reason": change["reason"], "began": began}
        if "request" in facts:
            requests[change["id"]] = facts["request"]


def _others(signed: Iterable[Signed], requester: str) -> tuple[Signed, ...]:
    return tuple(one for one in signed if one.by != requester)


def _late(
    emergency: Emergency, deed: str, signed: Iterable[Signed], limit: timedelta, now: datetime
) -> Iterable[Missing]:
    """What is missing of one of the two, which nobody but another person can give."""
    first = min(signed, key=lambda one: one.time, default=None)
    ends, most = emergency.began + limit, duration(limit.total_seconds())
    what = f"{emergency.change} of {emergency.requester}, an emergency of {emergency.began:%Y-%m-%d %H:%M} UTC,"
    if first is not None:
        if first.time > ends:
            after = duration((first.time - emergency.began).total_seconds())
            said = f"{what} was {deed} by {first.by} after {after}, and has to be within {most}"
            yield Missing(emergency.change, said, overdue=True)
        return
    if now > ends:
        over = duration((now - ends).total_seconds())
        yield Missing(emergency.change, f"{what} is not {deed}, {over} after its time", overdue=True)
        return
    left = duration((ends - now).total_seconds())
    yield Missing(emergency.change, f"{what} has to be {deed} by someone else within {left}", overdue=False)
