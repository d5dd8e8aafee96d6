# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses: where a host reaches what listens on one, and how a URL spells one. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

# As Traefik and Odoo, and as PostgreSQL and Redis, spell every address of the host.
_EVERY = ("", "*")


def address_of(name: str, variables: Mapping[str, Any]) -> str:
    """The name or address under which other hosts reach a host. name, variables: as the inventory has them."""
    return str(variables.get("ansible_host") or name)


def is_any(listens: str) -> bool:
    """Whether it is every address of the host, or every one of IPv4 or IPv6."""
    bare = _bare(listens)
    try:
        return ipaddress.ip_address(bare).is_unspecified
    except ValueError:
        return bare in _EVERY


def is_address(host: str) -> bool:
    """Whether it is an address and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def reached(listens: str) -> str:
    """An address, without brackets, under which a host itself reaches what listens there."""
    if not is_any(listens):
        return _bare(listens)
    # what listens on all of IPv6 may do so on that alone
    return "::1" if ":" in listens else "127.0.0.1"


def in_url(host: str) -> str:
    """A host as it stands before a port: an address of IPv6 in brackets."""
    return f"[{_bare(host)}]" if ":" in host else host


def _bare(address: str) -> str:
    """An address without the brackets that URLs and Traefik put around one of IPv6."""
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address
