# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies what an inventory declares for the gate, before a playbook looks at a host."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Callable

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_calendars import (
    Question,
    calendars_from,
    read_calendars,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import STORE
from ansible_collections.gantry.odoo.plugins.module_utils._change.options_approval import (
    IDENTITIES,
    TYPED,
    identities_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import (
    EMERGENCY,
    OUTSIDE_CALENDARS,
    RESUME,
    table_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_score import thresholds_from
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError


def require_policy(playbook: str, inputs: Mapping[str, Any], declared: Callable[[str], Any]) -> None:
    """Raise InputError where the gate could not judge by what is declared.

    declared: the value of a variable of the inventory, None where it is not set. A calendar that cannot be read keeps
    out what a freeze in it could forbid, so neither what reads, nor what goes on with a change, nor an emergency.
    """
    _require_identities(inputs, declared)
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


def _require_identities(inputs: Mapping[str, Any], declared: Callable[[str], Any]) -> None:
    """Raise InputError for identities that cannot be told apart, and for an approver that is typed beside them."""
    given = {name: declared(f"change_{name}") for name in ("identities", "revoked_keys")}
    found = ArgumentSpecValidator(IDENTITIES).validate({name: value for name, value in given.items() if value})
    if found.error_messages:
        raise InputError(f"change_identities is not valid: {'; '.join(found.error_messages)}")
    identities = identities_of(found.validated_parameters)
    if identities.listed and inputs.get("change_approver"):
        raise InputError(TYPED)
