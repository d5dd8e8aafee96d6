#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_service
short_description: Start and stop the processes of a host's Odoo instances under systemd
version_added: 0.1.0
description:
  - Brings the web and cron processes of all given instances to one state in one call.
  - A process is restarted when it runs another release than the active one, or when its configuration or the files of
    its release were written after its start. So the next run finishes one that was interrupted before the restart.
  - A stop is graceful, in that requests and jobs which are being served end first. It waits for their end.
  - Units are C(odoo-web@<instance>.service) and C(odoo-cron@<instance>.service), as the role P(gantry.odoo.odoo#role)
    makes them.
options:
  instances:
    description:
      - The instances of the host.
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
          - Whether it has a cron process, which it has where it has databases to visit.
        type: bool
        default: false
  state:
    description:
      - V(started) has exactly the wanted processes run the active release.
      - V(stopped) ends all of them. They still start with the host.
    type: str
    choices: [started, stopped]
    default: started
  root:
    description:
      - Directory that holds C(releases) and C(current).
    type: path
    default: /opt/odoo
  config_dir:
    description:
      - Directory of the instances' configuration.
    type: path
    default: /etc/odoo
  unit_dir:
    description:
      - Directory of the unit files.
    type: path
    default: /etc/systemd/system
  timeout:
    description:
      - Seconds that the whole call may take. Not less than the units' own time to stop.
    type: int
    default: 300
extends_documentation_fragment:
  - action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
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

- name: Stop before maintenance
  gantry.odoo.odoo_service:
    instances:
      - name: harbour
    state: stopped
"""

RETURN = r"""
steps:
  description: What was done, or would be in check mode.
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
seconds:
  description: Seconds that the steps took.
  returned: always
  type: float
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step, result
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.model import Process, unique_instances
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.plan import plan_start, plan_stop, predicted
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.processes import SYSTEMD, Host
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.releases import ReleaseStore

Processes = dict[tuple[str, str], Process]
ORDER = ("stop", "disable", "enable", "restart", "start")


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
            "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
            "root": {"type": "path", "default": "/opt/odoo"},
            "config_dir": {"type": "path", "default": "/etc/odoo"},
            "unit_dir": {"type": "path", "default": "/etc/systemd/system"},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**_run(module.params, module.check_mode))
    except GantryError as error:
        module.fail_json(msg=str(error))


def _run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    deadline = Deadline(params["timeout"])
    instances = unique_instances(tuple(params["instances"]))
    host = Host(SYSTEMD, params["root"], params["config_dir"], params["unit_dir"])
    current = host.read(instances, deadline)
    release = _active(params["root"], check_mode or params["state"] == "stopped")
    steps = plan_start(instances, current, release) if params["state"] == "started" else plan_stop(instances, current)
    if not check_mode:
        _apply(host, current, steps, deadline)
    after = predicted(current, steps, release)
    return result(steps, _shown(current), _shown(after), seconds=round(deadline.elapsed, 3))


def _active(root: str, may_be_missing: bool) -> str:
    active = ReleaseStore(root).active()
    if active is None and not may_be_missing:
        raise StateError(f"{root}/current is missing, so there is no release to run; activate one with odoo_release")
    return active or ""


def _apply(host: Host, current: Processes, steps: t.Sequence[Step], deadline: Deadline) -> None:
    if not steps:
        return
    host.reload(deadline)
    for verb in ORDER:
        wanted = {step.target for step in steps if step.action == verb}
        host.act(verb, [key for key, process in current.items() if process.name in wanted], deadline)


def _shown(processes: Processes) -> dict[str, t.Any]:
    return {
        process.name: {
            "running": process.running,
            "starts_with_host": process.enabled,
            "releases": sorted(set(process.releases)),
            "configuration": "outdated" if process.running and process.started < process.written else "current",
        }
        for process in processes.values()
    }


if __name__ == "__main__":
    main()
