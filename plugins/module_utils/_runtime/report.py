# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases and processes as a diff shows them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Processes, ReleaseState
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan import ProcessStep


def report_release(state: ReleaseState) -> dict[str, Any]:
    """A release, and which one is active."""
    return {"release": state.id, "digest": state.found, "active": state.active or ""}


def report_processes(processes: Processes) -> dict[str, Any]:
    """Each process by the name that a person gives it."""
    return {
        process.name: {
            "running": process.running,
            "starts_with_host": process.enabled,
            "releases": sorted(set(process.releases)),
            "configuration": "outdated" if process.outdated else "current",
        }
        for process in processes.values()
    }


def report_pending(steps: Sequence[ProcessStep]) -> list[dict[str, str]]:
    """The processes that wait for a restart, and why."""
    return [{"instance": step.key[0], "what": step.target, "why": step.why} for step in steps]
