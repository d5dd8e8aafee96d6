# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why hosts that serve one database cannot run their releases at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._estate.plan_canary import release_faults


def canary_faults(
    groups: Mapping[str, Mapping[str, Any]],
    variables: Mapping[str, Mapping[str, Any]],
    changed: Sequence[str] = (),
    release: str = "",
) -> list[str]:
    """A sentence for each pair of hosts whose releases differ in more than a patch."""
    hosts = [host for group in groups.values() for host in group["hosts"]]
    running = {host: str(variables[host].get("odoo_running_release") or "") for host in hosts}
    return release_faults(groups, running, dict.fromkeys(changed, release))


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"canary_faults": canary_faults}
