# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a task failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.report_run import reason


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[[Mapping[str, Any]], str]]:
        """Names and functions."""
        return {"reason": reason}
