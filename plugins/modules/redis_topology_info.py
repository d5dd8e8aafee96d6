#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_topology_info
short_description: Gather the status of a Redis topology
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Reads all nodes and Sentinels at once and changes nothing.
  - A node that does not answer is reported with its reason beside the others.
  - Given the options of M(gantry.odoo.redis_topology), it returns the steps that module would take, or why it would
    refuse.
extends_documentation_fragment:
  - gantry.odoo.redis
  - gantry.odoo.attributes.info
options:
  state_dir:
    description: Directory on the host that runs the module where M(gantry.odoo.redis_topology) keeps its journal.
    type: path
    default: /var/lib/gantry/redis
seealso:
  - module: gantry.odoo.redis_topology
"""

EXAMPLES = r"""
- name: Gather the status of the sessions
  gantry.odoo.redis_topology_info:
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
    purpose: session
    password: "{{ redis_password }}"
  register: sessions

- name: Fail when something is missing
  ansible.builtin.assert:
    that: sessions.faults == []
    fail_msg: "{{ sessions.faults | join('; ') }}"
"""

RETURN = r"""
primary:
  description: Host and port of the primary; null where that is not clear, and for a cluster.
  returned: success
  type: dict
nodes:
  description: The data nodes in the declared order.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: As declared.
      type: str
    port:
      description: As declared.
      type: int
    answers:
      description: Whether it was read. The keys below are there when it was.
      type: bool
    error:
      description: Why it was not read.
      type: str
    role:
      description: V(primary) or V(replica).
      type: str
    follows:
      description: The node that it replicates, null on a primary.
      type: str
    link_up:
      description: Whether it is connected to its primary, null on a primary.
      type: bool
    link_down_s:
      description: Seconds that the link is down, null while it is up.
      type: int
    syncing:
      description: Whether it is loading its primary's data.
      type: bool
    lag_s:
      description: Seconds since it heard from its primary, null on a primary.
      type: int
    lag_bytes:
      description: Bytes of the replication stream that it is behind the primary, null on a primary or without one.
      type: int
    offset:
      description: Its place in the replication stream in bytes.
      type: int
    history:
      description: The replication ID of its data.
      type: str
    version:
      description: Of Redis, or the one that Valkey is compatible with.
      type: str
    uptime_s:
      description: Seconds since its start.
      type: int
    clients:
      description: Connected clients.
      type: int
    blocked_clients:
      description: Clients that wait in a blocking command.
      type: int
    rejected_connections:
      description: Connections that C(maxclients) turned away since its start.
      type: int
    slots:
      description: Slots that it serves in a cluster.
      type: int
    key_count:
      description: Keys in all databases.
      type: int
    evicted_keys:
      description: Keys evicted for want of memory since its start.
      type: int
    expired_keys:
      description: Keys that expired since its start.
      type: int
    used_bytes:
      description: Memory in use.
      type: int
    max_bytes:
      description: C(maxmemory), 0 without a limit.
      type: int
    memory_pressure:
      description: Memory in use as a share of C(maxmemory), null without a limit.
      type: float
    fragmentation:
      description: Memory that the system gave over memory in use.
      type: float
    aof:
      description: Whether it appends to a file.
      type: bool
    aof_ok:
      description: Whether the last write to that file succeeded.
      type: bool
    rdb_ok:
      description: Whether the last save succeeded.
      type: bool
    rdb_age_s:
      description: Seconds since the last save that succeeded, or since the start when there was none.
      type: int
    changes_since_save:
      description: Writes since that save.
      type: int
sentinels:
  description: The Sentinels in the declared order.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: As declared.
      type: str
    port:
      description: As declared.
      type: int
    answers:
      description: Whether it was read. The keys below are there when it was.
      type: bool
    error:
      description: Why it was not read.
      type: str
    primary:
      description: The node that it watches under O(name), null when none.
      type: str
    flags:
      description: Its flags of that primary, such as C(s_down).
      type: list
      elements: str
    quorum_ok:
      description: Whether it reaches enough others to elect another primary.
      type: bool
    quorum_words:
      description: Its own words on that.
      type: str
    other_sentinels:
      description: How many others it knows.
      type: int
    replicas:
      description: The replicas that it knows.
      type: list
      elements: str
    parameters:
      description: Its quorum, times in milliseconds, and parallel syncs.
      type: dict
faults:
  description: Faults of the topology, a sentence each.
  returned: success
  type: list
  elements: str
fault_details:
  description: The same faults, to be compared with those of another moment.
  returned: success
  type: list
  elements: dict
  contains:
    endpoint:
      description: Host and port of the process that has the fault, empty for the topology as a whole.
      type: str
    kind:
      description: Kind of the fault, such as V(unreachable), V(role), V(link) or V(quorum).
      type: str
    sentence:
      description: The fault as in RV(faults).
      type: str
next_steps:
  description: What M(gantry.odoo.redis_topology) would do with the same options; empty also when it would refuse.
  returned: success
  type: list
  elements: dict
refused:
  description: Why it would refuse; null when it would not.
  returned: success
  type: str
unfinished_failover:
  description: The former and the next primary of a planned failover that was cut off; null when there is none.
  returned: success
  type: dict
"""

from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.journal import Journal
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_failover import unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import Client
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_request import read_request
from ansible_collections.gantry.odoo.plugins.module_utils._redis.options import DECLARED, STATE_DIR, access_from
from ansible_collections.gantry.odoo.plugins.module_utils._redis.read_addresses import look_up, resolve_addresses
from ansible_collections.gantry.odoo.plugins.module_utils._redis.read_cluster import look_at_cluster
from ansible_collections.gantry.odoo.plugins.module_utils._redis.read_topology import look_at_topology
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_cluster import look_over_cluster
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_overview import look_over

OPTIONS: dict[str, Any] = {**DECLARED, "state_dir": {"type": "path", "default": STATE_DIR}}
NOT_ASKED = {"primary": None, "resolve": None, "failover": "never", "move_timeout": 0, "forget_sentinels": False}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Read the topology that the options declare, and what the other module would do with it."""
    params = call.params
    desired = read_request({**NOT_ASKED, **params}, look_up)
    with Client(access_from(params), resolve_addresses(desired)) as client:
        if desired.mode == "cluster":
            return Outcome(facts=look_over_cluster(desired, look_at_cluster(client, desired)))
        nodes, sentinels = look_at_topology(client, desired)
        left = unfinished(Journal(params["state_dir"], desired.name), desired, client.book)
        return Outcome(facts=look_over(desired, nodes, sentinels, left))


if __name__ == "__main__":
    main()
