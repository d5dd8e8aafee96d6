# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may connect: addresses, networks, and the addresses that names stand for now or stood for before. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filter.model import Address, Lookup, Network, Sources

_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*", re.I
)
# The bits of an address of IPv6 before one of IPv4 that it has within it.
_MAPPED_BITS = 96
_ELEMENTS = re.compile(r"set sources6? \{ type \w+; flags interval; elements = \{ (.*) \}; \}")
_RECORD = re.compile(r'# (host|name) ("(?:[^"\\]|\\.)*"): (.*)')


def network_of(text: str, option: str = "sources") -> Network | None:
    """The network or the address that a text is; None for the name of a host.

    An address of IPv4 that IPv6 has within it is that one: packets come with it.
    """
    try:
        return _unmapped(ip_network(text))
    except ValueError as error:
        # no name ends in a number, so that this was to be an address or a network
        if not _HOST.fullmatch(text) or text.rpartition(".")[2].isdigit():
            raise InputError(f"{option}: {text!r} is no address, network or name of a host: {error}") from error
    return None


def _unmapped(network: Network) -> Network:
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network


def networks_of(texts: Iterable[str], option: str) -> list[Network]:
    """The networks that texts are, none of which may be a name."""
    found = []
    for text in texts:
        network = network_of(text, option)
        if network is None:
            raise InputError(f"{option}: {text!r} is the name of a host; give its addresses, as those are connected")
        found.append(network)
    return found


def names_in(sources: Iterable[str], hosts: Mapping[str, str]) -> list[str]:
    """The names among sources and the addresses of hosts, each once."""
    places = [("sources", one) for one in sources] + [(f"hosts: {name}", one) for name, one in hosts.items()]
    return list(dict.fromkeys(text for option, text in places if network_of(text, option) is None))


def sources_of(networks: Iterable[Network]) -> tuple[Network, ...]:
    """The fewest networks with the same addresses, in order, without the host itself: none where all are of it.

    Raises InputError where there are none at all.
    """
    given = list(networks)
    if not given:
        raise InputError("sources: the list is empty, so that no other host could connect; give those that do")
    others = [one for one in given if not one.is_loopback]
    # the kernel takes no two that overlap
    return (
        *collapse_addresses(one for one in others if isinstance(one, IPv4Network)),
        *collapse_addresses(one for one in others if isinstance(one, IPv6Network)),
    )


def settle(
    sources: Sequence[str],
    hosts: Mapping[str, str],
    found: Mapping[str, Lookup],
    before: Sources,
    cut_off: Sequence[Network],
) -> tuple[Sources, list[str]]:
    """Who may connect, and what the operator is told of it.

    found: what is known of each name now. before: of the filter that is written on the host. A name keeps the
    addresses that it had there, unless they are to be cut off: an answer may be short, and the resolver silent.
    """
    told: list[str] = []
    names: dict[str, tuple[Network, ...]] = {}
    for name, lookup in found.items():
        kept = [one for one in before.names.get(name, ()) if not any(_within(one, other) for other in cut_off)]
        lost = [one for one in kept if one not in lookup.networks]
        if not lookup.networks and not kept:
            raise StateError(
                f"the source {name} has no address on this host ({lookup.why}); see its resolver, or give an address"
            )
        told += [_kept(name, lost, lookup.why)] if lost else []
        names[name] = _ordered({*lookup.networks, *kept})
    every = {text: _networks(text, names) for text in (*sources, *hosts.values())}
    made = Sources(
        sources_of(network for networks in every.values() for network in networks),
        {name: _ordered(every[text]) for name, text in hosts.items()},
        names,
    )
    return made, told


def _kept(name: str, lost: Iterable[Network], why: str) -> str:
    addresses = " and ".join(str(one.network_address) for one in lost)
    if why:
        return (
            f"the source {name} has no address on this host now ({why}), so {addresses} may connect as before; see the "
            "resolver of this host"
        )
    return (
        f"the source {name} is looked up without {addresses} now, which may connect as before; where {name} does not "
        "come from there any more, add that to cut_off"
    )


def _networks(text: str, names: Mapping[str, tuple[Network, ...]]) -> tuple[Network, ...]:
    network = network_of(text)
    return names[text] if network is None else (network,)


def _within(one: Network, other: Network) -> bool:
    return one.version == other.version and other.supernet_of(one)  # type: ignore[arg-type]


def _ordered(networks: Iterable[Network]) -> tuple[Network, ...]:
    return tuple(sorted(networks, key=lambda one: (one.version, one)))


def records(sources: Sources) -> list[str]:
    """The comments of a file of rules that say which address is whose."""
    return [
        f"# {kind} {json.dumps(name)}: {' '.join(map(str, networks))}"
        for kind, named in (("host", sources.hosts), ("name", sources.names))
        for name, networks in sorted(named.items())
    ]


def recorded(rules: str | None) -> Sources:
    """Whose the addresses of a filter are that was written before. What somebody else wrote there counts for none."""
    named: dict[str, dict[str, tuple[Network, ...]]] = {"host": {}, "name": {}}
    for line in (rules or "").splitlines():
        found = _RECORD.fullmatch(line)
        try:
            if found:
                named[found[1]][json.loads(found[2])] = tuple(map(ip_network, found[3].split()))
        except ValueError:
            continue
    return Sources((), named["host"], named["name"])


def networks_in(rules: str) -> tuple[Network, ...]:
    """Who may connect by rules that were written before."""
    return tuple(ip_network(one) for found in _ELEMENTS.findall(rules) for one in found.split(", "))


def admitted(peers: Iterable[Address], networks: Sequence[Network]) -> set[Address]:
    """Those of the peers that are in networks. Connections of the others are shown until they end by themselves."""
    return {one for one in peers if any(one in network for network in networks)}


def left(before: Sources, now: Sources) -> list[Network]:
    """The addresses of hosts that were declared when the filter was written, and are declared no more."""
    return [one for name, networks in before.hosts.items() if name not in now.hosts for one in networks]
