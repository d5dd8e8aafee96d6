# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants that the declaration lacks, that leave, or that have a new name: none of them is lost or made anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import (
    DECOMMISSIONED,
    PRESENT,
    Group,
    Tenant,
)
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_record import GONE, HELD, EstateRecord
from ansible_collections.gantry.odoo.plugins.module_utils._estate.plan_homes import Home, Placement, homes

HOLD, DROP, CLEAN, FORGET = "hold", "drop", "clean", "forget"


@dataclass(frozen=True)
class Beyond:
    """A tenant with a database that site does not manage. phase: of its decommissioning, empty before it begins.

    declared: whether it is declared, with the state decommissioned.
    """

    home: Home
    phase: str
    declared: bool

    @property
    def name(self) -> str:
        """The tenant's name."""
        return self.home.tenant.name

    @property
    def note(self) -> str:
        """What an operator is told of it in every run."""
        name, group = self.name, self.home.group.name
        if not self.home.exists:
            return (
                f"tenant {name} has no database any more, and its port and instance on {group} are kept: declare it "
                f"with state {DECOMMISSIONED}, and run gantry.odoo.decommission"
            )
        if self.phase == HELD:
            return f"tenant {name} on {group} is blocked and held; gantry.odoo.decommission drops it after its date"
        if self.declared:
            return f"tenant {name} on {group} goes on until it is decommissioned: run gantry.odoo.decommission"
        return (
            f"tenant {name} is not declared any more and lives on {group}; its backups, routes and cron go on: "
            f"declare it again, or give it the state {DECOMMISSIONED} and run gantry.odoo.decommission"
        )


def as_recorded(tenants: Sequence[Tenant], record: EstateRecord) -> tuple[Tenant, ...]:
    """The declared tenants, each on the instance that it has: one that was renamed keeps the instance's name.

    Of a tenant that leaves, the record says what is there, whatever its declaration still says.
    """
    return tuple(_on_its_instance(_as_it_was(tenant, record), record) for tenant in tenants)


def _as_it_was(tenant: Tenant, record: EstateRecord) -> Tenant:
    known = record.tenants.get(tenant.name)
    if tenant.state != DECOMMISSIONED or known is None:
        return tenant
    return replace(
        tenant,
        tier=known.tier,
        tenancy=known.tenancy,
        routes=known.routes,
        workers=known.workers,
        cron_threads=known.cron_threads,
    )


def _on_its_instance(tenant: Tenant, record: EstateRecord) -> Tenant:
    known = record.tenants.get(tenant.name) or record.tenants.get(tenant.renamed_from or "")
    if tenant.tenancy != "dedicated" or known is None or known.tenancy != "dedicated":
        return tenant
    return replace(tenant, runs_as=known.instance)


def until_renamed(
    tenants: Sequence[Tenant], record: EstateRecord, placement: Placement
) -> tuple[tuple[Tenant, ...], dict[str, str]]:
    """The tenants, those whose new name nothing bears yet as they were recorded, and the former names of these by new.

    Their databases, routes and backups bear the former name until a run of site renames them.
    """
    held = {one.name for databases in placement.values() for one in databases}
    waiting = {
        tenant.name: tenant.renamed_from
        for tenant in tenants
        if tenant.state == PRESENT
        if tenant.renamed_from and tenant.renamed_from in record.tenants and tenant.name not in held
    }
    as_were = tuple(
        replace(tenant, name=former, renamed_from=None, routes=record.tenants[former].routes) if former else tenant
        for tenant in tenants
        for former in [waiting.get(tenant.name)]
    )
    return as_were, waiting


def removed(record: EstateRecord, declared: Sequence[Tenant]) -> tuple[Tenant, ...]:
    """The recorded tenants that the declaration lacks, as they were last declared."""
    names = {tenant.name for tenant in declared} | {tenant.renamed_from for tenant in declared}
    return tuple(
        Tenant(
            name,
            record.homes[name].group,
            known.tier,
            known.tenancy,
            routes=known.routes,
            workers=known.workers,
            cron_threads=known.cron_threads,
            runs_as=known.instance,
        )
        for name, known in sorted(record.tenants.items())
        if name not in names and name in record.homes
    )


def next_step(tenant: Tenant, home: Home, record: EstateRecord, today: str) -> str:
    """What is to be done next for a tenant that leaves: hold, drop, clean, forget, or nothing before a date.

    A database is dropped only once it was held until its date. Where it is gone already, the rest is cleaned up.
    """
    phase = record.leaving[tenant.name].phase if tenant.name in record.leaving else ""
    if phase == GONE:
        is_over = tenant.keep_backups_until and tenant.keep_backups_until < today
        # one that came back needs its backups
        return FORGET if is_over and not home.exists else ""
    if not home.exists:
        return CLEAN if phase or tenant.name in record.tenants else ""
    if phase == HELD:
        return DROP if tenant.hold_until and tenant.hold_until <= today else ""
    return HOLD


