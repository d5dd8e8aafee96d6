# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts did not do what a play asked of all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change import plan_verify


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"parts_down": plan_verify.parts_down, "recover_unsettled": plan_verify.unsettled}
