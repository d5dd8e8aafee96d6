# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services as units of systemd."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.systemd import read_units, systemctl
from ansible_collections.gantry.odoo.plugins.module_utils._service.apply_service import Manager
from ansible_collections.gantry.odoo.plugins.module_utils._service.model import Service, State

_SHOWN = ("Id", "ActiveState", "UnitFileState", "ExecMainStartTimestamp")
_RUNS = ("active", "reloading")
_BOOTS = ("enabled", "enabled-runtime")


class Units(Manager):
    """Units that packages or roles bring."""

    def read(self, services: Sequence[Service], deadline: Deadline) -> dict[str, State]:
        """The services as systemd shows them."""
        shown = read_units([service.name for service in services], _SHOWN, deadline)
        return {service.name: _state(service, unit) for service, unit in zip(services, shown)}

    def refresh(self, deadline: Deadline) -> None:
        """Have systemd read the unit files."""
        systemctl("daemon-reload", [], deadline)

    def enable(self, service: Service, deadline: Deadline) -> None:
        """Enable the unit."""
        systemctl("enable", [service.name], deadline)

    def start(self, service: Service, deadline: Deadline) -> None:
        """Start the unit and wait until it runs."""
        systemctl("start", [service.name], deadline)

    def restart(self, service: Service, deadline: Deadline) -> None:
        """Restart the unit and wait until it runs."""
        systemctl("restart", [service.name], deadline)


def turn_off(unit: str, deadline: Deadline) -> None:
    """Stop and disable a unit."""
    run(["systemctl", "disable", "--now", unit], deadline, what=f"systemctl disable --now {unit}")


def _state(service: Service, shown: dict[str, str]) -> State:
    running = shown["ActiveState"] in _RUNS
    return State(
        running=running,
        enabled=shown["UnitFileState"] in _BOOTS,
        listening=not service.socket or os.path.exists(service.socket),
        differs=_age(service.program, shown["ExecMainStartTimestamp"]) if running else "",
    )


def _age(program: str, started: str) -> str:
    """Why the process is older than its program, "" where it is not. An upgrade puts another file in its place."""
    if not program:
        return ""
    try:
        placed = os.stat(program).st_ctime
    except FileNotFoundError:
        return f"{program} is gone"
    return f"{program} is newer than its start" if int(started.lstrip("@") or 0) < int(placed) else ""
