# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses runs of ansible-playbook that leave tasks or all hosts out, and settings that break the order of plays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleFilterError

# The playbooks have no tags, and Molecule always names some to skip.
_SKIPS = frozenset(("all", "always", "untagged"))


def whole_run(hosts: str, inventory: Sequence[str]) -> str:
    """The hosts of a play. Raises AnsibleFilterError where the run leaves tasks out, or where hosts would not wait.

    A run that leaves tasks out would skip what the tasks after it stand on, and end with exit code 0 although it did
    nothing, as one does whose inventory is empty. inventory: its hosts.
    """
    given = context.CLIARGS
    # the syntax is verified without an inventory
    if not inventory and not given.get("syntax"):
        raise AnsibleFilterError(
            "the inventory has no host, so that nothing would be done; name the one of the estate with -i"
        )
    _require_settings()
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


def _require_settings() -> None:
    """Raise AnsibleFilterError for settings of ansible-core under which the playbooks do not keep their promises."""
    strategy = str(C.config.get_config_value("DEFAULT_STRATEGY"))
    if strategy.rpartition(".")[2] != "linear":
        raise AnsibleFilterError(
            f"the strategy is {strategy}, with which hosts do not wait for each other, and one would be changed before "
            "another is proven; set strategy = linear in ansible.cfg, or take ANSIBLE_STRATEGY out of the environment"
        )
    if C.config.get_config_value("TASK_TIMEOUT"):
        raise AnsibleFilterError(
            "task_timeout is set, which ends a task in the middle, also the one that closes the change; take it out of "
            "ansible.cfg, or ANSIBLE_TASK_TIMEOUT out of the environment"
        )
    if C.config.get_config_value("HOST_PATTERN_MISMATCH") == "error":
        raise AnsibleFilterError(
            "host_pattern_mismatch is error, and a play whose hosts this run does not need would end it before the "
            "change is closed; set host_pattern_mismatch = warning in ansible.cfg, or take "
            "ANSIBLE_HOST_PATTERN_MISMATCH out of the environment"
        )


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Names and functions."""
        return {"whole_run": whole_run}
