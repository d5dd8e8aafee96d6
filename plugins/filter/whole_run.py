# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses runs of ansible-playbook that leave tasks out."""

from __future__ import annotations

from collections.abc import Callable

from ansible import context
from ansible.errors import AnsibleFilterError

# The playbooks have no tags, and Molecule always names some to skip.
_SKIPS = frozenset(("all", "always", "untagged"))


def whole_run(hosts: str) -> str:
    """The hosts of a play. Raises AnsibleFilterError where the run leaves tasks out.

    Such a run would skip what the tasks after it stand on, and end with exit code 0 although it did nothing.
    """
    given = context.CLIARGS
    leaves_out = {
        "--start-at-task": bool(given.get("start_at_task")),
        "--step": bool(given.get("step")),
        "--tags": "all" not in (given.get("tags") or ["all"]),
        "--skip-tags": not _SKIPS.isdisjoint(given.get("skip_tags") or ()),
    }
    for option, given_so in leaves_out.items():
        if given_so:
            raise AnsibleFilterError(
                f"{option} leaves tasks of this playbook out, and each stands on those before it; run it without, and "
                "narrow the work by the inputs of the playbook"
            )
    return hosts


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Names and functions."""
        return {"whole_run": whole_run}
