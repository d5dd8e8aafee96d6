# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edges that a task did not reach, and what is said of those that did not take their routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change import report_edges


def edge_faults(unreached: Mapping[str, str], refused: Mapping[str, str], gives: bool) -> list[str]:
    """A sentence for each fault. gives: whether users are sent to what serves them."""
    return report_edges.left_out(unreached, refused, gives=gives)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {
            "silent_edges": report_edges.silent,
            "lost_edges": report_edges.lost,
            "unproven_edges": report_edges.unproven,
            "edge_faults": edge_faults,
            "failed_edges": report_edges.failed,
            "returned_edges": report_edges.returned,
            "left_edges": report_edges.left,
        }
