# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show the backups of all tenants on the controller, the worst first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible import constants as C

from ansible_collections.gantry.odoo.plugins.module_utils._backup import report_table
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction

# The callback that shows the screen at the very end of the run.
_SUMMARY = "gantry.odoo.summary"


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.backup_report."""

    OPTIONS = {
        "compliance": {"type": "list", "elements": "dict", "required": True},
        "width": {"type": "int"},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Show what was observed."""
        entries = call.params["compliance"]
        # the display leaves the last column free
        screen = report_table.screen(entries, call.params["width"] or self._display.columns + 1)
        if _SUMMARY not in C.config.get_config_value("CALLBACKS_ENABLED"):
            self._display.display("\n".join(["", *screen]))
        return Outcome(facts={"screen": screen, "complaint": report_table.complaint(entries)})
