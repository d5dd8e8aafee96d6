# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a plan, and the hands that carry each kind of step out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError


@dataclass(frozen=True)
class Step:
    """One thing a plan would do: a verb, what it is done to, and why.

    A step that needs more than that is a subclass, whose fields say what with names and types.
    """

    action: str
    target: str
    why: str = ""

    def as_dict(self) -> dict[str, str]:
        """The step as a module returns it."""
        return {"action": self.action, "target": self.target, "why": self.why}


# One function for each class of step; it returns a note for the user, or None.
Hands = Mapping[type, Callable[[Any], Optional[str]]]


def carry_out(step: Step, hands: Hands) -> str | None:
    """Do one step with the hand of its class. Raises StateError, before anything is done, where there is none."""
    hand = hands.get(type(step))
    if hand is None:
        raise StateError(f"no code carries out the step {step.action} of {step.target} ({type(step).__name__})")
    return hand(step)


def result(steps: Iterable[Step], before: Mapping[str, Any], after: Mapping[str, Any], **facts: Any) -> dict[str, Any]:
    """The return value of a module: changed is true exactly when there are steps.

    `before` and `after` are what the plan compared, without secrets; they become the diff.
    """
    listed: list[dict[str, str]] = [step.as_dict() for step in steps]
    return {
        "changed": bool(listed),
        "steps": listed,
        "diff": {"before": dict(before), "after": dict(after)},
        **facts,
    }
