#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_topology
short_description: Bring a set of Redis nodes and Sentinels to one declared topology
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Reads all nodes and Sentinels at once, plans what is missing, and changes just that at run time, with C(CONFIG SET),
    C(REPLICAOF), C(SENTINEL MONITOR), C(SENTINEL SET) and C(CONFIG REWRITE). It never writes a configuration file.
  - The live master is authoritative. The order of O(nodes) and O(primary) count only at bootstrap, when all are empty.
  - A node whose writes are not all known to the master is never made a replica, unless O(resolve) says whose data
    wins, and then its data is first saved to O(snapshot_dir).
  - Split brain is refused, which is more than one master, replication histories that went apart, or Sentinels that
    disagree.
  - A node that returns after the Sentinels elected another master becomes a replica. Where O(purpose) is V(session) or
    V(queue), what it holds is first saved to O(snapshot_dir).
  - Settings are compared after normalising units and aliases.
  - The difference shows who follows whom, settings and Sentinel parameters, and never a secret.
options:
  nodes:
    description: The data nodes. Names are resolved on the host that runs the module; configurations get the addresses.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: Name or address.
        type: str
        required: true
      port:
        description: Port, the TLS port where O(tls) is set.
        type: int
        default: 6379
  mode:
    description:
      - V(standalone) is one node, V(replicated) a primary with replicas, V(sentinel) the same guarded by Sentinels.
    type: str
    choices: [standalone, replicated, sentinel]
    default: standalone
  name:
    description: The name under which Sentinels know the master.
    type: str
    default: main
  primary:
    description:
      - The first primary, as C(host) or C(host:port). The first of O(nodes) when left out.
      - It counts only at bootstrap; it never moves a master.
    type: str
  sentinels:
    description: The Sentinels, an odd number of at least three.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: Name or address.
        type: str
        required: true
      port:
        description: Port.
        type: int
        default: 26379
  quorum:
    description: How many Sentinels must agree that the master is down. More than half when left out.
    type: int
  sentinel_settings:
    description:
      - C(down-after-milliseconds) (default 5000), C(failover-timeout) in milliseconds (default 60000) and
        C(parallel-syncs) (default 1).
    type: dict
    default: {}
  purpose:
    description:
      - What this Redis is for. It presets persistence, eviction, the share of memory, and whether a master takes writes
        that no replica acknowledges.
      - V(cache) evicts any key, keeps nothing on disk, and uses 60 % of the memory.
      - V(session) evicts the keys that expire first, appends to a file every second, and uses 40 %.
      - V(queue) never evicts, appends to a file every second, and uses 40 %.
      - V(ratelimit) evicts the counters that expire first, keeps nothing on disk, and uses 20 %.
      - With more than one node, V(session) and V(queue) set C(min-replicas-to-write) to 1.
    type: str
    choices: [cache, session, queue, ratelimit]
    default: cache
  settings:
    description:
      - Settings over the preset, as C(CONFIG SET) takes them, the same on every node. Sizes may be written as C(256mb).
      - A setting that contradicts O(purpose) is applied with a warning.
    type: dict
    default: {}
  memory_share:
    description:
      - The share, from 0 to 0.9, of the smallest node's memory that becomes C(maxmemory). 0 leaves C(maxmemory) alone.
      - Has no effect when O(settings) holds C(maxmemory). The default is set by O(purpose).
    type: float
  resolve:
    description:
      - The node whose data wins a split brain, as C(host) or C(host:port).
      - It counts only while there is one. The data of each node that loses is saved to O(snapshot_dir) first.
    type: str
  snapshot_dir:
    description: Directory on the host that runs the module for the RDB files of nodes whose data is given up.
    type: path
    default: /var/backups/redis
  username:
    description: ACL user for nodes and Sentinels, and with which replicas and Sentinels log in to nodes.
    type: str
  password:
    description: Its password, or that of the default user.
    type: str
  tls:
    description: Connect by TLS and verify the certificate, its name included.
    type: bool
    default: false
  ca_cert:
    description: Path of the CA certificates that O(tls) trusts. The system's when left out.
    type: path
  connect_timeout:
    description: Seconds for a connection and for each answer.
    type: float
    default: 5
  timeout:
    description: Seconds until the whole topology must be proven after the changes.
    type: float
    default: 60
  settle_timeout:
    description: Seconds to let a failover that is under way end before the module refuses.
    type: float
    default: 20
  when_absent:
    description:
      - What check mode does with a node or Sentinel that refuses the connection, or where the redis library is missing.
      - V(fail) tells so. V(plan_as_new) plans it as just installed, for a caller that would have started it.
      - Has no effect outside check mode.
    type: str
    choices: [fail, plan_as_new]
    default: fail
