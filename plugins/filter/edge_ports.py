# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which edges reach the ports of Odoo, and what is said of those that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._filter import report_proof


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {
            "cut_off_edges": report_proof.cut_off,
            "unasked_edges": report_proof.unasked,
            "unreached_servers": report_proof.unreached,
            "route_servers": report_proof.servers_of,
        }
