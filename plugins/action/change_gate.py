# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the gate on the controller, with the ledger as its witness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Callable

from ansible_collections.gantry.odoo.plugins.module_utils._backup.read_freshness import latest_backups
from ansible_collections.gantry.odoo.plugins.module_utils._change import plan_gate, plan_score
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_calendars import Answer, Question
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_consent import Consented
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_heard import hear
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger, open_ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import WRITE_SECONDS, open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import CHANGE, GATE_RULES, STORE, TENANTS
from ansible_collections.gantry.odoo.plugins.module_utils._change.options_approval import AWX, IDENTITIES
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import RESUME
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._repository.options import (
    REPOSITORY,
    location_from,
    name_of,
)
from ansible_collections.gantry.odoo.plugins.plugin_utils import approvals, calendars, decisions
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction

# How many entries of the ledger are looked through for the last changes.
_LOOKED_AT = 200


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_gate."""

    OPTIONS = {
        "store": STORE,
        "change": CHANGE,
        "tenants": TENANTS,
        "serving_after": {"type": "int"},
        "downtime_minutes": {"type": "int", "default": 0},
        **IDENTITIES,
        **GATE_RULES,
        "awx": AWX,
        "repository": REPOSITORY,
        "tiers": {"type": "list", "elements": "int", "default": [1]},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Decide on the change by the store's clock; a closed gate is a failure."""
        store, params = open_store(call.params["store"]), call.params
        change, resumes = params["change"], params["change"]["kind"] == RESUME
        judged = plan_gate.change_from(change)
        Register(store).require(change["fencing_number"])
        now, rules, subjects = store.now(), rules_from(params), _subjects(params)
        ledger = _heard(call, open_ledger(params["store"], store))
        proofs = {one.name: proof_of(ledger, one.name, rules.repository, call.warn) for one in subjects}
        lacking = plan_gate.without_backup(subjects, proofs, now, rules)
        if params["repository"] and lacking:
            # backups that a timer took are in no ledger
            proofs |= _with_repository(call, {name: proofs[name] for name in lacking})
        calendar = self._calendars(call, now)
        # what is resumed was judged when it began, and is not left half done for its risk
        score = None if resumes else self._score(call, ledger, subjects, proofs, now, rules, calendar)
        consented, asked = _consent(call, judged, score, now)
        decision = _decide(params, judged, subjects, proofs, now, rules, [*calendar.denials, *asked])
        for reason in decision.overridden:
            call.warn(f"the emergency overrides the gate: {reason}")
        scored = {"score": score.as_body()} if score else {}
        if decision.allowed:
            _use(call, consented)
        if not resumes or not decision.allowed or decision.overridden:
            decisions.record(call, change, decision, {**scored, **consented.as_facts()})
        return Outcome(
            facts={
                "allowed": decision.allowed,
                "denials": list(decision.denials),
                "overridden": list(decision.overridden),
                **scored,
                "screen": score.lines() if score else [],
            },
            failure=decision.closed,
        )

    @staticmethod
    def _score(
        call: Call,
        ledger: Ledger,
        subjects: Sequence[plan_gate.Subject],
        proofs: Mapping[str, plan_gate.Proof],
        now: datetime,
        rules: plan_gate.Rules,
        calendar: Answer,
    ) -> plan_score.Score:
        """The score of the change, from what is known of it."""
        params = call.params
        try:
            last = ledger.entries(max(0, ledger.newest_number() - _LOOKED_AT))
            failures = plan_score.failures(entry.body for entry in last)
        except StateError as error:
            call.warn(str(error))
            failures = None
        facts = plan_score.Facts(
            tiers=tuple(one.tier for one in subjects),
            backup=plan_gate.age_of("backup", subjects, proofs, now, rules),
            drill=plan_gate.age_of("drill", subjects, proofs, now, rules),
            failures=failures,
            hosts=len(PartsLog(ledger.objects).read().of(params["change"]["id"])),
            next_freeze=calendar.next_freeze,
        )
        return plan_score.score(facts, plan_score.thresholds_from(params["score_thresholds"]))

    @staticmethod
    def _calendars(call: Call, now: datetime) -> Answer:
        """What the calendars say of the change that this run has opened; nothing of one that is resumed."""
        change = call.params["change"]
        asked = Question() if change["kind"] == RESUME else calendars.recall(call.params, change)
        return calendars.answer(call, asked, now)


