# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are canaries of their group: who is sent to them, and which releases may serve one database at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import Host


def canaries(hosts: Sequence[Host]) -> list[str]:
    """Names of the hosts that are canaries; none where no other host is there to compare them with."""
    found = [host.name for host in hosts if host.canary]
    return found if len(found) < len(hosts) else []


def option(share: Mapping[str, Any], hosts: Sequence[Host], servers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a route says of its canary, empty without one. share: of the tenant. servers: those of the hosts."""
    names = canaries(hosts)
    urls = [server["url"] for host, server in zip(hosts, servers) if host.name in names]
    return {"servers": urls, **{key: value for key, value in share.items() if value}} if urls else {}


def without_websockets(hosts: Sequence[Host], drained: Collection[str]) -> list[str]:
    """The hosts whose websocket processes get no request: canaries too, as long as another host serves.

    A browser sends no header of its own there, so that all users would meet the canary.
    """
    names = canaries(hosts)
    others = [host.name for host in hosts if host.name not in names and host.name not in drained]
    return [*drained, *(names if others else [])]


def release_faults(
    groups: Mapping[str, Mapping[str, Any]], running: Mapping[str, str], after: Mapping[str, str]
) -> list[str]:
    """Why hosts that serve cannot run these releases at once, a sentence each.

    groups: as the estate has them. running: the release of each host that was asked. after: of those that are to get
    another one. Hosts that are kept from users are left out.
    """
    faults: list[str] = []
    for name, group in groups.items():
        serving = {host: after.get(host) or running.get(host, "") for host in group["serving"]}
        others = {host: release for host, release in serving.items() if release and host not in group["canaries"]}
        faults += [
            f"{host} is a canary of {name} and would serve with {release}, and {other} with {theirs}; releases serve "
            f"one database at once only where their names differ behind the last dot; set odoo_drained for {host}, or "
            f"bring both to one release with gantry.odoo.patch"
            for host in group["canaries"]
            for release in [serving.get(host, "")]
            for other, theirs in others.items()
            if release and not is_patch(release, theirs)
        ]
        if set(after) & set(serving) and len(set(others.values())) > 1:
            told = ", ".join(f"{host} with {release}" for host, release in sorted(others.items()))
            faults.append(
                f"hosts of {name} that are no canaries would serve at once with different releases ({told}); set "
                "odoo_canary for those that get the next one first, or change all of them"
            )
    return faults


def is_patch(one: str, other: str) -> bool:
    """Whether two releases are patches of one release, by their names: they differ behind the last dot only."""
    base, dot, _last = one.rpartition(".")
    return one == other or bool(dot and base and base == other.rpartition(".")[0])
