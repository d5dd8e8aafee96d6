# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requests belong to which route, and which routes would take requests of others. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import Route
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import AUDIENCES
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_rule import (
    LONGEST_OF_ROUTER,
    Matcher,
    Rule,
    every,
    parse,
    some,
)
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.plan_overlap import (
    Region,
    lies_within,
    meet,
    regions,
    regions_meet,
)

# Odoo 16 and later talk on /websocket, older ones poll below /longpolling/.
WEBSOCKET_PATHS = some([Matcher("Path", ("/websocket",)), Matcher("PathPrefix", ("/longpolling/",))])
# The role's own route, which has to answer the CA for every name.
ACME_ROUTER = "gantry-acme-challenge"
_BEFORE_HTTP = 1 << 63
_APART = f"{ACME_ROUTER}@file"


@dataclass(frozen=True)
class Place:
    """Where a route stands among those of its owner: the rule of its routers, and their priority."""

    rule: Rule
    priority: int


@dataclass(frozen=True)
class Claim:
    """Requests that a router or route answers for. said: what it is, in words; fault: why its rule cannot be read."""

    name: str
    said: str
    entry_points: frozenset[str]
    regions: tuple[Region, ...]
    priority: int
    fault: str = ""


@dataclass(frozen=True)
class Rival:
    """A router of another owner that a claim would take requests from, or lose them to. name: of the claim."""

    name: str
    sentence: str


def places(routes: Sequence[Route]) -> dict[str, Place]:
    """The place of each route by its name.

    Of routes that were given one priority, the more specific one is asked first.
    """
    near = _neighbors(routes)
    wider = {
        one.name: [
            other.name for other in near[one.name] if other.priority == one.priority and _narrower(one, other, near)
        ]
        for one in routes
    }
    levels = dict.fromkeys(wider, 0)
    for _round in wider:
        raised = {name: max((levels[other] + 1 for other in wider[name]), default=0) for name in wider}
        if raised == levels:
            break
        levels = raised
    # A websocket router has one more than its route.
    return {
        one.name: Place(_rule(one, near[one.name], one.hosts), one.priority + 2 * levels[one.name]) for one in routes
    }


def check_collisions(owner: str, routes: Sequence[Route]) -> None:
    """Refuse routes of which chance would choose one for a request. Raises InputError that lists all of them."""
    near = _neighbors(routes)
    found = [fault for one in routes if one.rule for fault in _senseless(one)]
    if found:
        raise InputError("; ".join(found))
    placed = places(routes) if any(near.values()) else {}
    found = [
        _collision(owner, one, other, placed)
        for one in routes
        for other in near[one.name]
        if one.name < other.name and _collide(one, other, near, placed)
    ]
    if found:
        raise InputError("; ".join(found))


def require_readable(content: Mapping[str, Any]) -> None:
    """Raise InputError for routers of a document whose rules nobody could compare with their own, all of them at once.

    Whoever asks Traefik for the routers of others would be refused for these.
    """
    found = [
        f"{whose(f'{name}@file')}: the rule of the router {name} has {len(one['rule'])} characters; accepted are "
        f"{LONGEST_OF_ROUTER}, so give it fewer hosts or networks, or share them out among routes"
        for name, one in ((content.get("http") or {}).get("routers") or {}).items()
        if len(one["rule"]) > LONGEST_OF_ROUTER
    ]
    if found:
        raise InputError("; ".join(found))


def _senseless(one: Route) -> list[str]:
    try:
        found = _regions(_rule(one, (), one.hosts))
    except InputError as error:
        return [f"route {one.name}: {error}"]
    return (
        [] if found else [f"route {one.name}: rule is {one.rule!r}, which matches no request for its hosts; change it"]
    )


def claimed(had: Sequence[Route], desired: Sequence[Route]) -> set[str]:
    """Names of the routes that answer for other requests than before, or at another priority."""
    before, after = places(had), places(desired)
    points = {one.name: one.entry_points for one in had}
    return {
        one.name for one in desired if after[one.name] != before.get(one.name) or one.entry_points != points[one.name]
    }


