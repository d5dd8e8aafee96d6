# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Close a change on the controller: compare what was begun with what is proven, record it, release its lease."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from ansible import constants as C

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_events import bring, outbox
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import (
    AWAY_SECONDS,
    WRITE_SECONDS,
    open_store,
    patiently,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import Event, event
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import Part
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import CHANGE, STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import (
    is_done,
    plan_close,
    unfinished,
    unrecorded,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.report_parts import closing, planned
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._lease.plan import LostError
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction

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
        "notes": {"type": "list", "elements": "str", "default": []},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Compare what was planned with what is proven, record it, and fail unless all is done."""
        outcome = self._close(call)
        if _SUMMARY not in C.config.get_config_value("CALLBACKS_ENABLED"):
            self._display.display("\n".join(outcome.facts["screen"]))
        return outcome

    @staticmethod
    def _close(call: Call) -> Outcome:
        params, change, failures = call.params, call.params["change"], call.params["failures"]
        if call.check_mode:
            screen = planned(change["id"], params["parts"], [*failures, *params["notes"]])
            return Outcome(facts={"screen": screen}, failure="; ".join(failures))
        try:
            parts, lost = patiently(lambda: _settled(params), Deadline(AWAY_SECONDS))
            # where a change has parts, they say what became of each host
            hosts = [] if parts else params["lost"]
            reasons = [*filter(None, [lost]), *_lost(hosts), *failures]
            done = is_done(parts) and not reasons
            entry = _record(params, "closed" if done else "unfinished", parts, "; ".join(reasons))
            patiently(lambda: _end(params, lost), Deadline(AWAY_SECONDS))
        except (UnreachableError, StateError) as error:
            waiting = len(outbox(params["store"]).held())
            where = f"{outbox(params['store']).directory} on {socket.gethostname()}"
            names = [part["name"] for part in params["parts"]]
            failure = unrecorded(change["id"], change["kind"], names, str(error), waiting, where)
            return Outcome(facts={"screen": failure.split("; ")}, failure=failure)
        return Outcome(
            facts={
                **entry,
                "screen": closing(
                    change["id"], change["kind"], parts, [*_lost(hosts), *failures, *params["notes"]], done=done
                ),
            },
            failure="" if done else unfinished(change["id"], change["kind"], parts, lost, [*_lost(hosts), *failures]),
        )


def _lost(hosts: Sequence[str]) -> list[str]:
    return [f"{host} was lost or failed" for host in hosts]


def _settled(params: Mapping[str, Any]) -> tuple[tuple[Part, ...], str]:
    """The parts of the change when all that happened is in the store; and what became of a lease that is lost."""
    store = open_store(params["store"])
    outbox(params["store"]).deliver(store, Deadline(WRITE_SECONDS))
    parts = PartsLog(store).read().of(params["change"]["id"])
    try:
        Register(store).require(params["change"]["lease"])
    except LostError as error:
        return parts, str(error)
    return parts, ""


def _record(params: Mapping[str, Any], name: str, parts: tuple[Part, ...], lost: str) -> dict[str, Any]:
    """Record the end of the change; number and hash of the entry."""
    states = {"parts": {part.name: part.state for part in parts}} if parts else {}
    facts = {**params["facts"], **states, **({"lost": lost} if lost else {})}

    def make(now: datetime, late: bool) -> Event:
        return event(params["change"], name, facts, now, None, late)

    brought = bring(params["store"], make, Deadline(WRITE_SECONDS))
    if brought.why or brought.entry is None:
        raise UnreachableError(brought.why)
    return {"sequence": brought.entry.sequence, "hash": brought.entry.hash}


def _end(params: Mapping[str, Any], lost: str) -> None:
    """Take the parts of a change that is done out of the store, and release the lease."""
    store, change, deadline = open_store(params["store"]), params["change"], Deadline(WRITE_SECONDS)
    PartsLog(store).write(lambda seen: plan_close(seen, change["id"]), deadline)
    if change["lease"] and not lost:
        # an attempt before may have released it, without an answer
        with suppress(LostError):
            Register(store).release(change["lease"], deadline)
