# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a Redis topology that is on one host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_host import declare, services, standing


def redis_host(
    nodes: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    port: int,
    sentinel_port: int,
    mode: str | None = None,
    sentinels: Sequence[Mapping[str, Any]] | None = None,
    runs_topology: bool | None = None,
) -> dict[str, Any]:
    """The topology as the modules take it, and the nodes and Sentinels of the host with these names."""
    return declare(nodes, names, (int(port), int(sentinel_port)), mode, sentinels, runs_topology)


def redis_services(
    declared: Mapping[str, Any], runtime: str, image: str = "", uid: int = 6379, tls_dirs: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The services of a host, as gantry.odoo.host_services takes them. declared: the answer of redis_host."""
    return services(declared, runtime, image, int(uid), tls_dirs)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions."""
        return {"redis_host": redis_host, "redis_services": redis_services, "redis_standing": standing}
