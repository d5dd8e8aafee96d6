# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open a change on the controller: take its lease, keep it, and record that the change is open."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ansible.utils.vars import load_extra_vars

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_calendars import (
    Question,
    calendars_from,
    subjects_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_consent import Consented
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_emergencies import Emergencies
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_events import bring, outbox, users_first
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_heard import hear
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger, open_ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_seen import Seen, identity_of, remember
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import WRITE_SECONDS, open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_approval import Asked
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import OPENED, REFUSED, event
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import Part, Parts
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import OPENING, PAPERS, STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.options_approval import (
    AWX,
    RULES,
    TYPED,
    identities_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import (
    NORMAL,
    STANDARD,
    Classified,
    classify,
    table_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_gate import (
    ClosedError,
    Decision,
    approvals_needed,
    change_from,
    judge,
    papers,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_identity import Asker, asker_of
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import (
    FINISH,
    WAYS,
    has_parts,
    heir_of,
    plan_open,
    plan_resume,
    plan_undo,
    require_as_read,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_parts import parts_shown
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    GantryError,
    InputError,
    RefusedError,
    StateError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import ASIDE, ESTATE, Holder, Lease
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import plan_take
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import require_conditions
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.model import Objects
from ansible_collections.gantry.odoo.plugins.plugin_utils import (
    approvals,
    calendars,
    decisions,
    last_seen,
    lease_keeper,
    login,
)
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction
from ansible_collections.gantry.odoo.plugins.plugin_utils.command_line import covered_inputs

SHORTEST_LEASE_S = 20


@dataclass(frozen=True)
class _Asks:
    """Who asks for which change. asked: what others are to approve, None where nobody has to. job: of AWX, or 0."""

    classified: Classified
    asker: Asker
    job: int = 0
    asked: Asked | None = None


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_open."""

    OPTIONS = {
        "store": STORE,
        **OPENING,
        **RULES,
        "awx": AWX,
        "covers": {"type": "list", "elements": "str", "default": [ESTATE]},
        "parts": {"type": "list", "elements": "str", "default": []},
        "part_facts": {"type": "dict", "default": {}},
        "released": {"type": "list", "elements": "str", "default": []},
        "accept_left_behind": {"type": "bool", "default": False},
        "resumes": {"type": "str", "default": ""},
        "read": {"type": "int", "default": -1},
        "way": {"type": "str", "choices": list(WAYS), "default": FINISH},
        "lease_seconds": {"type": "int", "default": 120},
        "facts": {"type": "dict", "default": {}},
        "run_facts": {"type": "dict", "default": {}},
        "gated": {"type": "bool", "default": False},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Take the lease first: a change without one has begun nothing."""
        params, extra = call.params, load_extra_vars(self._loader)
        classified = _classified(params)
        launched = None if params["requester"] else login.launcher(extra)
        asker = _asker(params, launched, classified.name)
        change = {
            **{name: params[name] for name in PAPERS},
            "class": classified.name,
            "requester": asker.name,
            "authenticated": asker.authenticated,
        }
        seconds = params["lease_seconds"]
        if seconds < SHORTEST_LEASE_S:
            raise InputError(f"lease_seconds: {seconds} is too short to be renewed; give at least {SHORTEST_LEASE_S}")
        asks = _Asks(classified, asker, launched.job if launched else 0)
        if asker.authenticated and not asker.refused and _may_need_approval(params, classified):
            covered = covered_inputs(params["kind"], extra)
            asked = approvals.asked_of(params, change, approvals.read_own_inventory(variables), covered)
            asks = replace(asks, asked=asked)
        if call.check_mode:
            return self._plan(call, change, asks)
        try:
            return self._open(call, change, asks)
        except (StateError, RefusedError) as error:
            if not isinstance(error, ClosedError):
                refused = {"id": f"{change['kind']}-refused", **change}
                decisions.record(call, refused, Decision((str(error),)), {}, REFUSED)
            raise

    def _open(self, call: Call, change: Mapping[str, Any], asks: _Asks) -> Outcome:
        params, seconds = call.params, call.params["lease_seconds"]
        leases = Register(open_store(params["store"]), seconds)
        require_conditions(leases.objects)
        identity = identity_of(leases.objects)
        deadline = Deadline(WRITE_SECONDS)
        resumes = bool(params["resumes"])
        held = outbox(params["store"])
        late = users_first(resumes, lambda: held.deliver(leases.objects, deadline).values(), call.warn)
        holder = Holder(change["kind"], change["requester"], f"{socket.gethostname()} (process {os.getppid()})")
        lease = leases.take(params["covers"], holder, Deadline(WRITE_SECONDS))
        remember(params["store"], Seen(identity, {leases.NAME: lease.number}))
        opened = {"id": lease.change, **change, "lease": lease.number, "fencing_number": lease.fencing_number}
        try:
            # from now on, whatever is written is kept as seen, also where this is the first use from here
            leases = Register(open_store(params["store"]), seconds)
            if params["read"] >= 0 and not _stands_aside(params):
                before = {entry.sequence for entry in late}
                since = users_first(resumes, lambda: Ledger(leases.objects).entries(params["read"]), call.warn)
                require_as_read(entry.body for entry in since if entry.sequence not in before)
            consented = _require_gate(call, opened, asks, leases.objects.now())
            ledger = open_ledger(params["store"], leases.objects)
            heard = _heard(ledger, {**params, **change}, call, begins=True)
            parts = self._begin(
                leases, lease, opened, {**heard, **_consent_facts(params, consented)}, call, asks, consented
            )
        except (GantryError, OSError):
            PartsLog(leases.objects).write(
                lambda seen: plan_undo(seen, opened["id"], params["resumes"]), Deadline(WRITE_SECONDS)
            )
            leases.release(lease.fencing_number, Deadline(WRITE_SECONDS))
            raise
        return Outcome(facts={"change": opened, "parts": parts_shown(parts), "refused": ""})

    @staticmethod
    def _plan(call: Call, change: Mapping[str, Any], asks: _Asks) -> Outcome:
        """The change as check mode shows it, with a warning where it would be refused."""
        params, name, store = call.params, f"{call.params['kind']}-check", open_store(call.params["store"])
        now, holder = store.now(), Holder(change["kind"], change["requester"], socket.gethostname())
        refused = ""
        facts = {**params["facts"], **params["run_facts"]}
        planned = plan_open(Parts(), name, params["parts"], facts, now, own=params["part_facts"]).parts
        try:
            _require_gate(call, {"id": name, **change}, asks, now)
            leases = Register(store).read()
            plan_take(leases, params["covers"], holder, now, params["lease_seconds"])
            seen = PartsLog(store).read()
            _require_parts(store, seen)
            _heard(open_ledger(params["store"], store), {**params, **change}, call, begins=False)
            if params["resumes"]:
                heir = _heir(store, seen, params["resumes"])
                _require_right(asks.asker, params, seen.of(heir))
                planned = plan_resume(seen, name, params["resumes"], params["way"], params["released"], heir).of(name)
            elif not _stands_aside(params):
                _planned(seen, name, params, facts, now)
        except StateError as error:
            refused = f"{params['kind']} would be refused now: {error}"
            call.warn(refused)
        shown = {"id": name, **change, "lease": 0, "fencing_number": 0}
        return Outcome(facts={"change": shown, "parts": parts_shown(planned), "refused": refused})

    @staticmethod
    def _begin(
        leases: Register,
        lease: Lease,
        opened: Mapping[str, Any],
        known: Mapping[str, Any],
        call: Call,
        asks: _Asks,
        consented: Consented,
    ) -> Sequence[Part]:
        """Have the lease renewed while ansible-playbook lives, plan the parts, and record that the change is open."""
        params = call.params
        lease_keeper.start(params["store"], lease, params["lease_seconds"], os.getppid(), opened)
        store, deadline = leases.objects, Deadline(WRITE_SECONDS)
        now, own = store.now(), {**params["facts"], **params["run_facts"]}

        def plan(seen: Parts) -> Parts:
            _require_parts(store, seen)
            if params["resumes"]:
                heir = _heir(store, seen, params["resumes"])
                _require_right(asks.asker, params, seen.of(heir))
                return plan_resume(seen, opened["id"], params["resumes"], params["way"], params["released"], heir)
            facts = {"kind": params["kind"], **_beside_standard(opened["class"]), **own}
            return _planned(seen, opened["id"], params, facts, now)

        seen = Parts() if _stands_aside(params) else PartsLog(store).write(plan, deadline)
        last_seen.keep_parts(store, seen)
        if params["resumes"]:
            calendars.keep(params, opened["id"], _resumed_question(params, seen.of(opened["id"])))
        _use(call, opened, asks, consented)
        facts = {**own, **known, "covers": list(lease.covers)}
        if not params["resumes"]:
            open_ledger(params["store"], store).record(now, dict(opened), OPENED, facts, deadline)
            return seen.of(opened["id"])
        resumed = {**facts, "resumes": params["resumes"], "way": params["way"]}
        # users do not wait for a ledger that was damaged
        brought = bring(params["store"], lambda now, late: event(opened, OPENED, resumed, now, None, late), deadline)
        if brought.why:
            call.warn(f"that {opened['id']} is open is not in the change store yet: {brought.why}")
        return seen.of(opened["id"])


def _beside_standard(classification: str) -> dict[str, str]:
    """The class of a change as a fact of its parts; nothing for the usual one."""
    return {} if classification == STANDARD else {"class": classification}


def _classified(params: Mapping[str, Any]) -> Classified:
    """The class of the change, by the table of the options."""
    return classify(params["kind"], params["class"], table_from(params["classes"]), params["aspects"])


def _asker(params: Mapping[str, Any], launched: login.Launcher | None, classification: str) -> Asker:
    """Who asks for the change. Raises InputError where the inventory declares identities, and a name is typed."""
    identities = identities_of(params)
    if identities.listed and launched is None:
        raise InputError(login.TYPED)
    if identities.listed and params["approver"]:
        raise InputError(TYPED)
    name, source = (launched.name, launched.source) if launched else (params["requester"], login.LOGIN)
    return asker_of(identities, source, name, params["kind"], classification)


def _may_need_approval(params: Mapping[str, Any], classified: Classified) -> bool:
    """Whether the change needs approval by its class, or its gate may ask for it."""
    return classified.name != STANDARD or bool(params["gated"] and params["score_thresholds"])


def _require_gate(call: Call, change: Mapping[str, Any], asks: _Asks, now: datetime) -> Consented:
    """What the change has of approvals. Raises ClosedError where it must not begin. What is overridden is recorded."""
    question = _question(call.params, change["class"])
    calendars.keep(call.params, change["id"], question)
    # what was interrupted is brought back; each part that serves is asked for when it is begun
    said = () if call.params["resumes"] else calendars.answer(call, question, now).denials
    paper = [*filter(None, (asks.asker.refused, asks.classified.lowered)), *papers(change_from(change))]
    # a change that lacks its papers would be another one with them
    consented = Consented() if paper else _consented(call, change, asks, now)
    decision = judge(change_from(change), paper, [*said, *consented.denials])
    for reason in decision.overridden:
        call.warn(f"the emergency overrides the gate: {reason}")
    if not decision.allowed or decision.overridden:
        decisions.record(call, change, decision, {})
    if not decision.allowed:
        raise ClosedError(decision.closed)
    return consented


def _consented(call: Call, change: Mapping[str, Any], asks: _Asks, now: datetime) -> Consented:
    """What the change has of approvals; one that lacks them waits, but in check mode."""
    if asks.asked is None:
        return Consented()
    deadline = None if call.check_mode else Deadline(WRITE_SECONDS)
    needed, consent = approvals_needed(change["class"]), approvals.consent_of(call.params, asks.job)
    consented = consent.answer(asks.asked, needed, change["id"], now, deadline)
    approved = 0 if call.params["gated"] else len(consented.approvals)
    approvals.keep(call.params, change["id"], approvals.Kept(asks.asked, asks.job, approved))
    return consented


def _consent_facts(params: Mapping[str, Any], consented: Consented) -> Mapping[str, object]:
    """What the entry of the change has of its approvals; the gate records those that it uses itself."""
    return {} if params["gated"] and not consented.request else consented.as_facts()


def _use(call: Call, change: Mapping[str, Any], asks: _Asks, consented: Consented) -> None:
    """Use the approvals, unless the gate does; an emergency is approved by the request that it has made."""
    params = call.params
    if consented.uses and (consented.request or not params["gated"]):
        approvals.consent_of(params, asks.job).use(consented.uses, change["id"])
    if consented.request:
        Emergencies(open_store(params["store"]), identities_of(params)).begin(consented.request, change["id"])


def _require_right(asker: Asker, params: Mapping[str, Any], parts: Sequence[Part]) -> None:
    """Raise StateError where the one who resumes a change may not do what finishing it does."""
    refused = asker.refused_to_finish(str(one.facts.get("kind", "")) for one in parts)
    if refused and params["way"] == FINISH:
        raise StateError(f"{refused}; or undo {params['resumes']}")


def _resumed_question(params: Mapping[str, Any], parts: Sequence[Part]) -> Question:
    """What the calendars are asked about a resumed change: by the kind and the class of the interrupted one."""
    kind = next((str(part.facts.get("kind", "")) for part in parts), "")
    classes = {part.facts.get("class", STANDARD) for part in parts}
    return _question({**params, "kind": kind}, STANDARD if classes <= {STANDARD} else NORMAL)


def _question(params: Mapping[str, Any], classification: str) -> Question:
    """What the calendars are asked about the change; nothing where they do not concern its kind."""
    listed = calendars_from(params["calendars"])
    if params["kind"] in params["outside_calendars"]:
        return Question()
    return Question(listed, subjects_from(params["tenants"], params["groups"]), classification)


def _planned(seen: Parts, change: str, params: Mapping[str, Any], facts: Mapping[str, Any], now: datetime) -> Parts:
    return plan_open(
        seen,
        change,
        params["parts"],
        facts,
        now,
        params["released"],
        params["part_facts"],
        accept_left_behind=params["accept_left_behind"],
    )


def _require_parts(store: Objects, seen: Parts) -> None:
    """Raise StateError where the log of the parts is lost: hosts that are out of service would be taken to serve."""
    if not seen.number and any(has_parts(entry.body) for entry in Ledger(store).walk()):
        raise StateError(
            f"the {store.where} has lost all records of {PartsLog.NAME}, which say what is out of service; put them "
            "back, or, where they are lost for good, prove every host and begin a new change store"
        )


def _heir(store: Objects, seen: Parts, interrupted: str) -> str:
    """The change that has the parts of an interrupted one; the ledger is read only where it has none itself."""
    if seen.of(interrupted):
        return interrupted
    return heir_of(interrupted, (entry.body for entry in Ledger(store).walk()))


def _heard(ledger: Ledger, params: Mapping[str, Any], call: Call, *, begins: bool) -> Mapping[str, Any]:
    """What the ledger keeps of its witness. Raises StateError where that does not let the change begin."""
    resumes, aside = bool(params["resumes"]), _stands_aside(params)
    found = hear(ledger, params, resumes=resumes, aside=aside, begins=begins)
    for warning in found.warnings:
        call.warn(warning)
    return found.facts


def _stands_aside(params: Mapping[str, Any]) -> bool:
    """Whether the change only reads, as a backup does: it waits for no other, and nothing that was left stops it."""
    return all(one.startswith(ASIDE) for one in params["covers"])
