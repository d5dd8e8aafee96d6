# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the actions on changes share."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_class import CLASSES, OUTSIDE_CALENDARS, STANDARD
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.options import BUCKET
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import SSL_MODES

# The three kinds of places, of which one is given.
_PLACES: dict[str, Any] = {
    "directory": {"type": "path"},
    "postgresql": {
        "type": "dict",
        "options": {
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "default": 5432},
            "user": {"type": "str", "required": True},
            "password": {"type": "str", "no_log": True},
            "dbname": {"type": "str", "default": "gantry"},
            "ssl_mode": {"type": "str", "default": "verify-full", "choices": list(SSL_MODES)},
            "ca_cert": {"type": "path"},
        },
    },
    "s3": BUCKET,
}
_ONE_PLACE: dict[str, Any] = {
    "mutually_exclusive": [("directory", "postgresql", "s3")],
    "required_one_of": [("directory", "postgresql", "s3")],
}
STORE: dict[str, Any] = {
    "type": "dict",
    "required": True,
    "options": {
        **_PLACES,
        "witness": {"type": "dict", "options": _PLACES, **_ONE_PLACE},
        "outbox": {"type": "path", "default": "~/.gantry/outbox"},
    },
    **_ONE_PLACE,
}
PAPERS: dict[str, Any] = {
    "kind": {"type": "str", "required": True},
    "requester": {"type": "str", "required": True},
    "class": {"type": "str", "choices": list(CLASSES), "default": STANDARD},
    "reason": {"type": "str", "default": ""},
    "approver": {"type": "str", "default": ""},
}
# The tenants that a change touches.
TENANTS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "name": {"type": "str", "required": True},
        "tier": {"type": "int", "required": True},
        "groups": {"type": "list", "elements": "str", "default": []},
    },
}
# The rules that a change is judged by when it is opened, and at its gate.
OPENING_RULES: dict[str, Any] = {
    "classes": {"type": "dict", "default": {}},
    "calendars": {"type": "list", "elements": "dict", "default": []},
    "outside_calendars": {"type": "list", "elements": "str", "default": list(OUTSIDE_CALENDARS)},
}
GATE_RULES: dict[str, Any] = {
    "backup_max_age_hours": {"type": "float", "default": 24},
    "drill_max_age_days": {"type": "float", "default": 31},
    "score_thresholds": {"type": "list", "elements": "dict", "default": []},
}
# The papers of a change that is opened, and its rules. An empty class is that of the table.
OPENING: dict[str, Any] = {
    **PAPERS,
    "requester": {"type": "str", "default": ""},
    "class": {"type": "str", "choices": ["", *CLASSES], "default": ""},
    **OPENING_RULES,
    "aspects": {"type": "list", "elements": "str", "default": []},
    "tenants": TENANTS,
    "groups": {"type": "list", "elements": "str", "default": []},
}
CHANGE: dict[str, Any] = {
    "type": "dict",
    "required": True,
    "options": {
        "id": {"type": "str", "required": True},
        **PAPERS,
        "authenticated": {"type": "bool", "default": False},
        "lease": {"type": "int", "default": 0},
        "fencing_number": {"type": "int", "default": 0},
    },
}
