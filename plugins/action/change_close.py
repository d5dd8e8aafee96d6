# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Close a change on the controller: compare what was begun with what is proven, record it, release its lease."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible import constants as C

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_emergencies import Emergencies
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_events import bring, outbox
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import (
    AWAY_SECONDS,
    WRITE_SECONDS,
    open_store,
    patiently,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import CLOSED, UNFINISHED, Event, event
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import Part
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import CHANGE, STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.options_approval import IDENTITIES, identities_of
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import (
    as_seen,
    is_done,
    plan_close,
    taken_over,
    unfinished,
    unrecorded,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_approval import unauthenticated
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_parts import (
    closing,
    planned,
    unclosed,
    unwitnessed,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_playbook import for_playbook
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import LostError
from ansible_collections.gantry.odoo.plugins.plugin_utils import calendars, last_seen
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction
from ansible_collections.gantry.odoo.plugins.plugin_utils.command_line import command_line

# The callback that shows the screen at the very end of the run.
_SUMMARY = "gantry.odoo.summary"


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.change_close."""

    OPTIONS = {
        "store": STORE,
        "change": CHANGE,
        "facts": {"type": "dict", "default": {}},
        "parts": {"type": "list", "elements": "dict", "default": []},
        "lost": {"type": "list", "elements": "str", "default": []},
        "failures": {"type": "list", "elements": "str", "default": []},
        "lease_lost": {"type": "bool", "default": False},
        "notes": {"type": "list", "elements": "str", "default": []},
        **IDENTITIES,
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Compare what was planned with what is proven, record it, and fail unless all is done."""
        outcome = self._close(call)
        if _SUMMARY not in C.config.get_config_value("CALLBACKS_ENABLED"):
            self._display.display("\n".join(outcome.facts["screen"]))
        return outcome

    @staticmethod
    def _close(call: Call) -> Outcome:
        params, change = call.params, call.params["change"]
        failures = [for_playbook(one, change["kind"]) for one in [*params["failures"], *calendars.stopped(params)]]
        if call.check_mode:
            notes = [for_playbook(one, change["kind"]) for one in [*params["notes"], *_approvals(call)]]
            screen = planned(change["id"], params["parts"], [*failures, *notes])
            return Outcome(facts={"screen": screen}, failure="; ".join(failures))
        try:
            end = patiently(lambda: _settled(params), Deadline(AWAY_SECONDS))
            lost = [end.lost] if end.lost else []
            # where a change has parts, they say what became of each host
            beside = _lost([] if end.parts else params["lost"])
            beside += [] if end.lost and params["lease_lost"] else failures
            done = is_done(end.parts) and not lost and not beside
            recorded = _record(params, CLOSED if done else UNFINISHED, end.parts, "; ".join([*lost, *beside]))
            patiently(lambda: _end(params, end.lost), Deadline(AWAY_SECONDS))
        except (UnreachableError, StateError) as error:
            return _unclosed(params, str(error))
        names, notes = (change["id"], change["kind"]), [*lost, *beside, *params["notes"], *recorded.notes]
        notes += _approvals(call)
        screen = closing(*names, end.parts, notes, command_line(), done=done, taken_by=end.taken_by)
        said = "" if done else unfinished(*names, end.parts, end.lost, beside, end.taken_by)
        failure = for_playbook(said, change["kind"])
        return Outcome(facts={**recorded.entry, "screen": screen}, failure=failure)


def _approvals(call: Call) -> list[str]:
    """What is to be said of approvals: what emergencies lack, or that a typed name shows no person."""
    params, identities = call.params, identities_of(call.params)
    if not identities.listed:
        return [unauthenticated(params["change"]["approver"])] if params["change"]["approver"].strip() else []
    try:
        store = open_store(params["store"])
        return Emergencies(store, identities).lacking(store.now(), settles=not call.check_mode)
    except (UnreachableError, StateError) as error:
        return [f"it is not known what emergencies lack: {error}"]


def _lost(hosts: Sequence[str]) -> list[str]:
    return [f"{host} was lost or failed" for host in hosts]


@dataclass(frozen=True)
class _End:
    """A change when all that happened is in the store.

    lost: what became of its lease. taken_by: the change that goes on with it since, and who opened that.
    """

    parts: tuple[Part, ...]
    lost: str = ""
    taken_by: str = ""


def _settled(params: Mapping[str, Any]) -> _End:
    store, change = open_store(params["store"]), params["change"]["id"]
    outbox(params["store"]).deliver(store, Deadline(WRITE_SECONDS))
    parts = PartsLog(store).read().of(change)
    try:
        Register(store).require(params["change"]["fencing_number"])
    except LostError as error:
        taken = taken_over(change, (entry.body for entry in Ledger(store).walk()))
        return _End(parts, str(error), taken)
    return _End(parts)


def _unclosed(params: Mapping[str, Any], why: str) -> Outcome:
    """What this run has seen of a change whose store does not answer at its end."""
    change, box = params["change"], outbox(params["store"])
    parts = last_seen.recall_parts(open_store(params["store"])).of(change["id"])
    where = f"{box.directory} on {socket.gethostname()}"
    clauses = unrecorded(change["id"], change["kind"], parts, why, len(box.held()), where)
    failure = "; ".join(filter(None, [clauses[0], as_seen(parts), *clauses[1:]]))
    return Outcome(facts={"screen": unclosed(clauses, parts, command_line())}, failure=failure)


@dataclass(frozen=True)
class _Recorded:
    """The end of a change in the ledger. entry: its number and hash. notes: what is to be said of it."""

    entry: Mapping[str, Any]
    notes: Sequence[str]


def _record(params: Mapping[str, Any], name: str, parts: tuple[Part, ...], lost: str) -> _Recorded:
    """Record the end of the change."""
    states = {"parts": {part.name: part.state for part in parts}} if parts else {}
    facts = {**params["facts"], **states, **({"lost": lost} if lost else {})}

    def make(now: datetime, late: bool) -> Event:
        return event(params["change"], name, facts, now, None, late)

    brought = bring(params["store"], make, Deadline(WRITE_SECONDS))
    if brought.why or brought.entry is None:
        raise UnreachableError(brought.why)
    entry = {"sequence": brought.entry.sequence, "hash": brought.entry.hash}
    return _Recorded(entry, [unwitnessed(brought.unwitnessed)] if brought.unwitnessed else [])


def _end(params: Mapping[str, Any], lost: str) -> None:
    """Take the parts of a change that is done out of the store, and release the lease."""
    store, change, deadline = open_store(params["store"]), params["change"], Deadline(WRITE_SECONDS)
    PartsLog(store).write(lambda seen: plan_close(seen, change["id"]), deadline)
    if change["fencing_number"] and not lost:
        # an attempt before may have released it, without an answer
        with suppress(LostError):
            Register(store).release(change["fencing_number"], deadline)
