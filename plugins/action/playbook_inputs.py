# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert and check the inputs of a playbook on the controller, by the declaration that stands beside the playbook."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.utils.vars import load_extra_vars

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_playbook import declaration, inputs
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_inventory import require_unmade
from ansible_collections.gantry.odoo.plugins.plugin_utils.action import ControllerAction
from ansible_collections.gantry.odoo.plugins.plugin_utils.playbook_files import read_variables
from ansible_collections.gantry.odoo.plugins.plugin_utils.policy import require_policy

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# What Ansible and AWX put among the extra variables.
_NOT_OURS = ("ansible_", "awx_", "tower_")


class ActionModule(ControllerAction):
    """Action behind gantry.odoo.playbook_inputs."""

    OPTIONS = {
        "playbook": {"type": "str", "required": True},
        "directory": {"type": "path", "required": True},
    }

    def work(self, call: Call, variables: Mapping[str, Any]) -> Outcome:
        """Read the declaration, and the variables that it names. Nothing has made a group yet."""
        require_unmade(variables["groups"])
        if not self._templar.template(variables.get("change_store", "not set")):
            raise InputError(
                "change_store is set and empty, so that nothing is known of the estate; fill it or take it away"
            )
        playbook = call.params["playbook"]
        files = {playbook: self._read(call, playbook)}
        files.update({other: self._read(call, other) for other in files[playbook].get("extends") or ()})
        declared = declaration(playbook, files)
        given = {name: self._templar.template(variables[name]) for name in declared.names() if name in variables}
        extra = load_extra_vars(self._loader)
        undeclared = {name for name in extra if not name.startswith(_NOT_OURS)} - set(declared.names())
        directory = Path(call.params["directory"]).resolve().parent
        found = read_variables(self._loader, directory, playbook) if undeclared else None
        made = inputs(declared, given, undeclared, found)
        require_policy(playbook, made, lambda name: self._templar.template(variables.get(name)))
        return Outcome(facts={"inputs": made})

    def _read(self, call: Call, name: str) -> dict[str, Any]:
        if not _NAME.fullmatch(name):
            raise InputError(f"playbook: {name} is no name of a playbook; use lower-case letters, digits and _")
        path = os.path.join(call.params["directory"], f"{name}.yml")
        try:
            found: dict[str, Any] = self._loader.load_from_file(path)
        except AnsibleError as error:
            raise InputError(f"the declaration of inputs {path} cannot be read: {_first_line(error)}") from error
        if not isinstance(found, Mapping):
            raise InputError(f"the declaration of inputs {path} holds no mapping; see those of the collection")
        return found


def _first_line(error: AnsibleError) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
