# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps, for a run, what its calendars are asked, so that each step of the change asks the same again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_calendars import (
    Answer,
    Question,
    ask,
    question_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.plugin_utils import last_seen

_ASKED, _STOPPED = "calendars", "stopped"


def keep(params: Mapping[str, Any], change: str, question: Question) -> None:
    """Keep what the calendars are asked about a change. params: with the option `store`."""
    store = open_store(params["store"])
    last_seen.keep(store, _ASKED, {**(last_seen.recall(store, _ASKED) or {}), change: question.as_body()})


def recall(params: Mapping[str, Any], change: Mapping[str, Any]) -> Question:
    """What the calendars are asked about a change.

    Raises StateError for one that holds a lease and whose question this run does not know: that is not an empty one.
    """
    kept = (last_seen.recall(open_store(params["store"]), _ASKED) or {}).get(change["id"])
    if kept is None and change["lease"]:
        raise StateError(
            f"what the calendars are asked of {change['id']} is not known, as another run has opened it or the "
            "temporary files of this one are gone; resume the change"
        )
    return question_from(kept) if kept else Question()


def answer(call: Call, question: Question, now: datetime) -> Answer:
    """What the calendars say at `now`, with a warning where their index is not kept."""
    found = ask(question, now, call.params["store"]["outbox"])
    if found.warning:
        call.warn(found.warning)
    return found


def keep_stopped(params: Mapping[str, Any], sentence: str) -> None:
    """Keep why a part of the change was not begun, for its end."""
    kept = stopped(params)
    if sentence not in kept:
        last_seen.keep(open_store(params["store"]), _STOPPED, {params["change"]["id"]: [*kept, sentence]})


def stopped(params: Mapping[str, Any]) -> list[str]:
    """Why parts of the change were not begun in this run, as the gate was closed."""
    kept = last_seen.recall(open_store(params["store"]), _STOPPED) or {}
    found: list[str] = kept.get(params["change"]["id"], [])
    return found
