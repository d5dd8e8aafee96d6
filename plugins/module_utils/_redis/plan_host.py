# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a Redis topology that is on one host, and the services that it runs there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_host import (
    NODE,
    PLACES,
    SENTINEL,
    container,
    kinds,
    unit,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import Endpoint

_MODES = {1: "standalone", 2: "replicated"}


def declare(
    nodes: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    ports: tuple[int, int],
    mode: str | None = None,
    sentinels: Sequence[Mapping[str, Any]] | None = None,
    runs_topology: bool | None = None,
) -> dict[str, Any]:
    """The topology, and the part of it that is on one host.

    names: of the host. ports: of nodes and Sentinels, where an item has none. mode: one node stands alone, two
    replicate, three and more are guarded by Sentinels when it is not given. sentinels: one beside each node when not
    given. runs_topology: whether this host runs the module; the first node's when not given.
    """
    mode = mode or _MODES.get(len(nodes), "sentinel")
    declared = [{"port": ports[0], **_given(node)} for node in nodes]
    beside = [{"host": node["host"]} for node in nodes] if sentinels is None else sentinels
    guards = [{"port": ports[1], **_given(sentinel)} for sentinel in beside] if mode == "sentinel" else []
    own_nodes = [node for node in declared if node["host"] in names]
    own_sentinels = [sentinel for sentinel in guards if sentinel["host"] in names]
    return {
        "mode": mode,
        "nodes": declared,
        "sentinels": guards,
        "own_nodes": own_nodes,
        "own_sentinels": own_sentinels,
        # two names of one host are no name that its certificate could be for
        "own_host": own_nodes[0]["host"] if len(own_nodes) == 1 else "",
        "own_port": own_nodes[0]["port"] if own_nodes else ports[0],
        "own_sentinel_port": own_sentinels[0]["port"] if own_sentinels else ports[1],
        "runs_topology": nodes[0]["host"] in names if runs_topology is None else runs_topology,
    }


def _given(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if value is not None}


def services(
    declared: Mapping[str, Any], runtime: str, image: str, uid: int, tls_dirs: Sequence[str]
) -> list[dict[str, Any]]:
    """The services of a host, as the option of host_services takes them. tls_dirs: what its containers see of TLS."""
    listeners = {NODE: declared["own_nodes"], SENTINEL: declared["own_sentinels"]}
    found = []
    for kind in kinds(declared["mode"]):
        listens = [{"host": one["host"], "port": one["port"]} for one in listeners[kind][:1]]
        runs = _container(kind, declared["mode"], image, uid, tls_dirs) if runtime == "docker" else _unit(kind)
        found.append({**runs, **(listens[0] if listens else {})})
    return found


def _unit(kind: str) -> dict[str, Any]:
    # Sentinel is the same program
    return {"name": unit(kind), "program": "/usr/bin/redis-server"}


def _container(kind: str, mode: str, image: str, uid: int, tls_dirs: Sequence[str]) -> dict[str, Any]:
    places = [PLACES[one] for one in kinds(mode)]
    # the data directories alone: the one above them belongs to another user on the host
    directories = ["/etc/redis", *(place.data for place in places), *(place.run for place in PLACES.values())]
    return {
        "name": container(kind),
        "image": image,
        "user": f"{uid}:{uid}",
        # Redis writes its configuration, with the password in it, by this mask
        "entrypoint": ["/bin/sh", "-c"],
        "command": [f"umask 007; exec /usr/bin/{kind} {PLACES[kind].config} --daemonize no"],
        "volumes": [*(f"{path}:{path}" for path in directories), *(f"{path}:{path}:ro" for path in tls_dirs)],
        "tmpfs": ["/tmp"],  # noqa: S108  # of the container
        "read_only": True,
        # a large data set is written to the disk before the end
        "stop_timeout": 120,
    }


def standing(seen: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a host in a topology. seen: what redis_topology_info returned.

    info: that without what every module returns. primary: whether it takes writes; in a cluster a primary without slots
    takes none. successor: the host of a replica that may take over from it, "" without one.
    """
    own = declared["own_nodes"]
    answering = [node for node in seen["nodes"] if node["answers"]]
    places = {place_of(node) for node in own}
    hosts = {node["host"] for node in own}
    if declared["mode"] == "cluster":
        primary = any(node["host"] in hosts and node["role"] == "primary" and node["slots"] for node in answering)
    else:
        primary = seen["primary"] is not None and place_of(seen["primary"]) in places
    successors = [node["host"] for node in answering if node["follows"] and node["follows"] in places]
    info = {key: value for key, value in seen.items() if key not in ("changed", "failed", "warnings")}
    return {"info": info, "primary": primary, "successor": successors[0] if successors else ""}


def place_of(node: Mapping[str, Any]) -> str:
    """A node as the module writes it."""
    return str(Endpoint(node["host"].lower(), node["port"]))
