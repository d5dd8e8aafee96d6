# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts of an estate wait for, as the last screen of a playbook names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._estate.report_pending import (
    report_pending,
    report_releases,
)


def pending_restarts(
    hosts: Sequence[str], variables: Mapping[str, Mapping[str, Any]], group_of: Mapping[str, str]
) -> list[str]:
    """A sentence for each process that waits for a restart, and for each group that waits for its release."""
    return [*report_pending(hosts, variables, group_of), *report_releases(variables, group_of)]


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"pending_restarts": pending_restarts}
