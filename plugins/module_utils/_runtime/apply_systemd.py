# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odoo processes as units of systemd."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.systemd import read_units, systemctl
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_runtime import Runtime
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Instance, Key, Process, keys
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_command import systemd_command
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.read_processes import State, read_processes

_SHOWN = ("Id", "MainPID", "UnitFileState")


def unit(key: Key) -> str:
    """The unit of one process of an instance."""
    name, kind = key
    return f"odoo-{kind}@{name}.service"


@dataclass(frozen=True)
class Systemd(Runtime):
    """The units that the role odoo writes."""

    def read(self, instances: Sequence[Instance], deadline: Deadline) -> dict[Key, Process]:
        """Every process of the instances, as systemd and /proc show it."""
        wanted = keys(instances)
        shown = read_units([unit(key) for key in wanted], _SHOWN, deadline)
        states = {
            (name, kind): State(
                main=int(properties["MainPID"]),
                enabled=properties["UnitFileState"] == "enabled",
                files=(os.path.join(self.layout.unit_dir, f"odoo-{kind}@.service"),),
            )
            for (name, kind), properties in zip(wanted, shown)
        }
        return read_processes(self.layout, states)

    def refresh(self, deadline: Deadline) -> None:
        """Have systemd read the unit files."""
        systemctl("daemon-reload", [], deadline)

    def enable(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Enable the units."""
        systemctl("enable", [unit(key) for key in keys], deadline)

    def disable(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Disable the units."""
        systemctl("disable", [unit(key) for key in keys], deadline)

    def start(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Start the units and wait until they run."""
        systemctl("start", [unit(key) for key in keys], deadline)

    def stop(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Stop the units and wait until they have ended."""
        systemctl("stop", [unit(key) for key in keys], deadline)

    def restart(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Restart the units and wait until they run."""
        systemctl("restart", [unit(key) for key in keys], deadline)

    def command(self) -> tuple[tuple[str, ...], str]:
        """The packaged Odoo, as its own account."""
        return systemd_command(self.layout)
