# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the actions on changes share."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_gate import CLASSES

CHANGE: dict[str, Any] = {
    "type": "dict",
    "required": True,
    "options": {
        "id": {"type": "str", "required": True},
        "kind": {"type": "str", "required": True},
        "requester": {"type": "str", "required": True},
        "class": {"type": "str", "choices": list(CLASSES), "default": "standard"},
        "reason": {"type": "str", "default": ""},
        "approver": {"type": "str", "default": ""},
    },
}
