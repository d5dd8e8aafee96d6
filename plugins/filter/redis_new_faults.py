# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults that a Redis topology has since a change of one host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.report_run import reason
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_faults import Fault
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_host import place_of
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_new_faults import new_faults


def redis_new_faults(after: Mapping[str, Any], before: Mapping[str, Any], declared: Mapping[str, Any]) -> list[str]:
    """A sentence for each. after, before: what redis_topology_info returned. declared: the answer of redis_host."""
    if "fault_details" not in after:
        return [reason(after)]
    seen, known = ([Fault(**one) for one in answer["fault_details"]] for answer in (after, before))
    own = {place_of(one) for one in (*declared["own_nodes"], *declared["own_sentinels"])}
    return [one.sentence for one in new_faults(seen, known, own)]


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"redis_new_faults": redis_new_faults}
