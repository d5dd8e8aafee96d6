# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of changes as return values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import OUT, Part


def parts_shown(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """The parts as the actions return them."""
    return [
        {
            "name": one.name,
            "change": one.change,
            "state": one.state,
            "out": one.state in OUT,
            "why": one.why,
            "facts": dict(one.facts),
        }
        for one in parts
    ]
