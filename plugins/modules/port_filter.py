#!/usr/bin/python

# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter who may connect to the ports of a service."""

from __future__ import annotations

DOCUMENTATION = r"""
module: port_filter
short_description: Manage who may connect to the ports of a service
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Keeps a table of nftables that drops what comes to the ports from other hosts than O(sources). The host itself may
    always connect. Other tables, such as those of firewalld, of ufw or of the Docker Engine, are not touched, and may
    refuse more.
  - The filter comes before packets are sent on to a container, so it holds for published ports as well.
  - It is tried in a network namespace of its own first, and takes the place of the former one in one step. A table
    that was changed by hand is put right.
  - Hosts that are connected now and would be cut off are named, and nothing is done, unless O(cut_off) has them, or
    they were among O(hosts) before and have left.
  - With O(proof=pending), the filter is on trial until another call says whether it is proven. The host itself puts the
    former one back without that call, so that no host stays cut off by an interrupted run.
requirements:
  - nftables, and C(unshare) and C(flock) of util-linux, on the host
  - systemd, for O(proof=pending)
options:
  name:
    description: Name of the service. The table is C(gantry_) and this name.
    type: str
    required: true
  state:
    description: Whether there is a filter.
    type: str
    choices: [present, absent]
    default: present
  ports:
    description:
      - Ports of TCP. Required with O(state=present).
      - Ports that the filter has already stay in it, since an instance that is not managed any more may go on.
        O(state=absent) takes all of them out.
    type: list
    elements: int
    default: []
  sources:
    description:
      - Addresses, networks and names of those who may connect. They or O(hosts) are required with O(state=present).
      - A name is looked up on the host, and stands for all its addresses, and for those that it had in the filter
        before. A warning names the latter, and O(cut_off) takes them out.
    type: list
    elements: str
    default: []
  hosts:
    description:
      - More of them, address or name by the name of the host.
      - A host that is taken out of this mapping has left, and may be cut off.
    type: dict
    default: {}
  cut_off:
    description: Addresses and networks whose connections may end.
    type: list
    elements: str
    default: []
  proof:
    description:
      - V(none) loads the filter for good.
      - V(pending) loads a filter that differs on trial, and RV(on_trial) says so. Ask from O(hosts) then whether they
        still reach the ports, with M(gantry.odoo.port_info).
      - V(passed) writes the file, and ends the trial. It fails where the filter on trial is not loaded any more.
      - V(failed) puts the former filter back. Do that before you ask for the first time, as an interrupted run may have
        left a filter on trial, which hides what it cuts off.
    type: str
    choices: [none, pending, passed, failed]
    default: none
  trial:
    description:
      - RV(trial) of the call with O(proof=pending), so that a trial of another run is left alone. Required with
        O(proof=passed), except in check mode. Without it, O(proof=failed) ends any trial.
    type: str
    default: ""
  undo_after:
    description: Seconds after which the host puts the former filter back, with O(proof=pending).
    type: int
    default: 120
  path:
    description: File of the rules, for C(nft -f) at the start of the host. Something else has to load it there.
    type: path
    required: true
  timeout:
    description: Seconds that the programs may take.
    type: int
    default: 60
extends_documentation_fragment:
  - gantry.odoo.attributes
"""

EXAMPLES = r"""
- name: Allow connections to Odoo from the edges only
  gantry.odoo.port_filter:
    name: odoo
    ports: [8069, 8072]
    sources: [192.0.2.10, edge2.example.com, "2001:db8:1::/64"]
    path: /etc/odoo/port-filter.nft

- name: Try a filter until it is proven
  gantry.odoo.port_filter:
    name: odoo
    ports: [8069, 8072]
    hosts:
      edge1: 192.0.2.10
      edge2: edge2.example.com
    path: /etc/odoo/port-filter.nft
    proof: pending
  register: tried

- name: Write the filter once it is proven
  gantry.odoo.port_filter:
    name: odoo
    ports: [8069, 8072]
    hosts:
      edge1: 192.0.2.10
      edge2: edge2.example.com
    path: /etc/odoo/port-filter.nft
    proof: passed
    trial: "{{ tried.trial }}"

- name: Remove the filter
  gantry.odoo.port_filter:
    name: odoo
    state: absent
    path: /etc/odoo/port-filter.nft
"""

