# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan what the services of a host need, the same for units and containers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._service.model import Service, State, States


@dataclass(frozen=True)
class ServiceStep(Step):
    """A step on one declared service."""

    service: Service = Service("")


class Enable(ServiceStep):
    """Have a service start with the host."""


class Start(ServiceStep):
    """Start a service as it is declared now."""


class Restart(ServiceStep):
    """Stop a service and start it as it is declared now."""


class TurnOff(Step):
    """Stop and disable a unit that is not declared."""


def plan_off(states: States) -> tuple[TurnOff, ...]:
    """The steps after which none of the units runs or starts with the host."""
    return tuple(
        TurnOff("turn off", name, "it runs" if state.running else "it starts with the host")
        for name, state in states.items()
        if state.running or state.enabled
    )


def plan(services: Sequence[Service], states: States, state: str, on_change: str) -> tuple[ServiceStep, ...]:
    """The steps that bring the services to a state: started, restarted, or gathered, which takes none.

    on_change: `restart`, or `leave` for a service that runs and is not what is declared.
    """
    if state == "gathered":
        return ()
    return tuple(step for service in services for step in _steps(service, states[service.name], state, on_change))


def _steps(service: Service, seen: State, state: str, on_change: str) -> Iterator[ServiceStep]:
    if service.enable and not seen.enabled:
        yield Enable("enable", service.name, "it has to start with the host", service)
    if state == "restarted":
        yield Restart("restart", service.name, "asked for", service)
    elif not seen.running:
        yield Start("start", service.name, "it does not run", service)
    elif not seen.listening:
        yield Restart("restart", service.name, f"it does not listen at {service.socket}", service)
    elif seen.differs and on_change == "restart":
        yield Restart("restart", service.name, seen.differs, service)


def predicted(states: States, steps: Sequence[ServiceStep]) -> dict[str, State]:
    """The services as they are once the steps are done."""
    after = dict(states)
    for step in steps:
        state = after[step.target]
        after[step.target] = (
            replace(state, enabled=True)
            if isinstance(step, Enable)
            else replace(state, running=True, listening=True, differs="")
        )
    return after


def report(states: States) -> list[dict[str, Any]]:
    """The services as a module returns them."""
    return [
        {"name": name, "running": state.running, "enabled": state.enabled, "outdated": state.differs}
        for name, state in states.items()
    ]


def report_pending(states: States) -> list[dict[str, str]]:
    """The services that wait for a restart, and why."""
    return [{"what": name, "why": state.differs} for name, state in states.items() if state.running and state.differs]


def restart_needed(states: States) -> bool:
    """Whether a running service is not what is declared."""
    return any(state.running and state.differs for state in states.values())
