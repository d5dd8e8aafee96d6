# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Redis topology is: endpoints, what is seen on them, and what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import in_url
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_passwords import Accepted, Rotation
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_settings import alike
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_users import DEFAULT, Grant, User, unseen

# INFO's master_failover_state while no FAILOVER is under way
NO_FAILOVER = "no-failover"


class Unsettled(StateError):
    """The topology is between two states by itself (an election, a failover); reading again later tells more."""


class Disputed(RefusedError):
    """Two sides claim to be right, and only `resolve` may choose.

    transient: Sentinel may still settle it by itself. evident: who rules when it did not, as nobody else has a write.
    """

    def __init__(self, message: str, transient: bool = False, evident: Endpoint | None = None) -> None:
        super().__init__(message)
        self.transient = transient
        self.evident = evident


@dataclass(frozen=True, order=True)
class Endpoint:
    """A host, by name or address, and its port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{in_url(self.host)}:{self.port}"


def same_address(host: str) -> str:
    """One spelling of an address; a name as it is."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(inner or address)


@dataclass(frozen=True)
class AddressBook:
    """Which declared endpoint an address belongs to, so that a name and an address are never taken for two nodes.

    addresses: the addresses of each declared host, the one to write into configurations first. lookup: the addresses
    of a name that is not declared, as Redis and Sentinel use with announce-hostnames; none for one that has none.
    """

    addresses: Mapping[str, tuple[str, ...]]
    nodes: tuple[Endpoint, ...]
    sentinels: tuple[Endpoint, ...] = ()
    lookup: Callable[[str], tuple[str, ...]] = field(default=lambda name: (), compare=False)

    def address(self, endpoint: Endpoint) -> str:
        """The address that Redis and Sentinel are told for this endpoint."""
        return self.addresses.get(endpoint.host, (endpoint.host,))[0]

    def identify(self, host: str, port: int) -> Endpoint:
        """The declared node or Sentinel behind a host and port, or the pair as it stands when none is."""
        found = self._with({same_address(host)}, port)
        if found is None:
            found = self._with({same_address(item) for item in self.lookup(host)}, port)
        return found or Endpoint(host, port)

    def _with(self, hosts: set[str], port: int) -> Endpoint | None:
        for node in (*self.nodes, *self.sentinels):
            known = (node.host, *self.addresses.get(node.host, ()))
            if node.port == port and any(same_address(item) in hosts for item in known):
                return node
        return None


@dataclass(frozen=True)
class History:
    """Whose writes a node holds: its replication ids and offsets in bytes."""

    replid: str
    offset: int
    replid2: str = "0" * 40
    second_offset: int = -1

    def contains(self, other: History) -> bool:
        """Whether every write that `other` holds is known to be part of this history."""
        if other.replid == self.replid:
            return other.offset <= self.offset
        if other.replid == self.replid2:
            return other.offset < self.second_offset
        # It left this history (promoted, or restarted from its RDB) and has taken no write since.
        return other.replid2 == self.replid and other.offset < other.second_offset and other.offset <= self.offset


@dataclass(frozen=True)
class Role:
    """What a node says of itself during a failover. follows: None on a primary. failover: its FAILOVER state."""

    follows: Endpoint | None
    failover: str = NO_FAILOVER


@dataclass(frozen=True)
class Health:
    """The status of a data node, from INFO. Sizes in bytes, times in seconds, counts since its start.

    max_bytes: 0 without a limit. rdb_age_s: since the last save that succeeded. link_down_s: None while it is up.
    """

    uptime_s: int = 0
    clients: int = 0
    blocked_clients: int = 0
    rejected_connections: int = 0
    used_bytes: int = 0
    max_bytes: int = 0
    fragmentation: float = 0.0
    expired_keys: int = 0
    aof: bool = False
    aof_ok: bool = True
    rdb_ok: bool = True
    rdb_age_s: int = 0
    changes_since_save: int = 0
    link_down_s: int | None = None


@dataclass(frozen=True)
class Node:
    """One data node as it was read. follows: the node it replicates, None on a primary.

    grants: what it lets the declared users do. unreadable: the users with whom it could not read its own file again.
    spelled: declared settings in the node's own spelling, where that was asked for.
    logins: the user of each Sentinel that is connected to it, by the first eight characters of the Sentinel's id.
    accepted: which of the module's own passwords, asked only while one is changed.
    """

    endpoint: Endpoint
    history: History
    follows: Endpoint | None = None
    link_up: bool = False
    syncing: bool = False
    lag_s: int = -1
    replicas: tuple[Endpoint, ...] = ()
    keys: int = 0
    failover: str = NO_FAILOVER
    version: str = ""
    config_file: str = ""
    memory_bytes: int = 0
    evicted_keys: int = 0
    authenticates: bool = True
    config: Mapping[str, str] = field(default_factory=dict)
    new: bool = False
    health: Health = field(default_factory=Health)
    grants: tuple[Grant, ...] = ()
    unreadable: tuple[str, ...] = ()
    spelled: Mapping[str, str] = field(default_factory=dict)
    logins: Mapping[str, str] = field(default_factory=dict)
    accepted: Accepted | None = None

    @property
    def is_primary(self) -> bool:
        """Whether the node takes writes."""
        return self.follows is None

    def has_setting(self, name: str, value: str) -> bool:
        """Whether a setting is as wanted, whatever the spelling."""
        seen = self.config[name]
        return alike(name, seen, value) or self.spelled.get(name) == seen

    @property
    def persisted(self) -> bool:
        """Whether the last writes to disk succeeded."""
        return self.health.aof_ok and self.health.rdb_ok

    @property
    def is_empty(self) -> bool:
        """Whether the node holds no key, so that nothing is lost by giving it another history."""
        return self.keys == 0


