# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records what was decided on a change, once a run: a task that is repeated decides the same again."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_events import bring
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import WRITE_SECONDS, open_store
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import GATE, Event, event
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_gate import Decision
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call
from ansible_collections.gantry.odoo.plugins.plugin_utils import last_seen

# Ages and times in a reason are others a moment later.
_FIGURES = re.compile(r"\b\d[\d:.]*\b")


def record(
    call: Call, change: Mapping[str, Any], decision: Decision, facts: Mapping[str, Any], name: str = GATE
) -> None:
    """Record a decision, unless this run has recorded the same before. facts: beside its reasons, such as the score."""
    reasons = {"denials": list(decision.denials), "overridden": list(decision.overridden)}
    said = {"allowed": decision.allowed, **{key: value for key, value in reasons.items() if value}}
    if call.check_mode or not _is_new(call, [change["kind"], name, said, facts.get("part", "")]):
        return

    def make(now: datetime, late: bool) -> Event:
        return event(change, name, {**said, **facts}, now, None, late)

    brought = bring(call.params["store"], make, Deadline(WRITE_SECONDS))
    if brought.why:
        call.warn(f"the decision on {change['id']} is not in the change store yet: {brought.why}")


def _is_new(call: Call, decided: list[Any]) -> bool:
    """Whether this run decides something for the first time; what it has decided is kept."""
    objects, text = open_store(call.params["store"]), _FIGURES.sub("", json.dumps(decided, sort_keys=True))
    # runs may share the directory, as the forks of one process do
    run = str(os.getppid())
    seen = (last_seen.recall(objects, GATE) or {}).get(run, [])
    if text in seen:
        return False
    last_seen.keep(objects, GATE, {run: [*seen, text]})
    return True
