# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of identities, of their approvals and of the rules that these cover, and their conversion."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_identity import (
    ACTIONS,
    Identities,
    identities_from,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.options import GATE_RULES, OPENING_RULES
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_approval import Limits
from ansible_collections.gantry.odoo.plugins.module_utils._change.read_awx import ANSWER_SECONDS, Awx
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import is_path, shown
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_https import Https

# A key is public, and so are these times.
_KEY: dict[str, Any] = {
    "key": {"type": "str", "required": True, "no_log": False},
    "valid_after": {"type": "str"},
    "valid_before": {"type": "str"},
}
IDENTITIES: dict[str, Any] = {
    "identities": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "logins": {"type": "list", "elements": "str", "default": []},
            "awx_users": {"type": "list", "elements": "str", "default": []},
            "keys": {"type": "list", "elements": "dict", "default": [], "options": _KEY, "no_log": False},
            "may": {"type": "list", "elements": "str", "choices": list(ACTIONS), "default": []},
        },
    },
    "revoked_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "approval_hours": {"type": "float", "default": 24},
    "approval_wait_days": {"type": "float", "default": 7},
}
AWX: dict[str, Any] = {
    "type": "dict",
    "options": {
        "url": {"type": "str", "required": True},
        "token": {"type": "str", "required": True, "no_log": True},
        "ca_cert": {"type": "path"},
        "api_path": {"type": "str", "default": "/api/v2"},
    },
}
# Why a typed approver is refused once there are identities.
TYPED = (
    "change_approver: the inventory declares change_identities, so that a typed name approves nothing; leave it out, "
    "and have the change approved with gantry.odoo.approve"
)
# All that a change is judged by and that an approval covers, beside the inventory as a whole.
RULES: dict[str, Any] = {**IDENTITIES, **OPENING_RULES, **GATE_RULES}


def identities_of(params: Mapping[str, Any]) -> Identities:
    """The identities that the options declare. Raises InputError."""
    return identities_from(params["identities"], params["revoked_keys"])


def limits_from(params: Mapping[str, Any]) -> Limits:
    """How long approvals hold and requests wait. Raises InputError for a time that is none."""
    return Limits(
        _span("approval_hours", params["approval_hours"], timedelta(hours=1)),
        _span("approval_wait_days", params["approval_wait_days"], timedelta(days=1)),
    )


def rules_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The value of each rule, by the name of its variable, as each checkout of the inventory has it."""
    rules = {f"change_{name}": params[name] for name in RULES}
    # a path is another one for each person who has the inventory
    calendars = [{**one, "source": os.path.basename(str(one.get("source", "")))} for one in params["calendars"]]
    return {**rules, "change_calendars": calendars}


def awx_from(declared: Mapping[str, Any] | None) -> Awx | None:
    """The AWX that the option `awx` describes, None where it is not given. Raises InputError."""
    if not declared:
        return None
    root = declared["api_path"].rstrip("/")
    if not is_path(root) or "?" in root:
        raise InputError(f"awx.api_path: {shown(root)} is no path; give one as /api/v2 or /api/controller/v2")
    headers = {"Authorization": f"Bearer {declared['token']}", "Accept": "application/json"}
    if not all(one.isascii() and one.isprintable() for one in headers.values()):
        raise InputError("awx.token: it has a character that no token has; copy it anew")
    server = Https(declared["url"], "AWX", "change_awx", ANSWER_SECONDS, headers, declared.get("ca_cert") or "")
    return Awx(server, root)


def _span(option: str, number: float, unit: timedelta) -> timedelta:
    try:
        span = number * unit
    except (OverflowError, ValueError):
        span = timedelta()
    if not timedelta() < span <= timedelta(days=366):
        raise InputError(f"{option}: {number:g} is no time for an approval; give a number above 0, of a year at most")
    return span
