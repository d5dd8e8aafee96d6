# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the modules of a host's instances share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_docker import Docker
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_runtime import Runtime
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_systemd import Systemd
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Layout

INSTANCES: dict[str, Any] = {
    "instances": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "http_port": {"type": "int", "default": 8069},
            "websocket_port": {"type": "int", "default": 8072},
            "cron": {"type": "bool", "default": False},
        },
    },
    "runtime": {"type": "str", "choices": ["systemd", "docker"], "default": "systemd"},
    "root": {"type": "path", "default": "/opt/odoo"},
    "config_dir": {"type": "path", "default": "/etc/odoo"},
}
FENCING_NUMBER: dict[str, Any] = {"type": "int", "default": 0}


def runtime_of(params: Mapping[str, Any]) -> Runtime:
    """The runtime that the options of a module describe. Raises InputError."""
    given = {key: params[key] for key in ("root", "config_dir", "data_dir", "unit_dir") if params.get(key)}
    return _RUNTIMES[params["runtime"]](params, Layout(**given))


def _systemd(_params: Mapping[str, Any], layout: Layout) -> Runtime:
    return Systemd(layout)


def _docker(params: Mapping[str, Any], layout: Layout) -> Runtime:
    if params.get("state") == "started" and not params["image"]:
        raise InputError("image: is empty, and runtime is docker; name the image to run, with its tag or digest")
    given = {key: params[key] for key in ("image", "uid", "stop_timeout") if params.get(key)}
    return Docker(layout, **given)


_RUNTIMES = {"systemd": _systemd, "docker": _docker}
