# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses the declared names have on this host."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from functools import cache

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import AddressBook, Desired, Endpoint


def resolve_addresses(desired: Desired) -> AddressBook:
    """Ask the resolver for each host once. Raises InputError for a name without an address, or with a loopback one."""
    hosts = sorted({endpoint.host for endpoint in desired.nodes + desired.sentinels})
    addresses = {host: _addresses(host) for host in hosts}
    for endpoints in (desired.nodes, desired.sentinels):
        _refuse_twins(endpoints, addresses)
    if len(hosts) > 1:
        for host in hosts:
            if addresses[host][0].startswith("127.") or addresses[host][0] == "::1":
                raise InputError(
                    f"{host} resolves to the loopback address {addresses[host][0]} here, another host elsewhere; "
                    "give its address in nodes and sentinels"
                )
    return AddressBook(addresses, desired.nodes, desired.sentinels, look_up)


def _refuse_twins(endpoints: Sequence[Endpoint], addresses: Mapping[str, tuple[str, ...]]) -> None:
    """Raise InputError for one place that is declared twice, by two names or by its name and its address."""
    seen: dict[tuple[str, int], Endpoint] = {}
    for endpoint in endpoints:
        for address in addresses[endpoint.host]:
            other = seen.setdefault((address, endpoint.port), endpoint)
            if other != endpoint:
                raise InputError(f"{other} and {endpoint} are the same place, {address}; declare it once")


@cache
def look_up(host: str) -> tuple[str, ...]:
    """The addresses of a name; none where the resolver has none."""
    try:
        return _addresses(host)
    except InputError:
        return ()


def _addresses(host: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise InputError(f"the host {host} has no address: {error.strerror}") from error
    return tuple(sorted({str(item[4][0]) for item in found}, key=lambda address: (":" in address, address)))
