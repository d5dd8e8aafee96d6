# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that runs a program once under a runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.module_utils._service.plan_command import once


def run_once(
    argv: Sequence[str], runtime: str, image: str = "", user: str = "", volumes: Sequence[str] = ()
) -> list[str]:
    """The command as a list."""
    if runtime not in ("systemd", "docker"):
        raise AnsibleFilterError(f"run_once takes systemd or docker, not {runtime}")
    if runtime == "docker" and not image:
        raise AnsibleFilterError(f"run_once has no image to run {argv[0]} in; name the image with its tag")
    return once([str(word) for word in argv], runtime, image, user, volumes)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filter by its name."""
        return {"run_once": run_once}
