# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which signed approvals count for a change. Pure.

An approval counts where it is for this very change, is by an identity that may approve and is not the requester, is
young enough by the clock of the store, and no other change has used it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import (
    APPROVED,
    REVIEWED,
    Asked,
    Request,
    Statement,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import APPROVE, NAME, Identities
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import EMERGENCY
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_identity import (
    identity_of,
    require_may,
    require_other,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import CLOCK_SKEW

# An approval of an emergency may be older by the time it is looked at than approvals hold.
ANY_AGE = timedelta(days=36600)


@dataclass(frozen=True)
class Limits:
    """How long an approval holds, and how long a request waits for one."""

    holds: timedelta = timedelta(hours=24)
    waits: timedelta = timedelta(days=7)


@dataclass(frozen=True)
class Signed:
    """A statement whose signature was verified. signer: the identity of the key."""

    statement: Statement
    signer: str
    fingerprint: str
    signature: str = ""


@dataclass(frozen=True)
class Approval:
    """An approval that counts. how: `signature` or `awx`. proof: what an auditor verifies it by."""

    by: str
    time: datetime
    how: str
    proof: Mapping[str, object]

    def as_facts(self) -> dict[str, object]:
        """The approval as an entry of the ledger has it."""
        return {"by": self.by, "time": self.time.isoformat(), "how": self.how, **self.proof}


@dataclass(frozen=True)
class Found:
    """What the store has for a change. request: the one that waits or is approved, 0 for none.

    refused: a sentence for each approval that does not count.
    """

    request: int = 0
    approvals: tuple[Approval, ...] = ()
    refused: tuple[str, ...] = ()


def plan_found(
    asked: Asked,
    requests: Mapping[int, Request],
    signed: Sequence[Signed],
    used: Mapping[int, str],
    change: str,
    identities: Identities,
    limits: Limits,
    now: datetime,
) -> Found:
    """The approvals of the newest request for a change that has any, and why others do not count.

    requests: those that the approvals name. used: the change that has used each. change: the id of this one.
    """
    refused: list[str] = []
    counted: dict[int, dict[str, Approval]] = {}
    for one in sorted(signed, key=lambda each: each.statement.time):
        number = one.statement.request
        try:
            _require(one, asked, requests.get(number), identities, limits, now)
            _require_unused(number, used, change)
        except RefusedError as error:
            refused.append(str(error))
            continue
        # two keys of one identity are still one approval
        counted.setdefault(number, {}).setdefault(one.signer, _approval(one))
    newest = max(counted, default=0)
    return Found(newest, tuple(counted.get(newest, {}).values()), tuple(refused))


def is_waiting(request: Request, used: str, approved: bool, limits: Limits, now: datetime) -> bool:
    """Whether a request can still be approved. used: the change that has used it, which an emergency does before."""
    if not may_wait(request, limits, now):
        return False
    return not used or (request.asked.classification == EMERGENCY and not approved)


def may_wait(request: Request, limits: Limits, now: datetime) -> bool:
    """Whether a request is young enough to be approved. An emergency has begun, and has to be, however late."""
    return request.asked.classification == EMERGENCY or now - request.time <= limits.waits


def open_request(
    asked: Asked, requests: Iterable[Request], used: Mapping[int, str], limits: Limits, now: datetime
) -> int:
    """The number of the newest request for a change that waits already, 0 for none."""
    return max(
        (
            one.number
            for one in requests
            if one.asked.digest == asked.digest and not used.get(one.number) and now - one.time <= limits.waits
        ),
        default=0,
    )


def require_can_approve(request: Request, approver: str, identities: Identities) -> None:
    """Raise RefusedError where an identity may not approve a request."""
    identity = identity_of(identities, NAME, approver)
    require_may(identity, APPROVE)
    require_other(identity_of(identities, NAME, request.asked.requester), identity)


def require_review(one: Signed, change: str, requester: str, identities: Identities) -> None:
    """Raise RefusedError where a statement is no review of a change by another identity that may approve."""
    said = one.statement
    if (said.says, said.by, said.subject) != (REVIEWED, one.signer, change):
        raise RefusedError(f"the review by {one.signer} is none of {change}; see who wrote it")
    reviewer = identity_of(identities, NAME, one.signer)
    require_may(reviewer, APPROVE)
    if reviewer.name == requester:
        raise RefusedError(f"{reviewer.name} cannot review an own emergency; have someone else review it")


def _require(
    one: Signed,
    asked: Asked,
    request: Request | None,
    identities: Identities,
    limits: Limits,
    now: datetime,
) -> None:
    """Raise RefusedError with the reason why an approval does not count."""
    said = one.statement
    what = f"the approval of request {said.request} by {one.signer}"
    if said.says != APPROVED or said.by != one.signer:
        raise RefusedError(f"{what} says {said.says} by {said.by}, so that it approves nothing; see who wrote it")
    if request is None or request.asked.digest != asked.digest or said.digest != asked.digest:
        raise RefusedError(f"{what} is for another change; have this one approved")
    require_can_approve(request, one.signer, identities)
    if said.time - now > CLOCK_SKEW:
        raise RefusedError(f"{what} is of {said.time:%Y-%m-%d %H:%M} UTC, which is still to come; correct the clock")
    age = now - said.time
    if age > limits.holds:
        old, most = duration(age.total_seconds()), duration(limits.holds.total_seconds())
        raise RefusedError(f"{what} is {old} old and holds for {most}; have it approved again")
    if request.time - said.time > CLOCK_SKEW:
        raise RefusedError(f"{what} is older than the request; have it approved again")


def _require_unused(number: int, used: Mapping[int, str], change: str) -> None:
    user = used.get(number, "")
    if user and user != change:
        raise RefusedError(
            f"the approval of request {number} was used by {user}, and counts once; have it approved again"
        )


def _approval(one: Signed) -> Approval:
    return Approval(
        one.signer,
        one.statement.time,
        "signature",
        {
            "request": one.statement.request,
            "digest": one.statement.digest,
            "fingerprint": one.fingerprint,
            "signed": one.statement.as_text(),
            "signature": one.signature,
        },
    )