@dataclass(frozen=True)
class Peer:
    """Another Sentinel as one of them knows it. lost: whether it does not answer that one."""

    endpoint: Endpoint
    lost: bool = False


@dataclass(frozen=True)
class Sentinel:
    """One Sentinel as it was read. primary: None while it does not monitor the declared name.

    accepted: asked only while a password is changed, as with nodes. shows_new: whether it logs in with the new one.
    """

    endpoint: Endpoint
    primary: Endpoint | None = None
    flags: frozenset[str] = frozenset()
    parameters: Mapping[str, int] = field(default_factory=dict)
    replicas: frozenset[Endpoint] = frozenset()
    others: int = 0
    peers: tuple[Peer, ...] = ()
    quorum_ok: bool = False
    quorum_words: str = ""
    identity: str = ""
    new: bool = False
    accepted: Accepted | None = None
    shows_new: bool = True


@dataclass(frozen=True)
class Topology:
    """Everything that was read, in the declared order."""

    nodes: tuple[Node, ...]
    sentinels: tuple[Sentinel, ...] = ()

    @property
    def servers(self) -> tuple[Node | Sentinel, ...]:
        """Nodes and Sentinels alike."""
        return (*self.nodes, *self.sentinels)

    def node(self, endpoint: Endpoint | None) -> Node | None:
        """The declared node at this endpoint, or None."""
        return next((node for node in self.nodes if node.endpoint == endpoint), None)

    def wrong_login(self, item: Sentinel, primary: Endpoint, user: str) -> str:
        """How a Sentinel logs in to the primary, where that is not as `user`; empty while it is not connected."""
        node = self.node(primary)
        login = node.logins.get(item.identity[:8], user) if node is not None else user
        return "" if login == user else f"logs in to {primary} as {login}, not as {user}"

    def gone(self, item: Sentinel, desired: Desired) -> list[Endpoint]:
        """The Sentinels that are not declared and do not answer, and that `item` counts all the same."""
        return sorted(peer.endpoint for peer in item.peers if peer.lost and peer.endpoint not in desired.sentinels)

    def followers(self, primary: Endpoint) -> frozenset[Endpoint]:
        """The declared nodes that replicate `primary`, directly or through another."""
        found = {primary}
        while True:
            more = {node.endpoint for node in self.nodes if node.follows in found} - found
            if not more:
                return frozenset(found - {primary})
            found |= more


@dataclass(frozen=True)
class Desired:
    """What the caller asked for, already validated. settings: normalised, ready to compare.

    replicas: of each primary of a cluster. move_timeout: seconds for one move of slots.
    users: of the nodes, those of replication and of Sentinels included. kept: where given, all others are to go.
    sentinel_user: with which Sentinels log in to nodes.
    returned: a node that lost its role and came back as a primary, as the journal of a failover tells.
    """

    mode: str
    name: str
    nodes: tuple[Endpoint, ...]
    primary: Endpoint
    sentinels: tuple[Endpoint, ...] = ()
    sentinel_parameters: Mapping[str, int] = field(default_factory=dict)
    purpose: str = "cache"
    settings: Mapping[str, str] = field(default_factory=dict)
    memory_share: float = 0.0
    resolve: Endpoint | None = None
    failover: bool = False
    replicas: int = 0
    users: tuple[User, ...] = ()
    kept: frozenset[str] | None = None
    sentinel_user: str = DEFAULT
    move_timeout: float = 0
    returned: Endpoint | None = None
    forget_sentinels: bool = False
    rotation: Rotation | None = None

    @property
    def has_users(self) -> bool:
        """Whether users of the nodes are declared, or none are to be there."""
        return bool(self.users) or self.kept is not None


def just_installed(endpoint: Endpoint, desired: Desired) -> Node:
    """A node that was never started and is not asked."""
    return Node(endpoint, History("", 0), new=True, grants=unseen(desired.users))


def new_topology(desired: Desired) -> Topology:
    """The topology when nothing was ever started: empty nodes, and Sentinels that watch nothing."""
    return Topology(
        tuple(just_installed(endpoint, desired) for endpoint in desired.nodes),
        tuple(Sentinel(endpoint, new=True) for endpoint in desired.sentinels),
    )


@dataclass(frozen=True)
class PlannedFailover:
    """A planned failover: the primary that gives its role up, and the node that takes it."""

    former: Endpoint
    target: Endpoint


def edges(topology: Topology) -> dict[str, Any]:
    """Who follows whom and what each Sentinel monitors, as a diff shows it."""
    return {
        "nodes": {
            str(node.endpoint): "primary" if node.is_primary else f"replica of {node.follows}"
            for node in topology.nodes
        },
        "sentinels": {
            str(item.endpoint): str(item.primary) if item.primary else "nothing" for item in topology.sentinels
        },
    }
