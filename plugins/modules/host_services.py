#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_services
short_description: Manage services of a host as units of systemd or as containers
version_added: 0.1.0
description:
  - Brings all given services to one state in one call, and waits until each that was started listens.
  - With O(runtime=systemd) the units have to be on the host.
  - With O(runtime=docker) the module makes the containers, on the network of the host, without capabilities and without
    new privileges. The Docker Engine, its client and the images have to be on the host. No Python library is needed.
  - Reports which services run something else than what is declared. Under systemd that is a process that is older than
    its program; under Docker a container of another image or with other options.
options:
  runtime:
    description: How the host runs the services.
    type: str
    choices: [systemd, docker]
    default: systemd
  state:
    description:
      - V(started) has all services run.
      - V(restarted) starts all of them anew, one after the other in their order.
      - V(gathered) changes nothing.
    type: str
    choices: [started, restarted, gathered]
    default: started
  on_change:
    description:
      - With O(state=started), whether a service that runs something else than what is declared is restarted, or left
        alone and reported.
    type: str
    choices: [restart, leave]
    default: restart
  services:
    description: The services.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the unit or of the container.
        type: str
        required: true
      enable:
        description:
          - Whether a unit is enabled where it is not. V(false) leaves that to something else, such as a generator.
            Containers always start with the host.
        type: bool
        default: true
      program:
        description: Path of the program. Its process must not be older. Not with O(runtime=docker).
        type: path
      socket:
        description: Path of a socket that the service has while it runs. Without it, a service that runs is restarted.
        type: path
      host:
        description: Address that it listens at.
        type: str
      port:
        description: Port that it listens at.
        type: int
      image:
        description: Image of the container, with its tag or its digest. Required with O(runtime=docker).
        type: str
      user:
        description: User and group of the container, such as V(6379:6379).
        type: str
      entrypoint:
        description: The program of the container and its first arguments.
        type: list
        elements: str
        default: []
      command:
        description: Further arguments. They are visible to every user of the host, so they hold no secret.
        type: list
        elements: str
        default: []
      volumes:
        description: Directories of the host that the container sees, as C(docker create --volume) takes them.
        type: list
        elements: str
        default: []
      tmpfs:
        description: Directories of the container in memory.
        type: list
        elements: path
        default: []
      read_only:
        description: Whether the root file system of the container is read-only.
        type: bool
        default: false
      shm_mb:
        description: Size of C(/dev/shm) in MiB.
        type: int
      stop_signal:
        description: Signal that ends the container in order.
        type: str
      stop_timeout:
        description: Seconds that the container gets to end.
        type: int
        default: 10
  disabled_units:
    description: Units of systemd that neither run nor start with the host, such as those of a package.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds that the whole call may take. Not less than the services' own time to stop.
    type: int
    default: 300
extends_documentation_fragment:
  - gantry.odoo.attributes
author:
  - Gantry contributors (@gantry-odoo)
"""

EXAMPLES = r"""
- name: Run Redis under systemd
  gantry.odoo.host_services:
    services:
      - name: redis-server@gantry
        program: /usr/bin/redis-server
    disabled_units: [redis-server.service]

- name: Run it in a container
  gantry.odoo.host_services:
    runtime: docker
    services:
      - name: redis-server-gantry
        image: redis:8.0-1
        user: 6379:6379
        command: [redis-server, /etc/redis/redis-gantry.conf]
        volumes: ["/etc/redis:/etc/redis", "/var/lib/redis:/var/lib/redis"]
        read_only: true

- name: Gather whether a service has to be restarted
  gantry.odoo.host_services:
    services:
      - name: redis-server@gantry
        program: /usr/bin/redis-server
    state: gathered
"""

RETURN = r"""
steps:
  description: The steps that were done, or would be in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: V(turn off), V(enable), V(start) or V(restart).
      type: str
    target:
      description: The unit or the container.
      type: str
    why:
      description: The reason, as a person would say it.
      type: str
services:
  description: The services as they are after the run. As they were before it in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: As declared.
      type: str
    running:
      description: Whether it runs.
      type: bool
    enabled:
      description: Whether it starts with the host.
      type: bool
    outdated:
      description: Why it does not run what is declared. Empty where it does, and where it does not run.
      type: str
pending:
  description: The running services that wait for a restart, such as with O(on_change=leave).
  returned: always
  type: list
  elements: dict
  contains:
    what:
      description: The unit or the container.
      type: str
    why:
      description: The reason, as a person would say it.
      type: str
restart_needed:
  description: Whether a service runs something else than what is declared.
  returned: always
  type: bool
"""

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._service.apply_containers import Containers
from ansible_collections.gantry.odoo.plugins.module_utils._service.apply_plan import apply
from ansible_collections.gantry.odoo.plugins.module_utils._service.apply_service import Manager
from ansible_collections.gantry.odoo.plugins.module_utils._service.apply_units import Units
from ansible_collections.gantry.odoo.plugins.module_utils._service.model import Service, services_from
from ansible_collections.gantry.odoo.plugins.module_utils._service.plan import (
    plan,
    plan_off,
    predicted,
    report,
    report_pending,
    restart_needed,
)

_TEXTS = {"type": "list", "elements": "str", "default": []}
OPTIONS = {
    "runtime": {"type": "str", "choices": ["systemd", "docker"], "default": "systemd"},
    "state": {"type": "str", "choices": ["started", "restarted", "gathered"], "default": "started"},
    "on_change": {"type": "str", "choices": ["restart", "leave"], "default": "restart"},
    "services": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "enable": {"type": "bool", "default": True},
            "program": {"type": "path"},
            "socket": {"type": "path"},
            "host": {"type": "str"},
            "port": {"type": "int"},
            "image": {"type": "str"},
            "user": {"type": "str"},
            "entrypoint": _TEXTS,
            "command": _TEXTS,
            "volumes": _TEXTS,
            "tmpfs": {"type": "list", "elements": "path", "default": []},
            "read_only": {"type": "bool", "default": False},
            "shm_mb": {"type": "int"},
            "stop_signal": {"type": "str"},
            "stop_timeout": {"type": "int", "default": 10},
        },
    },
    "disabled_units": _TEXTS,
    "timeout": {"type": "int", "default": 300},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Bring the services to the wanted state."""
    params = call.params
    deadline = Deadline(params["timeout"])
    services = services_from(params["services"], params["runtime"])
    manager: Manager = {"systemd": Units, "docker": Containers}[params["runtime"]]()
    current = manager.read(services, deadline)
    off = Units().read([Service(unit) for unit in params["disabled_units"]], deadline)
    steps = plan(services, current, params["state"], params["on_change"])
    unwanted = plan_off(off) if params["state"] != "gathered" else ()
    after = predicted(current, steps)
    if not call.check_mode:
        apply(manager, (*unwanted, *steps), deadline)
        after = manager.read(services, deadline) if steps else current
    seen = current if call.check_mode else after
    return Outcome(
        (*unwanted, *steps),
        {item["name"]: item for item in report(current)},
        {item["name"]: item for item in report(after)},
        facts={
            "services": report(seen),
            "pending": report_pending(after),
            "restart_needed": restart_needed(seen),
        },
    )


if __name__ == "__main__":
    main()
