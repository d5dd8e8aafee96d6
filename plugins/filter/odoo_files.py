# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directories and files of a host's instances."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_config import plan_config
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Layout
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_config import plan_options
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_files import (
    own_options,
    plan_cron_files,
    plan_instance_files,
)


def odoo_files(
    instances: Sequence[Mapping[str, Any]],
    paths: Mapping[str, str],
    uid: int,
    database: Mapping[str, Any],
    http_interface: str,
    options: Mapping[str, Any],
    stop_timeout: int,
) -> list[dict[str, Any]]:
    """The option of host_files. paths: root, config_dir, data_dir. database: host, port and ca of the server."""
    layout = Layout(**paths)
    server = database["host"], database["port"]
    try:
        texts = {
            one["name"]: plan_config(
                {
                    **own_options(layout, one, server, http_interface),
                    **plan_options(one["name"], options or {}, one.get("options") or {}, int(stop_timeout)),
                }
            )
            for one in instances
        }
    except InputError as error:
        raise AnsibleFilterError(str(error)) from error
    return plan_instance_files(layout, int(uid), database["ca"], texts)


def odoo_cron_files(instances: Sequence[Mapping[str, Any]], config_dir: str) -> list[dict[str, Any]]:
    """The files that are written once the databases are there."""
    return plan_cron_files(Layout(config_dir=config_dir), instances)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"odoo_files": odoo_files, "odoo_cron_files": odoo_cron_files}
