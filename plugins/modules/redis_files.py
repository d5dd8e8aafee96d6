#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_files
short_description: Manage the directories and the first configuration of Redis on a host
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Creates the directories of Redis and Sentinel, and writes their first configuration where there is none. From the
    first start the files belong to Redis and Sentinel, which rewrite them. Use M(gantry.odoo.redis_topology) for
    changes.
  - The places are those of the role P(gantry.odoo.redis#role), which runs the module.
  - Before anything is changed the module verifies the host and the files of TLS. The key belongs to the certificate and
    has no pass phrase, the authority verifies the certificate for the name of the host, and Redis can read all three.
  - A Redis that was set up with TLS is not changed to one without it, nor the other way round. A Redis of the package
    that runs, or one that runs under the other runtime, is refused.
options:
  state:
    description:
      - V(present) creates what is not there.
      - V(verified) verifies the host and the files of TLS, and changes nothing.
    type: str
    choices: [present, verified]
    default: present
  mode:
    description: The mode of the topology. With V(sentinel) the host has a Sentinel, too.
    type: str
    choices: [standalone, replicated, sentinel, cluster]
    default: standalone
  runtime:
    description: How the host runs Redis.
    type: str
    choices: [systemd, docker]
    default: systemd
  uid:
    description: Number of the user and the group that own the files, with O(runtime=docker).
    type: int
    default: 6379
  host:
    description: Name or address of this host in the topology. Required with O(tls).
    type: str
  bind:
    description: Addresses to listen at.
    type: list
    elements: str
    default: [127.0.0.1]
  port:
    description: Port of Redis.
    type: int
    default: 6379
  sentinel_port:
    description: Port of Sentinel.
    type: int
    default: 26379
  password:
    description: Password of Redis and Sentinel. Required with O(state=present).
    type: str
  tls:
    description: The files of TLS on the host. Redis and Sentinel then talk TLS and nothing else.
    type: dict
    suboptions:
      certificate:
        description: PEM file with the certificate, and the certificates that lead to the authority.
        type: path
        required: true
      key:
        description: PEM file with its key.
        type: path
        required: true
      ca:
        description: PEM file with the authorities to trust.
        type: path
        required: true
      clients:
        description:
          - Whether a client that shows a certificate has it verified. Nodes are clients of each other, so V(optional)
            needs a certificate that is good for clients too.
        type: str
        choices: [never, optional]
        default: never
  replace_packaged:
    description: Whether a Redis of the package that runs is accepted, because it will be stopped.
    type: bool
    default: false
  awaited:
    description:
      - Files that something else installs before, in the same run. In check mode, nothing is verified of a pair of
        which one of these is not there yet.
    type: list
    elements: path
    default: []
  timeout:
    description: Seconds that the whole call may take.
    type: int
    default: 60
requirements:
  - systemd, and with O(tls) openssl and setpriv, on the host
extends_documentation_fragment:
  - gantry.odoo.attributes
seealso:
  - module: gantry.odoo.host_services
  - module: gantry.odoo.redis_topology
"""

EXAMPLES = r"""
- name: Create the files of one Redis
  gantry.odoo.redis_files:
    bind: [127.0.0.1, 10.20.0.41]
    password: "{{ vault_redis_password }}"

- name: Verify the certificate before the run
  gantry.odoo.redis_files:
    host: 10.20.0.41
    tls:
      certificate: /etc/redis-pems/node.pem
      key: /etc/redis-pems/node.key
      ca: /etc/redis-pems/ca.pem
    state: verified
"""

RETURN = r"""
steps:
  description: The steps that were done, or would be in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: V(create) or V(change).
      type: str
    target:
      description: The path.
      type: str
    why:
      description: The reason, as a person would say it.
      type: str
awaited:
  description: Whether files of TLS are not there yet and were not verified, as they are among O(awaited).
  returned: when O(state=verified)
  type: bool
"""

from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_files import apply_files
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.plan_files import plan_files
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_files import is_awaited, read_items
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_host import Listener, Tls
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_files import items, refuse_host
from ansible_collections.gantry.odoo.plugins.module_utils._redis.read_host import read_host, verify_readable, verify_tls

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "verified"], "default": "present"},
    "mode": {"type": "str", "choices": ["standalone", "replicated", "sentinel", "cluster"], "default": "standalone"},
    "runtime": {"type": "str", "choices": ["systemd", "docker"], "default": "systemd"},
    "uid": {"type": "int", "default": 6379},
    "host": {"type": "str"},
    "bind": {"type": "list", "elements": "str", "default": ["127.0.0.1"]},
    "port": {"type": "int", "default": 6379},
    "sentinel_port": {"type": "int", "default": 26379},
    "password": {"type": "str", "no_log": True},
    "tls": {
        "type": "dict",
        "options": {
            "certificate": {"type": "path", "required": True},
            "key": {"type": "path", "required": True, "no_log": False},
            "ca": {"type": "path", "required": True},
            "clients": {"type": "str", "choices": ["never", "optional"], "default": "never"},
        },
    },
    "replace_packaged": {"type": "bool", "default": False},
    "awaited": {"type": "list", "elements": "path", "default": []},
    "timeout": {"type": "int", "default": 60},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work, required_if=[("state", "present", ["password"])])


def work(call: Call) -> Outcome:
    """Verify the host, and create what is not there."""
    params = call.params
    deadline = Deadline(params["timeout"])
    tls = Tls(**params["tls"]) if params["tls"] else None
    host = read_host(deadline)
    refuse_host(host, tls is not None, params["runtime"], params["replace_packaged"])
    awaits = call.check_mode and tls is not None and is_awaited(tls.files, params["awaited"])
    if tls is not None and not awaits:
        if not params["host"]:
            raise InputError(
                "host: is empty, and tls is set; name this host once among the nodes, as its certificate does"
            )
        verify_tls(tls, params["host"], params["mode"], deadline)
        owner = str(params["uid"]) if params["runtime"] == "docker" else "redis"
        verify_readable(tls, owner, deadline)
    if params["state"] == "verified":
        return Outcome((), facts={"awaited": awaits})
    ports = params["port"], params["sentinel_port"]
    listener = Listener(params["mode"], tuple(params["bind"]), *ports, params["password"], tls)
    wanted = items(listener, params["runtime"], params["uid"], host.in_container)
    found = read_items(wanted)
    steps = plan_files(wanted, found)
    if not call.check_mode:
        apply_files(steps)
    before = {path: f"{seen.mode:04o}" for path, seen in found.items()}
    after = {**before, **{step.target: f"{step.item.mode:04o}" for step in steps}}
    return Outcome(steps, before, after)


if __name__ == "__main__":
    main()
