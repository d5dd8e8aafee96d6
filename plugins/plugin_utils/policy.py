# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies what an inventory declares for the gate, before a playbook looks at a host."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Callable

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_calendars import (
    Question,
    calendars_from,
    read_calendars,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import (
    EMERGENCY,
    OUTSIDE_CALENDARS,
    RESUME,
    table_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_score import thresholds_from


def require_policy(playbook: str, inputs: Mapping[str, Any], declared: Callable[[str], Any]) -> None:
    """Raise InputError where the gate could not judge by what is declared.

    declared: the value of a variable of the inventory, None where it is not set. A calendar that cannot be read keeps
    out what a freeze in it could forbid, so neither what reads, nor what goes on with a change, nor an emergency.
    """
    table_from(declared("change_classes") or {})
    thresholds_from(declared("change_score_thresholds") or [])
    calendars = calendars_from(declared("change_calendars") or [])
    outside = declared("change_outside_calendars") or OUTSIDE_CALENDARS
    # the precheck opens no change, and is what is run after the inventory was changed
    if playbook != "precheck" and (
        "change_class" not in inputs or playbook in (RESUME, *outside) or inputs["change_class"] == EMERGENCY
    ):
        return
    outbox = (declared("change_store") or {}).get("outbox") or STORE["options"]["outbox"]["default"]
    read_calendars(Question(calendars), datetime.now(timezone.utc), str(outbox))
