#!/usr/bin/python
# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_topology
short_description: Manage a Redis topology of nodes and Sentinels
version_added: 0.1.0
author: Gantry contributors (@gantry-odoo)
description:
  - Reads all nodes and Sentinels at once, plans what is missing, and changes just that at run time, with C(CONFIG SET),
    C(REPLICAOF), C(SENTINEL MONITOR), C(SENTINEL SET) and C(CONFIG REWRITE). It never writes a configuration file.
  - The live primary is authoritative. The order of O(nodes) and O(primary) count only at bootstrap, when all are empty,
    unless O(failover) asks for a planned failover.
  - A node whose writes are not all known to the primary is never made a replica, unless O(resolve) says whose data
    wins, and then its data is first saved to O(snapshot_dir).
  - Split brain is refused, which is more than one primary, replication histories that went apart, or Sentinels that
    disagree.
  - A node that returns after the Sentinels elected another primary becomes a replica. Where O(purpose) is V(session) or
    V(queue), what it holds is first saved to O(snapshot_dir).
  - Settings and the rules of users are compared in the spelling of each node. Check mode sets none to learn
    it, so that a value that Redis refuses, or one in a rare spelling, is planned as a change.
  - A run waits for another one that works on the topology, from whichever host, until O(timeout). It sees it by the
    names of connections, so that a run that is killed holds nothing. Check mode does not wait.
  - The difference shows who follows whom, settings and Sentinel parameters, and never a secret.
extends_documentation_fragment:
  - gantry.odoo.redis
  - gantry.odoo.attributes
options:
  primary:
    description:
      - The first primary, as C(host) or C(host:port). The first of O(nodes) when left out.
      - It counts only at bootstrap, and moves a primary only where O(failover) is V(planned).
      - In a cluster it is the replica that is to take over, and set for a planned failover only.
    type: str
  failover:
    description:
      - What to do where another node than O(primary) is the primary.
      - V(never) leaves the live primary alone.
      - V(planned) promotes O(primary) once the topology is healthy, without losing an acknowledged write. Writes pause
        for a moment. Leave it out of what is declared for good, as it would also undo what Sentinels elected.
      - In a cluster O(primary) takes the slots of the node that it follows. Redis itself gives that up after 5 seconds,
        and then the former primary serves as before. It is not begun, and no write pauses, before its primary and a
        majority of the primaries answer O(primary) on the cluster bus and have its answers, which O(timeout) is for.
      - A failover that is killed or hangs is completed by a guard process on the same host, or else by the next run.
    type: str
    choices: [never, planned]
    default: never
  failover_timeout:
    description:
      - Seconds, from 1 to 60, that a planned failover may pause writes for while O(primary) catches up. Then it is
        given up, and the former primary stays the primary.
    type: float
    default: 5
  state_dir:
    description: Directory on the host that runs the module for the journal of planned failovers.
    type: path
    default: /var/lib/gantry/redis
  resolve:
    description:
      - The node whose data wins a split brain, as C(host) or C(host:port).
      - It counts only while there is one. The data of each node that loses is saved to O(snapshot_dir) first.
    type: str
  forget_sentinels:
    description:
      - Whether Sentinels that are neither in O(sentinels) nor answer are forgotten. As long as the others know them,
        they count to the majority that a failover needs.
      - The others are reset one at a time, 30 seconds apart, and only while all of O(sentinels) reach each other. Leave
        it out of what is declared for good.
    type: bool
    default: false
  snapshot_dir:
    description: Directory on the host that runs the module for the RDB files of nodes whose data is given up.
    type: path
    default: /var/backups/redis
  timeout:
    description:
      - Seconds until the topology must be proven healthy after the changes; in a cluster also for each change that
        moves no slots.
    type: float
    default: 60
  move_timeout:
    description:
      - Seconds for moving slots with their keys from one node of a cluster to another. A move that is stopped is
        mended by the next run.
    type: float
    default: 3600
  settle_timeout:
    description: Seconds to let a failover that is under way end before the module refuses.
    type: float
    default: 20
  when_absent:
    description:
      - How check mode treats a node or Sentinel that refuses the connection, or where the redis library is missing.
      - V(fail) tells so. V(plan_as_new) plans it as just installed, for a caller that would have started it.
      - Has no effect outside check mode.
    type: str
    choices: [fail, plan_as_new]
    default: fail
requirements:
  - redis-cli, where O(resolve) gives up data
notes:
  - Nodes must have been started with a configuration file that they may rewrite.
  - Before it changes anything, the module has nodes and Sentinels write what they have in memory. One that cannot is
    found first, and what a run whose disk was full has left in memory alone is in the files then. That is no change.
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

