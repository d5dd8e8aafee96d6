#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_certificate
short_description: Manage the certificate that Redis shows its clients
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Compares the certificate that Redis and Sentinel on this host show with the one in the file. Where Redis shows
    another one, it reads the files again, by one command over its socket. So this works also after the certificate has
    expired, and connections stay.
  - Sentinel has no such command. The module reports that it has to be restarted, and does not restart it.
options:
  certificate:
    description: PEM file with the certificate.
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
  node:
    description: Where Redis listens.
    type: dict
    required: true
    suboptions: &place
      host:
        description: Name or address.
        type: str
        required: true
      port:
        description: Port.
        type: int
        required: true
  sentinel:
    description: Where Sentinel listens, on a host that has one.
    type: dict
    suboptions: *place
  username:
    description: User that may change settings of Redis. The default user when left out.
    type: str
  password:
    description: Its password.
    type: str
    required: true
  state:
    description:
      - V(current) has Redis read the files where it shows another certificate.
      - V(read) has Redis read them again also where the certificate is the same, such as for another authority.
      - V(verified) changes nothing, and fails where a process shows another certificate.
    type: str
    choices: [current, read, verified]
    default: current
  awaited:
    description:
      - Files that something else installs before, in the same run. In check mode, each process is taken to
        show another certificate while one of these is not there yet.
    type: list
    elements: path
    default: []
  timeout:
    description: Seconds that the whole call may take.
    type: int
    default: 30
requirements:
  - redis >= 5 (Python library, on the host)
extends_documentation_fragment:
  - gantry.odoo.attributes
seealso:
  - module: gantry.odoo.redis_files
"""

EXAMPLES = r"""
- name: Take up a renewed certificate
  gantry.odoo.redis_certificate:
    certificate: /etc/redis-pems/node.pem
    key: /etc/redis-pems/node.key
    ca: /etc/redis-pems/ca.pem
    node:
      host: 10.20.0.41
      port: 6379
    password: "{{ vault_redis_password }}"
"""

RETURN = r"""
steps:
  description: The steps that were done, or would be in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: Always V(read).
      type: str
    target:
      description: The process.
      type: str
    why:
      description: The reason, as a person would say it.
      type: str
sentinel_restart_needed:
  description: Whether Sentinel has to be restarted for the files.
  returned: always
  type: bool
"""

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_files import is_awaited
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_certificate import read_again
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_host import NODE, SENTINEL, Tls
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_certificate import plan_certificate, refuse_stale
from ansible_collections.gantry.odoo.plugins.module_utils._redis.read_certificate import read_file, read_shown

_PLACE = {"host": {"type": "str", "required": True}, "port": {"type": "int", "required": True}}
OPTIONS = {
    "certificate": {"type": "path", "required": True},
    "key": {"type": "path", "required": True, "no_log": False},
    "ca": {"type": "path", "required": True},
    "node": {"type": "dict", "required": True, "options": _PLACE},
    "sentinel": {"type": "dict", "options": _PLACE},
    "username": {"type": "str"},
    "password": {"type": "str", "required": True, "no_log": True},
    "state": {"type": "str", "choices": ["current", "read", "verified"], "default": "current"},
    "awaited": {"type": "list", "elements": "path", "default": []},
    "timeout": {"type": "int", "default": 30},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Compare what is shown with the file, and have Redis read it."""
    params = call.params
    deadline = Deadline(params["timeout"])
    tls = Tls(params["certificate"], params["key"], params["ca"])
    places = {NODE: params["node"], **({SENTINEL: params["sentinel"]} if params["sentinel"] else {})}
    awaits = call.check_mode and is_awaited(tls.files, params["awaited"])
    held = None if awaits else read_file(tls.certificate)
    stale = [kind for kind, place in places.items() if read_shown(kind, place, deadline) != held]
    if params["state"] == "verified":
        refuse_stale(stale, tls)
        return Outcome(())
    due = list(places) if params["state"] == "read" else stale
    steps = plan_certificate(NODE in due, NODE in stale)
    if steps and not call.check_mode:
        read_again(tls, params["username"], params["password"], deadline)
        refuse_stale([NODE] if read_shown(NODE, params["node"], deadline) != held else [], tls)
    return Outcome(steps, {"stale": stale}, {"stale": []}, facts={"sentinel_restart_needed": SENTINEL in due})


if __name__ == "__main__":
    main()
