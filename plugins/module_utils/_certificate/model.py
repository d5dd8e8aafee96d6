# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates by name: what is asked for, what is there, and what the caller is given to order with. Pure data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, excerpt

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
# What http-01 can prove: a full name in lower case, no wildcard (RFC 8555, 8.3).
_DOMAIN = re.compile(rf"(?=.{{1,253}}$)({_LABEL}\.)+{_LABEL}")


# in a name with one of these, IDNA 2003 and 2008 differ: sharp s, final sigma, the two joiners
_DEVIATING = frozenset("\u00df\u03c2\u200c\u200d")
# what the modules of community.crypto write before the words of the server
_PREFIX = re.compile(
    r"^Failed to start new order for \S+ with status \d+ [A-Za-z ]+\. Error urn:ietf:params:acme:error:"
)
_AFTER = re.compile(r"retry after (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)")
# the longest window of a public CA's rate limits, and a day
LONGEST_WAIT = timedelta(days=8)


@dataclass(frozen=True)
class Request:
    """One certificate that is asked for, under the name of its directory."""

    name: str
    domains: tuple[str, ...]


@dataclass(frozen=True)
class Certificate:
    """What a certificate says whose own key is beside it.

    not_before, not_after: between which all of its chain is valid. intermediate: the issuer that ends it, if one does.
    requested: the domains that it was ordered for, which an issuer may add to or leave out; its own without a record.
    """

    serial: int
    fingerprint_sha256: str
    not_before: datetime
    not_after: datetime
    domains: tuple[str, ...]
    requested: tuple[str, ...] = ()
    intermediate: str = ""

    def answers(self, request: Request) -> bool:
        """Whether it was ordered for exactly the domains of `request`."""
        return sorted(self.requested or self.domains) == sorted(request.domains)

    def named(self, request: Request) -> list[str]:
        """The domains of `request` that it has."""
        return [domain for domain in request.domains if domain in self.domains]


@dataclass(frozen=True)
class Refusal:
    """Why the last order of a request failed.

    tries: how often in a row. tried, until: when it did, and when it is ordered again.
    """

    domains: tuple[str, ...]
    why: str
    tries: int
    tried: datetime
    until: datetime

    def concerns(self, request: Request) -> bool:
        """Whether it is of the same domains."""
        return sorted(self.domains) == sorted(request.domains)

    def holds(self, request: Request, now: datetime) -> bool:
        """Whether `request` is not to be ordered yet."""
        # a moment still to come was written by a wrong clock
        return self.concerns(request) and self.tried <= now < self.until


@dataclass(frozen=True)
class Found:
    """What one name's directory holds. interrupted: an earlier order was begun there and not installed.

    waits: a certificate was written beside the staged key, fit or not.
    broken, unusable: why no server could load what is there as current, or as staged.
    """

    current: Certificate | None = None
    staged: Certificate | None = None
    interrupted: bool = False
    refusal: Refusal | None = None
    waits: bool = False
    broken: str = ""
    unusable: str = ""


@dataclass(frozen=True)
class Offer:
    """A pair that another host serves, and the domains that it was ordered for."""

    host: str
    name: str
    domains: tuple[str, ...]
    not_before: datetime
    not_after: datetime

    def answers(self, request: Request) -> bool:
        """Whether it was ordered under the name and for exactly the domains of `request`."""
        return self.name == request.name and sorted(self.domains) == sorted(request.domains)


@dataclass(frozen=True)
class Advice:
    """What the ACME server says of one certificate (RFC 9773). replaces: its id, where an order may name it."""

    why: str = ""
    replaces: str = ""


@dataclass(frozen=True)
class Issuer:
    """What the ACME directory answered.

    fault: why it takes no order, if any. wait: it asks for, None without. ahead: how far the clock of this host is.
    """

    fault: str = ""
    wait: timedelta | None = None
    ahead: timedelta = timedelta(0)