- name: Keep the same with users that have least rights
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
    purpose: session
    password: "{{ redis_password }}"
    replication_username: replication
    replication_password: "{{ redis_replication_password }}"
    sentinel_username: sentinel
    sentinel_password: "{{ redis_sentinel_password }}"
    users:
      - name: odoo
        rules: ["~session:*", "+@read", "+@write", "+@connection", "-@dangerous"]
        passwords: ["{{ redis_odoo_password }}"]

- name: Run a planned failover to another node before the first one is patched
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
    purpose: session
    primary: 10.20.0.42
    failover: planned
    password: "{{ redis_password }}"

- name: Keep six nodes as a cluster of three primaries with a replica each
  gantry.odoo.redis_topology:
    mode: cluster
    nodes:
      - host: 10.20.0.51
      - host: 10.20.0.52
      - host: 10.20.0.53
      - host: 10.20.0.54
      - host: 10.20.0.55
      - host: 10.20.0.56
    replicas: 1
    purpose: cache
    password: "{{ redis_password }}"

- name: End a split brain in favor of one node, after a person looked at both
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
  description: The steps that were done, or in check mode would be done, in their order.
  returned: success
  type: list
  elements: dict
  sample: [{action: follow, target: "10.20.0.42:6379", why: "replica of 10.20.0.41:6379; it was a primary"}]
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
    primary:
      description: Host and port of the node that is, or in check mode would become, the primary; null for a cluster.
      type: dict
    primaries:
      description: The primaries of a cluster, with C(host), C(port) and C(slots), how many they serve.
      type: list
      elements: dict
    replicas:
      description: All other nodes, with C(host), C(port), C(follows), C(link_up), C(offset) and C(lag_bytes) in bytes,
        and C(lag_s), seconds since the replica last heard from its primary.
      type: list
      elements: dict
    sentinels:
      description: The Sentinels, with C(host), C(port), C(primary), C(quorum), C(quorum_ok) and C(other_sentinels).
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
  description: In check mode, what is not healthy beyond what the steps would change, such as a link that is down.
  returned: check mode
  type: list
  elements: str
