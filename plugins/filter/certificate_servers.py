# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts whose servers show certificates that are requested there, and what a run made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.gantry.odoo.plugins.filter.certificate_faults import certificate_faults, requests_of
from ansible_collections.gantry.odoo.plugins.filter.certificate_places import redis_places
from ansible_collections.gantry.odoo.plugins.module_utils._certificate import plan_servers, report_servers
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

Variables = Mapping[str, Mapping[str, Any]]
Groups = Mapping[str, Sequence[str]]
# of the groups that run Odoo, by name, as role estate returns them
Runners = Mapping[str, Mapping[str, Any]]


def certificate_servers(variables: Variables, groups: Groups, runners: Runners) -> list[dict[str, Any]]:
    """The hosts in their order, as the tasks of playbooks take them. variables: those of all hosts."""
    return [
        plan_servers.described(_server(host, variables[host], groups, runners)) for host in _hosts(variables, groups)
    ]


def certificate_server_faults(variables: Variables, groups: Groups, runners: Runners) -> list[str]:
    """A sentence for each thing that keeps servers from what their hosts request. variables: those of all hosts."""
    found = []
    for host in _hosts(variables, groups):
        words = certificate_faults(variables[host]["certificate_requests"], variables[host])
        found += [f"{host}: {one}" for one in words]
        try:
            server = _server(host, variables[host], groups, runners)
        except InputError as error:
            # where it is of the requests, it is named already
            found += [] if words else [f"{host}: {error}"]
            continue
        found += plan_servers.faults(server, host in groups.get("edge", ()))
    return found


def left_servers(servers: Iterable[Mapping[str, Any]], variables: Variables, revoke: Sequence[str] = ()) -> list[str]:
    """A sentence for each host whose servers do not show what is due. servers: as certificate_servers returns them.

    revoke: names of certificates whose keys are lost.
    """
    return report_servers.left(servers, variables, revoke)


def renewed_servers(servers: Iterable[Mapping[str, Any]], variables: Variables) -> dict[str, list[dict[str, Any]]]:
    """The certificates that servers show since this run, by host. servers: as certificate_servers returns them."""
    return report_servers.renewed([one["host"] for one in servers], variables)


def _hosts(variables: Variables, groups: Groups) -> list[str]:
    there = {*groups.get("estate_postgresql", ()), *groups.get("cache", ())}
    return sorted(host for host in there if variables[host].get("certificate_requests"))


def _server(host: str, here: Mapping[str, Any], groups: Groups, runners: Runners) -> plan_servers.Server:
    takers = []
    if host in groups.get("estate_postgresql", ()):
        names = [one["database_host"] for one in runners.values() if one["database_server"] == host]
        takers += plan_servers.of_postgresql(here, names)
    if host in groups.get("cache", ()) and boolean(here.get("redis_tls", False)) and here.get("redis_nodes"):
        takers += plan_servers.of_redis(here, redis_places(host, here))
    return plan_servers.Server(host, here, tuple(requests_of(here["certificate_requests"])), tuple(takers))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {
            "certificate_servers": certificate_servers,
            "certificate_server_faults": certificate_server_faults,
            "left_servers": left_servers,
            "renewed_servers": renewed_servers,
        }
