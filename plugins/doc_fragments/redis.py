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
    description: The name under which Sentinels know the primary.
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
    description: How many Sentinels must agree that the primary is down. More than half when left out.
    type: int
  sentinel_settings:
    description:
      - C(down-after-milliseconds) (default 5000), C(failover-timeout) in milliseconds (default 60000) and
        C(parallel-syncs) (default 1).
    type: dict
    default: {}
  purpose:
    description:
      - The use of this Redis. It presets persistence, eviction, the share of memory, and whether a primary takes
        writes that no replica acknowledges.
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
    description:
      - The user with which the module logs in to nodes and Sentinels; the default user when left out. Replicas and
        Sentinels log in to nodes with it too, unless they have users of their own.
    type: str
  password:
    description:
      - Its password.
      - It holds no control character. The password of Sentinels must hold no blank and no quote either, because
        Sentinel writes it without quotes and then cannot start from its own file.
    type: str
  former_passwords:
    description:
      - Passwords that O(password) replaces. A node or Sentinel that does not accept O(password) yet is reached with one
        of them.
      - First all nodes and Sentinels accept both, then replicas and Sentinels log in with the new one, and at the end
        the former ones are removed, which a refused connection verifies. Connections stay open. An interrupted run is
        completed by the next one. Leave it out once it is done.
      - Sentinels log in to each other with O(username) and O(password) from then on.
    type: list
    elements: str
    default: []
  keep_former_passwords:
    description:
      - Whether nodes and Sentinels go on accepting O(former_passwords), while clients are moved to the new one. Run it
        again without this option to remove them.
    type: bool
    default: false
  replication_username:
    description:
      - The user with which replicas log in to their primary. Every node gets it, with the rights that replication needs
        and no others.
    type: str
  replication_password:
    description: Its password.
    type: str
  sentinel_username:
    description:
      - The user with which Sentinels log in to nodes. Every node gets it, with the rights that Sentinels need and no
        others. The Sentinels themselves are still asked with O(username) and O(password).
    type: str
  sentinel_password:
    description: Its password.
    type: str
  users:
    description:
      - Users of the data nodes, the same on every one, kept in the node's configuration, or in its ACL file where it
        has one. Users that are not named are left alone, unless O(purge_users) is set.
      - Each node is asked for its own spelling of the rules, in one transaction that makes a user of a reserved name,
        lists it and deletes it again, also in check mode, which writes nothing else. No other client can see that user,
        and no file or replica gets it. So a rule that this version of Redis does not know ends the
        run before anything has changed, and only what really differs is set.
      - A user that was changed stays logged in. One that is deleted is disconnected by Redis.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name. The user with which the module itself logs in cannot be named.
        type: str
        required: true
      rules:
        description:
          - Its rights, as C(ACL SETUSER) takes them, one rule an element, such as V(~app:*), V(&app:*) or V(+@read).
            Nothing is allowed that no rule allows.
        type: list
        elements: str
        default: []
      passwords:
        description: Its passwords, more than one while they are changed. Redis is given their SHA-256 only.
        type: list
        elements: str
      enabled:
        description: Whether it may log in.
        type: bool
        default: true
      state:
        description: Whether there is such a user.
        type: str
        choices: [present, absent]
        default: present
  purge_users:
    description:
      - Whether users that are not declared are deleted, except the one named V(default) and the one with which the
        module logs in.
    type: bool
    default: false
  tls:
    description: Connect by TLS and verify the certificate, its name included.
    type: bool
    default: false
  ca_cert:
    description: Path of CA certificates that O(tls) trusts beside the system's.
    type: path
  connect_timeout:
    description: Seconds for a connection and for each answer, at most 5 for a planned failover.
    type: float
    default: 5
requirements:
  - redis >= 5 (Python library, on the host that runs the module)
notes:
  - Run it once for a topology, on any host that reaches all nodes and Sentinels.
  - Redis 6.2 and later.
"""
