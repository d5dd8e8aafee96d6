#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for users to leave drained servers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: traefik_drain
short_description: Wait for users to leave drained servers
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - A drained server of a sticky route keeps the users that have its cookie, see M(gantry.odoo.traefik_route). This
    module waits until none of them has sent a request for O(quiet) seconds, and no longer than O(seconds).
  - Both outcomes are a success, RV(left) says which one it was. Change the routes with C(keeps_users=false) then, and
    stop the server.
  - Runs on the host of Traefik, and sees the users who come by it.
  - Changes nothing, and does not wait in check mode.
options:
  owner:
    description: Owner of the routes.
    type: str
    default: gantry
  seconds:
    description: Seconds to wait at most.
    type: int
    required: true
  quiet:
    description: Seconds without a request after which the users have left.
    type: int
    default: 15
  api_url:
    description: Address of Traefik's API and metrics on this host, without a trailing slash. It belongs on loopback.
    type: str
    default: http://127.0.0.1:8080
extends_documentation_fragment:
  - gantry.odoo.attributes.info
seealso:
  - module: gantry.odoo.traefik_route
"""

EXAMPLES = r"""
- name: Wait up to five minutes for the users of drained servers
  gantry.odoo.traefik_drain:
    seconds: 300
"""

RETURN = r"""
left:
  description: Whether the users have left, or no server keeps any. Otherwise the time was over.
  returned: success
  type: bool
routers:
  description: Traefik's names of the routers that keep users.
  returned: success
  type: list
  elements: str
requests:
  description: Number of their requests while the module waited.
  returned: success
  type: int
seconds:
  description: Seconds that it waited.
  returned: success
  type: float
"""

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._traefik import options
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.apply_drain import wait_until_left
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import file_name
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_drain import kept_routers
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.read_api import Api

_ANSWER_S = 10.0
OPTIONS: dict[str, Any] = {
    "api_url": options.ARGUMENTS["api_url"],
    "owner": {"type": "str", "default": "gantry"},
    "seconds": {"type": "int", "required": True},
    "quiet": {"type": "int", "default": 15},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Look for routers that keep users, and wait for these."""
    owner = file_name("owner", call.params["owner"])
    for option, least in (("seconds", 0), ("quiet", 1)):
        if call.params[option] < least:
            raise InputError(f"{option} is {call.params[option]}; it takes seconds in whole numbers from {least} on")
    api = Api(call.params["api_url"].rstrip("/"), _ANSWER_S)
    deadline = Deadline(0 if call.check_mode else call.params["seconds"])
    routers = kept_routers(api.raw(), owner)
    seen, left = 0, True
    if routers:
        watch, left = wait_until_left(api, routers, deadline, call.params["quiet"])
        seen = watch.seen
    return Outcome(facts={"left": left, "routers": routers, "requests": seen, "seconds": round(deadline.elapsed, 3)})


if __name__ == "__main__":
    main()
