#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather which ports of other hosts answer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: port_info
short_description: Gather which ports of other hosts answer
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Begins a connection of TCP to each port of each server, at all addresses of its host, and ends it at once.
  - A host that refuses the connection has answered, as nothing listens at the port. A filter that drops packets does
    not answer.
options:
  servers:
    description: The servers to ask.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: Address or name of the host.
        type: str
        required: true
      ports:
        description: Its ports of TCP.
        type: list
        elements: int
        required: true
  timeout:
    description: Seconds to wait for an answer, 3600 at most. All ports are asked at once.
    type: float
    default: 5
extends_documentation_fragment:
  - gantry.odoo.attributes.info
"""

EXAMPLES = r"""
- name: Gather whether the edge reaches Odoo
  gantry.odoo.port_info:
    servers:
      - host: 192.0.2.21
        ports: [8069, 8072]
"""

RETURN = r"""
answers:
  description: The answer of each port, at each address of its host.
  returned: success
  type: list
  elements: dict
  contains:
    host: {description: The host as it was given., type: str}
    port: {description: The port., type: int}
    address: {description: 'The address that was asked, empty where the host has none.', type: str}
    source: {description: 'The address of its own from which this host asked, empty without a way there.', type: str}
    answers: {description: Whether the host answered., type: bool}
    seen: {description: 'The answer in words, or why there is none.', type: str}
"""

from dataclasses import asdict
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._filter.plan_filter import check_ports
from ansible_collections.gantry.odoo.plugins.module_utils._filter.read_ports import ask_ports

OPTIONS: dict[str, Any] = {
    "servers": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "host": {"type": "str", "required": True},
            "ports": {"type": "list", "elements": "int", "required": True},
        },
    },
    "timeout": {"type": "float", "default": 5},
}
_LONGEST_S = 3600


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Ask each port once."""
    asked = [(one["host"], port) for one in call.params["servers"] for port in check_ports(one["ports"])]
    seconds = call.params["timeout"]
    if not 0 < seconds <= _LONGEST_S:
        raise InputError(
            f"timeout: {seconds:g} is no time in which a port can answer; give more than 0 and at most {_LONGEST_S} s"
        )
    found = ask_ports(list(dict.fromkeys(asked)), seconds)
    return Outcome(facts={"answers": [asdict(one) for one in found]})


if __name__ == "__main__":
    main()