RETURN = r"""
sources:
  description:
    - The networks that may connect, as names were looked up. Empty with O(state=absent), and at the end of a trial.
  returned: success
  type: list
  elements: str
on_trial:
  description: Whether the filter is on trial, or would be in check mode.
  returned: success
  type: bool
trial:
  description: Name of the trial that has begun, empty without one and in check mode.
  returned: success
  type: str
steps:
  description: The steps that were done, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: V(load_filter), V(write_file), V(put_back_filter), V(remove_file) or V(unload_filter).
      type: str
    target:
      description: The table or the file.
      type: str
    why:
      description: The reason for the step.
      type: str
"""

import contextlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._filter.apply_filter import Tools, apply_filter
from ansible_collections.gantry.odoo.plugins.module_utils._filter.apply_trial import Trial
from ansible_collections.gantry.odoo.plugins.module_utils._filter.model import Address, Filter, Found, Lookup
from ansible_collections.gantry.odoo.plugins.module_utils._filter.plan_filter import (
    Try,
    check_name,
    check_ports,
    check_seconds,
    plan_absent,
    plan_failed,
    plan_present,
    plan_proven,
    plan_trial,
    ports_in,
    ruleset,
)
from ansible_collections.gantry.odoo.plugins.module_utils._filter.plan_sources import (
    admitted,
    left,
    names_in,
    networks_in,
    networks_of,
    recorded,
    settle,
)
from ansible_collections.gantry.odoo.plugins.module_utils._filter.read_filter import (
    Nft,
    look_up,
    read_file,
    read_peers,
)

OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "ports": {"type": "list", "elements": "int", "default": []},
    "sources": {"type": "list", "elements": "str", "default": []},
    "hosts": {"type": "dict", "default": {}},
    "cut_off": {"type": "list", "elements": "str", "default": []},
    "proof": {"type": "str", "choices": ["none", "pending", "passed", "failed"], "default": "none"},
    "trial": {"type": "str", "default": ""},
    "undo_after": {"type": "int", "default": 120},
    "path": {"type": "path", "required": True},
    "timeout": {"type": "int", "default": 60},
}

