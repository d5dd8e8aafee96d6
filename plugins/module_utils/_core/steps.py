# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan is made of, and how a module reports it: check mode and a real run return the same steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Step:
    """One thing a plan would do: a verb, what it is done to, and why."""

    action: str
    target: str
    why: str = ""

    def as_dict(self) -> dict[str, str]:
        """The step as a module returns it."""
        return {"action": self.action, "target": self.target, "why": self.why}


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