def beyond(
    declared: Sequence[Tenant],
    undeclared: Sequence[Tenant],
    groups: Mapping[str, Group],
    placement: Placement,
    record: EstateRecord,
    assume: Mapping[str, str] | None = None,
    unknown: frozenset[str] = frozenset(),
) -> tuple[Beyond, ...]:
    """The tenants that go on without being managed, those of which nothing is left on the hosts excepted.

    assume, unknown: as for `found`.
    """
    listed = [(tenant, True) for tenant in declared if tenant.state == DECOMMISSIONED]
    listed += [(tenant, False) for tenant in undeclared]
    others = []
    for tenant, is_declared in listed:
        phase = record.leaving[tenant.name].phase if tenant.name in record.leaving else ""
        if phase == GONE:
            continue
        home = found(tenant, groups, placement, record, assume, unknown)
        if home.exists or tenant.name in record.tenants:
            others.append(Beyond(home, phase, is_declared))
    return tuple(others)


def found(
    tenant: Tenant,
    groups: Mapping[str, Group],
    placement: Placement,
    record: EstateRecord,
    assume: Mapping[str, str] | None = None,
    unknown: frozenset[str] = frozenset(),
) -> Home:
    """The home by the numbers of its databases, as for a declared tenant; where there is none, the recorded group.

    assume: groups of recorded homes on servers that do not answer, by tenant. unknown: servers that were not asked or
    did not answer, where the home must not be. Raises StateError where the home is not known.
    """
    place = record.homes.get(tenant.name)
    group = groups[group_of(tenant, groups, record)]
    if tenant.name in (assume or {}):
        return Home(tenant, group, exists=True, number=place.number if place else 0)
    if unknown or any(one.name == tenant.name for databases in placement.values() for one in databases):
        return homes([tenant], groups, placement, unknown=unknown)[0]
    return Home(tenant, group, exists=False)


def group_of(tenant: Tenant, groups: Mapping[str, Group], record: EstateRecord) -> str:
    """The group that a tenant lives on by the record, or by its declaration where the record has none."""
    place = record.homes.get(tenant.name) or record.homes.get(tenant.renamed_from or "")
    return place.group if place and place.group in groups else tenant.group


def settle(
    tenants: Sequence[Tenant],
    groups: Mapping[str, Group],
    placement: Placement,
    assume: Mapping[str, str] | None = None,
    unknown: frozenset[str] = frozenset(),
    arrived: Sequence[str] = (),
) -> tuple[Home, ...]:
    """The homes of the declared tenants. One that is to be renamed lives where its database of the former name is.

    Raises StateError where databases of both names are there, or of neither.
    """
    held = {one.name for databases in placement.values() for one in databases}
    renaming: dict[str, str] = {}
    faults: list[str] = []
    for tenant in tenants:
        former, assumed = tenant.renamed_from, tenant.name in (assume or {})
        if former is None or former not in held:
            if former is not None and placement and not unknown and not assumed and tenant.name not in held:
                faults.append(
                    f"tenant {tenant.name} is renamed from {former}, and no server holds a database of either name; "
                    "find it, or remove renamed_from where the tenant is new"
                )
        elif tenant.name not in held:
            renaming[tenant.name] = former
        elif not assumed:
            faults.append(
                f"tenant {tenant.name} is renamed from {former}, and both databases are there; rename or drop one of "
                "them with gantry.odoo.odoo_database"
            )
    if faults:
        raise StateError("; ".join(faults))
    sought = [replace(tenant, name=renaming.get(tenant.name, tenant.name)) for tenant in tenants]
    located = homes(sought, groups, placement, assume, unknown, arrived)
    faults = [
        f"tenant {tenant.name} is renamed from {renaming[tenant.name]}, which is blocked on "
        f"{home.group.database_server}, so that its users would find nothing under the new name; declare it as "
        "it was, and resume the change that left it, or, where gantry.odoo.change_info shows none, open it with "
        "gantry.odoo.odoo_database (access: open)"
        for home, tenant in zip(located, tenants)
        if tenant.name in renaming and home.blocked
    ]
    if faults:
        raise StateError("; ".join(faults))
    return tuple(
        replace(home, tenant=tenant, exists=False, former=renaming[tenant.name]) if tenant.name in renaming else home
        for home, tenant in zip(located, tenants)
    )


def contradictions(
    tenants: Sequence[Tenant], groups: Mapping[str, Group], placement: Placement, record: EstateRecord
) -> dict[str, str]:
    """Why what the servers hold does not tell where a tenant lives, by tenant. Each is judged alone."""
    said = {}
    for tenant in tenants:
        try:
            if tenant.state == PRESENT and tenant.name not in record.leaving:
                settle([tenant], groups, placement)
            else:
                found(tenant, groups, placement, record)
        except StateError as error:
            said[tenant.name] = str(error)
    return said


def doubts(
    settled: Sequence[Home], others: Iterable[Beyond], record: EstateRecord, expected: Iterable[str]
) -> dict[str, str]:
    """Why what was found of a tenant is not what the record has of it, by tenant.

    expected: tenants whose database is known not to be there yet.
    """
    there = set(expected)
    found = [
        *((home, _lost(home, record) or _older(home, record)) for home in settled),
        *((one.home, _older(one.home, record)) for one in others),
    ]
    return {home.tenant.name: why for home, why in found if why and home.tenant.name not in there}