attributes:
  check_mode:
    description: Runs the same plan and changes nothing.
    support: full
  diff_mode:
    description: Shows edges, managed settings and Sentinel parameters before and after.
    support: full
requirements:
  - redis >= 5 (Python library, on the host that runs the module)
  - redis-cli, where O(resolve) gives up data
notes:
  - Run it once for a topology, on any host that reaches all nodes and Sentinels.
  - Nodes must have been started with a configuration file that they may rewrite.
  - Redis 6.2 and later.
"""

EXAMPLES = r"""
- name: Keep one node as a cache
  gantry.odoo.redis_topology:
    nodes:
      - host: 10.20.0.41
    purpose: cache
    settings:
      maxmemory: 512mb
    password: "{{ redis_password }}"

- name: Keep three nodes for sessions, guarded by three Sentinels
  gantry.odoo.redis_topology:
    mode: sentinel
    name: sessions
    nodes:
      - host: 10.20.0.41
      - host: 10.20.0.42
      - host: 10.20.0.43
    sentinels:
      - host: 10.20.0.41
      - host: 10.20.0.42
      - host: 10.20.0.43
    quorum: 2
    purpose: session
    password: "{{ redis_password }}"

- name: End a split brain in favour of one node, after a person looked at both
  gantry.odoo.redis_topology:
    mode: replicated
    nodes:
      - host: 10.20.0.41
      - host: 10.20.0.42
    resolve: 10.20.0.42
    password: "{{ redis_password }}"
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be done, in its order.
  returned: success
  type: list
  elements: dict
  sample: [{action: follow, target: "10.20.0.42:6379", why: "replica of 10.20.0.41:6379; it was a master"}]
topology:
  description: The topology after the run, or in check mode as it is.
  returned: success
  type: dict
  contains:
    mode:
      description: As asked for.
      type: str
    name:
      description: As asked for.
      type: str
    master:
      description: Host and port of the node that is, or in check mode would become, the master.
      type: dict
    replicas:
      description: All other nodes, with C(host), C(port), C(follows), C(link_up), C(offset) and C(lag_bytes) in bytes,
        and C(lag_s), seconds since the replica last heard from its master.
      type: list
      elements: dict
    sentinels:
      description: The Sentinels, with C(host), C(port), C(master), C(quorum), C(quorum_ok) and C(other_sentinels).
      type: list
      elements: dict
    quorum_ok:
      description: Whether every Sentinel reaches its quorum; null without Sentinels.
      type: bool
    evicted_keys:
      description: Keys that all nodes evicted since they started.
      type: int
snapshots:
  description: Files on the host that ran the module with the data that was given up.
  returned: success
  type: list
  elements: str
