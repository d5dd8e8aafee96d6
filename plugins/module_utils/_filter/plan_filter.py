# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan a packet filter: its rules, what a host lacks of it, and who would lose connections. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._filter.model import Address, Filter, Found, Network, Tried
from ansible_collections.gantry.odoo.plugins.module_utils._filter.plan_sources import records

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_PORTS = re.compile(r"set ports \{ type inet_service; elements = \{ (\d+(?:, \d+)*) \}; \}")
_UNPROVEN = "no run has proven the loaded one"
_SETS = {4: "sources", 6: "sources6"}


class Write(Step):
    """Write the file that the host loads when it starts."""


class Load(Step):
    """Put the filter in the place of the one that works now, in one step."""


class Try(Step):
    """Put the filter in the place of the one that works now, which the host puts back unless a proof comes in time."""


class PutBack(Step):
    """Put back the filter that worked before the one on trial."""


class Unload(Step):
    """Take the filter away."""


class Remove(Step):
    """Remove the file."""


def check_name(name: str) -> None:
    """Refuse a name that is no part of a table's."""
    if not _NAME.fullmatch(name):
        raise InputError(f"name: {name!r} is none; give a small letter, and small letters, digits or _ after it")


def check_ports(ports: Sequence[int]) -> tuple[int, ...]:
    """The ports in order, each once."""
    bad = [port for port in ports if not 0 < port < 65536]
    if bad or not ports:
        raise InputError(
            f"ports: {bad[0] if bad else 'the list'} {'is no port' if bad else 'is empty'}; give ports of TCP"
        )
    return tuple(sorted(set(ports)))


def ports_in(rules: str | None) -> tuple[int, ...]:
    """The ports of a filter that was written before."""
    found = _PORTS.search(rules or "")
    return tuple(map(int, found[1].split(", "))) if found else ()


def check_seconds(seconds: int) -> None:
    """Refuse a trial that ends before it begins."""
    if seconds < 1:
        raise InputError(f"undo_after: {seconds} is no time in which a filter can be proven; give 1 or more seconds")


def emptied(table: str) -> str:
    """The beginning of rules for `nft -f` that takes the table away, whether it is there or not."""
    return f"table inet {table}\ndelete table inet {table}\n"


def ruleset(wanted: Filter) -> str:
    """The filter for `nft -f`: it takes the place of the one before in one step.

    It looks at packets before they are forwarded to a container, and at those for an address of this host alone.
    """
    lines = [
        "# Managed by gantry.odoo.port_filter.",
        *records(wanted.sources),
        *emptied(wanted.table).splitlines(),
        f"table inet {wanted.table} {{",
        *_set("ports", "inet_service", "", wanted.ports),
        *_set(_SETS[4], "ipv4_addr", "interval", [one for one in wanted.sources.networks if one.version == 4]),
        *_set(_SETS[6], "ipv6_addr", "interval", [one for one in wanted.sources.networks if one.version == 6]),
        "  chain connecting {",
        "    iif lo accept",
        f"    ip saddr @{_SETS[4]} accept",
        f"    ip6 saddr @{_SETS[6]} accept",
        "    counter drop",
        "  }",
        "  chain arriving {",
        "    type filter hook prerouting priority -150; policy accept;",
        "    tcp dport @ports fib daddr type local jump connecting",
        "  }",
        "}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _set(name: str, kind: str, flags: str, elements: Sequence[int | Network]) -> list[str]:
    with_flags = f" flags {flags};" if flags else ""
    listed = f" elements = {{ {', '.join(map(str, elements))} }};" if elements else ""
    return [f"  set {name} {{ type {kind};{with_flags}{listed} }}"]


def require_no_strangers(wanted: Filter, peers: Iterable[Address], cut_off: Sequence[Network]) -> None:
    """Refuse a filter that ends connections which are there, unless it is said that they may end."""
    allowed = (*wanted.sources.networks, *cut_off)
    strangers = sorted(
        {one for one in peers if not any(one in network for network in allowed)}, key=lambda one: (one.version, one)
    )
    if strangers:
        ports = ", ".join(map(str, wanted.ports))
        raise RefusedError(
            f"hosts that are connected to a port of {ports} would be cut off, as they are not among sources "
            f"({', '.join(map(str, wanted.sources.networks)) or 'this host alone'}): "
            f"{' and '.join(map(str, strangers[:5]))}{' and others' if strangers[5:] else ''}; add those that have to "
            "connect to sources, and the others to cut_off"
        )


def plan_present(wanted: Filter, path: str, found: Found, cut_off: Sequence[Network]) -> list[Step]:
    """What is to be done until the filter works now and after the next start of the host."""
    # the one on trial would go by itself, also where it is the wanted one
    live = None if found.on_trial else found.live
    return [*_load(Load, wanted, live, found, cut_off), *_write(ruleset(wanted), path, found)]


def plan_trial(wanted: Filter, path: str, found: Found, cut_off: Sequence[Network]) -> list[Step]:
    """What is to be done until the filter works, on trial where it did not before. The file waits for the proof.

    Where one is on trial, the former one is put back: that is the one to compare with, and to come back to.
    """
    load = _load(Try, wanted, found.proven, found, cut_off)
    return [*_put_back(wanted.table, found), *(load or _write(ruleset(wanted), path, found))]


def plan_proven(table: str, path: str, trial: str, tried: Tried, found: Found) -> list[Step]:
    """What is to be done once the filter on trial is proven. trial: the name of the one that is.

    Raises StateError where it is not in force any more.
    """
    if trial != tried.name:
        raise StateError(
            f"the trial of the filter {table} has ended: the host has put the former one back, as the proof took too "
            "long, or another run has begun since; run this again"
        )
    if found.live != found.wanted:
        raise StateError(
            f"the filter {table} that was tried is not loaded any more, as somebody has changed it; run this again"
        )
    return _write(tried.rules, path, found)


def plan_failed(table: str, trial: str, tried: Tried, found: Found) -> list[Step]:
    """What is to be done once the filter on trial has failed its proof: nothing where that trial has ended.

    trial: the name of the one that has failed, empty for any.
    """
    return _put_back(table, found) if trial in ("", tried.name) else []


def _put_back(table: str, found: Found) -> list[Step]:
    return [PutBack("put_back_filter", table, _UNPROVEN)] if found.on_trial else []


def _load(how: type[Step], wanted: Filter, live: str | None, found: Found, cut_off: Sequence[Network]) -> list[Step]:
    if live is not None and live == found.wanted:
        return []
    require_no_strangers(wanted, found.peers, cut_off)
    if found.live is None:
        return [how("load_filter", wanted.table, "it is not loaded")]
    return [how("load_filter", wanted.table, _UNPROVEN if found.on_trial else "the loaded one differs")]


def _write(rules: str, path: str, found: Found) -> list[Step]:
    if found.file == rules:
        return []
    return [Write("write_file", path, "it is not there" if found.file is None else "it differs")]


def plan_absent(table: str, path: str, found: Found) -> list[Step]:
    """What is to be done until nothing is filtered, now and after the next start of the host."""
    steps: list[Step] = []
    if found.file is not None:
        steps.append(Remove("remove_file", path, "it is there"))
    # the host would put the former one back
    if found.live is not None or found.on_trial:
        steps.append(Unload("unload_filter", table, "it is on trial" if found.on_trial else "it is loaded"))
    return steps


def address_of(text: str) -> Address:
    """An address of a connection; one of IPv4 that IPv6 has within it is that one."""
    found = ip_address(text)
    mapped = found.ipv4_mapped if found.version == 6 else None
    return mapped or found
