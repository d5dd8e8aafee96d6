# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's systemd, through systemctl."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.command import run
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError


def systemctl(verb: str, units: Sequence[str], deadline: Deadline) -> None:
    """Carry out a verb for all units. Raises StateError when it fails."""
    run(["systemctl", verb, *units], deadline, what=" ".join(["systemctl", verb, *units]))


def read_units(units: Sequence[str], properties: Sequence[str], deadline: Deadline) -> list[dict[str, str]]:
    """The properties of each unit; times are seconds since 1970 after an at sign."""
    if not units:
        return []
    argv = ["systemctl", "show", "--timestamp=unix", f"--property={','.join(properties)}", *units]
    answer = run(argv, deadline, what="systemctl show")
    return shown(answer, units, properties)


def shown(answer: str, units: Sequence[str], properties: Sequence[str]) -> list[dict[str, str]]:
    """The properties of each unit in an answer of `systemctl show`. Raises StateError where one is not there."""
    blocks = [block.splitlines() for block in answer.strip().split("\n\n")]
    found = [{line.partition("=")[0]: line.partition("=")[2] for line in block} for block in blocks]
    if len(found) != len(units) or not all(set(properties) <= set(unit) for unit in found):
        raise StateError(
            f"systemctl show was asked for {', '.join(properties)} of {len(units)} units and answered "
            f"{answer.strip()[:200]!r}; see whether this host runs systemd 247 or newer"
        )
    return found
