# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the hosts of an estate have certificates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.gantry.odoo.plugins.module_utils._certificate import plan_places
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import address_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import convert_some
from ansible_collections.gantry.odoo.plugins.module_utils._redis.plan_host import declare
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import tls_addresses

_HOST = {"host": {"type": "str", "required": True}, "port": {"type": "int"}}
# As role redis takes them; a test compares them.
_REDIS: dict[str, dict[str, Any]] = {
    "redis_nodes": {"type": "list", "elements": "dict", "required": True, "options": _HOST},
    "redis_sentinels": {"type": "list", "elements": "dict", "options": _HOST},
    "redis_port": {"type": "int", "default": 6379},
    "redis_sentinel_port": {"type": "int", "default": 26379},
    "redis_mode": {"type": "str"},
}


def certificate_places(
    variables: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    requests: Sequence[Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """The places by host, as gantry.odoo.certificate_info takes them. variables: those of all hosts."""
    found = {name: _places(name, variables[name], groups, requests) for name in sorted(variables)}
    return {name: places for name, places in found.items() if places}


def certificate_directories(
    hosts: Iterable[str],
    variables: Mapping[str, Mapping[str, Any]],
    host: str,
    given: str,
    variable: str = "certificate_dir",
) -> dict[str, str]:
    """The directory by host. variables: those of all hosts. given: the value of `variable` in the role on `host`."""
    asked, default = {*hosts, host}, plan_places.DIRECTORIES[variable]
    own = {name: str((variables[name].get(variable) if name in variables else None) or default) for name in asked}
    # a call that is given another one than the variables of its host has is given it on all of them
    return own if given == own[host] else dict.fromkeys(asked, given)


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
    """The nodes and Sentinels on a host. Raises InputError for variables that are none of role redis."""
    given = convert_some(host, _REDIS)
    names, ports = [name, address_of(name, host)], (given["redis_port"], given["redis_sentinel_port"])
    declared = declare(given["redis_nodes"], names, ports, given["redis_mode"], given["redis_sentinels"])
    return [*declared["own_nodes"], *declared["own_sentinels"]]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"certificate_places": certificate_places, "certificate_directories": certificate_directories}
