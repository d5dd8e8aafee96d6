# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show the changes that wait for approval, and keep a signed approval or review, from the controller."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible import constants as C

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_approvals import Approvals
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_emergencies import Emergencies
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger, open_ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_signature import public_key, sign
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import WRITE_SECONDS, open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import (
    APPROVED,
    MOST_TEXT,
    REVIEWED,
    Request,
    Sealed,
    Statement,
    is_digest,
    policy_of,
    statement_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import (
    APPROVE,
    Identities,
    Identity,
    Key,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.options_approval import (
    RULES,
    identities_of,
    limits_from,
    rules_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_approval import is_waiting, require_can_approve
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_emergency import opened_emergency
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_identity import (
    holder_of,
    named,
    require_may,
    require_other,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_signature import require_valid
from ansible_collections.gantry.odoo.plugins.module_utils._change.read_signature import Verifier
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_approval import (
    NONE_WAITS,
    Own,
    as_result,
    request_lines,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_parts import unwitnessed
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.plugin_utils import approvals
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction
from ansible_collections.gantry.odoo.plugins.plugin_utils.command_line import command_line

# The callback that shows the screen at the very end of the run.
_SUMMARY = "gantry.odoo.summary"
# The kind of the entries in the ledger.
KIND = "approve"


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_approve."""

    OPTIONS = {
        "store": STORE,
        **RULES,
        "digest": {"type": "str", "default": ""},
        "review": {"type": "str", "default": ""},
        "words": {"type": "str", "default": ""},
        "key": {"type": "path", "default": "~/.ssh/id_ed25519", "no_log": False},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Show what waits. Approve or review where that is asked for."""
        params = call.params
        _require_one(params)
        desk = _Desk(call, Approvals(open_store(params["store"]), limits_from(params)), identities_of(params))
        if params["review"]:
            return self._shown(desk.review(params["review"], params["words"]))
        own = Own(approvals.read_own_inventory(variables), policy_of(rules_of(params)))
        if params["digest"]:
            return self._shown(desk.approve(params["digest"], own))
        return self._shown(desk.waiting(own))

    def _shown(self, outcome: Outcome) -> Outcome:
        if _SUMMARY not in C.config.get_config_value("CALLBACKS_ENABLED"):
            self._display.display("\n".join(["", *outcome.facts["screen"]]))
        return outcome


@dataclass(frozen=True)
class _Desk:
    """Where a person reads and signs."""

    call: Call
    approvals: Approvals
    identities: Identities

    def waiting(self, own: Own) -> Outcome:
        """All requests that wait, and what emergencies lack."""
        now, run = self.approvals.objects.now(), command_line()
        screen, listed = [], []
        for request, signed in self._waiting(now):
            listed.append(as_result(request, signed))
            screen += [*request_lines(request, signed, own, now), f"  to approve: {_command(run.command, request)}", ""]
        lacking = Emergencies(self.approvals.objects, self.identities).lacking(now, settles=False)
        facts = {"requests": listed, "emergencies": lacking, "approval": {}}
        return Outcome(facts={**facts, "screen": [*(screen or [NONE_WAITS]), *lacking]})

    def approve(self, digest: str, own: Own) -> Outcome:
        """Sign the newest request with that digest, and keep the approval."""
        now = self.approvals.objects.now()
        matching = [(one, signed) for one, signed in self._waiting(now) if one.asked.digest == digest]
        if not matching:
            raise InputError(f"digest: no change with the digest {digest} waits; run without it to see those that do")
        request, before = matching[-1]
        screen = request_lines(request, before, own, now)
        approver, key = self._signer(now)
        require_can_approve(request, approver.name, self.identities)
        statement = Statement(APPROVED, approver.name, now, request.number, digest)
        facts: dict[str, Any] = {"requests": [as_result(request, before)]}
        if self.call.check_mode:
            done = f"{approver.name} would approve request {request.number} with {key.fingerprint}"
            return Outcome(
                facts={"changed": approver.name not in before, **facts, "screen": [*screen, done], "approval": {}}
            )
        sealed, is_new = self._sealed(statement)
        kept = statement_from(sealed.text, "the approval that is in the change store")
        change = {
            "id": f"request-{request.number}",
            "kind": KIND,
            "requester": request.asked.requester,
            "class": request.asked.classification,
            "reason": request.asked.reason,
        }
        approval = {"by": kept.by, "request": kept.request, "digest": digest, "for": request.asked.kind}
        self._record(APPROVED, change, approval, kept, sealed, key)
        done = f"{approver.name} has approved request {request.number}; its requester runs the change again"
        return Outcome(facts={"changed": is_new, **facts, "screen": [*screen, done], "approval": approval})

    def review(self, subject: str, words: str) -> Outcome:
        """Sign the review of an emergency, and keep it."""
        now, ledger = self.approvals.objects.now(), self._ledger()
        opened = opened_emergency((entry.body for entry in ledger.walk()), subject)
        reviewer, key = self._signer(now)
        require_may(reviewer, APPROVE)
        require_other(named(self.identities, str(opened["requester"])), reviewer)
        statement = Statement(REVIEWED, reviewer.name, now, subject=subject, words=words)
        review = {"by": reviewer.name, "reviews": subject, "words": words}
        if self.call.check_mode:
            done = f"{reviewer.name} would review {subject} with {key.fingerprint}"
            return Outcome(facts={"changed": True, "requests": [], "screen": [done], "approval": {}})
        sealed, is_new = self._sealed(statement)
        kept = statement_from(sealed.text, "the review that is in the change store")
        review["words"] = kept.words
        self._record(REVIEWED, {**opened, "kind": KIND}, review, kept, sealed, key)
        done = f"{reviewer.name} has reviewed {subject}"
        return Outcome(facts={"changed": is_new, "requests": [], "screen": [done], "approval": review})

    def _waiting(self, now: datetime) -> list[tuple[Request, list[str]]]:
        """The requests that wait, with those whose approval of each counts, the oldest first."""
        listed = self.approvals.newest(now)
        used = self.approvals.used(one.number for one in listed)
        signed = [(one, self.approvals.approved_by(one, self.identities, now)) for one in listed]
        limits = self.approvals.limits
        return [(one, by) for one, by in signed if is_waiting(one, used.get(one.number, ""), bool(by), limits, now)]

    def _signer(self, now: datetime) -> tuple[Identity, Key]:
        """The identity of the key that signs. Raises RefusedError for a key that is no one's, or not valid."""
        holder, key = holder_of(self.identities, public_key(self.call.params["key"]).fingerprint)
        require_valid(key, holder.name, now)
        return holder, key

    def _sealed(self, statement: Statement) -> tuple[Sealed, bool]:
        """The statement with its signature, as it is in the store, and whether it is new there."""
        ledger = self._ledger()
        text = statement.as_text()
        sealed = Sealed(text, sign(text, self.call.params["key"]), ledger.newest_number())
        # what the gate would refuse is not kept
        verifier = Verifier(self.identities, statement.time)
        verifier.verified(sealed, "the new signature")
        keep = self.approvals.approve if statement.says == APPROVED else self.approvals.review
        kept = keep(statement, sealed)
        verifier.verified(kept, "the one that the change store has already")
        return kept, kept == sealed

    def _record(
        self,
        event: str,
        change: Mapping[str, Any],
        facts: Mapping[str, Any],
        statement: Statement,
        sealed: Sealed,
        key: Key,
    ) -> None:
        """Record a signed statement, unless a run before has; one that was killed had no time to."""
        proof = {"how": "signature", "signed": sealed.text, "signature": sealed.signature}
        ledger = self._ledger()
        body = {
            "time": statement.time.isoformat(timespec="milliseconds"),
            "change": change,
            "event": event,
            "facts": {**facts, "fingerprint": key.fingerprint, **proof},
        }
        ledger.append(body, Deadline(WRITE_SECONDS), sealed.after)
        if ledger.witness is not None and ledger.witness.waits:
            self.call.warn(unwitnessed(ledger.witness.waits))

    def _ledger(self) -> Ledger:
        return open_ledger(self.call.params["store"], self.approvals.objects)


def _require_one(params: Mapping[str, Any]) -> None:
    """Raise InputError for options that do not go together."""
    if params["digest"] and params["review"]:
        raise InputError("digest: review is given as well; approve a change or review one, not both in one call")
    if params["digest"] and not is_digest(params["digest"]):
        raise InputError("digest: it is no digest of a change; copy all of its 64 characters from the list")
    if params["review"] and not params["words"].strip():
        raise InputError("words: a review says what was found; give it")
    if len(params["words"]) > MOST_TEXT:
        raise InputError(f"words: they have more than {MOST_TEXT} characters; name a document that has the rest")
    if not os.path.isabs(params["key"]):
        raise InputError("key: it is a relative path; give an absolute one, or one that begins with ~")


def _command(command: str, request: Request) -> str:
    return f"{command} gantry.odoo.approve -e approve_digest={request.asked.digest}"
