# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the proof of a filter has shown: the edges that it would cut off, and those that prove nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

# The variable of the loop over edges, and what module port_info returns.
_EDGE, _ANSWERS = "edge", "answers"
_WHAT_TO_SET = "odoo_http_further_sources"


def cut_off(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], server: str) -> list[str]:
    """A sentence for each edge that reached a port of a server before the filter was loaded, and does not since.

    before, after: results of module port_info, in a loop over edges.
    """
    later = {one[_EDGE]: one.get(_ANSWERS) for one in after}
    said = []
    for one in before:
        now = later.get(one[_EDGE])
        if now is None:
            continue
        had = [seen for seen in one.get(_ANSWERS) or () if seen["answers"]]
        lost = [seen for seen in had if not _reached(seen, now)]
        if lost:
            places = ", ".join(dict.fromkeys(f"{seen['address']} port {seen['port']}" for seen in lost))
            source = " and ".join(dict.fromkeys(seen["source"] for seen in lost if seen["source"]))
            said.append(
                f"the edge {one[_EDGE]} does not reach {server} ({places}) through its new filter, and the former one "
                f"is put back: {one[_EDGE]} asked from {source or 'an unknown address'}, which is no source, or is "
                f"translated on the way; add the address to {_WHAT_TO_SET} of {server}, or correct ansible_host of "
                f"{one[_EDGE]}{_moved(lost, now)}"
            )
    return said


def _reached(seen: Mapping[str, Any], now: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an edge reaches what it has reached before: the address, or where its name has moved, one of the new."""
    port = [one for one in now if one["host"] == seen["host"] and one["port"] == seen["port"]]
    same = [one for one in port if one["address"] == seen["address"]]
    return any(one["answers"] for one in same or port)


def _moved(lost: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> str:
    """The end of a sentence where the name of a server stood for other addresses when it was asked again."""
    there = dict.fromkeys(one["address"] for one in now)
    if all(seen["address"] in there for seen in lost):
        return ""
    addresses = " and ".join(filter(None, there)) or "no address"
    return f"; the name {lost[0]['host']} stood for {addresses} meanwhile, so see its resolver, too"


def unasked(
    edges: Iterable[str], before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], server: str
) -> list[str]:
    """A sentence for the edges that did not answer what was asked of them, before the filter was loaded or since.

    before, after: results of module port_info, in a loop over edges. Those of a task that was skipped count for none.
    """
    there = {one[_EDGE] for one in before if one.get(_ANSWERS) is not None}
    lost = {one[_EDGE] for one in after if one.get(_ANSWERS) is None and not one.get("skipped")}
    silent = sorted({*edges} - (there - lost))
    if not silent:
        return []
    them, they_run = ("them", "they run") if silent[1:] else ("it", "it runs")
    return [
        f"{' and '.join(silent)} could not be asked, so nothing shows yet that the filter of {server} lets {them} in; "
        f"gantry.odoo.site asks again once {they_run}"
    ]


def unreached(answers: Sequence[Mapping[str, Any]], edge: str) -> list[str]:
    """A sentence for each host of which an edge reaches no address at a port. answers: of module port_info."""
    reached = {(one["host"], one["port"]) for one in answers if one["answers"]}
    lost: dict[str, list[Mapping[str, Any]]] = {}
    for one in answers:
        if (one["host"], one["port"]) not in reached:
            lost.setdefault(str(one["host"]), []).append(one)
    return [
        f"the edge {edge} does not reach {host} at port {', '.join(dict.fromkeys(str(one['port']) for one in seen))} "
        f"({seen[0]['seen']}), and its users have no other way there: {edge} asks from "
        f"{seen[0]['source'] or 'an unknown address'}; where the filter of {host} drops it, add the address to "
        f"{_WHAT_TO_SET}, and otherwise see the firewalls on the way"
        for host, seen in lost.items()
    ]


def servers_of(routes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The servers of routes, as module port_info takes them."""
    ports: dict[str, set[int]] = {}
    for route in routes:
        for server in (*(route.get("servers") or ()), *(route.get("websocket_servers") or ())):
            url = urlsplit(str(server["url"]))
            if not url.hostname or not url.port:
                raise InputError(f"{server['url']} of route {route.get('name')} has no host or no port; give both")
            ports.setdefault(url.hostname, set()).add(url.port)
    return [{"host": host, "ports": sorted(found)} for host, found in sorted(ports.items())]
