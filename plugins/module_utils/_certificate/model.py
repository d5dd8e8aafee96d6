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

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, InputError, excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_address import is_address
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import within

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
# A full name in lower case, or a wildcard for one label (RFC 6125), which only dns-01 proves (RFC 8555, 8.3).
_DOMAIN = re.compile(rf"(?=.{{1,253}}$)(\*\.)?({_LABEL}\.)+{_LABEL}")
_WILDCARD = "*."
# As RFC 5280 numbers them, 5.3.1.
REASONS = {
    "unspecified": 0,
    "key_compromise": 1,
    "affiliation_changed": 3,
    "superseded": 4,
    "cessation_of_operation": 5,
}
# acme: an order; internal: the authority of the estate; given: files that the operator has got elsewhere
ACME, INTERNAL, GIVEN = ISSUERS = ("acme", "internal", "given")
KEY_TYPES = ("ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096")
HTTP, DNS = CHALLENGES = ("http-01", "dns-01")
# The option by which modules are given the certificates.
OPTION: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "options": {
        "name": {"type": "str", "required": True},
        "domains": {"type": "list", "elements": "str", "required": True},
        "challenge": {"type": "str", "choices": list(CHALLENGES), "default": HTTP},
        "hosts": {"type": "list", "elements": "str", "default": []},
        "profile": {"type": "str", "default": ""},
        "preferred_chain": {"type": "str", "default": ""},
        "key_type": {"type": "str", "choices": list(KEY_TYPES), "default": KEY_TYPES[0], "no_log": False},
        "reuse_key": {"type": "bool", "default": False, "no_log": False},
        "issuer": {"type": "str", "choices": list(ISSUERS), "default": ACME},
    },
}

# in a name with one of these, IDNA 2003 and 2008 differ: sharp s, final sigma, the two joiners
_DEVIATING = frozenset("\u00df\u03c2\u200c\u200d")
# what the modules of community.crypto write before the words of the server
_PREFIX = re.compile(
    r"^Failed to start new order for \S+ with status \d+ [A-Za-z ]+\. Error urn:ietf:params:acme:error:"
)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_BASE64URL, _MACS = re.compile(r"[A-Za-z0-9_-]*={0,2}"), ("HS256", "HS384", "HS512")
_AFTER = re.compile(r"retry after (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)")
# the longest window of a public CA's rate limits, and a day
LONGEST_WAIT = timedelta(days=8)


@dataclass(frozen=True)
class Request:
    """One certificate that is asked for, under the name of its directory.

    challenge: by which the domains are validated. hosts: the names that clients ask for, the domains where empty.
    profile: of the issuer. preferred_chain: the common name of the root that its chain is to lead to, where it can.
    key_type: one of KEY_TYPES. reuse_key: whether a renewal has the key of before, where that is of this type.
    issuer: one of ISSUERS. signer: the common name of the internal authority that is to sign it; none of other issuers.
    """

    name: str
    domains: tuple[str, ...]
    challenge: str = HTTP
    hosts: tuple[str, ...] = ()
    profile: str = ""
    preferred_chain: str = ""
    key_type: str = KEY_TYPES[0]
    reuse_key: bool = False
    issuer: str = ACME
    signer: str = ""

    @property
    def terms(self) -> dict[str, str]:
        """What an issuer is asked for beside the domains: recorded with the pair, and compared with the record."""
        if self.issuer != ACME:
            return {"issuer": self.issuer}
        return {"issuer": self.issuer, "profile": self.profile, "preferred_chain": self.preferred_chain}


@dataclass(frozen=True)
class Certificate:
    """What a certificate says whose own key is beside it.

    not_before, not_after: between which all of its chain is valid. intermediate: the issuer that ends it, if one does.
    requested: the domains that it was ordered for, which an issuer may add to or leave out; its own without a record.
    terms: what it was ordered with, by name; none where it was not recorded. root: the common name of the issuer of the
    last certificate of its chain. renewal_id: by which an order may name it (RFC 9773, 4.1); empty where it does not
    name its issuer's key. signed_by: the common name of its issuer.
    """

    serial: int
    fingerprint_sha256: str
    not_before: datetime
    not_after: datetime
    domains: tuple[str, ...]
    requested: tuple[str, ...] = ()
    intermediate: str = ""
    renewal_id: str = ""
    terms: tuple[tuple[str, str], ...] = ()
    root: str = ""
    key_type: str = ""
    signed_by: str = ""

    @property
    def issuer(self) -> str:
        """The issuer that it is recorded with; former releases knew one."""
        return dict(self.terms).get("issuer", ACME)

    def changed(self, request: Request) -> list[str]:
        """What is asked for otherwise than it was ordered with, or than it is; not so what is not known."""
        # a pair without a record is not known to have another issuer
        if self.terms and self.issuer != request.issuer:
            return ["issuer"]
        if request.issuer == GIVEN:
            return []
        terms = [name for name, value in self.terms if request.terms.get(name, value) != value]
        signer = ["authority"] if request.signer and self.signed_by != request.signer else []
        key_type = ["key_type"] if self.key_type not in ("", request.key_type) else []
        return [*terms, *signer, *key_type]

    def answers(self, request: Request) -> bool:
        """Whether it was ordered for exactly the domains of `request`."""
        return sorted(self.requested or self.domains) == sorted(request.domains)

    def named(self, request: Request) -> list[str]:
        """The domains of `request` that it covers."""
        return [domain for domain in request.domains if covers(self.domains, domain)]


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
class Revocation:
    """A certificate that is to be revoked once another one is served in its place. reason: one of REASONS.

    not_after: from which on there is nothing to revoke. issuer, signed_by: of that certificate.
    """

    serial: int
    reason: str
    not_after: datetime
    issuer: str = ACME
    signed_by: str = ""


