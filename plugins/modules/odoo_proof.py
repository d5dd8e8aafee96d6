#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_proof
short_description: Verify that a host's Odoo instances are healthy and run one release
version_added: 0.1.0
description:
  - Waits until every instance answers C(/web/health), C(/web/health?db_server_status=1) and C(/websocket/health),
    and until the working directory of every process of every instance is the directory of the wanted release.
  - Fails with one sentence that names the instance and what was seen last when that is not so by the deadline.
  - Changes nothing. In check mode it looks once and returns what it saw without failing.
options:
  release:
    description:
      - Id of the release that every process must run. The active release when it is not given.
    type: str
  address:
    description:
      - Address that the instances listen on. They are asked on loopback where it is every address of the host.
    type: str
    default: 127.0.0.1
  timeout:
    description:
      - Seconds until the proof must be complete.
    type: int
    default: 60
extends_documentation_fragment:
  - gantry.odoo.attributes.info
  - gantry.odoo.odoo_instances
author:
  - Gantry contributors (@gantry-odoo)
"""

EXAMPLES = r"""
- name: Prove the release after a patch
  gantry.odoo.odoo_proof:
    instances:
      - name: harbour
        cron: true
    release: 2026.11.2
"""

RETURN = r"""
proven:
  description: Whether every instance is healthy and runs the release. False only in check mode.
  returned: success
  type: bool
gaps:
  description: One sentence for each instance that is not proven. Empty when proven.
  returned: success
  type: list
  elements: str
release:
  description: Id of the release that was asked for.
  returned: success
  type: str
processes:
  description: Number of processes that were seen to run the release.
  returned: success
  type: int
seconds:
  description: Seconds until the proof was complete.
  returned: success
  type: float
"""

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import reached
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_release import ReleaseStore
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import unique_instances
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.options import INSTANCES, runtime_of
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.read_proof import Proof

OPTIONS = {
    **INSTANCES,
    "release": {"type": "str"},
    "address": {"type": "str", "default": "127.0.0.1"},
    "timeout": {"type": "int", "default": 60},
}


def main() -> None:
    """Entry point of the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Wait for the proof; in check mode look once."""
    params = call.params
    deadline = Deadline(params["timeout"])
    instances = unique_instances(tuple(params["instances"]))
    release = params["release"] or ReleaseStore(params["root"]).active() or ""
    if not release and not call.check_mode:
        raise StateError(f"{params['root']}/current is missing, so no release can be proven; activate one first")
    proof = Proof(runtime_of(params), instances, release, reached(params["address"]))
    seen = proof.look(deadline) if call.check_mode else proof.wait(deadline)
    return Outcome(
        facts={
            "proven": not seen.gaps,
            "gaps": list(seen.gaps),
            "release": release,
            "processes": seen.processes,
            "seconds": round(deadline.elapsed, 3),
        }
    )


if __name__ == "__main__":
    main()
