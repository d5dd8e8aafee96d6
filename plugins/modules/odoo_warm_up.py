#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_warm_up
short_description: Verify that Odoo answers fast before users are sent to a host
version_added: 0.1.0
description:
  - A worker of Odoo that has just started loads the modules of a database at the first request for it, and the first
    request of all has the assets of a release compiled. That takes seconds, and this module asks in the place of users.
  - For each tenant, asks for its pages by more requests at once than there are workers, until all answers are good.
    Then it asks for the compiled assets that the pages refer to, and those of the web client, and for the pages again
    until the slowest answer takes no longer than O(fast_s).
  - A tenant that gives no good answer in time is a failure, since its users would see that. A good answer has a status
    from 200 to 399.
  - A tenant that answers slower than O(fast_s) to the end is a warning.
  - Changes nothing but what Odoo keeps of compiled assets. In check mode nothing is asked.
options:
  tenants:
    description: The tenants, as their users ask for them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the tenant, for messages.
        type: str
        required: true
      host:
        description: Host name in the address that users have.
        type: str
        required: true
      http_port:
        description: Port of the web workers on this host.
        type: int
        required: true
      workers:
        description: Number of its web workers.
        type: int
        default: 2
      paths:
        description: The pages that are asked for. Nothing is asked of a tenant without any.
        type: list
        elements: str
        default: [/web/login]
  address:
    description: Address that the instances listen on. They are asked on loopback where it is every address of the host.
    type: str
    default: 127.0.0.1
  fast_s:
    description: Seconds that the slowest answer may take in the end.
    type: float
    default: 1.0
  timeout:
    description: Seconds until all tenants must have given good answers, and after which none is waited for.
    type: int
    default: 120
  required:
    description: Whether a tenant without a good answer is a failure. Otherwise it is a warning.
    type: bool
    default: true
extends_documentation_fragment:
  - gantry.odoo.attributes.info
author:
  - Gantry contributors (@gantry-odoo)
"""

EXAMPLES = r"""
- name: Warm up the tenants of a host before users are sent to it
  gantry.odoo.odoo_warm_up:
    tenants:
      - name: harbour
        host: erp.harbour.example.com
        http_port: 8169
        workers: 4
        paths: [/web/login, /shop]
"""

RETURN = r"""
warm:
  description: Whether all tenants answer within O(fast_s).
  returned: success
  type: bool
tenants:
  description: The tenants that were asked.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name of the tenant., type: str}
    requests: {description: Number of requests that were sent., type: int}
    first_s: {description: Seconds of the slowest page in the first round of good answers., type: float}
    last_s: {description: Seconds of the slowest page in the last round., type: float}
seconds:
  description: Seconds that all of it took.
  returned: success
  type: float
"""

from functools import partial
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import reached
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_warm_up import Warmth, warm_up
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan_warm_up import sites_from
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.read_pages import ask_at

OPTIONS: dict[str, Any] = {
    "tenants": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "host": {"type": "str", "required": True},
            "http_port": {"type": "int", "required": True},
            "workers": {"type": "int", "default": 2},
            "paths": {"type": "list", "elements": "str", "default": ["/web/login"]},
        },
    },
    "address": {"type": "str", "default": "127.0.0.1"},
    "fast_s": {"type": "float", "default": 1.0},
    "timeout": {"type": "int", "default": 120},
    "required": {"type": "bool", "default": True},
}


def main() -> None:
    """Entry point of the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Ask, and say what was seen."""
    params = call.params
    sites = [one for one in sites_from(params["tenants"]) if one.paths]
    deadline = Deadline(params["timeout"])
    ask = partial(ask_at, reached(params["address"]))
    found = [] if call.check_mode else warm_up(sites, ask, params["fast_s"], deadline)
    gaps = [f"tenant {one.site.tenant}: {one.gap} at port {one.site.port}" for one in found if one.gap]
    slow = [one for one in found if not one.gap and one.last_s > params["fast_s"]]
    for one in slow:
        call.warn(
            f"tenant {one.site.tenant}: the slowest answer still took {one.last_s:.1f} s after {one.requests} requests"
        )
    failure = f"{'; '.join(gaps)}, to the end of {deadline.seconds:g} s; read the log of the instance" if gaps else ""
    if failure and not params["required"]:
        call.warn(failure)
        failure = ""
    facts = {"warm": not gaps and not slow, "tenants": [_entry(one) for one in found]}
    return Outcome(facts={**facts, "seconds": round(deadline.elapsed, 3)}, failure=failure)


def _entry(one: Warmth) -> dict[str, Any]:
    return {
        "name": one.site.tenant,
        "requests": one.requests,
        "first_s": round(one.first_s, 3),
        "last_s": round(one.last_s, 3),
    }


if __name__ == "__main__":
    main()
