# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's options as one validated wish; whatever cannot be meant is refused here, before a connection is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_passwords import rotation_from
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_settings import PURPOSES, wanted
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import (
    Desired,
    Endpoint,
    same_address,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_users import DEFAULT, users_from

_UNQUOTED = re.compile(r"""[^\s"'\x00-\x1f\x7f]+""")
_PLACE = re.compile(r"(?:\[([^]]+)\]|([^:]+)):(\d+)")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
SENTINEL_DEFAULTS: Mapping[str, int] = {
    "down-after-milliseconds": 5000,
    "failover-timeout": 60000,
    "parallel-syncs": 1,
}


Lookup = Callable[[str], tuple[str, ...]]


def read_request(params: Mapping[str, Any], lookup: Lookup = lambda host: ()) -> Desired:
    """The desired topology from the module's parameters. Raises InputError.

    lookup: the addresses of a name, so that `primary` and `resolve` may be names where nodes are addresses.
    """
    mode = params["mode"]
    nodes = _endpoints("nodes", params["nodes"])
    sentinels = _endpoints("sentinels", params["sentinels"] or [])
    _check_counts(mode, nodes, sentinels)
    rotation = rotation_from(params)
    if sentinels:
        own = "" if params["sentinel_username"] is None else "sentinel_"
        # Sentinels log in to each other with the module's own password once it has been changed.
        logins = {own, "" if rotation else own}
        for option in sorted(login + word for login in logins for word in ("username", "password")):
            _check_readable(option, params[option])
    elif params["sentinel_username"] is not None:
        raise InputError("sentinel_username is set without sentinels; leave it out")
    purpose = params["purpose"]
    if purpose not in PURPOSES:
        raise InputError(f"purpose {purpose!r} is unknown; it is one of {', '.join(PURPOSES)}")
    replicas = _replicas(params, len(nodes))
    copies = 1 + replicas if mode == "cluster" else len(nodes)
    settings = wanted(purpose, copies, params["settings"] or {})
    _check_failover(params)
    return Desired(
        mode=mode,
        name=params["name"],
        nodes=nodes,
        primary=_one_of("primary", params["primary"], nodes, lookup) or nodes[0],
        sentinels=sentinels,
        sentinel_parameters=_sentinel_parameters(params, sentinels),
        purpose=purpose,
        settings=settings,
        memory_share=0.0 if "maxmemory" in settings else _share(params["memory_share"], purpose),
        resolve=_one_of("resolve", params["resolve"], nodes, lookup),
        failover=params["failover"] == "planned",
        replicas=replicas,
        move_timeout=params["move_timeout"],
        users=users_from(params),
        forget_sentinels=params["forget_sentinels"],
        rotation=rotation,
        kept=frozenset({DEFAULT, params["username"] or DEFAULT}) if params["purge_users"] else None,
        sentinel_user=params["sentinel_username"] or params["username"] or DEFAULT,
    )


def _endpoints(option: str, items: Sequence[Mapping[str, Any]]) -> tuple[Endpoint, ...]:
    found: list[Endpoint] = []
    for item in items:
        endpoint = Endpoint(item["host"].strip().lower(), item["port"])
        if not endpoint.host or not 0 < endpoint.port < 65536:
            raise InputError(f"{option} holds {str(endpoint)!r}; a host and a port from 1 to 65535 are needed")
        if endpoint in found:
            raise InputError(f"{option} names {endpoint} twice")
        found.append(endpoint)
    return tuple(found)


def _check_counts(mode: str, nodes: Sequence[Endpoint], sentinels: Sequence[Endpoint]) -> None:
    if not nodes:
        raise InputError("nodes is empty; at least one node is needed")
    if mode == "standalone" and len(nodes) != 1:
        raise InputError(f"mode standalone takes one node, not {len(nodes)}; use mode replicated or sentinel")
    if mode != "standalone" and len(nodes) < 2:
        raise InputError(f"mode {mode} needs at least two nodes, not {len(nodes)}")
    if mode != "sentinel" and sentinels:
        raise InputError(f"sentinels are named and mode is {mode}; set mode to sentinel or leave them out")
    if mode == "sentinel" and (len(sentinels) < 3 or len(sentinels) % 2 == 0):
        raise InputError(
            f"sentinels must be an odd number of at least 3, not {len(sentinels)}, so that a majority is clear"
        )
    shared = set(nodes) & set(sentinels)
    if shared:
        raise InputError(f"{min(shared)} is named as a node and as a Sentinel")


def _replicas(params: Mapping[str, Any], nodes: int) -> int:
    replicas = params["replicas"]
    if params["mode"] != "cluster":
        if replicas is not None:
            raise InputError(f"replicas is set and mode is {params['mode']}; it is for the mode cluster")
        return 0
    for option in ("primary", "resolve"):
        if params[option] is not None and not (option == "primary" and params["failover"] == "planned"):
            raise InputError(
                f"{option} is set and mode is cluster, where every primary has its own slots; leave it out"
            )
    replicas = 1 if replicas is None else replicas
    if replicas < 0 or nodes % (1 + replicas):
        raise InputError(f"{nodes} nodes cannot be primaries with {replicas} replicas each; change nodes or replicas")
    if nodes // (1 + replicas) < 3:
        raise InputError(
            f"a cluster needs three primaries to agree on a failure, and {nodes} nodes with {replicas} replicas each "
            f"make {nodes // (1 + replicas)}"
        )
    return replicas


def _check_readable(option: str, value: str | None) -> None:
    # Seen with Redis 8.0: Sentinel writes auth-pass without quotes, and then refuses to start from its own file.
    if value is not None and not _UNQUOTED.fullmatch(value):
        raise InputError(
            f"{option} holds a blank, a quote or a control character, which Sentinel cannot read again from the file "
            "that it writes; choose another one"
        )


def _check_failover(params: Mapping[str, Any]) -> None:
    if not _NAME.fullmatch(params["name"]):
        raise InputError(f"name {params['name']!r} must be letters, digits, dots, hyphens and underscores")
    if params["failover"] != "planned":
        return
    if params["primary"] is None:
        raise InputError("failover is planned and primary names no node; set it to the node that is to take over")
    if params["resolve"] is not None:
        raise InputError("failover is planned and resolve is set; end the split brain first")
    if not 1 <= params["failover_timeout"] <= 60:
        raise InputError(f"failover_timeout must be from 1 to 60 seconds, not {params['failover_timeout']:g}")
    if params["connect_timeout"] > 5:
        raise InputError(
            f"connect_timeout must be at most 5 seconds for a planned failover, not {params['connect_timeout']:g}"
        )


def _sentinel_parameters(params: Mapping[str, Any], sentinels: Sequence[Endpoint]) -> dict[str, int]:
    quorum = params["quorum"]
    if not sentinels:
        if quorum is not None:
            raise InputError("quorum is set without sentinels")
        return {}
    chosen = {**SENTINEL_DEFAULTS, "quorum": len(sentinels) // 2 + 1 if quorum is None else quorum}
    for name, value in (params["sentinel_settings"] or {}).items():
        if name not in SENTINEL_DEFAULTS:
            raise InputError(f"sentinel_settings.{name} is unknown; it is one of {', '.join(SENTINEL_DEFAULTS)}")
        if not str(value).isdigit() or int(value) < 1:
            raise InputError(f"sentinel_settings.{name} must be a whole number above 0, not {value!r}")
        chosen[name] = int(value)
    if not 1 <= chosen["quorum"] <= len(sentinels):
        raise InputError(f"quorum must be from 1 to the number of Sentinels, {len(sentinels)}, not {chosen['quorum']}")
    return chosen


def _one_of(option: str, text: str | None, nodes: Sequence[Endpoint], lookup: Lookup) -> Endpoint | None:
    """The declared node that `host` or `host:port` means, by its name or by any of its addresses."""
    if text is None:
        return None
    wish = text.strip().lower()
    found = [node for node in nodes if wish in (node.host, str(node))]
    if not found:
        host, port = _split(wish)
        places = _places(host, lookup)
        found = [node for node in nodes if port in ("", str(node.port)) and places & _places(node.host, lookup)]
    if len(found) != 1:
        known = ", ".join(str(node) for node in nodes)
        raise InputError(f"{option} {text!r} is {'no' if not found else 'more than one'} node; the nodes are {known}")
    return found[0]


def _split(text: str) -> tuple[str, str]:
    """The host and the port of `host`, `host:port` or `[address]:port`; the port is empty without one."""
    match = _PLACE.fullmatch(text)
    return (text, "") if match is None else (match.group(1) or match.group(2), match.group(3))


def _places(host: str, lookup: Lookup) -> frozenset[str]:
    return frozenset(same_address(one) for one in (host, *lookup(host)))


def _share(share: float | None, purpose: str) -> float:
    if share is None:
        return PURPOSES[purpose].memory_share
    if not 0 <= share <= 0.9:
        raise InputError(f"memory_share must be from 0 (leave maxmemory alone) to 0.9, not {share:g}")
    return share
