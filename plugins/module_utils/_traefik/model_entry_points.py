# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry points of Traefik: where they listen, which audience they serve, and whether declared ones can be."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core import model_address

# Widest first: where audiences share a host name, the narrower one is asked first.
AUDIENCES = ("public", "partner", "internal")

PLAIN, TLS = "web", "websecure"
HTTPS_PORT = 443
# The widest audience has no entry points of its own: it is on those that every edge has.
_OWN = AUDIENCES[1:]
_OURS = tuple(f"{kind}{dash}{one}" for kind in (PLAIN, TLS) for dash, one in (("", ""), *(("-", one) for one in _OWN)))
# Equal to the default of role traefik; a test compares them.
DEFAULT: Mapping[str, str] = {PLAIN: ":80", TLS: ":443"}
_API = "traefik"
# Traefik's own spelling: an IPv6 address has brackets, and without a protocol it is TCP.
_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.%a-z]+\]|[^\[\]:/\s]*):(?P<port>\d{1,5})(?:/(?P<kind>tcp|udp))?\Z")


@dataclass(frozen=True)
class EntryPoints:
    """Names of the entry points of a route: of plain HTTP, empty where its audience has none, and of TLS.

    port: where a redirect to TLS leads to. proxies: networks whose word on the client's address counts for the route.
    """

    plain: str = PLAIN
    tls: str = TLS
    port: int = HTTPS_PORT
    proxies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Address:
    """Where an entry point listens. host: without brackets, and empty for every address of the host."""

    host: str
    port: int
    kind: str = "tcp"

    @property
    def is_any(self) -> bool:
        """Whether it is every address of the host."""
        return model_address.is_any(self.host)

    @property
    def reached(self) -> str:
        """An address under which the host itself reaches it."""
        return model_address.reached(self.host)


def address(text: Any) -> Address | None:
    """An address as Traefik spells it, None where it is none."""
    found = _ADDRESS.match(str(text))
    if not found or not 0 < int(found["port"]) < 65536:
        return None
    return Address(found["host"].strip("[]"), int(found["port"]), found["kind"] or "tcp")


def in_address(host: str, port: int) -> str:
    """A host as an address of HTTPS has it, with its port where it is not the usual one."""
    return host if port == HTTPS_PORT else f"{host}:{port}"


def entry_points(item: Mapping[str, Any] | None) -> EntryPoints:
    """Those that a record names; one that is older than the audiences' own has the common ones."""
    given = item or {}
    return EntryPoints(
        str(given.get("plain", PLAIN)),
        str(given.get("tls", TLS)),
        int(given.get("port", HTTPS_PORT)),
        tuple(given.get("proxies") or ()),
    )


def proxies(live: Mapping[str, Any]) -> tuple[str, ...]:
    """The networks that an entry point trusts. live: its settings, as Traefik's API has them."""
    trusted = (live.get("forwardedHeaders") or {}).get("trustedIPs") or ()
    return tuple(str(ipaddress.ip_network(one, strict=False)) for one in trusted)


def of_audience(audience: str, addresses: Mapping[str, Any]) -> EntryPoints:
    """The audience's own entry points, else those of the next wider one that has some.

    addresses: of all entry points, by name.
    """
    for one in reversed(AUDIENCES[1 : AUDIENCES.index(audience) + 1]):
        plain, tls = f"{PLAIN}-{one}", f"{TLS}-{one}"
        found = address(addresses[tls]) if tls in addresses else None
        if found:
            return EntryPoints(plain if plain in addresses else "", tls, found.port)
    return EntryPoints()


def faults(declared: Any) -> list[str]:
    """Why Traefik cannot have these entry points, or would serve no audience on them. declared: address by name."""
    if not isinstance(declared, Mapping):
        return ["traefik_entry_points is no mapping; give the address of each entry point by its name"]
    found: list[str] = []
    if not {PLAIN, TLS} <= set(declared) or _API in declared:
        found.append(
            f"traefik_entry_points names {', '.join(sorted(map(str, declared)))}; it must have {PLAIN} and {TLS}, and "
            f"{_API} is kept for the API"
        )
    found += [fault for name in declared for fault in _name_faults(str(name), declared)]
    addresses = {str(name): address(value) for name, value in declared.items()}
    found += [
        f"traefik_entry_points.{name} is {declared[name]!r}; accepted are an address and a port, such as :443, "
        "10.20.0.5:443 or [fd00::5]:443"
        for name, one in addresses.items()
        if one is None
    ]
    return found + _shared([(name, one) for name, one in addresses.items() if one])


def write_timeout_faults(write_s: int, read_s: int) -> list[str]:
    """Why clients would wait for answers in vain. Both are seconds from the header of a request on; 0 is no limit.

    Traefik reads a body to its end first, and writes nothing once the time for the answer has passed (net/http of Go).
    """
    if write_s == 0 or 0 < read_s < write_s:
        return []
    longest = f"{read_s} seconds" if read_s else "any time, as it is 0"
    return [
        f"traefik_write_timeout is {write_s} seconds, and a request may take {longest} by traefik_read_timeout; one "
        "that takes longer than the first has no answer; give a write timeout above the read timeout, or 0 for no limit"
    ]


def ports(declared: Mapping[str, Any]) -> dict[str, int]:
    """The port of HTTPS of each audience."""
    return {one: of_audience(one, declared).port for one in AUDIENCES}


def tls_addresses(declared: Mapping[str, Any] | None) -> list[Address]:
    """Where an edge serves routes with TLS; that of the widest audience first."""
    given = declared or DEFAULT
    found = [address(given.get(name)) for name in (TLS, *(f"{TLS}-{one}" for one in _OWN)) if name in given]
    return [one for one in found if one] or [Address("", HTTPS_PORT)]


def _name_faults(name: str, declared: Mapping[str, Any]) -> list[str]:
    found = address(declared.get(name))
    if name in _OURS:
        faults = [
            f"traefik_entry_points.{name} is {declared[name]!r}; leave /udp out, since audiences come by TCP"
        ] * bool(found and found.kind != "tcp")
        kind, _dash, audience = name.partition("-")
        if audience and kind == PLAIN and f"{TLS}-{audience}" not in declared:
            faults.append(
                f"traefik_entry_points.{name} redirects to {TLS}-{audience}, which is not declared; declare it"
            )
        return faults
    # One that is nearly ours would leave its audience at the address of a wider one.
    kind, dash, _audience = re.sub(r"[^a-z0-9]", "-", name.lower()).partition("-")
    letters = re.sub(r"[^a-z0-9]", "", name.lower())
    if (dash and kind in (PLAIN, TLS)) or letters in (one.replace("-", "") for one in _OURS):
        kind = TLS if letters.startswith(TLS) else PLAIN
        accepted = " and ".join(f"{kind}-{one}" for one in _OWN)
        return [f"traefik_entry_points.{name} is for no audience; accepted are {accepted}, while {kind} is for public"]
    return []


def _shared(declared: Sequence[tuple[str, Address]]) -> list[str]:
    return [
        f"traefik_entry_points: {name} and {other} both take port {one.port} of {one.host or 'all addresses'}; give "
        "each a port or an address of its own, where :443 is every address"
        for (name, one), (other, against) in combinations(declared, 2)
        if (one.port, one.kind) == (against.port, against.kind)
        and (one.is_any or against.is_any or one.host == against.host)
    ]
