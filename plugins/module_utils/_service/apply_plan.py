# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a plan for the services of a host."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Hands, Step, carry_out
from ansible_collections.gantry.odoo.plugins.module_utils._service.apply_service import Manager
from ansible_collections.gantry.odoo.plugins.module_utils._service.apply_units import turn_off
from ansible_collections.gantry.odoo.plugins.module_utils._service.model import Service
from ansible_collections.gantry.odoo.plugins.module_utils._service.plan import Enable, Restart, Start, TurnOff


def apply(manager: Manager, steps: Sequence[Step], deadline: Deadline) -> None:
    """Carry out the steps. A service that was started listens before the next step."""

    def started(step: Start) -> None:
        manager.start(step.service, deadline)
        await_listener(step.service, deadline)

    def restarted(step: Restart) -> None:
        manager.restart(step.service, deadline)
        await_listener(step.service, deadline)

    hands: Hands = {
        TurnOff: lambda step: turn_off(step.target, deadline),
        Enable: lambda step: manager.enable(step.service, deadline),
        Start: started,
        Restart: restarted,
    }
    if steps:
        manager.refresh(deadline)
    for step in steps:
        carry_out(step, hands)


def await_listener(service: Service, deadline: Deadline) -> None:
    """Wait until the service listens where it is declared to. Raises DeadlineError."""
    if service.socket:
        deadline.wait(lambda: os.path.exists(service.socket) or None, f"{service.name} at {service.socket}", 0.1)
    if service.port:
        where = f"{service.host}:{service.port}"
        deadline.wait(lambda: _connects(service.host, service.port), f"an answer of {service.name} at {where}", 0.1)


def _connects(host: str, port: int) -> bool | None:
    try:
        with socket.create_connection((host, port), timeout=5):
            return True
    except OSError:
        return None
