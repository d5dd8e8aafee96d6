# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audience and a stranger are to be answered on the wire, and what another answer means. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model import Route
from ansible_collections.gantry.odoo.plugins.module_utils._traefik.model_entry_points import Address, address

# Refused by the allow list, or led to no route.
_DENIED = (403, 404)
# A client that is inside may have asked too often.
_TOO_MANY = 429
_OUT_OF_SERVICE = (503, 503)


@dataclass(frozen=True)
class Question:
    """One request from an address of this host. inside: whether that address is of the audience.

    expected: the lowest and the highest status of the right answers, beside those that say nothing of the audience.
    counted: whether Traefik answers with an error where it cannot count the request.
    """

    route: str
    host: str
    place: Address
    tls: bool
    path: str
    source: str
    inside: bool
    expected: tuple[int, int] = (0, 0)
    counted: bool = False

    @property
    def is_of_odoo(self) -> bool:
        """Whether an error says that the client was let in, and Odoo is sick."""
        return self.inside and not self.counted and self.expected != _OUT_OF_SERVICE


def to_prove(
    had: Mapping[str, Route],
    desired: Iterable[Route],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> list[Route]:
    """The routes of which it is not proven yet who may come, or that the store of their rate limit answers.

    before, after: settings of that store, None without one.
    """
    return [
        one
        for one in desired
        if (one.allow and _admission(one) != _admission(had.get(one.name)))
        or (one.rate_limit and after and (before != after or _limit(one) != _limit(had.get(one.name))))
    ]


def questions(
    routes: Sequence[Route],
    desired: Iterable[Route],
    live: Mapping[str, Mapping[str, Any]],
    own: Callable[[str], str],
    *,
    counted: bool = False,
) -> list[Question]:
    """What proves the routes.

    desired: all routes of the owner. live: settings of entry points by name. own: an address of this host by which it
    would reach a network, empty without one. counted: whether a Redis counts requests to routes with a limit.
    """
    made: list[Question] = []
    by_host: dict[str, list[Route]] = {}
    for other in desired:
        for host in other.hosts:
            by_host.setdefault(host, []).append(other)
    for one in routes:
        place = address(live.get(one.points.tls if one.tls else one.points.plain, {}).get("address"))
        if place is None or place.kind != "tcp":
            continue
        for host in one.hosts:
            near = [each for each in by_host[host] if set(each.entry_points) & set(one.entry_points)]
            made += _questions(one, host, place, near, own, counted=counted and one.rate_limit is not None)
    return made


def fault(asked: Question, status: int, reason: str) -> str:
    """Why an answer is not the right one, empty where it is. status: 0 without an answer, and reason says why."""
    where = f"{asked.host} at {asked.place.reached} port {asked.place.port}"
    if not status:
        return f"route {asked.route}: {where} does not answer a client from {asked.source}: {reason}"
    if not asked.inside and status not in _DENIED:
        return (
            f"route {asked.route}: {where} answers {status} to a client from {asked.source}, which is in none of the "
            "networks of allow"
        )
    low, high = asked.expected
    if asked.is_of_odoo and status not in _DENIED:
        return ""
    if asked.inside and status != _TOO_MANY and not low <= status <= high:
        return (
            f"route {asked.route}: {where} answers {status} to {asked.path} for a client from {asked.source}, which "
            "may come"
        )
    return ""


def _questions(
    one: Route, host: str, place: Address, near: Sequence[Route], own: Callable[[str], str], *, counted: bool
) -> Iterable[Question]:
    def ask(source: str, *, inside: bool) -> Question:
        expected = _OUT_OF_SERVICE if one.mode == "maintenance" else (200, 399)
        return Question(one.name, host, place, one.tls, one.health_path, source, inside, expected, counted)

    stranger = "::1" if ":" in place.reached else "127.0.0.1"
    # Where the host has a wider audience too, that one answers a stranger.
    if all(each.allow and not _holds(each.allow, stranger) for each in near):
        yield ask(stranger, inside=False)
    if len(near) > 1 or one.rule or one.middlewares:
        return
    if not one.allow:
        yield ask(stranger, inside=True)
    for network in one.allow:
        member = own(network)
        # What comes from a proxy is judged by its header.
        known = member and not _holds(one.points.proxies, member)
        if known and _holds(one.allow, member) and (":" in member) == (":" in stranger):
            yield ask(member, inside=True)
            return


def _holds(networks: Iterable[str], client: str) -> bool:
    return any(ipaddress.ip_address(client) in ipaddress.ip_network(one) for one in networks)


def _admission(one: Route | None) -> tuple[Any, ...] | None:
    return (one.hosts, one.allow, one.points, one.tls, one.rule, one.priority, one.middlewares) if one else None


def _limit(one: Route | None) -> tuple[Any, ...] | None:
    return (one.hosts, one.rate_limit, one.points) if one else None
