# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record on the controller what becomes of one part of a change, and whether the next one may be begun."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_events import bring, outbox, users_first
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import (
    AWAY_SECONDS,
    WRITE_SECONDS,
    open_store,
    patiently,
    require_lease,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import Event, event
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import (
    BEGUN,
    FAILED,
    PLANNED,
    PROVEN,
    RESTORED,
    Part,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import CHANGE, STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import EMERGENCY, RESUME
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_gate import (
    ClosedError,
    change_from,
    judge,
    papers,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import (
    has_part,
    plan_begin,
    with_part,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_parts import unwitnessed
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, sentence_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.plugin_utils import calendars, decisions, last_seen
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_step."""

    OPTIONS = {
        "store": STORE,
        "change": CHANGE,
        "part": {"type": "str", "required": True},
        "state": {"type": "str", "required": True, "choices": [BEGUN, PROVEN, RESTORED, FAILED, PLANNED]},
        "why": {"type": "str", "default": ""},
        "facts": {"type": "dict", "default": {}},
        "budget": {"type": "int", "default": 0},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Say whether the part may be begun, or keep what became of it."""
        params = call.params
        if call.check_mode:
            return Outcome(facts={"go": True, "stopped": ""})
        if params["state"] == BEGUN:
            try:
                patiently(lambda: _begin(call), Deadline(AWAY_SECONDS))
                self._bring(call)
                # what was written may have taken longer than the lease lasts, and another change may have the part
                patiently(lambda: require_lease(params), Deadline(AWAY_SECONDS))
            except (GantryError, OSError) as error:
                # no failure: the playbook has to reach the play that closes the change
                stopped = str(error) if isinstance(error, GantryError) else sentence_of(error)
                return Outcome(facts={"go": False, "stopped": stopped})
        else:
            self._bring(call)
        return Outcome(facts={"go": True, "stopped": ""})

    @staticmethod
    def _bring(call: Call) -> None:
        params = call.params

        def make(now: datetime, late: bool) -> Event:
            return event(params["change"], params["state"], params["facts"], now, _part(params, now), late)

        brought = bring(params["store"], make, Deadline(WRITE_SECONDS))
        _see(params)
        if brought.why:
            call.warn(f"{params['part']} is {params['state']}, which the change store has not taken yet: {brought.why}")
        if brought.unwitnessed:
            call.warn(unwitnessed(brought.unwitnessed))


def _begin(call: Call) -> None:
    """Write that the part is begun, behind all that happened before."""
    params = call.params
    store, deadline = open_store(params["store"]), Deadline(WRITE_SECONDS)
    held, resumes = outbox(params["store"]), params["change"]["kind"] == RESUME
    # the record of this part warns of a ledger that was damaged, as it cannot be written into it either
    users_first(resumes, lambda: held.deliver(store, deadline).values(), lambda _why: None)
    Register(store).require(params["change"]["fencing_number"])
    now = store.now()
    _require_calendars(call, PartsLog(store), now)
    parts = PartsLog(store).write(lambda seen: plan_begin(seen, _part(params, now), params["budget"]), deadline)
    last_seen.keep_parts(store, parts)


def _require_calendars(call: Call, log: PartsLog, now: datetime) -> None:
    """Raise ClosedError where a freeze has begun, or a window is over, before the part was touched.

    One that is out already is brought back, whatever the calendars say.
    """
    params, change = call.params, call.params["change"]
    if not _is_planned(log.read().of(change["id"]), params["part"]):
        return
    question = calendars.recall(params, change)
    if not question.calendars:
        return
    asked = change_from(change)
    # of one that is no emergency, the papers were verified when it was opened
    paper = list(papers(asked)) if asked.classification == EMERGENCY else []
    decision = judge(asked, paper, calendars.answer(call, question, now).denials)
    if decision.overridden or not decision.allowed:
        decisions.record(call, change, decision, {"part": params["part"]})
    if not decision.allowed:
        stopped = f"{params['part']} is not begun, as {decision.closed}"
        calendars.keep_stopped(params, stopped)
        raise ClosedError(stopped)


def _is_planned(parts: Iterable[Part], name: str) -> bool:
    return next((part.state for part in parts if part.name == name), PLANNED) == PLANNED


def _see(params: Mapping[str, Any]) -> None:
    """Keep what became of the part for what must not wait until the store answers, such as the last screen."""
    store, part = open_store(params["store"]), _part(params, datetime.now(timezone.utc))
    seen = last_seen.recall_parts(store)
    if has_part(seen, part):
        last_seen.keep_parts(store, with_part(seen, part))


def _part(params: Mapping[str, Any], now: datetime) -> Part:
    return Part(params["part"], params["change"]["id"], params["state"], now, params["why"], params["facts"])
