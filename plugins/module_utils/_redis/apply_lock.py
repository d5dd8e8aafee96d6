# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep two runs on one topology apart, from whichever hosts: each names its connections, and every node tells them."""

from __future__ import annotations

import os
import random
import secrets
import socket
from collections.abc import Iterable
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import (
    DeadlineError,
    GantryError,
    StateError,
)
from ansible_collections.gantry.odoo.plugins.module_utils._redis.connection import Client
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import Endpoint

MARK = "gantry.odoo.redis_topology"


def new_mark() -> str:
    """A name for the connections of this run; no other run has it."""
    return ":".join((MARK, socket.gethostname(), str(os.getpid()), secrets.token_hex(4)))


def require_alone(client: Client, nodes: Iterable[Endpoint], mark: str, deadline: Deadline) -> None:
    """Wait until no other run is connected to a node, with the connections of this one named for others to see.

    Of two that come at once each may see the other: both withdraw, and try again after different times. A connection
    ends with its process, so that a run that is killed holds nothing. A node that cannot be asked is left out: what
    reads the topology tells of it. Raises StateError at the deadline.
    """
    seen: list[str] = []

    def probe() -> bool | None:
        client.mark(mark)
        seen[:] = [other for node in sorted(nodes, key=str) for other in _others(client, node, mark)]
        if seen:
            client.mark("")
        return None if seen else True

    try:
        deadline.wait(probe, "the end of another run", random.uniform(0.2, 0.6))
    except DeadlineError as error:
        raise StateError(
            f"another run works on this topology: {seen[0]}; wait until it has ended, or end it; when its host is "
            "gone, Redis drops the connection after tcp-keepalive"
        ) from error


def _others(client: Client, node: Endpoint, mark: str) -> list[str]:
    """The other runs that are connected to a node, in words."""

    def named(_at: Endpoint, link: Any) -> list[dict[str, str]]:
        return [dict(one) for one in link.client_list(_type="normal")]

    try:
        connections = client.ask(node, named)
    except GantryError:
        return []
    others = {one["name"]: one for one in connections if one["name"].startswith(f"{MARK}:") and one["name"] != mark}
    return [_in_words(name, one, node) for name, one in sorted(others.items())]


def _in_words(name: str, connection: dict[str, str], node: Endpoint) -> str:
    _mark, host, process, _number = name.split(":")
    return f"process {process} on {host}, connected to {node} for {connection['age']} s"
