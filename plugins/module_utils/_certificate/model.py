# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates by name: what is asked for, what is there, and what the caller is given to order with. Pure data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
# What http-01 can prove: a full name in lower case, no wildcard (RFC 8555, 8.3).
_DOMAIN = re.compile(rf"(?=.{{1,253}}$)({_LABEL}\.)+{_LABEL}")


@dataclass(frozen=True)
class Request:
    """One certificate that is asked for, under the name of its directory."""

    name: str
    domains: tuple[str, ...]


@dataclass(frozen=True)
class Certificate:
    """What a certificate says, and whether the key beside it is its own."""

    serial: int
    fingerprint_sha256: str
    not_before: datetime
    not_after: datetime
    domains: tuple[str, ...]
    key_matches: bool = True

    def covers(self, request: Request) -> bool:
        """Whether it is for exactly the domains of `request`."""
        return sorted(self.domains) == sorted(request.domains)

    def fits(self, request: Request, now: datetime) -> bool:
        """Whether it can be served: its own key, these domains, not expired."""
        return self.key_matches and self.covers(request) and self.not_after > now


@dataclass(frozen=True)
class Found:
    """What one name's directory holds. interrupted: an earlier order was begun there and not installed."""

    current: Certificate | None = None
    staged: Certificate | None = None
    interrupted: bool = False


@dataclass(frozen=True)
class Advice:
    """What the ACME server says of one certificate (RFC 9773). replaces: its id, where an order may name it."""

    why: str = ""
    replaces: str = ""


def requests(given: Iterable[Mapping[str, Any]]) -> list[Request]:
    """The requests of a call. Raises InputError for one that no directory or no http-01 challenge could serve."""
    made = [Request(str(one["name"]), tuple(str(domain) for domain in one["domains"])) for one in given]
    names = [one.name for one in made]
    for one in made:
        if not _NAME.fullmatch(one.name):
            raise InputError(f"certificate {one.name!r}: a name takes lower-case letters, digits and hyphens")
        if names.count(one.name) > 1:
            raise InputError(f"certificate {one.name} is asked for twice; name each certificate once")
        odd = [domain for domain in one.domains if not _DOMAIN.fullmatch(domain)]
        if odd or not one.domains:
            seen = f"not {', '.join(odd)}" if odd else "and none is given"
            raise InputError(f"certificate {one.name} takes DNS names in lower case, without wildcards, {seen}")
    return made


def advices(given: Mapping[str, Mapping[str, Any]]) -> dict[str, Advice]:
    """The advice by name of the certificate, from results of community.crypto.acme_certificate_renewal_info."""
    return {
        name: Advice(
            why=str(one.get("msg") or "the ACME server advises it") if one.get("should_renew") else "",
            replaces=str(one.get("cert_id") or "") if one.get("supports_ari") else "",
        )
        for name, one in given.items()
    }
