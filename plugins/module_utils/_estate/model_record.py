# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estate record: what the runs before this one have made of the estate, and no declaration says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import Route, Tenant

# A tenant that leaves: its database is blocked and kept until a date, or it is gone and its backups are kept.
HELD, GONE = PHASES = ("held", "gone")


@dataclass(frozen=True)
class Place:
    """Where a tenant lives. number: of the change that opened it there, which only rises."""

    group: str
    number: int


@dataclass(frozen=True)
class Known:
    """A tenant as it was last declared, as far as it has to be known when it is declared no more.

    instance: the Odoo instance that serves it, which keeps its name when the tenant is renamed. declared: whether it
    was declared at the last run of site. made: whether a run of site has come as far as its routes.
    """

    tier: int
    tenancy: str
    instance: str
    workers: int
    cron_threads: int
    routes: tuple[Route, ...] = ()
    declared: bool = True
    made: bool = False

    @classmethod
    def of(cls, tenant: Tenant, *, declared: bool = True, made: bool = False) -> Known:
        """What has to be known of a tenant."""
        return cls(
            tenant.tier,
            tenant.tenancy,
            tenant.instance,
            tenant.workers,
            tenant.cron_threads,
            tenant.routes,
            declared,
            made,
        )


@dataclass(frozen=True)
class Leaving:
    """A tenant that is decommissioned. backup: the id of its last backup, which was restored for proof.

    change: the id of the change that did the last step. since: the date (ISO 8601) of it. was_open: whether its
    database was open before, and is to be again where the tenant stays.
    """

    phase: str
    tier: int
    backup: str
    change: str
    since: str
    was_open: bool = True


@dataclass(frozen=True)
class EstateRecord:
    """The newest record of the log says everything. number: of that record, 0 before the first.

    homes, tenants, leaving: by tenant. ports: by instance. roster: the hosts of the estate at the last run of site.
    made: the hosts that run Odoo, from the moment on when their processes were run.
    """

    number: int = 0
    homes: Mapping[str, Place] = field(default_factory=dict)
    tenants: Mapping[str, Known] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    roster: tuple[str, ...] = ()
    leaving: Mapping[str, Leaving] = field(default_factory=dict)
    made: tuple[str, ...] = ()

    def as_body(self) -> dict[str, Any]:
        """The record's body."""
        return {
            "homes": {name: asdict(one) for name, one in self.homes.items()},
            "tenants": {name: asdict(one) for name, one in self.tenants.items()},
            "ports": dict(self.ports),
            "roster": list(self.roster),
            "leaving": {name: asdict(one) for name, one in self.leaving.items()},
            "made": list(self.made),
        }


def from_body(number: int, body: Mapping[str, Any], where: str) -> EstateRecord:
    """The estate record that a record of the log holds. Raises StateError where it is none of ours."""
    try:
        record = EstateRecord(
            number,
            {name: Place(str(one["group"]), int(one["number"])) for name, one in body["homes"].items()},
            {name: known_from(one) for name, one in body["tenants"].items()},
            {name: int(port) for name, port in body["ports"].items()},
            tuple(body["roster"]),
            {name: leaving_from(one) for name, one in body["leaving"].items()},
            tuple(body["made"]),
        )
        strange = sorted({one.phase for one in record.leaving.values()} - set(PHASES))
    except BAD_VALUES as error:
        raise StateError(f"record {number} of the estate in the {where} cannot be read: {error!r}") from error
    if strange:
        raise StateError(f"record {number} of the estate in the {where} has the phase {strange[0]!r}; see who wrote it")
    return record


def known_from(body: Mapping[str, Any]) -> Known:
    """A tenant as a record, or the result of estate_info, describes it."""
    routes = tuple(_route_from(one) for one in body["routes"])
    return Known(
        int(body["tier"]),
        str(body["tenancy"]),
        str(body["instance"]),
        int(body["workers"]),
        int(body["cron_threads"]),
        routes,
        bool(body["declared"]),
        bool(body["made"]),
    )


def _route_from(body: Mapping[str, Any]) -> Route:
    """A route as it was recorded; what it could not have at that time, it does not have."""
    return Route(
        body["host"],
        body["audience"],
        tuple(body["allow"]),
        bool(body.get("sticky")),
        tuple(body.get("middlewares") or ()),
        str(body.get("maintenance_page") or ""),
        str(body.get("security_headers") or ""),
        (int(limit[0]), int(limit[1])) if (limit := body.get("rate_limit")) else None,
    )


def leaving_from(body: Mapping[str, Any]) -> Leaving:
    """A tenant that is decommissioned, as a record describes it."""
    backup, change, since = (str(body[name]) for name in ("backup", "change", "since"))
    return Leaving(str(body["phase"]), int(body["tier"]), backup, change, since, bool(body["was_open"]))
