# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules as sets of requests: whether two of them meet, and whether one lies within the other. Pure.

An answer that would permit something is given only where it is certain: rules that cannot be told apart meet.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Union
from urllib.parse import quote

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import Matcher, Not, Rule, Some

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

# A request has one of each of these; of headers and queries it may have many, each with many values.
_KINDS = {
    "Host": "host",
    "HostRegexp": "host",
    "Path": "path",
    "PathPrefix": "path",
    "PathRegexp": "path",
    "Method": "method",
    "ClientIP": "address",
}
# `*` is that of TCP; the expressions are those of a router for whatever host no other one has.
_ALWAYS = (
    Matcher("PathPrefix", ("/",)),
    Matcher("Host", ("*",)),
    *(Matcher("HostRegexp", (one,)) for one in (".*", ".+", "^.*", "^.+", ".*$", ".+$", "^.*$", "^.+$")),
)
_MOST = 1000
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
# What Go and Python read alike, without a repeated group, so that a match takes little time.
_REPEAT = r"(?:[*+?]|\{\d{1,2}(?:,\d{0,2})?\})?"
_ATOM = r"(?:[A-Za-z0-9_/:@=~%&;<>!'\" #-]|\.|\\[.\-/+*?^$()\[\]{}|]|\[\^?[A-Za-z0-9_./](?:[A-Za-z0-9_./]|-)*\])"
_PLAIN = re.compile(rf"(?:{_ATOM}{_REPEAT}|\((?:\?:)?|\)|[|^$])*\Z")
_REPEATED_GROUP = re.compile(r"(?<!\\)\)[*+?{]")


@dataclass(frozen=True)
class Term:
    """One condition of a region: one of the matchers, all of one kind, or with `negated` not the only one."""

    matchers: tuple[Matcher, ...]
    negated: bool = False

    @property
    def kind(self) -> str:
        """What of a request the term looks at; empty for headers and queries."""
        return _KINDS.get(self.matchers[0].name, "")


# Requests that all of the terms hold for.
Region = tuple[Term, ...]


def regions(rule: Rule) -> list[Region]:
    """The rule as alternatives that are not empty. Raises InputError for one with too many of them."""
    return [one for one in _regions(rule, negated=False) if not _contradicts(one, one)]


def meet(one: Iterable[Region], other: Sequence[Region]) -> bool:
    """Whether one request can be in both."""
    return any(regions_meet(a, b) for a in one for b in other)


def regions_meet(one: Region, other: Region) -> bool:
    """Whether one request can be in both regions."""
    return not _contradicts(one, other)


def lies_within(one: Iterable[Region], other: Sequence[Region]) -> bool:
    """Whether each request of the one is in the other for certain."""
    return all(any(_covered(a, b) for b in other) for a in one)


def asked(name: str, value: str) -> Matcher:
    """A host, path, method or address of a request, as the matcher for it alone."""
    found = _normal(Matcher(name, (value,)))
    return Matcher(name, found.values[-1:])


def judged(found: Matcher, condition: Matcher) -> bool | None:
    """Whether what a request has meets a condition of the same kind; None where that is not certain."""
    if _apart(found, condition):
        return False
    # Traefik decodes some of a request's path and nothing of the rule's, so that one with a percent may match nothing.
    decoded = _KINDS.get(condition.name) == "path" and "%" in condition.values[-1]
    return True if _within(found, condition) and not decoded else None


def _covered(one: Region, other: Region) -> bool:
    return all(any(_implies(a, b) for a in one) for b in other)


def _contradicts(one: Region, other: Region) -> bool:
    return any(_excludes(a, b) for a in one for b in other)


def _regions(rule: Rule, *, negated: bool) -> list[Region]:
    if isinstance(rule, Matcher):
        term = Term((_normal(rule),), negated)
        always = term.matchers[0] in _ALWAYS and not negated
        return [() if always else (term,)]
    if isinstance(rule, Not):
        return _regions(rule.part, negated=not negated)
    if isinstance(rule, Some) and not negated and _one_kind(rule):
        return [(Term(tuple(_normal(one) for one in rule.parts if isinstance(one, Matcher))),)]
    parts = [_regions(one, negated=negated) for one in rule.parts]
    if isinstance(rule, Some) != negated:
        found = [region for part in parts for region in part]
    else:
        count = 1
        for part in parts:
            count *= len(part)
        _limit(count)
        found = [tuple(term for region in chosen for term in region) for chosen in product(*parts)]
    _limit(len(found))
    return found


def _limit(count: int) -> None:
    if count > _MOST:
        raise InputError(f"the rule has {count} alternatives; accepted are {_MOST}")


def _one_kind(rule: Some) -> bool:
    kinds = {_KINDS.get(one.name, "") if isinstance(one, Matcher) else "" for one in rule.parts}
    return len(kinds) == 1 and "" not in kinds


def _implies(one: Term, other: Term) -> bool:
    """Whether each request that the one holds for is one of the other."""
    if other.negated:
        if one.negated:
            return _within(other.matchers[0], one.matchers[0])
        return all(_apart(a, other.matchers[0]) for a in one.matchers)
    return not one.negated and all(any(_within(a, b) for b in other.matchers) for a in one.matchers)


