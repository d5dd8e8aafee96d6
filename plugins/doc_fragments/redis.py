# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Redis topology is declared as, and how it is reached."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
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
      - V(cluster) is a Redis Cluster, whose primaries share the keys by slots. Nodes must be started with
        C(cluster-enabled yes).
    type: str
    choices: [standalone, replicated, sentinel, cluster]
    default: standalone
  replicas:
    description:
      - Replicas of each primary of a cluster, on other hosts where there are enough. Three primaries are the least.
      - 1 when left out. Nodes that are added or left out of O(nodes) join or leave, and slots move with their keys.
    type: int
  name:
    description: The name under which Sentinels know the master.
    type: str
    default: main
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
  username:
    description: ACL user for nodes and Sentinels, and with which replicas and Sentinels log in to nodes.
    type: str
  password:
    description:
      - Its password, or that of the default user.
      - With Sentinels it must hold no blank, quote or control character, because Sentinel writes it without quotes and
        then cannot start from its own file.
    type: str
  tls:
    description: Connect by TLS and verify the certificate, its name included.
    type: bool
    default: false
  ca_cert:
    description: Path of the CA certificates that O(tls) trusts. The system's when left out.
    type: path
  connect_timeout:
    description: Seconds for a connection and for each answer, at most 5 for a planned switch.
    type: float
    default: 5
requirements:
  - redis >= 5 (Python library, on the host that runs the module)
notes:
  - Run it once for a topology, on any host that reaches all nodes and Sentinels.
  - Redis 6.2 and later.
"""