@dataclass(frozen=True)
class Found:
    """What one name's directory holds. interrupted: an earlier order was begun there and not installed.

    waits: a certificate was written beside the staged key, fit or not.
    broken, unusable: why no server could load what is there as current, or as staged. advice: as it was recorded.
    revocation: of a certificate whose key is lost, the current one until another one is installed. forced_by: what the
    current one was installed for by force, empty where it was due.
    """

    current: Certificate | None = None
    staged: Certificate | None = None
    interrupted: bool = False
    refusal: Refusal | None = None
    waits: bool = False
    broken: str = ""
    unusable: str = ""
    advice: Advice | None = None
    revocation: Revocation | None = None
    forced_by: str = ""

    @property
    def is_lost(self) -> bool:
        """Whether the current certificate is to be revoked."""
        if self.current is None or self.revocation is None:
            return False
        return self.current.serial == self.revocation.serial


@dataclass(frozen=True)
class Offer:
    """A pair that another host serves, and the domains that it was ordered for. forced_by: as of what is found."""

    host: str
    name: str
    domains: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    signed_by: str = ""
    fingerprint_sha256: str = ""
    forced_by: str = ""

    def answers(self, request: Request) -> bool:
        """Whether it was ordered under the name and for exactly the domains of `request`."""
        return self.name == request.name and sorted(self.domains) == sorted(request.domains)


@dataclass(frozen=True)
class Advice:
    """When the ACME server advises to renew a certificate (RFC 9773), between two moments. url: why, for people.

    serial: of the certificate.
    """

    serial: int
    start: datetime
    end: datetime
    url: str = ""

    def moment(self, part: float) -> datetime:
        """The moment within the window, of which `part` is let pass; each certificate has another one."""
        return self.start + max(self.end - self.start, timedelta(0)) * part


@dataclass(frozen=True)
class Issuer:
    """What the ACME directory answered.

    fault: why it takes no order, if any. wait: it asks for, None without. ahead: how far the clock of this host is.
    profiles: that it has, None where it was not asked.
    """

    fault: str = ""
    wait: timedelta | None = None
    ahead: timedelta = timedelta(0)
    profiles: tuple[str, ...] | None = None


def requests(given: Iterable[Mapping[str, Any]]) -> list[Request]:
    """The requests of a call. Raises InputError for one that no directory or no challenge could serve."""
    made = [request(one) for one in given]
    names = [one.name for one in made]
    for one in made:
        if names.count(one.name) > 1:
            raise InputError(f"certificate {one.name} is asked for twice; name each certificate once")
        if found := fault(one):
            raise InputError(found)
    return made


def request(given: Mapping[str, Any]) -> Request:
    """A request as it is given; whether it can be ordered says `fault`."""
    return Request(
        str(given["name"]),
        tuple(dict.fromkeys(map(_domain, given["domains"]))),
        str(given.get("challenge") or HTTP),
        tuple(dict.fromkeys(map(_domain, given.get("hosts") or ()))),
        str(given.get("profile") or ""),
        str(given.get("preferred_chain") or ""),
        str(given.get("key_type") or KEY_TYPES[0]),
        bool(given.get("reuse_key")),
        str(given.get("issuer") or ACME),
    )


