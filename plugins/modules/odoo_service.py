#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_service
short_description: Manage the processes of a host's Odoo instances
version_added: 0.1.0
description:
  - Brings the web and cron processes of all given instances to one state in one call.
  - A process is restarted when it runs another release than the active one, or when its configuration or the files of
    its release were written after its start. So the next run completes one that was interrupted before the restart.
  - A stop is graceful, in that requests and jobs which are being served end first. It waits for their end.
  - With O(runtime=systemd) the units are C(odoo-web@<instance>.service) and C(odoo-cron@<instance>.service), as the
    role P(gantry.odoo.odoo#role) writes them.
  - With O(runtime=docker) the module makes the containers C(odoo-web-<instance>) and C(odoo-cron-<instance>) on the
    network of the host, without capabilities and with a read-only root. A container is made anew when O(image) or one
    of its options is another one than before. The Docker Engine and its client have to be on the host.
options:
  state:
    description:
      - V(started) has exactly the wanted processes run the active release.
      - V(stopped) ends all of them. They still start with the host.
      - V(disabled) ends all of them, and they do not start with the host any more. Their files stay.
    type: str
    choices: [started, stopped, disabled]
    default: started
  on_change:
    description:
      - With O(state=started), whether a process that does not run as it is declared is restarted, or left alone and
        returned in RV(pending).
      - A cron process whose list of databases changed is restarted in any case. It serves no user.
    type: str
    choices: [restart, leave]
    default: restart
  release:
    description:
      - Id of the release that the processes are to run. It has to be the active one, except in check mode, which so
        predicts what follows an activation. The active release when it is not given.
    type: str
  unit_dir:
    description:
      - Directory of the unit files, with O(runtime=systemd).
    type: path
    default: /etc/systemd/system
  image:
    description:
      - The image of the containers, with its tag or digest. It has to be on the host. Required with O(runtime=docker)
        and O(state=started).
    type: str
  data_dir:
    description:
      - Directory that holds one data directory an instance, with O(runtime=docker).
    type: path
    default: /var/lib/odoo
  uid:
    description:
      - Number of the user and the group in the containers, with O(runtime=docker).
    type: int
    default: 8069
  stop_timeout:
    description:
      - Seconds that requests and jobs get to end, with O(runtime=docker). Under systemd the units say it.
    type: int
    default: 150
  timeout:
    description:
      - Seconds that the whole call may take. Not less than the processes' own time to stop.
    type: int
    default: 300
extends_documentation_fragment:
  - gantry.odoo.attributes
  - gantry.odoo.odoo_instances
  - gantry.odoo.odoo_instances.fencing
author:
  - Gantry contributors (@gantry-odoo)
"""

EXAMPLES = r"""
- name: Run the active release
  gantry.odoo.odoo_service:
    instances:
      - name: harbour
        http_port: 8069
        websocket_port: 8072
        cron: true

- name: Run it in containers
  gantry.odoo.odoo_service:
    runtime: docker
    image: odoo:19.0-1
    instances:
      - name: harbour

- name: Stop before maintenance
  gantry.odoo.odoo_service:
    instances:
      - name: harbour
    state: stopped
"""

RETURN = r"""
steps:
  description: The steps that were done, or would be in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: V(enable), V(disable), V(start), V(restart) or V(stop).
      type: str
    target:
      description: The process, such as V(web process of harbour).
      type: str
    why:
      description: The reason, as a person would say it.
      type: str
pending:
  description:
    - The running processes that wait for a restart, with O(on_change=leave). They are found by what they run, so every
      later call finds them again.
  returned: always
  type: list
  elements: dict
  contains:
    instance:
      description: The instance.
      type: str
    what:
      description: The process, such as V(web process of harbour).
      type: str
    why:
      description: The reason, as a person would say it.
      type: str
seconds:
  description: Seconds that the steps took.
  returned: always
  type: float
"""

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_alone import alone
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_release import ReleaseStore
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_service import apply_steps
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import unique_instances
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.options import FENCING_NUMBER, INSTANCES, runtime_of
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan import (
    ProcessStep,
    plan_disable,
    plan_start,
    plan_stop,
    predicted,
    put_off,
)
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.report import report_pending, report_processes

OPTIONS = {
    **INSTANCES,
    "state": {"type": "str", "choices": ["started", "stopped", "disabled"], "default": "started"},
    "on_change": {"type": "str", "choices": ["restart", "leave"], "default": "restart"},
    "release": {"type": "str"},
    "unit_dir": {"type": "path", "default": "/etc/systemd/system"},
    "image": {"type": "str"},
    "data_dir": {"type": "path", "default": "/var/lib/odoo"},
    "uid": {"type": "int", "default": 8069},
    "stop_timeout": {"type": "int", "default": 150},
    "timeout": {"type": "int", "default": 300},
    "fencing_number": FENCING_NUMBER,
}


def main() -> None:
    """Entry point of the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Bring the processes to the wanted state."""
    with alone(call):
        return _bring(call, Deadline(call.params["timeout"]))


def _bring(call: Call, deadline: Deadline) -> Outcome:
    params = call.params
    instances = unique_instances(tuple(params["instances"]))
    runtime = runtime_of(params)
    current = runtime.read(instances, deadline)
    active = ReleaseStore(params["root"]).active() or ""
    release = params["release"] or active
    pending: tuple[ProcessStep, ...] = ()
    if params["state"] == "stopped":
        steps = plan_stop(instances, current)
    elif params["state"] == "disabled":
        steps = plan_disable(instances, current)
    elif call.check_mode or (active and release == active):
        steps = plan_start(instances, current, release)
        if params["on_change"] == "leave":
            steps, pending = put_off(steps, current)
    else:
        raise StateError(
            f"{params['root']}/current is {active or 'missing'}, so {release or 'no release'} cannot be run; "
            "activate the release first"
        )
    if not call.check_mode:
        apply_steps(runtime, steps, deadline)
    return Outcome(
        steps,
        report_processes(current),
        report_processes(predicted(current, steps, release)),
        facts={"pending": report_pending(pending), "seconds": round(deadline.elapsed, 3)},
    )


if __name__ == "__main__":
    main()
