# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of systemd that run playbooks of backups on a schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.module_utils._backup import plan_timers
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

COPY = "gantry.odoo.backup_copy"


def backup_timers(
    schedule: Sequence[Mapping[str, Any]], found: Sequence[str], *, copies: bool = True, **runner: Any
) -> dict[str, Any]:
    """The files of the units, the names of the timers, and those of units that the schedule has no more.

    copies: whether there is a second repository; without one, no job copies to it.
    """
    try:
        jobs = plan_timers.parse_jobs(schedule if copies else plan_timers.without(schedule, COPY))
        files = plan_timers.plan_units(jobs, plan_timers.parse_runner(runner)) if jobs else []
    except InputError as error:
        raise AnsibleFilterError(str(error)) from error
    timers = [f"{job.unit}.timer" for job in jobs]
    return {"files": files, "timers": timers, "left_over": plan_timers.left_over(found, jobs)}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"backup_timers": backup_timers}