def _consent(
    call: Call, judged: plan_gate.Change, score: plan_score.Score | None, now: datetime
) -> tuple[Consented, list[str]]:
    """The approvals of the change, and a sentence where its class or its score asks for more of them."""
    change, by_score = call.params["change"], score.approvals if score else 0
    if not change["authenticated"]:
        return Consented(), plan_score.lacking_approvals(score, judged.approvers) if score else []
    # of one that is resumed, the interrupted change was approved
    needed = plan_gate.approvals_needed(change["class"], by_score) if score else 0
    if not needed:
        return Consented(), []
    kept = approvals.recall(call.params, change["id"])
    if kept.approved >= needed:
        # they were young enough when the change began
        return Consented(), []
    deadline = None if call.check_mode else Deadline(WRITE_SECONDS)
    found = approvals.consent_of(call.params, kept.job).answer(kept.asked, needed, change["id"], now, deadline)
    return found, list(found.denials)


def _use(call: Call, consented: Consented) -> None:
    """Use the approvals of the change, so that they count for no other one."""
    params, change = call.params, call.params["change"]["id"]
    if consented.uses and not call.check_mode:
        kept = approvals.recall(params, change)
        approvals.consent_of(params, kept.job).use(consented.uses, change)
        approvals.keep(params, change, replace(kept, approved=len(consented.approvals)))


def _age(option: str, number: float, unit: timedelta) -> timedelta:
    try:
        age = number * unit
    except (OverflowError, ValueError):
        age = timedelta()
    if age <= timedelta():
        raise InputError(f"{option}: {number:g} is no age; give a number above 0")
    return age


def _heard(call: Call, ledger: Ledger) -> Ledger:
    """The ledger as its witness knows it; alone where that does not answer and the change goes on without it."""
    change = call.params["change"]
    found = hear(ledger, change, resumes=change["kind"] == RESUME, aside=False, begins=False)
    for warning in found.warnings:
        call.warn(warning)
    return ledger if found.answers else Ledger(ledger.objects)


def proof_of(
    ledger: Ledger, tenant: str, repository: str, doubt: Callable[[str], None] = lambda _sentence: None
) -> plan_gate.Proof:
    """What the ledger proves of a tenant. repository: as for Rules. doubt: is told of what proves nothing."""
    backup, drill = (ledger.evidence(event, tenant, repository, doubt) for event in plan_gate.EVIDENCE)
    return plan_gate.proof_from(backup.body if backup else None, drill.body if drill else None)


def _with_repository(call: Call, proofs: Mapping[str, plan_gate.Proof]) -> dict[str, plan_gate.Proof]:
    """The proofs with the backups that the repository holds. One that cannot be asked proves nothing."""
    try:
        newest = latest_backups(location_from(call.params["repository"]), list(proofs))
    except (UnreachableError, StateError) as error:
        call.warn(f"the backup repository was not asked for evidence: {error}")
        newest = {}
    return {name: plan_gate.with_backup(proof, newest.get(name)) for name, proof in proofs.items()}


def rules_from(params: Mapping[str, Any]) -> plan_gate.Rules:
    """The ages and tiers that the options state. Raises InputError for an age that cannot be counted."""
    return plan_gate.Rules(
        backup_age=_age("backup_max_age_hours", params["backup_max_age_hours"], timedelta(hours=1)),
        drill_age=_age("drill_max_age_days", params["drill_max_age_days"], timedelta(days=1)),
        tiers=tuple(params["tiers"]),
        repository=name_of(params["repository"]),
    )


def _subjects(params: Mapping[str, Any]) -> list[plan_gate.Subject]:
    return [plan_gate.Subject(item["name"], item["tier"]) for item in params["tenants"]]


def _decide(
    params: Mapping[str, Any],
    change: plan_gate.Change,
    subjects: Sequence[plan_gate.Subject],
    proofs: Mapping[str, plan_gate.Proof],
    now: datetime,
    rules: plan_gate.Rules,
    further: Sequence[str],
) -> plan_gate.Decision:
    """The decision on the change at `now`, by the options."""
    minutes = params["downtime_minutes"]
    if minutes < 0:
        raise InputError(f"downtime_minutes: {minutes} is no downtime; give a number above 0, or 0 for none")
    return plan_gate.decide(change, subjects, proofs, now, rules, params["serving_after"], minutes, further)
