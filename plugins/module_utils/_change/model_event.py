# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened in a change, on its way into the change store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import seal
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import Part, part_from
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError

# How a change is opened and ends, or is broken by an operator.
OPENED, CLOSED, UNFINISHED, BROKEN = "opened", "closed", "unfinished", "broken"
# What was decided on a change: by the gate, or because another change is in its way.
GATE, REFUSED = DECIDED = ("gate", "refused")


@dataclass(frozen=True)
class Event:
    """One event. body: as the ledger's entry holds it. part: the part of the change whose state it is, if any.

    after: the number of an entry that was in the ledger before this one was written for the first time; None before.
    """

    body: Mapping[str, Any]
    part: Part | None = None
    after: int | None = None

    def tried(self, after: int) -> Event:
        """The event that is written next, behind the entry with the number `after` or a later one."""
        return replace(self, after=after)

    def as_text(self) -> str:
        """The event as a file holds it. Raises InputError where it is no JSON."""
        seal(self.body, None)
        part = self.part.as_body() if self.part else None
        return json.dumps({"body": self.body, "part": part, "after": self.after}, sort_keys=True)


def event(
    change: Mapping[str, Any], name: str, facts: Mapping[str, Any], now: datetime, state: Part | None, late: bool
) -> Event:
    """What happened in a change at `now`. late: by the clock of the controller, as the store did not answer."""
    body = {"time": now.isoformat(timespec="milliseconds"), "change": dict(change), "event": name}
    if state is not None:
        facts = {"part": state.name, **({"why": state.why} if state.why else {}), **facts}
    return Event({**body, "facts": dict(facts), **({"late": True} if late else {})}, state)


def event_from(text: str, path: str) -> Event:
    """The event that a file holds. Raises StateError where it is none of ours."""
    try:
        found = json.loads(text)
        part = found["part"]
        return Event(dict(found["body"]), None if part is None else part_from(part), found["after"])
    except BAD_VALUES as error:
        raise StateError(f"{path} holds no event of a change ({error!r}); see what it was and move it away") from error