def made_anew(names: Iterable[str], record: EstateRecord) -> set[str]:
    """Those of the tenants that get an empty database on purpose of which nothing but backups is left."""
    return {name for name in names if name in record.leaving and record.leaving[name].phase == GONE}


def _lost(home: Home, record: EstateRecord) -> str:
    """Why a tenant that has no database should have one."""
    name = home.tenant.name
    if home.exists or home.former:
        return ""
    if name in record.homes:
        return (
            f"tenant {name} is recorded to live on {record.homes[name].group}, and no server of the estate holds its "
            "database; restore it with gantry.odoo.recover, or decommission it before it is made anew"
        )
    if name in record.leaving:
        return (
            f"tenant {name} was dropped by {record.leaving[name].change} on {record.leaving[name].since}, and no "
            "server holds its database; restore it with gantry.odoo.recover, name it in site_empty_tenants for an "
            "empty database, or declare it as decommissioned again"
        )
    return ""


def _older(home: Home, record: EstateRecord) -> str:
    """Why the database that was found is not the home that is recorded."""
    place = record.homes.get(home.tenant.name)
    if not place or not home.exists or home.number >= place.number:
        return ""
    # a database that was restored in its place has no number yet
    if not home.number and home.group.name == place.group:
        return ""
    return (
        f"tenant {home.tenant.name} is recorded as home {place.number} of {place.group}, and the newest database that "
        f"was found is {home.number or 'without a number'} on {home.group.name}; find the other one, or state this one "
        "as the home with gantry.odoo.odoo_database (home)"
    )


def require_recorded(
    settled: Sequence[Home], others: Iterable[Beyond], record: EstateRecord, expected: Iterable[str]
) -> None:
    """Raise StateError where a tenant would be made anew that has been here, under its name or under another.

    expected: as `doubts` takes it.
    """
    listed, there = list(others), set(expected)
    faults = list(doubts(settled, listed, record, there).values())
    made = [
        home.tenant.name
        for home in settled
        if not home.exists
        and not home.former
        and home.tenant.name not in there
        and home.tenant.name not in record.homes
    ]
    gone = [
        one.name
        for one in listed
        if not one.declared and one.home.exists and record.tenants[one.name].declared and not one.phase
    ]
    if made and gone:
        faults.append(
            f"odoo_tenants has {', '.join(made)} anew and {', '.join(gone)} no more since the last run of "
            "gantry.odoo.site: declare renamed_from where one is the other under a new name; else run gantry.odoo.site "
            "without the new one first"
        )
    if faults:
        raise StateError("; ".join(faults))


def require_undisturbed(tenants: Sequence[Tenant], others: Iterable[Beyond]) -> None:
    """Raise StateError where a declared tenant takes what one that goes on still has: a host name or an instance."""
    hosts = {route.host: one.name for one in others for route in one.home.tenant.routes}
    instances = {one.home.tenant.instance: one.name for one in others if one.home.tenant.tenancy == "dedicated"}
    faults = [
        f"tenant {tenant.name} claims the host {route.host} of tenant {hosts[route.host]}, which is not managed any "
        "more and goes on; decommission that one first, or declare renamed_from"
        for tenant in tenants
        for route in tenant.routes
        if route.host in hosts
    ]
    faults += [
        f"tenant {tenant.name} needs the instance {tenant.instance}, which tenant {instances[tenant.instance]} still "
        "has; choose another name"
        for tenant in tenants
        if tenant.tenancy == "dedicated" and tenant.instance in instances
    ]
    if faults:
        raise StateError("; ".join(dict.fromkeys(faults)))


def require_one_step(tenants: Sequence[Tenant], record: EstateRecord, placement: Placement) -> None:
    """Raise StateError where a tenant leaves under another name than the one that it has."""
    held = {one.name for databases in placement.values() for one in databases}
    faults = [
        f"tenant {tenant.name} is renamed from {tenant.renamed_from} and has state {DECOMMISSIONED} at once, and "
        f"{tenant.renamed_from} is still there; decommission it under that name, or rename it with gantry.odoo.site "
        "first"
        for tenant in tenants
        if tenant.state == DECOMMISSIONED
        and tenant.renamed_from is not None
        and (tenant.renamed_from in record.tenants or tenant.renamed_from in held)
    ]
    if faults:
        raise StateError("; ".join(faults))


def require_staying(tenants: Sequence[Tenant], record: EstateRecord) -> None:
    """Raise StateError where a tenant is declared as present and on its way out."""
    faults = [
        f"tenant {tenant.name} is declared with state {PRESENT}, and {leaving.change} has blocked it on "
        f"{leaving.since}; declare it with state {DECOMMISSIONED}, run gantry.odoo.resume -e change={leaving.change} "
        "-e way=undo, or, where that change is done, gantry.odoo.decommission -e decommission_undo=true, and then "
        "declare it again"
        for tenant in tenants
        for leaving in (record.leaving.get(tenant.name) or record.leaving.get(tenant.renamed_from or ""),)
        if leaving is not None and leaving.phase == HELD
    ]
    if faults:
        raise StateError("; ".join(faults))
