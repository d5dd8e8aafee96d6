# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of Odoo in the configuration of each instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_config import plan_options


def odoo_settings(
    instances: Sequence[Mapping[str, Any]], options: Mapping[str, Any], stop_timeout: int
) -> dict[str, dict[str, Any]]:
    """The options of each instance by its name. options: those for all instances. stop_timeout: seconds."""
    try:
        return {
            instance["name"]: plan_options(
                instance["name"], options or {}, instance.get("options") or {}, int(stop_timeout)
            )
            for instance in instances
        }
    except InputError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"odoo_settings": odoo_settings}
