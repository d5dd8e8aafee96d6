# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate asks: whether a change is approved by others, by signature or in AWX; where not, it waits for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_approvals import Approvals
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import Asked
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import NAME, REQUEST, Identities
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_approval import Approval, Limits
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_awx import judge, use_name
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import EMERGENCY
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_identity import identity_of, require_may
from ansible_collections.gantry.odoo.plugins.module_utils._change.read_awx import Awx
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError, StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects


@dataclass(frozen=True)
class Terms:
    """By whom and how long changes are approved. awx, job: of the job that this run is, None and 0 where it is none."""

    identities: Identities
    limits: Limits = field(default_factory=Limits)
    awx: Awx | None = None
    job: int = 0


@dataclass(frozen=True)
class Settled:
    """What there is for a change. approvals: by one person each. refused: a sentence for each that does not count.

    uses: the names by which the approvals are used. request: the one that they are of, 0 for none.
    """

    approvals: tuple[Approval, ...] = ()
    refused: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    request: int = 0


@dataclass(frozen=True)
class Consented:
    """The answer to a change that asks for approval. denials: why it may not begin yet. uses: as for Settled.

    request: of an emergency, by which it is approved after it has begun; 0 for another change.
    """

    approvals: tuple[Approval, ...] = ()
    denials: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    request: int = 0

    def as_facts(self) -> dict[str, object]:
        """What an entry of the ledger has of it."""
        found = {"approvals": [one.as_facts() for one in self.approvals], "request": self.request}
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True)
class Consent:
    """The approval of changes in a store."""

    objects: Objects
    terms: Terms

    def settled(self, asked: Asked, change: str, now: datetime) -> Settled:
        """The approvals of a change that count. Nothing is written.

        change: the id of the one that asks, or of the one that it resumes. Raises RefusedError where the requester is
        of no identity or may not request, StateError and UnreachableError where the store cannot be read.
        """
        require_may(identity_of(self.terms.identities, NAME, asked.requester), REQUEST)
        found = self._approvals.find(asked, change, self.terms.identities, now)
        by_awx, used, refused = self._in_awx(asked, change, now)
        people = {one.by: one for one in (*found.approvals, *by_awx)}
        uses = ([str(found.request)] if found.approvals else []) + ([used] if by_awx else [])
        return Settled(tuple(people.values()), (*found.refused, *refused), tuple(uses), found.request)

    def answer(self, asked: Asked, needed: int, change: str, now: datetime, deadline: Deadline | None) -> Consented:
        """Whether a change is approved by as many as it needs. One that is not waits for it; an emergency does not.

        change: as for `settled`. deadline: of the request, None in check mode, where nothing is written.
        """
        if asked.classification == EMERGENCY:
            request = self.wait(asked, now, deadline) if deadline else 0
            return Consented(uses=(str(request),) if request else (), request=request)
        if not needed:
            return Consented()
        found = self.settled(asked, change, now)
        if len(found.approvals) >= needed:
            return Consented(found.approvals, uses=found.uses)
        request = self.wait(asked, now, deadline) if deadline else 0
        return Consented(found.approvals, (waits_in_words(found, needed, request, asked.digest),))

    def wait(self, asked: Asked, now: datetime, deadline: Deadline) -> int:
        """Have a change wait for approval; the number of its request. An emergency does so too, and goes on."""
        return self._approvals.ask(asked, now, deadline).number

    def use(self, names: Sequence[str], change: str) -> None:
        """Have a change use approvals, by `uses` or the number of a request. Raises RefusedError where one is used."""
        for name in names:
            self._approvals.use(name, change)

    def _in_awx(self, asked: Asked, change: str, now: datetime) -> tuple[tuple[Approval, ...], str, list[str]]:
        """The approvals in AWX, the name by which they are used, and why there is none."""
        awx, terms = self.terms.awx, self.terms
        if awx is None or not terms.job:
            return (), "", []
        try:
            run = awx.run(terms.job)
            requester = identity_of(terms.identities, NAME, asked.requester)
            approvals = judge(run, terms.identities, requester, terms.limits.holds, now)
        except (RefusedError, StateError, UnreachableError) as error:
            return (), "", [str(error)]
        name = use_name(run, asked.digest)
        user = self._approvals.user(name)
        if user not in ("", change):
            return (
                (),
                "",
                [f"the approval of job {terms.job} in AWX was used by {user}, and counts once"],
            )
        return approvals, name, []

    @property
    def _approvals(self) -> Approvals:
        return Approvals(self.objects, self.terms.limits)


def waits_in_words(settled: Settled, needed: int, request: int, digest: str) -> str:
    """Why a change has to wait, as a denial of the gate. needed: number of people who have to approve it.

    request: 0 in check mode, where it does not wait yet.
    """
    people = "someone else" if needed == 1 else f"{needed} others"
    have = f"it has that of {', '.join(one.by for one in settled.approvals)}" if settled.approvals else "it has none"
    said = f"the change needs the approval of {people}, and {have}; " + (
        f"request {request} waits: have it approved with gantry.odoo.approve -e approve_digest={digest}, and run this "
        "again"
        if request
        else "run it without check mode, so that it waits for approval"
    )
    return "; ".join([said, *(f"not counted: {one}" for one in settled.refused)])
