# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emergencies in a change store that still need an approval or a review, without a look at the whole ledger.

emergencies/     those that have begun, by their request, the newest first
settled/         those of them that are approved and reviewed
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_approvals import Approvals
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import Request
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import Identities
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_approval import ANY_AGE, Limits, plan_found
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_emergency import Emergency, Signed, missing
from ansible_collections.gantry.odoo.plugins.module_utils._change.read_signature import Verifier
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import fields, number, parse_document, text
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects

_BEGUN, _SETTLED = "emergencies/", "settled/"
# So many of the newest ones are looked at.
MOST_EMERGENCIES = 500
_LAST = 10**9 - 1
_LIMITS = Limits(holds=ANY_AGE)


@dataclass(frozen=True)
class Emergencies:
    """The emergencies in a change store, with signatures verified by the identities of an inventory."""

    objects: Objects
    identities: Identities

    def begin(self, request: int, change: str) -> None:
        """Keep that an emergency has begun. request: by which it is approved."""
        body = {"change": change, "request": request}
        self.objects.create(f"{_BEGUN}{_LAST - request:09d}", json.dumps(body).encode())

    def lacking(self, now: datetime, *, settles: bool) -> list[str]:
        """A sentence for all that emergencies lack, with what to run.

        settles: whether those that lack nothing are kept as settled, so that they are not looked at again.
        """
        found: list[str] = []
        for name in self._unsettled():
            try:
                emergency, request = self._read(name, now)
            except StateError as error:
                found.append(str(error))
                continue
            if emergency.approvals and emergency.reviews:
                if settles:
                    self.objects.create(f"{_SETTLED}{name}", json.dumps({"change": emergency.change}).encode())
                continue
            found += [f"{one.sentence}; {_remedy(emergency, request)}" for one in missing(emergency, now)]
        return found

    def _unsettled(self) -> Sequence[str]:
        begun, settled = (
            {key.removeprefix(above) for key in self.objects.names(above, MOST_EMERGENCIES)}
            for above in (_BEGUN, _SETTLED)
        )
        return sorted(begun - settled)

    def _read(self, name: str, now: datetime) -> tuple[Emergency, Request]:
        """An emergency with its approvals and reviews that count, and its request."""
        where = f"{_BEGUN}{name} in the {self.objects.where}"
        try:
            body = fields(parse_document(self.objects.get(f"{_BEGUN}{name}") or b"", where))
            change, asked_by = text(body["change"]), number(body["request"], 1)
        except BAD_VALUES as error:
            raise StateError(f"{where} names no emergency ({error!r}); see who wrote it") from error
        store, verifier = Approvals(self.objects), Verifier(self.identities, now)
        requests, unread = store.requests([asked_by])
        if asked_by not in requests:
            raise StateError(
                "; ".join(unread) or f"request {asked_by} of the emergency {change} is not in the {self.objects.where}"
            )
        request = requests[asked_by]
        signed, _refused = store.signed(request.asked.digest, verifier)
        approved = plan_found(request.asked, requests, signed, {}, change, self.identities, _LIMITS, now).approvals
        reviewed = store.reviews(change, request.asked.requester, verifier)
        emergency = Emergency(
            change,
            request.asked.requester,
            request.asked.reason,
            request.time,
            asked_by,
            tuple(Signed(one.by, one.time) for one in approved),
            tuple(Signed(one.signer, one.statement.time) for one in reviewed),
        )
        return emergency, request


def _remedy(emergency: Emergency, request: Request) -> str:
    """What someone else runs next for an emergency."""
    if not emergency.approvals:
        return f"run gantry.odoo.approve -e approve_digest={request.asked.digest}"
    return f"run gantry.odoo.approve -e approve_review={emergency.change} with approve_words"
