# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out the steps of a host's processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_runtime import Runtime
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Key
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan import (
    ORDER,
    Disable,
    Enable,
    ProcessStep,
    Restart,
    Start,
    Stop,
)


def apply_steps(runtime: Runtime, steps: Sequence[ProcessStep], deadline: Deadline) -> None:
    """Carry out all steps of one class at once, as a host stops and starts its processes side by side."""
    hands: Mapping[type[ProcessStep], Callable[[Sequence[Key], Deadline], None]] = {
        Stop: runtime.stop,
        Disable: runtime.disable,
        Enable: runtime.enable,
        Restart: runtime.restart,
        Start: runtime.start,
    }
    if steps:
        runtime.refresh(deadline)
    for kind in ORDER:
        keys = [step.key for step in steps if isinstance(step, kind)]
        if keys:
            hands[kind](keys, deadline)