def requests(given: Iterable[Mapping[str, Any]]) -> list[Request]:
    """The requests of a call. Raises InputError for one that no directory or no http-01 challenge could serve."""
    made = [Request(str(one["name"]), tuple(dict.fromkeys(map(_domain, one["domains"])))) for one in given]
    names = [one.name for one in made]
    for one in made:
        if not _NAME.fullmatch(one.name):
            raise InputError(f"certificate {one.name!r}: a name takes lower-case letters, digits and hyphens")
        if names.count(one.name) > 1:
            raise InputError(f"certificate {one.name} is asked for twice; name each certificate once")
        odd = [domain for domain in one.domains if not _DOMAIN.fullmatch(domain)]
        if odd or not one.domains:
            seen = f"not {', '.join(odd)}" if odd else "and none is given"
            raise InputError(f"certificate {one.name} takes DNS names of two labels or more, without wildcards, {seen}")
    return made


def _domain(given: Any) -> str:
    """A domain as certificates have it: in lower case, in ASCII (RFC 5890), without the dot of the root."""
    text = str(given).lower().removesuffix(".")
    # Python knows IDNA 2003, for which these are other names
    if text.isascii() or _DEVIATING.intersection(text):
        return text
    try:
        return text.encode("idna").decode()
    except UnicodeError:
        return text


def advices(given: Mapping[str, Mapping[str, Any]]) -> dict[str, Advice]:
    """The advice by name of the certificate, from results of community.crypto.acme_certificate_renewal_info."""
    return {
        name: Advice(
            why=str(one.get("msg") or "the ACME server advises it") if one.get("should_renew") else "",
            replaces=str(one.get("cert_id") or "") if one.get("supports_ari") else "",
        )
        for name, one in given.items()
    }


def offers(given: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[Offer]:
    """The pairs of other hosts, from what the module returns there, by host. Raises InputError for another form."""
    try:
        return [
            Offer(
                host,
                str(one["name"]),
                tuple(map(str, one["requested"])),
                datetime.fromisoformat(one["not_before"]),
                datetime.fromisoformat(one["not_after"]),
            )
            for host, certificates in given.items()
            for one in certificates
            if one["fingerprint_sha256"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"offers takes certificates as this module returns them, by host, and not {excerpt(str(given))} ({error})"
        ) from None


def issuer(given: Mapping[str, Any], now: datetime) -> Issuer:
    """The answer of the directory, from a result of ansible.builtin.uri; empty where it was not asked."""
    try:
        ahead = now - http_date(str(given.get("date")))
    except ValueError:
        ahead = timedelta(0)
    if given.get("status", 200) == 200:
        return Issuer(ahead=ahead)
    words = excerpt(str(given.get("msg") or "no answer"))
    if "certificate has expired" in words or "certificate is not yet valid" in words:
        words += ", by the clock of this host"
    return Issuer(words, retry_after(str(given.get("retry_after") or ""), now), ahead)


def said(words: str) -> str:
    """What the issuer said, without the address and the kind of its answer before it."""
    return excerpt(_PREFIX.sub("", " ".join(words.split())))


def retry_after(header: str, now: datetime) -> timedelta | None:
    """How long a header Retry-After asks to wait, in seconds or by a date (RFC 9110, 10.2.3); None for another one."""
    if header.isascii() and header.isdigit():
        return min(timedelta(seconds=int(header[:9])), LONGEST_WAIT)
    try:
        return max(timedelta(0), min(http_date(header) - now, LONGEST_WAIT))
    except ValueError:
        return None


def http_date(header: str) -> datetime:
    """The moment that a header names (RFC 9110, 5.6.7). Raises ValueError for another text."""
    return datetime.strptime(header, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=timezone.utc)


def wait_in(words: str, now: datetime) -> timedelta | None:
    """How long the words of an issuer ask to wait: until a moment, where a rate limit is reached. None for others."""
    found = _AFTER.search(words)
    try:
        return found and min(datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00") - now, LONGEST_WAIT)
    except ValueError:
        return None
