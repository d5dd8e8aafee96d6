# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What INFO, CONFIG GET and SENTINEL answer, as the model's values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_settings import canonical_name
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    NO_FAILOVER,
    AddressBook,
    Endpoint,
    Health,
    History,
    Node,
    Peer,
    Role,
    Sentinel,
)

_SENTINEL_CLIENT = re.compile(r"sentinel-(\w{8})-cmd")


def pairs(flat: Any) -> dict[str, str]:
    """A reply of alternating names and values (or already a mapping) as a mapping."""
    if isinstance(flat, Mapping):
        return {str(name): str(value) for name, value in flat.items()}
    values = list(flat)
    return {str(name): str(value) for name, value in zip(values[0::2], values[1::2])}


def node_from(
    endpoint: Endpoint, info: Mapping[str, Any], config: Any, book: AddressBook, secret: tuple[str, str]
) -> Node:
    """A data node from its INFO and its whole CONFIG GET; secret: the user and password that it must show a primary."""
    settings = {canonical_name(name): value for name, value in pairs(config).items()}
    role = role_from(info, book)
    offset = info["master_repl_offset"] if role.follows is None else info["slave_repl_offset"]
    return Node(
        endpoint=endpoint,
        history=History(
            replid=str(info["master_replid"]),
            offset=int(offset),
            replid2=str(info["master_replid2"]),
            second_offset=int(info["second_repl_offset"]),
        ),
        follows=role.follows,
        link_up=info.get("master_link_status") == "up",
        syncing=bool(int(info.get("master_sync_in_progress", 0))),
        lag_s=int(info.get("master_last_io_seconds_ago", -1)),
        replicas=tuple(replica for replica, _offset in _attached(info, book)),
        keys=sum(int(value["keys"]) for value in info.values() if isinstance(value, dict) and "keys" in value),
        failover=role.failover,
        version=str(info.get("redis_version", "")),
        config_file=str(info.get("config_file", "")),
        memory_bytes=int(info.get("total_system_memory", 0)),
        evicted_keys=int(info.get("evicted_keys", 0)),
        authenticates=(settings.get("masteruser", ""), settings.get("masterauth", "")) == secret,
        config={name: value for name, value in settings.items() if not is_secret(name)},
        health=health_from(info),
    )


def health_from(info: Mapping[str, Any]) -> Health:
    """The status of a data node, from its INFO."""

    def count(name: str) -> int:
        return int(info.get(name, 0))

    return Health(
        uptime_s=count("uptime_in_seconds"),
        clients=count("connected_clients"),
        blocked_clients=count("blocked_clients"),
        rejected_connections=count("rejected_connections"),
        used_bytes=count("used_memory"),
        max_bytes=count("maxmemory"),
        fragmentation=float(info.get("mem_fragmentation_ratio", 0)),
        expired_keys=count("expired_keys"),
        aof=count("aof_enabled") == 1,
        aof_ok=info.get("aof_last_write_status", "ok") == "ok",
        rdb_ok=info.get("rdb_last_bgsave_status", "ok") == "ok",
        # by the node's own clock
        rdb_age_s=max(0, count("server_time_usec") // 1_000_000 - count("rdb_last_save_time")),
        changes_since_save=count("rdb_changes_since_last_save"),
        link_down_s=count("master_link_down_since_seconds") if info.get("master_link_status") == "down" else None,
    )


def mode_of(info: Mapping[str, Any]) -> str:
    """`standalone`, `cluster` or `sentinel`, from INFO; Valkey has its own name for the line."""
    return str(info.get("redis_mode", info.get("server_mode")))


def role_from(info: Mapping[str, Any], book: AddressBook) -> Role:
    """What a node says of itself during a failover, from INFO replication."""
    follows = None
    if info["role"] == "slave":
        follows = book.identify(str(info["master_host"]).lower(), int(info["master_port"]))
    return Role(follows, str(info.get("master_failover_state", NO_FAILOVER)))


def is_secret(name: str) -> bool:
    """Whether a setting's value must never leave the client."""
    return name in ("requirepass", "masterauth") or name.endswith("-pass")


def sentinel_from(
    endpoint: Endpoint,
    primary: Any | None,
    replicas: Sequence[Any],
    peers: Sequence[Any],
    quorum: str,
    book: AddressBook,
) -> Sentinel:
    """A Sentinel from SENTINEL MASTER (None where the name is unknown to it), REPLICAS, SENTINELS and CKQUORUM."""
    if primary is None:
        return Sentinel(endpoint)
    seen = pairs(primary)
    numbers = ("quorum", "down-after-milliseconds", "failover-timeout", "parallel-syncs")
    return Sentinel(
        endpoint=endpoint,
        primary=book.identify(seen["ip"].lower(), int(seen["port"])),
        flags=frozenset(seen["flags"].split(",")),
        parameters={name: int(seen[name]) for name in numbers if name in seen},
        replicas=frozenset(book.identify(item["ip"].lower(), int(item["port"])) for item in map(pairs, replicas)),
        others=int(seen["num-other-sentinels"]),
        peers=tuple(
            Peer(
                book.identify(item["ip"].lower(), int(item["port"])),
                bool({"s_down", "o_down", "disconnected"} & set(item["flags"].split(","))),
            )
            for item in map(pairs, peers)
        ),
        quorum_ok=quorum.startswith("OK"),
        quorum_words=quorum,
    )


def logins_from(clients: str) -> dict[str, str]:
    """The user of each Sentinel that is connected, by the first eight characters of its id, from CLIENT LIST."""
    found: dict[str, str] = {}
    for line in clients.splitlines():
        words = dict(word.split("=", 1) for word in line.split(" ") if "=" in word)
        match = _SENTINEL_CLIENT.fullmatch(words.get("name", ""))
        if match is not None:
            found[match.group(1)] = words["user"]
    return found


def acknowledged_by(replica: Endpoint, info: Mapping[str, Any], book: AddressBook) -> int | None:
    """How far, in bytes, a replica is by the primary's INFO; None where it is not attached."""
    return dict(_attached(info, book)).get(replica)


def _attached(info: Mapping[str, Any], book: AddressBook) -> Iterable[tuple[Endpoint, int]]:
    """The replicas of a primary and the offsets that they acknowledged."""
    found: list[tuple[Endpoint, int]] = []
    for number in range(int(info.get("connected_slaves", 0))):
        entry = info.get(f"slave{number}")
        if isinstance(entry, Mapping):
            found.append((book.identify(str(entry["ip"]).lower(), int(entry["port"])), int(entry["offset"])))
    return found
