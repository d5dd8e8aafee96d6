# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of odoo_release: reads the source, and sends its content only to a host that lacks it."""

from __future__ import annotations

import os
import tarfile
import tempfile
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError, sentence_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import printable
from ansible_collections.gantry.odoo.plugins.module_utils._runtime import read_files
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import release_id

_MODULE = "gantry.odoo.odoo_release"


class ActionModule(ActionBase):
    """Runs the module once where the host holds the release, and a second time with the content where it does not."""

    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action. Raises AnsibleActionFail with one sentence."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = dict(self._task.args)
        try:
            if {"manifest", "archive"} & set(args):
                raise InputError("manifest, archive: are set by the action plugin, give source instead")
            directory, found = self._source(args)
            if found:
                args["manifest"] = read_files.manifest(args["id"], found).as_dict()
            result.update(self._execute_module(module_name=_MODULE, module_args=args, task_vars=task_vars))
            if result.pop("needs_content", False):
                args["archive"] = self._send(directory, found)
                result.update(self._execute_module(module_name=_MODULE, module_args=args, task_vars=task_vars))
        except GantryError as error:
            raise AnsibleActionFail(printable(str(error))) from error
        except OSError as error:
            raise AnsibleActionFail(printable(sentence_of(error))) from error
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _source(self, args: dict[str, Any]) -> tuple[str, tuple[read_files.Entry, ...]]:
        """The release's directory and files on the controller; none of either where it does not hold the release."""
        identity = release_id(str(args.get("id", "")))
        args["id"] = identity
        if not args.get("source"):
            return "", ()
        source = self._loader.path_dwim(os.path.expanduser(args["source"]))
        if not os.path.isdir(source):
            raise InputError(f"source: {source} is not a directory of the controller; name the one that holds releases")
        directory = os.path.join(source, identity)
        if not os.path.isdir(directory):
            return "", ()
        if not os.path.isdir(os.path.join(directory, "addons")):
            raise InputError(f"source: {directory} has no directory 'addons'; a release holds <id>/addons/<addon>/...")
        found = read_files.entries(directory)
        if not found:
            raise InputError(f"source: {directory} holds no file; a release needs content")
        return directory, found

    def _send(self, directory: str, found: tuple[read_files.Entry, ...]) -> str:
        """Send the files as one compressed archive; the path it has on the host."""
        self._make_tmp_path()
        remote = self._connection._shell.join_path(self._connection._shell.tmpdir, "release.tar.gz")
        with tempfile.TemporaryDirectory(prefix="gantry-release-") as directory_of_archive:
            local = os.path.join(directory_of_archive, "release.tar.gz")
            with tarfile.open(local, "w:gz", compresslevel=1) as packed:
                for entry in found:
                    packed.add(os.path.join(directory, entry.path), arcname=entry.path, recursive=False)
            self._transfer_file(local, remote)
        return remote
