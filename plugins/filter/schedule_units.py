# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of systemd that run playbooks on a schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._estate import plan_schedule

COPY = "gantry.odoo.backup_copy"
RENEW = "gantry.odoo.renew_certificates"


def schedule_units(
    schedule: Sequence[Mapping[str, Any]],
    found: Sequence[str],
    *,
    copies: bool = True,
    edges: bool = True,
    **runner: Any,
) -> dict[str, Any]:
    """The files of the units, the names of the timers, and those of units that the schedule has no more.

    copies: whether there is a second repository; without one, no job copies to it. edges: whether there are edges;
    without one, no job renews their certificates.
    """
    gone = {playbook for playbook, there in ((COPY, copies), (RENEW, edges)) if not there}
    try:
        jobs = plan_schedule.parse_jobs(plan_schedule.without(schedule, gone))
        files = plan_schedule.plan_units(jobs, plan_schedule.parse_runner(runner)) if jobs else []
    except InputError as error:
        raise AnsibleFilterError(str(error)) from error
    timers = [f"{job.unit}.timer" for job in jobs]
    return {"files": files, "timers": timers, "left_over": plan_schedule.left_over(found, jobs)}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"schedule_units": schedule_units}
