# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify that tasks run as root, with one command and no module on the host, and that no variable is misspelt."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable
from typing import Any

from ansible.plugins.action import ActionBase

# of 1 for the same word: a letter more, less or other in a name of ten
_ALIKE = 0.9


def gap(subject: str, host: str, answer: str) -> str:
    """What is wrong with the user that `id -u` answered, in one sentence; "" for root. subject: who needs root."""
    uid = answer.strip()
    if uid == "0":
        return ""
    return f"{subject} needs root on {host}, and its tasks run as user {uid or 'unknown'}; set become: true on the play"


def misspelt(role: str, known: Collection[str], given: Iterable[str]) -> list[str]:
    """A sentence for each variable that differs by little from one of the role.

    Others with the role's prefix may belong to somebody else. known: the role's variables. given: all of the host.
    """
    found = []
    for name in sorted(name for name in given if name.startswith(f"{role}_") and name not in known):
        meant = difflib.get_close_matches(name, known, 1, _ALIKE)
        if meant:
            found.append(
                f"the role {role} has no variable {name}, so it has no effect; if {meant[0]} is meant, rename it"
            )
    return found


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
        if role:
            name = role.get_name().rpartition(".")[2]
            result["warnings"] = misspelt(name, self._variables(role), task_vars or {})
        if words:
            result.update(failed=True, msg=words)
        return result

    def _variables(self, role: Any) -> set[str]:
        """The variables of all entry points of a role."""
        specs = self._loader.load_from_file(os.path.join(role.get_role_path(), "meta", "argument_specs.yml"))
        return {name for entry in specs["argument_specs"].values() for name in entry.get("options") or ()}
