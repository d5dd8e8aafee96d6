# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odoo processes as units of systemd."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_runtime import Runtime
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Instance, Key, Process, keys
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_command import systemd_command
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.read_processes import State, read_processes

_SHOWN = "--property=Id,MainPID,UnitFileState"


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
        answer = run(["systemctl", "show", _SHOWN, *map(unit, wanted)], deadline, what="systemctl show of Odoo's units")
        shown = [dict(line.split("=", 1) for line in block.splitlines()) for block in answer.strip().split("\n\n")]
        if len(shown) != len(wanted):
            raise StateError(f"systemctl show returned {len(shown)} units, not {len(wanted)}: {answer.strip()[:200]}")
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
        run(["systemctl", "daemon-reload"], deadline, what="systemctl daemon-reload")

    def enable(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Enable the units."""
        _systemctl("enable", keys, deadline)

    def disable(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Disable the units."""
        _systemctl("disable", keys, deadline)

    def start(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Start the units and wait until they run."""
        _systemctl("start", keys, deadline)

    def stop(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Stop the units and wait until they have ended."""
        _systemctl("stop", keys, deadline)

    def restart(self, keys: Sequence[Key], deadline: Deadline) -> None:
        """Restart the units and wait until they run."""
        _systemctl("restart", keys, deadline)

    def command(self) -> tuple[tuple[str, ...], str]:
        """The packaged Odoo, as its own account."""
        return systemd_command(self.layout)


def _systemctl(verb: str, keys: Sequence[Key], deadline: Deadline) -> None:
    units = [unit(key) for key in keys]
    run(["systemctl", verb, *units], deadline, what=f"systemctl {verb} {' '.join(units)}")