faults:
  description: In check mode, what is not whole beyond what the steps would change, such as a link that is down.
  returned: check mode
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import result
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply import (
    SnapshotPlace,
    apply_plan,
    faults,
    prove,
    settled_plan,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.client import (
    REDIS_IMPORT_ERROR,
    Access,
    Client,
    new_topology,
    resolve_addresses,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan import make_plan, wanted_settings
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report import shown, topology_facts
from ansible_collections.gantry.odoo.plugins.module_utils._redis.request import read_request
from ansible_collections.gantry.odoo.plugins.module_utils._redis.settings import contradictions

_ENDPOINT = {"host": {"type": "str", "required": True}}


def argument_spec():
    """The module's options."""
    return {
        "nodes": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {**_ENDPOINT, "port": {"type": "int", "default": 6379}},
        },
        "mode": {"type": "str", "choices": ["standalone", "replicated", "sentinel"], "default": "standalone"},
        "name": {"type": "str", "default": "main"},
        "primary": {"type": "str"},
        "sentinels": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {**_ENDPOINT, "port": {"type": "int", "default": 26379}},
        },
        "quorum": {"type": "int"},
        "sentinel_settings": {"type": "dict", "default": {}},
        "purpose": {"type": "str", "choices": ["cache", "session", "queue", "ratelimit"], "default": "cache"},
        "settings": {"type": "dict", "default": {}},
        "memory_share": {"type": "float"},
        "resolve": {"type": "str"},
        "snapshot_dir": {"type": "path", "default": "/var/backups/redis"},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "tls": {"type": "bool", "default": False},
        "ca_cert": {"type": "path"},
        "connect_timeout": {"type": "float", "default": 5},
        "timeout": {"type": "float", "default": 60},
        "settle_timeout": {"type": "float", "default": 20},
        "when_absent": {"type": "str", "choices": ["fail", "plan_as_new"], "default": "fail"},
    }


def plan_unread(module, desired):
    """In check mode on a host without the redis library: the plan for nodes that were all just installed."""
    current = new_topology(desired)
    plan = make_plan(current, desired)
    module.warn("The Python library redis is not on this host yet, so no node was asked: all were planned as new.")
    return report(module, desired, current, plan, current, [], [])


def converge(module, desired, client):
    """Read, plan, and outside check mode apply and prove."""
    current, plan = settled_plan(client, desired, Deadline(module.params["settle_timeout"]))
    if module.check_mode:
        seen, files = current, []
        # What the steps would change is no fault; with no steps, everything that is missing is one.
        broken = [] if plan.steps else list(faults(current, desired, plan.master))
    else:
        deadline = Deadline(module.params["timeout"])
        place = SnapshotPlace(module.params["snapshot_dir"], module.get_bin_path("redis-cli"))
        files = apply_plan(client, plan, desired, place, deadline)
        seen, broken = prove(client, plan, desired, deadline), []
    return report(module, desired, current, plan, seen, files, broken)


def report(module, desired, current, plan, seen, files, broken):
    """The module's return value."""
    settings = wanted_settings(current, desired)
    facts = {
        "topology": topology_facts(seen, plan.master, desired.mode, desired.name),
        "snapshots": files,
    }
    if module.check_mode:
        facts["faults"] = broken
        for fault in broken:
            module.warn(fault)
    return result(plan.steps, shown(current, settings), shown(plan.after, settings), **facts)


def main():
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    plan_as_new = module.check_mode and module.params["when_absent"] == "plan_as_new"
    try:
        desired = read_request(module.params)
        for warning in contradictions(desired.purpose, desired.settings):
            module.warn(warning)
        if REDIS_IMPORT_ERROR is not None:
            if plan_as_new:
                module.exit_json(**plan_unread(module, desired))
            module.fail_json(msg=missing_required_lib("redis"), exception=REDIS_IMPORT_ERROR)
        access = Access(
            username=module.params["username"],
            password=module.params["password"],
            tls=module.params["tls"],
            ca_cert=module.params["ca_cert"],
            timeout=module.params["connect_timeout"],
        )
        with Client(access, resolve_addresses(desired), plan_as_new) as client:
            outcome = converge(module, desired, client)
    except GantryError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**outcome)


if __name__ == "__main__":
    main()