def fault(request: Request) -> str:
    """Why no directory or no challenge could serve a request; empty for one that can be ordered."""
    name, domains = request.name, request.domains
    odd = [domain for domain in domains if not _DOMAIN.fullmatch(domain) or is_address(domain)]
    wild = [domain for domain in domains if domain.startswith(_WILDCARD)]
    # a CA refuses an order for both
    twice = [domain for domain in domains if domain not in wild and any(covers([one], domain) for one in wild)]
    away = [host for host in request.hosts if not covers(domains, host)]
    faults = (
        (not _NAME.fullmatch(name), f"certificate {name!r}: a name takes lower-case letters, digits and hyphens"),
        (not domains, f"certificate {name} takes DNS names of two labels or more, and none is given"),
        (bool(odd), f"certificate {name} takes DNS names of two labels or more, not {', '.join(odd)}"),
        (
            request.challenge not in CHALLENGES,
            f"certificate {name}: challenge is one of {', '.join(CHALLENGES)}, not {request.challenge}",
        ),
        (
            request.issuer not in ISSUERS,
            f"certificate {name}: issuer is one of {', '.join(ISSUERS)}, not {request.issuer}",
        ),
        (
            request.key_type not in KEY_TYPES,
            f"certificate {name}: key_type is one of {', '.join(KEY_TYPES)}, not {request.key_type}",
        ),
        (
            bool(wild) and request.issuer == ACME and request.challenge != DNS,
            f"certificate {name}: {', '.join(wild)} can be validated by {DNS} alone; set its challenge, or name hosts",
        ),
        (bool(twice), f"certificate {name}: a wildcard covers {', '.join(twice)}; leave one of them"),
        (bool(away), f"certificate {name} does not cover {', '.join(away)}, which clients ask for; add it to domains"),
    )
    return next((words for holds, words in faults if holds), "")


def binding_faults(given: Mapping[str, Any]) -> list[str]:
    """What is wrong with certificate_eab, by which an account is bound to one at the CA; no sentence holds the key."""
    kid, key, algorithm = (str(given.get(name) or "") for name in ("kid", "key", "alg"))
    faults = (
        (bool(kid) != bool(key), "certificate_eab has kid and key, as the CA gave them; set both, or leave it empty"),
        (not _BASE64URL.fullmatch(key), "certificate_eab.key is not base64url; copy the key as the CA gave it"),
        (
            algorithm not in ("", *_MACS),
            f"certificate_eab.alg is one of {', '.join(_MACS)}, not {algorithm}",
        ),
    )
    return [words for holds, words in faults if holds]


def covers(names: Iterable[str], asked: str) -> bool:
    """Whether one of the names is the one that is asked for, or a wildcard for its first label (RFC 6125)."""
    asked = asked.lower().removesuffix(".")
    above = asked.partition(".")[2]
    return any(name.lower() == asked or (above and name.lower() == f"{_WILDCARD}{above}") for name in names)


def asked(domains: Iterable[str], hosts: Iterable[str] = ()) -> list[str]:
    """The names that clients ask for, by which a certificate is proven: `hosts`, or the domains; each once.

    No client asks for a wildcard, so that one without hosts is proven by a name below it.
    """
    known = list(hosts) or [domain.replace(_WILDCARD, "gantry-proof.", 1) for domain in domains]
    return list(dict.fromkeys(known))


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
    """The advice by serial number in hexadecimal digits, from results of community.crypto.acme_ari_info."""
    made = {}
    for serial, one in given.items():
        try:
            window = one["renewal_info"]["suggestedWindow"]
            url = excerpt(str(one["renewal_info"].get("explanationURL") or ""))
            made[serial] = Advice(int(serial, 16), internet_time(window["start"]), internet_time(window["end"]), url)
        except BAD_VALUES:
            # a server that gives none, or one that no clock can have, leaves it to the lifetime
            continue
    return made


def internet_time(given: str) -> datetime:
    """The moment that a text names (RFC 3339), to the second. Raises what is in BAD_VALUES for another one."""
    found = _TIME.fullmatch(given)
    if found is None:
        raise ValueError(f"{given!r} is no time")
    return within(datetime.fromisoformat(f"{found[1]}T{found[2]}{'+00:00' if found[3] in 'Zz' else found[3]}"))


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
                str(one.get("signed_by") or ""),
                str(one["fingerprint_sha256"]),
                str(one.get("forced_by") or ""),
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
        return Issuer(ahead=ahead, profiles=_profiles(given))
    words = excerpt(str(given.get("msg") or "no answer"))
    if "certificate has expired" in words or "certificate is not yet valid" in words:
        words += ", by the clock of this host"
    return Issuer(words, retry_after(str(given.get("retry_after") or ""), now), ahead)


def _profiles(given: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The profiles that the directory lists (draft-ietf-acme-profiles); None where it was not read."""
    answer = given.get("json")
    if not isinstance(answer, Mapping):
        return None
    meta = answer.get("meta")
    profiles = meta.get("profiles") if isinstance(meta, Mapping) else None
    return tuple(map(str, profiles)) if isinstance(profiles, Mapping) else ()


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