_NO_TRIAL = {"sources": [], "on_trial": False, "trial": ""}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Bring the filter to the wanted state."""
    check_name(call.params["name"])
    check_seconds(call.params["undo_after"])
    networks_of(call.params["cut_off"], "cut_off")
    if call.params["proof"] == "passed" and not call.params["trial"] and not call.check_mode:
        raise InputError("trial: it is empty, so nothing says which filter is proven; give trial of the pending call")
    program = call.find_program("nft")
    if program is None and not call.check_mode and call.params["state"] == "present":
        raise StateError("nft is not on this host; install nftables")
    bring = _bring(call, program)
    # what only reads makes no file either
    with contextlib.nullcontext() if call.check_mode else _tools(call, program).trial.alone():
        return bring()


def _bring(call: Call, program: str | None) -> Callable[[], Outcome]:
    """What brings the filter to the wanted state. Names have been looked up, which may take long."""
    params = call.params
    if params["state"] == "absent":
        return lambda: _absent(call, program)
    if params["proof"] == "failed":
        return lambda: _failed(call, program)
    # in check mode nothing was tried, unless the call has its name
    if params["proof"] == "passed" and program and params["trial"]:
        return lambda: _passed(call, program)
    hosts = {str(name): str(address) for name, address in params["hosts"].items()}
    found = {name: look_up(name) for name in names_in(params["sources"], hosts)}
    return lambda: _present(call, program, hosts, found)


def _present(call: Call, program: str | None, hosts: Mapping[str, str], names: Mapping[str, Lookup]) -> Outcome:
    params = call.params
    cut_off = networks_of(params["cut_off"], "cut_off")
    written = read_file(params["path"])
    before = recorded(written)
    sources, told = settle(params["sources"], hosts, names, before, cut_off)
    ports = check_ports([*check_ports(params["ports"]), *ports_in(written)])
    wanted = Filter(params["name"], ports, sources)
    tools = _tools(call, program)
    rules = ruleset(wanted)
    found = _found(wanted, written, rules, tools) if program else Found(written, peers=read_peers(ports))
    # check mode, as after a trial
    if params["proof"] == "passed":
        found = Found(written, found.wanted, found.wanted)
    steps = _steps(params, wanted, found, [*cut_off, *left(before, sources)])
    for text in told:
        call.warn(text)
    if not call.check_mode:
        apply_filter(steps, tools, rules)
    on_trial = any(isinstance(step, Try) for step in steps)
    return Outcome(
        steps,
        {"filter": found.live or ""},
        {"filter": found.wanted or rules},
        {
            "sources": [str(one) for one in wanted.sources.networks],
            "on_trial": on_trial,
            "trial": tools.name if on_trial and not call.check_mode else "",
        },
    )


def _found(wanted: Filter, written: str | None, rules: str, tools: Tools) -> Found:
    on_trial = tools.trial.runs()
    found = Found(
        written,
        tools.nft.live(wanted.table),
        tools.nft.normal(wanted.table, rules),
        on_trial=on_trial,
        former=tools.trial.former() if on_trial else None,
    )
    return replace(found, peers=_peers(wanted, found, tools))


def _peers(wanted: Filter, found: Found, tools: Tools) -> set[Address]:
    """The hosts that are connected, without those that the proven filter has cut off."""
    # one that was changed by hand may let in others than it says
    if not found.file or found.proven is None or found.proven != tools.nft.normal(wanted.table, found.file):
        return read_peers(wanted.ports)
    filtered = set(ports_in(found.file))
    return read_peers({*wanted.ports} - filtered) | admitted(read_peers(filtered), networks_in(found.file))


def _steps(params: Any, wanted: Filter, found: Found, cut_off: Any) -> list[Step]:
    path = params["path"]
    if params["proof"] == "pending":
        return plan_trial(wanted, path, found, cut_off)
    return plan_present(wanted, path, found, cut_off)


def _passed(call: Call, program: str) -> Outcome:
    tools, table, path = _tools(call, program), f"gantry_{call.params['name']}", call.params["path"]
    tried = tools.trial.tried()
    live, normal = tools.nft.live(table), tools.nft.normal(table, tried.rules) if tried.rules else ""
    steps = plan_proven(table, path, call.params["trial"], tried, Found(read_file(path), live, normal))
    if not call.check_mode:
        apply_filter(steps, tools, tried.rules)
        # until the file is there, the former one can come back
        tools.trial.end()
    return Outcome(steps, facts=_NO_TRIAL)


def _failed(call: Call, program: str | None) -> Outcome:
    tools = _tools(call, program)
    found = Found(on_trial=bool(program) and tools.trial.runs())
    steps = plan_failed(f"gantry_{call.params['name']}", call.params["trial"], tools.trial.tried(), found)
    if not call.check_mode:
        apply_filter(steps, tools, "")
    return Outcome(steps, facts=_NO_TRIAL)


def _absent(call: Call, program: str | None) -> Outcome:
    table, path = f"gantry_{call.params['name']}", call.params["path"]
    tools = _tools(call, program)
    # without the program there may be tables still, which another one has loaded
    found = Found(
        read_file(path),
        tools.nft.live(table) if program else None,
        on_trial=bool(program) and tools.trial.runs(),
    )
    steps = plan_absent(table, path, found)
    if not call.check_mode:
        apply_filter(steps, tools, "")
    return Outcome(steps, {"filter": found.live or ""}, {"filter": ""}, _NO_TRIAL)


def _tools(call: Call, program: str | None) -> Tools:
    deadline = Deadline(call.params["timeout"])
    path = program or "nft"
    trial = Trial(call.params["name"], path, deadline)
    return Tools(Nft(path, deadline), trial, call.params["undo_after"], secrets.token_hex(8))


if __name__ == "__main__":
    main()