def _excludes(one: Term, other: Term) -> bool:
    """Whether no request can have both."""
    if one.negated and other.negated:
        return False
    if one.negated:
        return all(_within(b, one.matchers[0]) for b in other.matchers)
    if other.negated:
        return all(_within(a, other.matchers[0]) for a in one.matchers)
    return bool(one.kind) and one.kind == other.kind and all(_apart(a, b) for a in one.matchers for b in other.matchers)


def _within(one: Matcher, other: Matcher) -> bool:
    if one == other:
        return True
    if _KINDS.get(other.name) == "path" and len(other.values) > 1:
        return False
    a, b = one.values[-1], other.values[-1]
    names = (one.name, other.name)
    if names == ("Host", "Host"):
        return _is_wildcard(b) and not _is_wildcard(a) and _below(a, b)
    if names == ("Host", "HostRegexp"):
        return not _is_wildcard(a) and all(matches(b, host) is True for host in _spoken(a))
    if names in (("Path", "PathPrefix"), ("PathPrefix", "PathPrefix")):
        return a.startswith(b)
    if names == ("Path", "PathRegexp"):
        return "%" not in a and matches(b, a) is True
    if names in (("Header", "HeaderRegexp"), ("Query", "QueryRegexp")):
        return one.values[0] == other.values[0] and matches(b, a) is True
    if names == ("ClientIP", "ClientIP"):
        inner, outer = _network(a), _network(b)
        return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
    return False


def _apart(one: Matcher, other: Matcher) -> bool:
    a, b = one.values[-1], other.values[-1]
    names = (one.name, other.name)
    if names == ("Host", "Host"):
        return a != b and not _below(a, b) and not _below(b, a)
    if names == ("Host", "HostRegexp"):
        return not _is_wildcard(a) and all(matches(b, host) is False for host in _spoken(a))
    if names in (("Path", "Path"), ("Method", "Method")):
        return a != b
    if names == ("Path", "PathPrefix"):
        return not a.startswith(b)
    if names == ("PathPrefix", "PathPrefix"):
        return not a.startswith(b) and not b.startswith(a)
    if names == ("Path", "PathRegexp"):
        return "%" not in a and matches(b, a) is False
    if names == ("ClientIP", "ClientIP"):
        return not _network(a).overlaps(_network(b))
    return names in (("HostRegexp", "Host"), ("PathPrefix", "Path"), ("PathRegexp", "Path")) and _apart(
        one=other, other=one
    )


def _normal(one: Matcher) -> Matcher:
    """The matcher as Traefik compares it with a request."""
    first = one.values[0]
    if one.name == "Host":
        # One dot at the end makes no difference, neither in the rule nor in the request.
        return Matcher("Host", (first.lower()[: -1 if first.endswith(".") else None],))
    if one.name in ("Path", "PathPrefix"):
        clean = _clean_path(first)
        # Traefik cleans paths of requests only, so another spelling may match nothing.
        return Matcher(one.name, (clean,) if clean == first else (first, clean))
    if one.name == "Method":
        return Matcher("Method", (first.upper(),))
    if one.name in ("Header", "HeaderRegexp"):
        return Matcher(one.name, (first.lower(), one.values[1]))
    if one.name in ("Query", "QueryRegexp"):
        # With a key alone, both ask for an empty value.
        name = one.name if len(one.values) == 2 else "Query"
        return Matcher(name, (first, one.values[1] if len(one.values) == 2 else ""))
    return one


def _clean_path(path: str) -> str:
    """The path in one spelling: no duplicate slash, and encoded where it has to be."""
    encoded = quote(path, safe="%/:?#[]@!$&'()*+,;=", errors="surrogatepass")
    return re.sub(r"/{2,}", "/", re.sub(r"%[0-9A-Fa-f]{2}", _decoded, encoded))


def _decoded(match: re.Match[str]) -> str:
    letter = chr(int(match.group()[1:], 16))
    return letter if _UNRESERVED.match(letter) else match.group().upper()


def _is_wildcard(host: str) -> bool:
    return host.startswith("*.")


def _below(host: str, wildcard: str) -> bool:
    """Whether a wildcard, which stands for one label, has the host."""
    return _is_wildcard(wildcard) and host.partition(".")[2] == wildcard[2:]


def _spoken(host: str) -> tuple[str, str]:
    """The host as requests may say it; a regular expression sees the dot at its end."""
    return host, f"{host}."


@lru_cache(maxsize=4096)
def _network(text: str) -> Network:
    network = ipaddress.ip_network(text, strict=False)
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    # Go takes an IPv4 address that IPv6 wraps for the address itself.
    return ipaddress.ip_network((mapped, network.prefixlen - 96)) if mapped and network.prefixlen >= 96 else network


@lru_cache(maxsize=4096)
def matches(pattern: str, text: str) -> bool | None:
    """Whether Go would find the pattern in the text; None where that is not certain."""
    repeats = len(re.findall(r"[*+?{]", pattern))
    if len(pattern) > 200 or repeats > 3 or pattern.count("|") > 8 or len(text) > 300 or not text.isascii():
        return None
    if not _PLAIN.match(pattern) or _REPEATED_GROUP.search(pattern.replace("\\\\", "")):
        return None
    try:
        return bool(re.search(pattern, text, re.ASCII))
    except re.error:
        return None
