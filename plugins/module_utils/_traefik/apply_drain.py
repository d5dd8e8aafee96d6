# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until the users that drained servers keep have left."""

from __future__ import annotations

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_drain import Watch, requests_of
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_api import Api

_INTERVAL_S = 0.5


def wait_until_left(api: Api, routers: list[str], deadline: Deadline, quiet: float) -> tuple[Watch, bool]:
    """What was counted, and whether no user of the routers has asked for `quiet` seconds before the deadline."""

    def counted() -> int:
        return requests_of(api.metrics(), routers)

    begun = counted()
    watch = Watch(begun, deadline.elapsed, begun)

    def left() -> bool | None:
        nonlocal watch
        watch = watch.after(counted(), deadline.elapsed)
        return watch.is_quiet(deadline.elapsed, quiet) or None

    try:
        deadline.wait(left, "users to leave", interval=_INTERVAL_S)
    except DeadlineError:
        return watch, False
    return watch, True
