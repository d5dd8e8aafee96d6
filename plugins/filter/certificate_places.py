# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the hosts of an estate have certificates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.gantry.odoo.plugins.module_utils._certificate import plan_places
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_host import declare
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import tls_addresses

_REDIS_PORTS = (6379, 26379)  # equal to the defaults of role redis


def certificate_places(
    variables: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    requests: Sequence[Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """The places by host, as gantry.odoo.certificate_info takes them. variables: those of all hosts."""
    found = {name: _places(name, variables[name], groups, requests) for name in sorted(variables)}
    return {name: places for name, places in found.items() if places}


def _places(
    name: str, host: Mapping[str, Any], groups: Mapping[str, Sequence[str]], requests: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    parts = []
    if name in groups.get("edge", ()):
        addresses = [(one.reached, one.port) for one in tls_addresses(host.get("traefik_entry_points"))]
        parts.append(plan_places.edge(host, requests, addresses))
    if boolean(host.get("redis_tls", False)):
        parts.append(plan_places.redis(host, redis_places(name, host)))
    if name in groups.get("estate_postgresql", ()):
        parts.append(plan_places.postgresql(host))
    parts.append(plan_places.lists(host))
    if host.get("certificate_further"):
        parts.append(host["certificate_further"])
    return plan_places.joined(parts)


def redis_places(name: str, host: Mapping[str, Any]) -> list[dict[str, Any]]:
    ports = (int(host.get("redis_port", _REDIS_PORTS[0])), int(host.get("redis_sentinel_port", _REDIS_PORTS[1])))
    names = [name, host.get("ansible_host", name)]
    declared = declare(host["redis_nodes"], names, ports, host.get("redis_mode"), host.get("redis_sentinels"))
    return [*declared["own_nodes"], *declared["own_sentinels"]]


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"certificate_places": certificate_places}
