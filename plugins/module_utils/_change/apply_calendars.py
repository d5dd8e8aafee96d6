# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the calendars of an estate about a change: its windows, the freezes, and the time that is left."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._calendar.apply_index import Indexed, indexed_timelines
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import (
    FREEZE,
    Calendar,
    Subject,
    calendar_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.plan import denials, next_span
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import STANDARD
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError

# How far ahead windows and freezes are looked for.
HORIZON_DAYS = 90


@dataclass(frozen=True)
class Question:
    """What calendars are asked: whom a change touches, and its class."""

    calendars: tuple[Calendar, ...] = ()
    subjects: tuple[Subject, ...] = ()
    classification: str = STANDARD

    def as_body(self) -> dict[str, Any]:
        """The question as a file holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Answer:
    """What calendars say. next_freeze: the time until one begins, None where none is known. warning: of their index."""

    denials: tuple[str, ...] = ()
    next_freeze: timedelta | None = None
    warning: str = ""


def question_from(body: Mapping[str, Any]) -> Question:
    """The question that a file holds."""
    subjects = (Subject(one["tenant"], tuple(one["groups"])) for one in body["subjects"])
    return Question(tuple(Calendar(**one) for one in body["calendars"]), tuple(subjects), body["classification"])


def calendars_from(declared: Sequence[Mapping[str, Any]]) -> tuple[Calendar, ...]:
    """The calendars that an inventory declares. Raises InputError for one that cannot be meant."""
    if not isinstance(declared, (list, tuple)) or not all(isinstance(one, Mapping) for one in declared):
        raise InputError("change_calendars must be a list of mappings with name, kind, concerns and source")
    found = tuple(calendar_from(one) for one in declared)
    names = [one.name for one in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"calendar {twice[0]} is declared twice; give each another name")
    return found


def subjects_from(tenants: Sequence[Mapping[str, Any]], groups: Sequence[str]) -> tuple[Subject, ...]:
    """Whom a change touches. groups: of hosts that it touches for all tenants; alone where it names no tenant."""
    listed = [(one["name"], one.get("groups") or ()) for one in tenants] or ([("", ())] if groups else [])
    return tuple(Subject(name, (*own, *groups)) for name, own in listed)


def ask(question: Question, now: datetime, directory: str) -> Answer:
    """Ask the calendars. directory: for their index. One that cannot be read may freeze the change."""
    if not question.calendars:
        return Answer()
    try:
        indexed = read_calendars(question, now, directory)
    except GantryError as error:
        return Answer((f"a freeze may be in a calendar that cannot be read: {error}",))
    said = denials(indexed.timelines, question.subjects, question.classification, now)
    freeze = next_span(indexed.timelines, question.subjects, FREEZE, now)
    return Answer(tuple(said), freeze.span.start - now if freeze else None, indexed.warning)


def read_calendars(question: Question, now: datetime, directory: str) -> Indexed:
    """The timelines of calendars. directory: as for `ask`. Raises InputError for one that cannot be read or meant."""
    if not question.calendars:
        return Indexed((), 0)
    path, unkept = _index(directory)
    indexed = indexed_timelines(question.calendars, now, HORIZON_DAYS, path)
    return replace(indexed, warning=unkept or indexed.warning)


def _index(directory: str) -> tuple[str, str]:
    """The file of the index, and a warning where its directory cannot be made."""
    place = os.path.expanduser(directory)
    path = os.path.join(place, "calendars")
    try:
        os.makedirs(place, mode=0o700, exist_ok=True)
    except OSError as error:
        return path, f"the index of calendars is not kept, so each run expands them: {error}"
    return path, ""
