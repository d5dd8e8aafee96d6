# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network between the edges and the hosts that run Odoo, which speaks HTTP without TLS. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import address_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_input import convert
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import Host

VARIABLE = "estate_private_networks"
_NETWORKS: dict[str, Any] = {"type": "list", "elements": "str", "default": []}


def edge_addresses(edges: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Where each edge comes from: its address, or the name that stands for it."""
    return {name: address_of(name, hostvars.get(name) or {}) for name in edges}


def require_private(hosts: Iterable[Host], hostvars: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a host whose address is one of the internet, unless its network is stated to be private.

    A name is not looked up here. Raises InputError with every fault.
    """
    faults: list[str] = []
    for host in hosts:
        stated = convert(hostvars[host.name].get(VARIABLE), _NETWORKS, f"host {host.name}: {VARIABLE}", faults) or []
        try:
            address = ip_address(host.address)
        except ValueError:
            continue
        try:
            if not address.is_global or any(address in ip_network(one) for one in stated):
                continue
        except ValueError as error:
            faults.append(f"host {host.name}: {VARIABLE}: {error}; give networks such as 198.51.100.0/24")
            continue
        faults.append(
            f"host {host.name} has the address {address} of the internet, and edges speak HTTP with it, so that "
            "passwords could be read on the way; give it the address of a private network, or name its network in "
            f"{VARIABLE} where others cannot read along, as in a tunnel"
        )
    if faults:
        raise InputError("; ".join(faults))
