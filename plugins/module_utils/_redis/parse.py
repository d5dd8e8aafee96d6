# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What INFO, CONFIG GET and SENTINEL answer, as the model's values."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.gantry.odoo.plugins.module_utils._redis.model import (
    AddressBook,
    Endpoint,
    History,
    Node,
    Sentinel,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.settings import canonical_name


def pairs(flat: Any) -> Dict[str, str]:
    """A reply of alternating names and values (or already a mapping) as a mapping."""
    if isinstance(flat, Mapping):
        return {str(name): str(value) for name, value in flat.items()}
    values = list(flat)
    return {str(name): str(value) for name, value in zip(values[0::2], values[1::2])}


def node_from(
    endpoint: Endpoint, info: Mapping[str, Any], config: Any, book: AddressBook, secret: Tuple[str, str]
) -> Node:
    """A data node from its INFO and its whole CONFIG GET; secret: the user and password that it must show a master."""
    settings = {canonical_name(name): value for name, value in pairs(config).items()}
    follows = None
    offset = info["master_repl_offset"]
    if info["role"] == "slave":
        follows = book.identify(str(info["master_host"]).lower(), int(info["master_port"]))
        offset = info.get("slave_repl_offset", offset)
    return Node(
        endpoint=endpoint,
        history=History(
            replid=str(info["master_replid"]),
            offset=int(offset),
            replid2=str(info["master_replid2"]),
            second_offset=int(info["second_repl_offset"]),
        ),
        follows=follows,
        link_up=info.get("master_link_status") == "up",
        syncing=bool(int(info.get("master_sync_in_progress", 0))),
        lag_s=int(info.get("master_last_io_seconds_ago", -1)),
        replicas=tuple(_attached(info, book)),
        keys=sum(int(value["keys"]) for value in info.values() if isinstance(value, dict) and "keys" in value),
        failover=str(info.get("master_failover_state", "no-failover")),
        version=str(info.get("redis_version", "")),
        config_file=str(info.get("config_file", "")),
        memory_bytes=int(info.get("total_system_memory", 0)),
        evicted_keys=int(info.get("evicted_keys", 0)),
        persisted=info.get("aof_last_write_status", "ok") == "ok" and info.get("rdb_last_bgsave_status", "ok") == "ok",
        authenticates=(settings.get("masteruser", ""), settings.get("masterauth", "")) == secret,
        config={name: value for name, value in settings.items() if not is_secret(name)},
    )


def is_secret(name: str) -> bool:
    """Whether a setting's value must never leave the client."""
    return name in ("requirepass", "masterauth") or name.endswith("-pass")


def sentinel_from(
    endpoint: Endpoint, master: Optional[Any], replicas: Sequence[Any], quorum: str, book: AddressBook
) -> Sentinel:
    """A Sentinel from SENTINEL MASTER (None where the name is unknown to it), REPLICAS and CKQUORUM."""
    if master is None:
        return Sentinel(endpoint)
    seen = pairs(master)
    numbers = ("quorum", "down-after-milliseconds", "failover-timeout", "parallel-syncs")
    return Sentinel(
        endpoint=endpoint,
        master=book.identify(seen["ip"].lower(), int(seen["port"])),
        flags=frozenset(seen["flags"].split(",")),
        parameters={name: int(seen[name]) for name in numbers if name in seen},
        replicas=frozenset(book.identify(item["ip"].lower(), int(item["port"])) for item in map(pairs, replicas)),
        others=int(seen["num-other-sentinels"]),
        quorum_ok=quorum.startswith("OK"),
        quorum_words=quorum,
    )


def _attached(info: Mapping[str, Any], book: AddressBook) -> Iterable[Endpoint]:
    found: List[Endpoint] = []
    for number in range(int(info.get("connected_slaves", 0))):
        entry = info.get(f"slave{number}")
        if isinstance(entry, Mapping):
            found.append(book.identify(str(entry["ip"]).lower(), int(entry["port"])))
    return found
