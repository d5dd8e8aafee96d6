# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A packet filter: who may connect to the ports of a service, and what a host has of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Union

Address = Union[IPv4Address, IPv6Address]
Network = Union[IPv4Network, IPv6Network]


@dataclass(frozen=True)
class Lookup:
    """The addresses of a name. why: there are none."""

    networks: tuple[Network, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Sources:
    """Who may connect. networks: all of them, in order. hosts: those of declared hosts. names: those of names."""

    networks: tuple[Network, ...] = ()
    hosts: Mapping[str, tuple[Network, ...]] = field(default_factory=dict)
    names: Mapping[str, tuple[Network, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Filter:
    """The ports of a service, and who may connect to them. The host itself always may."""

    name: str
    ports: tuple[int, ...]
    sources: Sources

    @property
    def table(self) -> str:
        """The table of nftables, in the family inet."""
        return f"gantry_{self.name}"


@dataclass(frozen=True)
class Found:
    """What a host has. file, live: None where there is none. wanted: as the kernel would list the filter.

    peers: other hosts that are connected to the ports. on_trial: whether no run has proven the live one yet, or has put
    the former one back, which is as the kernel listed it.
    """

    file: str | None = None
    live: str | None = None
    wanted: str = ""
    peers: Collection[Address] = ()
    on_trial: bool = False
    former: str | None = None

    @property
    def proven(self) -> str | None:
        """The filter without the one on trial."""
        return self.former if self.on_trial else self.live


@dataclass(frozen=True)
class Tried:
    """The trial of a filter. name: of this one alone. rules: that were loaded. Both are empty without a trial."""

    name: str = ""
    rules: str = ""


@dataclass(frozen=True)
class Answer:
    """What a client saw at a port of a server. source: the address of its own from which it asked.

    answers: whether anything came back, a refusal too: a packet that a filter drops has no answer. seen: in words.
    """

    host: str
    port: int
    address: str
    source: str
    answers: bool
    seen: str
