# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of the files of a PostgreSQL server, from the variables of the role."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_config import (
    alternative_names,
    config,
    verify_networks,
)


def postgresql_conf(settings: Mapping[str, Any], memory_mb: int, processors: int, fixed: Mapping[str, Any]) -> str:
    """The lines of a file of settings."""
    try:
        return config(settings, int(memory_mb), int(processors), fixed)
    except InputError as error:
        raise AnsibleFilterError(str(error)) from error


def postgresql_networks(networks: Sequence[Any]) -> list[str]:
    """The networks, validated."""
    try:
        return verify_networks(networks)
    except InputError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {
            "postgresql_conf": postgresql_conf,
            "postgresql_networks": postgresql_networks,
            "postgresql_san": alternative_names,
        }