def claims_of(owner: str, routes: Sequence[Route]) -> list[Claim]:
    """What the routes of an owner answer for."""
    placed = places(routes)
    return [
        Claim(
            one.name,
            f"route {one.name} of owner {owner}",
            frozenset(one.entry_points),
            _regions(placed[one.name].rule),
            placed[one.name].priority,
        )
        for one in routes
    ]


def claims_in(raw: Mapping[str, Any], chosen: Callable[[str, str], bool]) -> list[Claim]:
    """What routers answer for in Traefik's own view (`/api/rawdata`), without those that never answer.

    chosen: whether a router counts, by its section and full name.
    """
    found = [
        claim_of(section, name, live)
        for section in ("routers", "tcpRouters")
        for name, live in sorted((raw.get(section) or {}).items())
        if chosen(section, name) and name != _APART and not name.endswith("@internal")
    ]
    return [one for one in found if one and one.entry_points]


def owned_by(owner: str, name: str) -> bool:
    """Whether a router, by its full name, is one of the owner's routes."""
    return name.startswith(f"{owner}.") and name.endswith("@file")


def rivals(ours: Sequence[Claim], others: Iterable[Claim]) -> list[Rival]:
    """The claims of others that would share a request with ours.

    A claim without a host that is asked later is no rival: it answers what the other one is not there for.
    """
    by_host: dict[str, dict[str, Claim]] = {}
    for one in ours:
        for region in one.regions:
            for host in plain_hosts(region) or ("",):
                by_host.setdefault(host, {})[one.name] = one
    # A route is two routers or three, of which the first answers for most.
    found: dict[tuple[str, str], Rival] = {}
    for other in others:
        hosts = {host for region in other.regions for host in plain_hosts(region) or ("",)}
        anywhere = other.fault or "" in hosts
        near = {one.name: one for host in (*hosts, "") for one in by_host.get(host, {}).values()}
        for one in ours if anywhere else near.values():
            if one.entry_points & other.entry_points and _contest(one, other):
                found.setdefault((one.name, other.said), Rival(one.name, _rivalry(one, other)))
    return list(found.values())


def _contest(one: Claim, other: Claim) -> bool:
    if one.fault or other.fault:
        return True
    return any(
        regions_meet(a, b)
        and not (_is_fallback(a) and one.priority < other.priority)
        and not (_is_fallback(b) and other.priority < one.priority)
        for a in one.regions
        for b in other.regions
    )


def _is_fallback(region: Region) -> bool:
    return not any(term.kind == "host" and not term.negated for term in region)


def claim_of(section: str, name: str, live: Mapping[str, Any]) -> Claim | None:
    """What a router of a section of Traefik's own view answers for; None where it never answers."""
    text, syntax, tcp = str(live.get("rule") or ""), live.get("ruleSyntax") or "v3", section == "tcpRouters"
    found: tuple[Region, ...] = ()
    fault = "" if syntax in ("v3", "default") else f"its rule is in the syntax {syntax}"
    try:
        found = () if fault else _regions(parse(text, tcp=tcp, longest=LONGEST_OF_ROUTER))
    except InputError as error:
        fault = f"its rule is {excerpt(text)!r}, and {error}"
    if fault and live.get("status") == "disabled":
        return None
    # Traefik's own default is the length of the rule.
    priority = int(live.get("priority") or len(text))
    if tcp:
        # Asked before all of HTTP, and after it where it takes TLS for any name.
        priority = 0 if "tls" in live and found == ((),) else _BEFORE_HTTP
    points = frozenset(live.get("entryPoints") or ())
    return Claim(name, f"{'TCP ' if tcp else ''}{whose(name)}", points, found, priority, fault)


def plain_hosts(region: Region) -> tuple[str, ...]:
    """The hosts that a region is limited to; empty where it is not, or by a pattern."""
    matchers = next((term.matchers for term in region if term.kind == "host" and not term.negated), ())
    hosts = tuple(one.values[0] for one in matchers if one.name == "Host" and not one.values[0].startswith("*"))
    return hosts if len(hosts) == len(matchers) else ()


def whose(name: str) -> str:
    """A router with its owner, as far as its name says."""
    router, _at, provider = name.rpartition("@")
    if provider == "file" and router.count(".") == 2:
        owner, route, _kind = router.split(".")
        return f"route {route} of owner {owner}"
    return f"router {router} of provider {provider}"


