# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The authorities that sign internal names, as they are declared. Pure data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._certificate.model import GIVEN, INTERNAL, Request
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, InputError

# with its ending, the name is a common name of at most 64 characters
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_ZONE = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ISSUING, _ROOT = " issuing", " root"
_DAYS = 3650
# The option by which modules are given the authorities.
OPTION: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "name": {"type": "str", "required": True},
        "zones": {"type": "list", "elements": "str", "required": True},
        "days": {"type": "int", "default": _DAYS},
    },
}


@dataclass(frozen=True)
class Authority:
    """A root and the one intermediate that it has signed, under one name.

    zones: the domains for which it may sign. days: until the intermediate, and a root that is made here, expires.
    root_certificate: of a root that is made elsewhere, as PEM; empty for one that is made here.
    """

    name: str
    zones: tuple[str, ...]
    days: int = _DAYS
    root_certificate: str = ""

    @property
    def signer(self) -> str:
        """The common name of its intermediate, which its certificates have as that of their issuer."""
        return self.name + _ISSUING

    @property
    def root(self) -> str:
        """The common name of its root, where that is made here."""
        return self.name + _ROOT

    def covers(self, domain: str) -> bool:
        """Whether it may sign for a domain."""
        return in_zones(domain, self.zones)


def name_of(signer: str) -> str:
    """The name of the authority whose intermediate has that common name."""
    return signer.removesuffix(_ISSUING)


def in_zones(domain: str, zones: Iterable[str]) -> bool:
    """Whether a domain is one of the zones, or below one (RFC 5280, 4.2.1.10)."""
    plain = domain.lower().removesuffix(".").removeprefix("*.")
    return any(plain == zone or plain.endswith(f".{zone}") for zone in zones)


def authorities(given: Sequence[Mapping[str, Any]]) -> list[Authority]:
    """The declared authorities, of which the first is to sign. Raises InputError for what none could be made of."""
    made = []
    for one in given:
        try:
            found = Authority(
                str(one["name"]),
                tuple(dict.fromkeys(str(zone).lower().strip(".") for zone in one["zones"])),
                int(one.get("days") or _DAYS),
                str(one.get("root_certificate") or ""),
            )
        except BAD_VALUES as error:
            raise InputError(
                f"certificate_internal_authorities takes name and zones of each authority, and one lacks them ({error})"
            ) from None
        if words := _fault(found):
            raise InputError(f"certificate_internal_authorities: {words}")
        made.append(found)
    names = [one.name for one in made]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"certificate_internal_authorities has {', '.join(twice)} twice; give each a name of its own")
    return made


def _fault(one: Authority) -> str:
    odd = [zone for zone in one.zones if not _ZONE.fullmatch(zone)]
    faults = (
        (
            not _NAME.fullmatch(one.name),
            f"the name {one.name!r} is none; it takes at most 40 lower-case letters, digits and hyphens",
        ),
        (not one.zones, f"{one.name} has no zones; name the domains for which it may sign"),
        (bool(odd), f"{one.name} takes domains as zones, not {', '.join(odd)}"),
        (not 1 <= one.days <= 36500, f"days of {one.name} is a number from 1 to 36500, not {one.days}"),
        (
            bool(one.root_certificate) and "-----BEGIN CERTIFICATE-----" not in one.root_certificate,
            f"root_certificate of {one.name} is no certificate in PEM",
        ),
    )
    return next((words for holds, words in faults if holds), "")


def request_faults(
    requests: Iterable[Request], declared: Sequence[Authority], host: str, given: Iterable[str]
) -> list[str]:
    """Why requests cannot be issued as they are declared. host: that of the authority. given: names of given pairs."""
    pairs, found = {*given}, []
    for one in requests:
        if one.issuer == GIVEN and one.name not in pairs:
            found.append(f"certificate {one.name}: its issuer is given, and certificate_given has no pair of that name")
        if one.issuer != INTERNAL:
            continue
        if not (declared and host):
            found.append(
                f"certificate {one.name}: its issuer is internal, which takes certificate_internal_authorities and "
                "certificate_internal_host; set both"
            )
        elif away := [domain for domain in one.domains if not declared[0].covers(domain)]:
            found.append(
                f"certificate {one.name}: {', '.join(away)} is in no zone of {declared[0].name} "
                f"({', '.join(declared[0].zones)}); declare another authority with that zone, and put it first"
            )
    return found
