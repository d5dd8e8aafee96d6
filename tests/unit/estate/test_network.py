# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges speak HTTP with the hosts that run Odoo: over private networks, or over those that are stated."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import Host
from ansible_collections.gantry.odoo.plugins.module_utils._estate.plan_network import edge_addresses, require_private

PUBLIC = "8.8.8.8"


@pytest.mark.parametrize("address", ["10.0.0.5", "fd00::5", "app1.example.com", "127.0.0.1", "100.64.0.1"])
def test_private_addresses_and_names_are_taken(address: str) -> None:
    require_private([Host("app1", address, False)], {"app1": {}})


@pytest.mark.parametrize("stated", [None, [], ["10.0.0.0/8"], ["2001:db8::/32"]])
def test_an_address_of_the_internet_is_refused(stated: Any) -> None:
    with pytest.raises(
        InputError, match=rf"host app1 has the address {PUBLIC} of the internet.*estate_private_network"
    ):
        require_private([Host("app1", PUBLIC, False)], {"app1": {"estate_private_networks": stated}})


def test_a_stated_network_is_private() -> None:
    require_private([Host("app1", PUBLIC, False)], {"app1": {"estate_private_networks": ["8.8.8.0/24"]}})


def test_every_fault_is_named() -> None:
    hosts = [Host("app1", PUBLIC, False), Host("app2", PUBLIC, False), Host("app3", PUBLIC, False)]
    variables = {"app1": {}, "app2": {"estate_private_networks": ["8.8.8.1/24"]}, "app3": {}}
    with pytest.raises(InputError) as caught:
        require_private(hosts, variables)
    assert [name for name in ("app1", "app2", "app3") if f"host {name}" in str(caught.value)] == [*variables]


def test_edges_come_from_their_addresses() -> None:
    found = edge_addresses(["edge1", "edge2"], {"edge1": {"ansible_host": "10.0.0.9"}})
    assert found == {"edge1": "10.0.0.9", "edge2": "edge2"}
