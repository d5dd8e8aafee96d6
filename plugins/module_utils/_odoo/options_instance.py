# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that tell a module how Odoo is configured and started."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_lent_role import WRITE_USER


def argument_spec(*, timeout: int = 1800, lock_timeout: int = 60) -> dict[str, dict[str, Any]]:
    """The options of the documentation fragment gantry.odoo.odoo. Times are in seconds."""
    return {
        "config": {"type": "path"},
        "odoo_command": {"type": "list", "elements": "str", "default": ["odoo"]},
        "odoo_user": {"type": "str", "default": "odoo"},
        "write_user": {"type": "str", "default": WRITE_USER},
        "timeout": {"type": "int", "default": timeout},
        "lock_timeout": {"type": "int", "default": lock_timeout},
    }