"""

from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.journal import Journal
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome, run
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_cluster import (
    apply_cluster,
    prove_cluster,
    settled_cluster,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_failover import resume, run_failover, unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_lock import new_mark, require_alone
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_node import write_files
from ansible_collections.gantry.odoo.plugins.module_utils._redis.apply_topology import (
    SnapshotPlace,
    apply_plan,
    prove,
    settled_plan,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import Client, library_is_missing
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_cluster import Cluster, new_cluster
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_request import read_request
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_settings import contradictions
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import Desired, Topology, new_topology
from ansible_collections.gantry.odoo.plugins.module_utils._redis.options import DECLARED, STATE_DIR, access_from
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_cluster import (
    ClusterPlan,
    plan_cluster,
    topology_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_cluster import faults as cluster_faults
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_failover import resumed_steps, with_failover
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_topology import Plan, make_plan, wanted_settings
from ansible_collections.gantry.odoo.plugins.module_utils._redis.read_addresses import look_up, resolve_addresses
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_cluster import cluster_facts, cluster_shown
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_faults import faults
from ansible_collections.gantry.odoo.plugins.module_utils._redis.report_topology import shown, topology_facts

OPTIONS: dict[str, Any] = {
    **DECLARED,
    "primary": {"type": "str"},
    "failover": {"type": "str", "choices": ["never", "planned"], "default": "never"},
    "failover_timeout": {"type": "float", "default": 5},
    "state_dir": {"type": "path", "default": STATE_DIR},
    "resolve": {"type": "str"},
    "forget_sentinels": {"type": "bool", "default": False},
    "snapshot_dir": {"type": "path", "default": "/var/backups/redis"},
    "timeout": {"type": "float", "default": 60},
    "move_timeout": {"type": "float", "default": 3600},
    "settle_timeout": {"type": "float", "default": 20},
    "when_absent": {"type": "str", "choices": ["fail", "plan_as_new"], "default": "fail"},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


def work(call: Call) -> Outcome:
    """Validate the input, then check or converge the topology that it declares."""
    params = call.params
    desired = read_request(params, look_up)
    for warning in contradictions(desired.purpose, desired.settings):
        call.warn(warning)
    plan_as_new = call.check_mode and params["when_absent"] == "plan_as_new"
    if plan_as_new and library_is_missing():
        return predict_unread(call, desired)
    access, book = access_from(params), resolve_addresses(desired)
    journal = Journal(params["state_dir"], desired.name)
    mark = new_mark()

    def fresh() -> Client:
        client = Client(access, book, may_try=True)
        client.mark(mark)
        return client

    with Client(access, book, plan_as_new, may_try=not call.check_mode) as client:
        if not call.check_mode:
            require_alone(client, desired.nodes, mark, Deadline(params["timeout"]))
        if desired.mode == "cluster":
            return converge_cluster(call, desired, client)
        if call.check_mode:
            return predict(call, desired, client, journal)
        with journal.lock(Deadline(params["timeout"]), make=desired.failover):
            return converge(call, desired, client, journal, fresh)


def predict_unread(call: Call, desired: Desired) -> Outcome:
    """In check mode on a host without the redis library: the plan for nodes that were all just installed."""
    call.warn("The Python library redis is not on this host yet, so no node was asked: all were planned as new.")
    if desired.mode == "cluster":
        cluster = new_cluster(desired)
        return cluster_outcome(desired, cluster, plan_cluster(cluster, desired), cluster, faults=[])
    current = new_topology(desired)
    return outcome(desired, current, make_plan(current, desired), current, faults=[])


def predict(call: Call, desired: Desired, client: Client, journal: Journal) -> Outcome:
    """Check mode: read and plan, and report what is not healthy beyond what the steps would change."""
    left = resumed_steps(unfinished(journal, desired, client.book))
    current, plan = settled_plan(client, desired, Deadline(call.params["settle_timeout"]))
    plan = with_failover(plan, desired)
    broken = [] if left or plan.steps else [str(one) for one in faults(current, desired, plan.primary)]
    for fault in broken:
        call.warn(fault)
    return outcome(desired, current, plan, current, left, faults=broken)


def converge(call: Call, desired: Desired, client: Client, journal: Journal, fresh: Callable[[], Client]) -> Outcome:
    """Complete what an earlier run left open, read, plan, apply, prove, and fail over where that is asked for."""
    deadline = Deadline(call.params["timeout"])
    place = SnapshotPlace(call.params["snapshot_dir"], call.find_program("redis-cli"))
    seconds = call.params["failover_timeout"]
    left, desired = resume(client, desired, journal, seconds)
    current, plan = settled_plan(client, desired, Deadline(call.params["settle_timeout"]))
    plan = with_failover(plan, desired)
    write_files(client, current.nodes, desired.sentinels, users=desired.has_users)
    files = apply_plan(client, plan, desired, place, deadline)
    if left is not None:
        journal.remove()
    seen = prove(client, plan.primary, desired, deadline)
    if plan.failover is not None:
        run_failover(client, fresh, desired, plan.failover, journal, seconds)
        seen = prove(client, plan.failover.target, desired, deadline)
    return outcome(desired, current, plan, seen, resumed_steps(left), files)


def converge_cluster(call: Call, desired: Desired, client: Client) -> Outcome:
    """Read, plan, and outside check mode apply and prove a Redis Cluster."""
    current, plan = settled_cluster(client, desired, Deadline(call.params["settle_timeout"]))
    if call.check_mode:
        broken = [] if plan.steps else [str(one) for one in cluster_faults(current)]
        for fault in broken:
            call.warn(fault)
        return cluster_outcome(desired, current, plan, current, faults=broken)
    seconds = call.params["timeout"]
    write_files(client, topology_of(current).nodes, (), users=desired.has_users)
    apply_cluster(client, plan, desired, call.find_program("redis-cli"), seconds)
    return cluster_outcome(desired, current, plan, prove_cluster(client, desired, Deadline(seconds)))


def cluster_outcome(desired: Desired, current: Cluster, plan: ClusterPlan, seen: Cluster, **facts: Any) -> Outcome:
    """The module's return values for a cluster."""
    settings = wanted_settings(topology_of(current), desired)
    return Outcome(
        plan.steps,
        cluster_shown(current, plan.before, settings),
        cluster_shown(current, plan.after, settings, settings, desired.rotation),
        {"topology": cluster_facts(seen, desired.name), "snapshots": [], **facts},
    )


def outcome(
    desired: Desired,
    current: Topology,
    plan: Plan,
    seen: Topology,
    left: Sequence[Step] = (),
    files: Sequence[str] = (),
    **facts: Any,
) -> Outcome:
    """The module's return values."""
    settings = wanted_settings(current, desired)
    primary = plan.failover.target if plan.failover else plan.primary
    topology = topology_facts(seen, primary, desired.mode, desired.name)
    return Outcome(
        (*left, *plan.steps, *plan.failover_steps),
        shown(current, settings),
        shown(plan.after, settings),
        {"topology": topology, "snapshots": list(files), **facts},
    )


if __name__ == "__main__":
    main()
