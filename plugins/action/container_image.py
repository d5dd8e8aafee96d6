# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of container_image: sends the archive only to a host that lacks the image."""

from __future__ import annotations

import os
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

_MODULE = "gantry.odoo.container_image"


class ActionModule(ActionBase):
    """Runs the module once where the host holds the image, and a second time with the archive where it does not."""

    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action. Raises AnsibleActionFail with one sentence."""
        result = super().run(tmp, task_vars)
        args = dict(self._task.args)
        try:
            if args.get("staged"):
                raise AnsibleActionFail("staged: is set by the action plugin, give archive instead")
            result.update(self._execute_module(module_name=_MODULE, module_args=args, task_vars=task_vars))
            if result.get("needs_archive") or any(step["action"] == "load" for step in result.get("steps", ())):
                archive = self._archive(args["archive"])
                if result.pop("needs_archive", False):
                    args["staged"] = self._send(archive)
                    result.update(self._execute_module(module_name=_MODULE, module_args=args, task_vars=task_vars))
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _archive(self, given: str) -> str:
        """The path of the archive on the controller."""
        path: str = self._loader.path_dwim(os.path.expanduser(given))
        if not os.path.isfile(path):
            raise AnsibleActionFail(f"archive: {path} is not a file of the controller; name the archive of the image")
        return path

    def _send(self, archive: str) -> str:
        """Send the archive; its path on the host."""
        self._make_tmp_path()
        remote: str = self._connection._shell.join_path(self._connection._shell.tmpdir, "image.tar")
        self._transfer_file(archive, remote)
        return remote
