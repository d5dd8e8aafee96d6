# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that runs Odoo once under a runtime."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.module_utils._runtime.options import runtime_of


def odoo_command(
    runtime: str, root: str, config_dir: str, data_dir: str, image: str = "", uid: int = 8069
) -> dict[str, Any]:
    """The command as a list, and the account to run it as."""
    options = {"root": root, "config_dir": config_dir, "data_dir": data_dir, "image": image, "uid": int(uid)}
    try:
        argv, user = runtime_of({"runtime": runtime, **options}).command()
    except KeyError as error:
        raise AnsibleFilterError(f"odoo_command takes systemd or docker, not {runtime}") from error
    return {"argv": list(argv), "user": user}


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Any]:
        """The filter by its name."""
        return {"odoo_command": odoo_command}
