# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The instances of a host as the modules of the collection take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import unique_instances


def odoo_processes(instances: Any) -> list[dict[str, Any]]:
    """The instances without anything but their processes: names, ports, and whether there is a cron process.

    Names and ports are validated.
    """
    if not isinstance(instances, (list, tuple)):
        raise AnsibleFilterError(f"odoo_processes takes the list odoo_instances, not {type(instances).__name__}")
    processes = [
        {
            "name": instance["name"],
            "http_port": instance.get("http_port", 8069),
            "websocket_port": instance.get("websocket_port", 8072),
            "cron": bool(instance.get("databases")),
        }
        for instance in instances
    ]
    try:
        unique_instances(tuple(processes))
    except InputError as error:
        raise AnsibleFilterError(f"odoo_{error}") from error
    return processes


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"odoo_processes": odoo_processes}
