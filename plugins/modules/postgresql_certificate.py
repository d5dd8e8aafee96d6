#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_certificate
short_description: Manage the certificate that PostgreSQL shows its clients
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Brings a pair of certificate and key to a PostgreSQL server on this host. A server that already runs with such a
    pair reads it again by a reload, so that connections stay, and the module verifies what a client is shown.
  - Where a client is not shown the pair, the former one is put back.
options:
  certificate:
    description: PEM file with the certificate, and the intermediates behind it. Left out where only O(ca) is given.
    type: path
  key:
    description: PEM file with its key.
    type: path
  ca:
    description: PEM file with the authorities that clients trust.
    type: path
    required: true
  names:
    description: Names and addresses by which clients connect. The certificate has to have all of them.
    type: list
    elements: str
    default: []
  directory:
    description: Directory of the server's configuration, where C(pair.pem) and C(trusted.crt) are written.
    type: path
    required: true
  group:
    description: Number of the group of the server's account, which may read the pair.
    type: int
    required: true
  socket_dir:
    description: Directory of the server's socket.
    type: path
    default: /run/postgresql
  port:
    description: Port of the server.
    type: int
    default: 5432
  listen_addresses:
    description: Addresses that it listens on. It is asked at the first one what it shows.
    type: list
    elements: str
    default: ["*"]
  state:
    description:
      - V(verified) changes nothing, and fails for a pair that does not fit or that clients would refuse.
      - V(current) writes the pair, and has a server that runs with it read it.
      - V(renewed) does the same, and fails where no server runs with it.
      - V(served) changes nothing, and fails where clients are shown another certificate.
    type: str
    choices: [verified, current, renewed, served]
    default: current
  awaited:
    description:
      - Files that something else installs before, in the same run. In check mode, nothing is verified of a pair of
        which one of these is not there yet.
    type: list
    elements: path
    default: []
  timeout:
    description: Seconds until clients must be shown the certificate.
    type: int
    default: 30
requirements:
  - openssl
  - psycopg2 (Python library, on the host)
  - cryptography (Python library, on the host)
extends_documentation_fragment:
  - gantry.odoo.attributes
seealso:
  - module: gantry.odoo.redis_certificate
"""

EXAMPLES = r"""
- name: Use a renewed certificate
  gantry.odoo.postgresql_certificate:
    certificate: /etc/gantry/certificates/db1/current/certificate.pem
    key: /etc/gantry/certificates/db1/current/key.pem
    ca: /etc/gantry/trust/authorities.pem
    names: [db1.internal.harbour.example]
    directory: /etc/postgresql/17/main
    group: 110
    state: renewed
"""

RETURN = r"""
steps:
  description: The steps that were done, or would be in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: V(write) or V(reload).
      type: str
    target:
      description: The file, or the server.
      type: str
    why:
      description: The reason, as a person would say it.
      type: str
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_files import is_awaited
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_certificate import (
    Server,
    apply_certificate,
    prove_shown,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_certificate import (
    PAIR,
    address,
    plan_awaited,
    plan_certificate,
    shown_digest,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_certificate import (
    Given,
    held_certificate,
    known_authorities,
    read_contents,
    read_given,
    read_shown,
    server_reads,
    verify_given,
)

OPTIONS = {
    "certificate": {"type": "path"},
    "key": {"type": "path", "no_log": False},
    "ca": {"type": "path", "required": True},
    "names": {"type": "list", "elements": "str", "default": []},
    "directory": {"type": "path", "required": True},
    "group": {"type": "int", "required": True},
    "socket_dir": {"type": "path", "default": "/run/postgresql"},
    "port": {"type": "int", "default": 5432},
    "listen_addresses": {"type": "list", "elements": "str", "default": ["*"]},
    "state": {"type": "str", "choices": ["verified", "current", "renewed", "served"], "default": "current"},
    "awaited": {"type": "list", "elements": "path", "default": []},
    "timeout": {"type": "int", "default": 30},
}
NEEDS = [("state", "renewed", ["certificate"]), ("state", "served", ["certificate"])]


def main() -> None:
    """Run the module."""
    run(OPTIONS, work, required_if=NEEDS, required_together=[("certificate", "key")])


def work(call: Call) -> Outcome:
    """Compare the pair with what the server holds and shows, and have the server use it."""
    params = call.params
    state, directory = params["state"], params["directory"]
    deadline = Deadline(params["timeout"])
    given = Given(params["certificate"] or "", params["key"] or "", params["ca"])
    if call.check_mode and is_awaited(given.files, params["awaited"]):
        known_authorities(given, directory)
        return Outcome(() if state == "verified" else plan_awaited(directory, bool(given.certificate)))
    server = _server(params)
    wanted = read_given(given)
    if state == "served":
        prove_shown(wanted, given.certificate, server, deadline)
        return Outcome(())
    verify_given(given, params["names"], directory, deadline)
    if state == "verified":
        return Outcome(())
    found = read_contents(directory)
    file = server_reads(server.login)
    reads = file == f"{directory}/{PAIR}"
    if state == "renewed" and not reads:
        raise StateError(
            f"PostgreSQL {server.login.where} {f'runs with {file}' if file else 'does not answer'}, and not with "
            f"{directory}/{PAIR}; start it, or run the role gantry.odoo.postgresql with the pair"
        )
    shown = read_shown(server.host, server.port, deadline) if reads else None
    held = held_certificate(wanted) if wanted.pair else None
    steps = plan_certificate(directory, wanted, found, reads, shown != held)
    if not call.check_mode:
        proof = Deadline(params["timeout"])
        apply_certificate(steps, found, server, lambda: prove_shown(wanted, given.certificate, server, proof))
    after = {"shown": shown_digest(held if reads and steps else shown), "trusted": wanted.trusted}
    return Outcome(steps, {"shown": shown_digest(shown), "trusted": found.trusted}, after)


def _server(params: Mapping[str, Any]) -> Server:
    login = Login(params["socket_dir"], "postgres", params["port"], ssl_mode="prefer")
    return Server(login, params["directory"], address(params["listen_addresses"]), params["port"], params["group"])


if __name__ == "__main__":
    main()
