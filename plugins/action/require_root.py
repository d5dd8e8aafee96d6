# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify that tasks run as root, with one command and no module on the host."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase


def gap(subject: str, host: str, answer: str) -> str:
    """What is wrong with the user that `id -u` answered, in one sentence; "" for root. subject: who needs root."""
    uid = answer.strip()
    if uid == "0":
        return ""
    return f"{subject} needs root on {host}, and its tasks run as user {uid or 'unknown'}; set become: true on the play"


class ActionModule(ActionBase):
    """Action behind gantry.odoo.require_root."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the host who the tasks run as."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self.validate_argument_spec(argument_spec={})
        answer = self._low_level_execute_command("id -u")
        role = self._task._role
        subject = f"the role {role.get_name()}" if role else "the play"
        host = self._task.delegate_to or (task_vars or {})["inventory_hostname"]
        words = gap(subject, host, answer["stdout"])
        result["changed"] = False
        if words:
            result.update(failed=True, msg=words)
        return result