def _rivalry(one: Claim, other: Claim) -> str:
    fault = one.fault or other.fault
    if fault:
        whose = one if one.fault else other
        return f"{one.said} and {other.said} cannot be compared, since of {whose.said}, {fault}; change that rule"
    hosts = {
        host for region in (*one.regions, *other.regions) for host in plain_hosts(region) if _has_host(host, one, other)
    }
    return (
        f"{one.said} and {other.said} both answer for {', '.join(sorted(hosts)) or 'hosts of any name'} "
        f"({_paths(one.regions)} against {_paths(other.regions)}); leave these requests to one of the two"
    )


def _has_host(host: str, *claims: Claim) -> bool:
    only = regions(Matcher("Host", (host,)))
    return all(meet(only, one.regions) for one in claims)


def _paths(found: Iterable[Region]) -> str:
    shown = (one for region in found for term in region if term.kind == "path" for one in term.matchers)
    said = {str(Matcher(one.name, one.values[:1])) for one in shown}
    return ", ".join(sorted(said)) or "every path"


def _collide(one: Route, other: Route, near: Mapping[str, Sequence[Route]], placed: Mapping[str, Place]) -> bool:
    a, b = placed[one.name], placed[other.name]
    if not meet(_regions(a.rule), _regions(b.rule)):
        return False
    nested = _narrower(one, other, near) or _narrower(one=other, other=one, near=near)
    if one.priority == other.priority and not nested:
        return True
    return any(
        first == second and meet(_regions(rule), _regions(against))
        for first, rule in _asked(one, a)
        for second, against in _asked(other, b)
    )


def _asked(one: Route, place: Place) -> list[tuple[int, Rule]]:
    """Priority and rule of the route's routers, those of users that a drain keeps or a canary gets included."""
    above = [every([place.rule, WEBSOCKET_PATHS])] if one.active_websocket else []
    return [
        (place.priority, place.rule),
        *((place.priority + 1, rule) for rule in ([place.rule] if one.sticky or one.canary else above)),
    ]


def _collision(owner: str, one: Route, other: Route, placed: Mapping[str, Place]) -> str:
    hosts = [host for host in one.hosts if host in other.hosts]
    a, b = _regions(placed[one.name].rule), _regions(placed[other.name].rule)
    return (
        f"routes {one.name} and {other.name} of owner {owner} both answer for {', '.join(hosts)} "
        f"({_paths(a)} against {_paths(b)}) at priorities {one.priority} and {other.priority}, and neither is asked "
        "first for certain; give each a host, path or priority of its own"
    )


def _rule(one: Route, near: Iterable[Route], hosts: Iterable[str]) -> Rule:
    parts = [some(Matcher("Host", (host,)) for host in hosts)]
    wider = AUDIENCES[: AUDIENCES.index(one.audience)]
    # Where a wider audience has one of the names too, the client's address tells them apart.
    if any(other.audience in wider for other in near):
        parts.append(some(Matcher("ClientIP", (network,)) for network in one.allow))
    if one.rule:
        parts.append(parse(one.rule))
    return every(parts)


@lru_cache(maxsize=4096)
def _regions(rule: Rule) -> tuple[Region, ...]:
    return tuple(regions(rule))


def _narrower(one: Route, other: Route, near: Mapping[str, Sequence[Route]]) -> bool:
    """Whether the one is more specific than the other for the hosts that both have."""
    hosts = [host for host in one.hosts if host in other.hosts]
    inner, outer = (_regions(_rule(each, near[each.name], hosts)) for each in (one, other))
    return lies_within(inner, outer) and not lies_within(outer, inner)


def _neighbors(routes: Sequence[Route]) -> dict[str, list[Route]]:
    """By name, the other routes that share a host and an entry point with a route."""
    by_host: dict[str, list[Route]] = {}
    for one in routes:
        for host in one.hosts:
            by_host.setdefault(host, []).append(one)
    found: dict[str, dict[str, Route]] = {one.name: {} for one in routes}
    for sharing in by_host.values():
        for one, other in combinations(sharing, 2):
            if not set(one.entry_points) & set(other.entry_points):
                continue
            found[one.name][other.name] = other
            found[other.name][one.name] = one
    return {name: list(others.values()) for name, others in found.items()}
