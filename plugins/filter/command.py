# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole command of a playbook, as this run was called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.gantry.odoo.plugins.plugin_utils.command_line import command_line


def command(play: str) -> str:
    """`ansible-playbook` with inventory, vault and connection of this run, and a playbook with its inputs."""
    return f"{command_line().command} {play}"


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"command": command}
