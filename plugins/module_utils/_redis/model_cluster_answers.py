# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CLUSTER NODES answers, as the model's values."""

from __future__ import annotations

import re

from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_cluster import Member, Ranges
from ansible_collections.gantry.odoo.plugins.module_utils._redis.model_topology import AddressBook, Endpoint

# ip:port@bus-port[,hostname[,more]]; the address is empty while a node does not know its own.
_PLACE = re.compile(r"(?P<host>.*):(?P<port>\d+)(@\d+)?(,(?P<name>[^,]*).*)?")


def members_from(text: str, asked: Endpoint, book: AddressBook) -> tuple[Member, ...]:
    """The cluster as the node `asked` sees it.

    A line is `id place flags primary ping-sent pong-received epoch link-state slot...`, a slot `n`, `n-m`, or one in
    brackets that is on its way: https://redis.io/docs/latest/commands/cluster-nodes/
    """
    found: list[Member] = []
    for line in text.strip().splitlines():
        identity, place, flags, primary, ping_sent, _received, _epoch, state, *slots = line.split()
        shown = frozenset(flags.split(","))
        found.append(
            Member(
                identity=identity,
                endpoint=asked if "myself" in shown else _endpoint(place, book),
                flags=shown - {"myself", "noflags"},
                primary=None if primary == "-" else primary,
                ranges=_ranges([item for item in slots if not item.startswith("[")]),
                moving=any(item.startswith("[") for item in slots),
                linked=state == "connected",
                answers=ping_sent == "0",
            )
        )
    return tuple(found)


def _endpoint(place: str, book: AddressBook) -> Endpoint:
    match = _PLACE.fullmatch(place)
    if match is None:
        return Endpoint(place, 0)
    host = match.group("host").strip("[]") or match.group("name") or ""
    return book.identify(host.lower(), int(match.group("port")))


def _ranges(words: list[str]) -> Ranges:
    pairs = [word.partition("-") for word in words]
    return tuple((int(first), int(last or first)) for first, _dash, last in pairs)
