# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show the certificates of an estate on the controller, and write them as JSON and as metrics."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ansible import constants as C

from ansible_collections.gantry.odoo.plugins.module_utils._certificate import report_scan
from ansible_collections.gantry.odoo.plugins.module_utils._core import apply_metrics
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import replace_file
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction

# The callback that shows the screen at the very end of the run.
_SUMMARY = "gantry.odoo.summary"


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.certificate_report."""

    OPTIONS = {
        "hosts": {"type": "list", "elements": "str", "required": True},
        "variable": {"type": "str", "default": "certificates_found"},
        "json_path": {"type": "path"},
        "metrics_path": {"type": "path"},
        "enforce": {"type": "bool", "default": True},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Report what was found, write it, and fail for what is not known."""
        params = call.params
        _check(params)
        hosts = [
            report_scan.host(name, variables["hostvars"][name].get(params["variable"])) for name in params["hosts"]
        ]
        screen = report_scan.screen(hosts)
        if params["metrics_path"] and not call.check_mode:
            apply_metrics.write_metrics(params["metrics_path"], report_scan.metrics(hosts))
        if params["json_path"] and not call.check_mode:
            text = json.dumps({"hosts": report_scan.document(hosts)}, indent=1)
            replace_file(params["json_path"], text + "\n", 0o644)
        if _SUMMARY not in C.config.get_config_value("CALLBACKS_ENABLED"):
            self._display.display("\n".join(["", *screen]))
        return Outcome(facts={"screen": screen}, failure=report_scan.failure(hosts, enforce=params["enforce"]))


def _check(params: Mapping[str, Any]) -> None:
    """Raise InputError for a file that could not be written, before anything is."""
    if params["metrics_path"]:
        apply_metrics.check_path(params["metrics_path"])
    path = params["json_path"]
    if path and not (os.path.isabs(path) and os.path.isdir(os.path.dirname(path)) and not os.path.isdir(path)):
        raise InputError(
            f"json_path: {path} is no absolute path of a file in a directory that exists; give one that is"
        )
