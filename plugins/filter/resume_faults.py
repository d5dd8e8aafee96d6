# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an interrupted change cannot be resumed, before its parts are taken over and after that, and who acts in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change import plan_resume


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {
            "resume_faults": plan_resume.unfit,
            "resume_aim": plan_resume.aim,
            "resume_taken_away": plan_resume.taken_away,
            "resume_watched": plan_resume.watched,
            "resume_refusals": plan_resume.refusals,
            "acting_homes": plan_resume.acting,
        }
