# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an estate's hosts wait for, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

_PATCH = "gantry.odoo.patch -e patch_odoo_group={group} -e patch_release={release}"
# The roles that publish <role>_pending, and the playbook that restarts what each of them left.
_ROLLS: Mapping[str, Callable[[str, str], str]] = {
    "postgresql": lambda _group, _release: "gantry.odoo.site -e site_restart_postgresql=true",
    "redis": lambda _group, _release: "gantry.odoo.patch_redis",
    "traefik": lambda _group, _release: "gantry.odoo.site",
    "odoo": lambda group, release: _PATCH.format(group=group, release=release),
}


def report_pending(
    hosts: Sequence[str], variables: Mapping[str, Mapping[str, Any]], group_of: Mapping[str, str]
) -> list[str]:
    """A sentence for each process that waits for a restart: host, process, reason, and the playbook that restarts it.

    variables: of each host. group_of: the group that runs Odoo on a host.
    """
    return [
        f"{host}: {item['what']}: {item['why']}; ansible-playbook {roll(group_of.get(host, ''), release)} restarts it"
        for host in hosts
        for release in [_release(variables[host])]
        for role, roll in _ROLLS.items()
        for item in variables[host].get(f"{role}_pending") or []
    ]


def report_releases(variables: Mapping[str, Mapping[str, Any]], group_of: Mapping[str, str]) -> list[str]:
    """A sentence for each group whose hosts run different releases. Arguments as for `report_pending`."""
    hosts: dict[str, dict[str, list[str]]] = {}
    for host, group in sorted(group_of.items()):
        release = _release(variables[host])
        if release:
            hosts.setdefault(group, {}).setdefault(release, []).append(host)
    return [
        f"hosts of {group} run different releases: {_listed(on)}; ansible-playbook "
        f"{_PATCH.format(group=group, release='RELEASE')} brings all of them to one"
        for group, on in sorted(hosts.items())
        if len(on) > 1
    ]


def _release(variables: Mapping[str, Any]) -> str:
    return str(variables.get("odoo_running_release") or "")


def _listed(on: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"{release} on {' and '.join(hosts)}" for release, hosts in on.items())
