#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_proof
short_description: Prove that a host's Odoo instances are healthy and run one release
version_added: 0.1.0
description:
  - Waits until every instance answers C(/web/health), C(/web/health?db_server_status=1) and C(/websocket/health),
    and until the working directory of every process of every instance is the directory of the wanted release.
  - Fails with one sentence that names the instance and what was seen last when that is not so by the deadline.
  - Changes nothing. In check mode it looks once and returns what it saw without failing.
options:
  instances:
    description:
      - The instances to prove.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the instance.
        type: str
        required: true
      http_port:
        description:
          - Port of its web workers.
        type: int
        default: 8069
      websocket_port:
        description:
          - Port of its websocket process.
        type: int
        default: 8072
      cron:
        description:
          - Whether it has a cron process.
        type: bool
        default: false
  release:
    description:
      - Id of the release that every process must run. The active release when it is not given.
    type: str
  runtime:
    description:
      - What runs the processes.
    type: str
    choices: [systemd, docker]
    default: systemd
  address:
    description:
      - Address of the host at which to ask.
    type: str
    default: 127.0.0.1
  root:
    description:
      - Directory that holds C(releases) and C(current).
    type: path
    default: /opt/odoo
  timeout:
    description:
      - Seconds until the proof must be complete.
    type: int
    default: 60
extends_documentation_fragment:
  - action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
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
  description: What is missing, one sentence an instance. Empty when proven.
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

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError, GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._runtime import health
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Instance, unique_instances
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan import proof_gap
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.processes import Host
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.releases import ReleaseStore


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "instances": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "http_port": {"type": "int", "default": 8069},
                    "websocket_port": {"type": "int", "default": 8072},
                    "cron": {"type": "bool", "default": False},
                },
            },
            "release": {"type": "str"},
            "runtime": {"type": "str", "choices": ["systemd", "docker"], "default": "systemd"},
            "address": {"type": "str", "default": "127.0.0.1"},
            "root": {"type": "path", "default": "/opt/odoo"},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(changed=False, **_run(module.params, module.check_mode))
    except GantryError as error:
        module.fail_json(msg=str(error))


def _run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    deadline = Deadline(params["timeout"])
    instances = unique_instances(tuple(params["instances"]))
    release = params["release"] or ReleaseStore(params["root"]).active() or ""
    if not release and not check_mode:
        raise StateError(f"{params['root']}/current is missing, so no release can be proven; activate one")
    proof = Proof(Host(params["runtime"], params["root"]), instances, release, params["address"], deadline)
    if check_mode:
        proof.look()
    else:
        proof.wait()
    return {
        "proven": not proof.gaps,
        "gaps": list(proof.gaps),
        "release": release,
        "processes": proof.processes,
        "seconds": round(deadline.elapsed, 3),
    }


class Proof:
    """What was seen last of the instances."""

    def __init__(
        self, host: Host, instances: tuple[Instance, ...], release: str, address: str, deadline: Deadline
    ) -> None:
        self.host = host
        self.instances = instances
        self.release = release
        self.address = address
        self.deadline = deadline
        self.gaps: tuple[str, ...] = ()
        self.processes = 0

    def look(self) -> bool | None:
        """True when every instance is proven, None otherwise."""
        processes = self.host.read(self.instances, self.deadline)
        gaps = [(instance, proof_gap(instance, processes, self.release)) for instance in self.instances]
        # a process that is not there would only use up the time of an answer
        gaps = [(instance, seen or self._health_gap(instance)) for instance, seen in gaps]
        self.gaps = tuple(f"{instance.name}: {seen}" for instance, seen in gaps if seen)
        self.processes = sum(process.releases.count(self.release) for process in processes.values())
        return None if self.gaps else True

    def wait(self) -> None:
        """Look until every instance is proven. Raises DeadlineError with what is missing."""
        try:
            self.deadline.wait(self.look, "the proof", interval=1.0)
        except DeadlineError as error:
            raise DeadlineError(
                f"release {self.release} is not proven after {self.deadline.seconds:g} s: {'; '.join(self.gaps)}; "
                "read the log of the process named here"
            ) from error

    def _health_gap(self, instance: Instance) -> str | None:
        for question in health.questions(self.address, instance.http_port, instance.websocket_port):
            seen = health.gap(question, self.deadline.remaining)
            if seen:
                return seen
        return None


if __name__ == "__main__":
    main()
