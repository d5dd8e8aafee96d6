# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from the estate record, and what may follow on it: ports that stay, and hosts that do not go unseen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeVar

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_playbook import listed_input
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import (
    FIRST_HTTP_PORT,
    SHARED_INSTANCE,
    WEBSOCKET_OFFSET,
    Group,
    Tenant,
)
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model_record import (
    EstateRecord,
    Known,
    Leaving,
    Place,
)
from ansible_collections.gantry.odoo.plugins.module_utils._estate.plan_homes import Placement

T = TypeVar("T")

_STEP, _NARROW_STEP, _LAST_PORT = 100, 10, 65532


@dataclass(frozen=True)
class Entry:
    """What a change has made of the estate. None: as it is.

    lease: of the change, the number of homes that are new and have none. homes, tenants, ports, leaving: replace those
    of the same names. roster: replaces all of it.
    renamed: the former name by the new one. stays: tenants that leave no more. gone: those of which nothing is left.
    made_hosts, made_tenants: those that are made now; what is made stays so. released_groups: those that left for good.
    """

    lease: int
    homes: Mapping[str, Place] = field(default_factory=dict)
    tenants: Mapping[str, Known] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    roster: tuple[str, ...] | None = None
    leaving: Mapping[str, Leaving] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    stays: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    made_hosts: tuple[str, ...] = ()
    made_tenants: tuple[str, ...] = ()
    released_groups: tuple[str, ...] = ()


def ports(tenants: Sequence[Tenant], recorded: Mapping[str, int]) -> dict[str, int]:
    """The HTTP port of each instance, recorded ones included. The websocket port is 3 above.

    A stated port wins, a recorded one stays, and a new instance gets the lowest that is free. Where none is recorded,
    the order of declaration tells, as it did before there was a record. Raises InputError with every collision.
    """
    own = [tenant for tenant in tenants if tenant.tenancy == "dedicated"]
    stated = {tenant.instance: tenant.http_port for tenant in own if tenant.http_port is not None}
    taken = {SHARED_INSTANCE: FIRST_HTTP_PORT, **recorded, **stated}
    _refuse_collisions(taken)
    used = {each for port in taken.values() for each in _pair(port)}
    for place, tenant in enumerate(own, start=1):
        if tenant.instance in taken:
            continue
        before = () if recorded else (FIRST_HTTP_PORT + _STEP * place,)
        port = next((one for one in chain(before, _candidates()) if used.isdisjoint(_pair(one))), None)
        if port is None:
            raise InputError(f"no port is free for instance {tenant.instance}; state its http_port")
        taken[tenant.instance] = port
        used.update(_pair(port))
    return taken


def require_instances(tenants: Sequence[Tenant], record: EstateRecord) -> None:
    """Raise InputError where a declaration gives a tenant that lives another instance, or its instance another port.

    Processes stay as they are until they restart, and a route would lead to what listens at the new port.
    """
    lived = {name: known for name, known in record.tenants.items() if name in record.homes}
    serving = {known.instance for known in lived.values()}
    faults = [
        f"tenant {tenant.name} is declared as {tenant.tenancy}, and it lives on the instance {known.instance} as "
        f"{known.tenancy}, which no playbook changes yet: declare it as {known.tenancy}"
        for tenant in tenants
        for known in [lived.get(tenant.name) or lived.get(tenant.renamed_from or "")]
        if known is not None and known.tenancy != tenant.tenancy
    ]
    faults += [
        f"tenant {tenant.name} is declared with http_port {tenant.http_port}, and its instance {tenant.instance} "
        f"serves users at port {record.ports[tenant.instance]}, which stays while it lives: declare that one, or none"
        for tenant in tenants
        if tenant.tenancy == "dedicated" and tenant.http_port is not None and tenant.instance in serving
        if record.ports.get(tenant.instance, tenant.http_port) != tenant.http_port
    ]
    if faults:
        raise InputError("; ".join(faults))


def _candidates() -> Iterator[int]:
    last = _LAST_PORT + 1
    yield from range(FIRST_HTTP_PORT + _STEP, last, _STEP)
    yield from range(FIRST_HTTP_PORT + _NARROW_STEP, last, _NARROW_STEP)


def _pair(port: int) -> tuple[int, int]:
    return port, port + WEBSOCKET_OFFSET


def _refuse_collisions(taken: Mapping[str, int]) -> None:
    users: dict[int, list[str]] = {}
    for name, port in sorted(taken.items()):
        for each in _pair(port):
            users.setdefault(each, []).append(name)
    faults = [
        f"instances {' and '.join(names)} both need port {port}; state another http_port"
        for port, names in sorted(users.items())
        if len(names) > 1
    ]
    if faults:
        raise InputError("; ".join(faults))


def require_roster(
    record: EstateRecord, hosts: Iterable[str], released: Iterable[str], inventory: Collection[str]
) -> None:
    """Raise InputError where the estate lacks a host that the last run of site has converged.

    What such a host holds would be unknown, and unknown is not empty. released: hosts that left for good. inventory:
    all hosts; one that is there and none of the estate's has not left, and its databases may be those that users have.
    """
    current, left = set(hosts), set(released)
    # what a change has begun with a tenant is no host that left
    faults = [f"{name} is released and is no host; finish or undo its change" for name in sorted(left) if ":" in name]
    faults += [
        f"{host} is released and still in the {'estate' if host in current else 'inventory'}; remove it from the "
        "inventory first"
        for host in sorted(left & {*current, *inventory})
    ]
    lacking = sorted(set(record.roster) - current - left)
    faults += [
        f"{host} of the estate at the last run of gantry.odoo.site is still in the inventory, and no group or "
        "odoo_database_server names it any more; correct what was changed, or, where it is to leave, move its tenants "
        "away and take it out of the inventory"
        for host in lacking
        if host in inventory
    ]
    missing = [host for host in lacking if host not in inventory]
    if missing:
        faults.append(
            f"{', '.join(missing)} of the estate at the last run of gantry.odoo.site is no host of it any more, and "
            "what is there would be unknown; put it back into the inventory, or, where it is gone for good, run "
            f"gantry.odoo.site with {listed_input('site_released_hosts', missing)}, or first gantry.odoo.resume with "
            f"{listed_input('resume_released_hosts', missing)} where a change was interrupted, or gantry.odoo.recover "
            f"with {listed_input('recover_released_hosts', missing)} where the site is lost"
        )
    if faults:
        raise InputError("; ".join(faults))


def require_released(
    record: EstateRecord, released: Iterable[str], groups: Mapping[str, Sequence[str]], declared: Iterable[str]
) -> None:
    """Raise InputError for a group that cannot be released: it has hosts, or a tenant that would be forgotten."""
    known, left = set(declared), sorted(set(released))
    faults = [
        f"group {name} is released and still has {', '.join(groups[name])}; remove it from the inventory first"
        for name in left
        if groups.get(name)
    ]
    faults += [
        f"tenant {name} is recorded to live on the released group {place.group}, and is not declared any more; declare "
        "it on another group, where gantry.odoo.recover restores it, or with state decommissioned"
        for name, place in sorted(record.homes.items())
        if place.group in left and name not in known
    ]
    if faults:
        raise InputError("; ".join(faults))


def without_groups(record: EstateRecord, released: Iterable[str]) -> EstateRecord:
    """The record without the homes on groups that left for good."""
    left = set(released)
    return replace(record, homes={name: one for name, one in record.homes.items() if one.group not in left})


def unknown_estate(record: EstateRecord, placement: Placement, *, is_new: bool) -> list[str]:
    """A sentence where a new change store takes on an estate that changes have worked at before.

    is_new: whether the store is meant to be new. Raises StateError otherwise: it is another one, and knows no host that
    is out of service.
    """
    numbered = sorted({one.name for one in chain.from_iterable(placement.values()) if one.number})
    if record.number or not numbered:
        return []
    seen = (
        f"the change store holds no record of this estate, although database {numbered[0]} got its home from a change "
        "before"
    )
    if is_new:
        return [
            f"{seen}: the estate is recorded anew, ports in the order of declaration where http_port states no other"
        ]
    raise StateError(
        f"{seen}; name the store of the estate in change_store, or, where it is lost for good, run gantry.odoo.site "
        "-e site_new_store=true, or gantry.odoo.recover -e recover_new_store=true where databases are lost as well"
    )


def unseen_homes(
    record: EstateRecord, groups: Mapping[str, Group], placement: Placement, unknown: frozenset[str]
) -> dict[str, str]:
    """The groups of the recorded homes that are on unknown servers, by tenant.

    A database that was seen elsewhere is older than its home, whoever opened it, unless its number says otherwise.
    """
    seen: dict[str, int] = {}
    for database in chain.from_iterable(placement.values()):
        seen[database.name] = max(database.number, seen.get(database.name, 0))
    return {
        name: place.group
        for name, place in record.homes.items()
        if place.group in groups and groups[place.group].database_server in unknown
        if seen.get(name, -1) < place.number
    }


def is_made(tenant: Tenant, record: EstateRecord) -> bool:
    """Whether a run of site has come as far as the routes of a tenant; in an estate that is older than its record."""
    known = record.tenants.get(tenant.name) or record.tenants.get(tenant.renamed_from or "")
    return known.made if known else not record.number


def not_made(record: EstateRecord, groups: Mapping[str, Group], made_now: Iterable[str]) -> frozenset[str]:
    """The hosts that run Odoo only once a run of site has made them. made_now: groups that this change makes."""
    if not record.number:
        return frozenset()
    now = set(made_now)
    names = {host.name for name, group in groups.items() if name not in now for host in group.hosts}
    return frozenset(names.difference(record.made))


def made_edges(record: EstateRecord, edges: Iterable[str]) -> list[str]:
    """The edges that a run of site has taken on. A new one has no Traefik yet, and no user comes by it."""
    return [edge for edge in edges if not record.roster or edge in record.roster]


def plan_entry(seen: EstateRecord, entry: Entry) -> EstateRecord:
    """The record that follows, or the same one where nothing is new. Raises StateError for an older home."""
    record = without_groups(seen, entry.released_groups)
    for new, former in entry.renamed.items():
        record = _renamed(record, new, former)
    record = replace(
        record,
        homes={
            **record.homes,
            **{name: _place(record, name, place, entry.lease) for name, place in entry.homes.items()},
        },
        tenants=_tenants(record, entry),
        ports={**record.ports, **entry.ports},
        roster=record.roster if entry.roster is None else tuple(sorted(entry.roster)),
        leaving={name: one for name, one in {**record.leaving, **entry.leaving}.items() if name not in entry.stays},
        made=_made_hosts(record, entry),
    )
    for name in entry.gone:
        record = _without(record, name)
    _refuse_collisions(record.ports)
    return seen if record == seen else replace(record, number=seen.number + 1)


def _tenants(record: EstateRecord, entry: Entry) -> dict[str, Known]:
    def is_made(name: str, known: Known) -> bool:
        before = record.tenants.get(name)
        return known.made or name in entry.made_tenants or (before is not None and before.made)

    listed = {**record.tenants, **entry.tenants}
    return {name: replace(known, made=is_made(name, known)) for name, known in listed.items()}


def _made_hosts(record: EstateRecord, entry: Entry) -> tuple[str, ...]:
    """The hosts that are made, without those that left."""
    made = {*record.made, *entry.made_hosts}
    return tuple(sorted(made if entry.roster is None else made.intersection(entry.roster)))


def _place(record: EstateRecord, name: str, place: Place, lease: int) -> Place:
    """The home as it is recorded: with the number of its database, else that which it has, else the change's."""
    before = record.homes.get(name)
    if before is not None and before.group == place.group:
        return before if place.number <= before.number else place
    number = place.number or lease
    if before is not None and number < before.number:
        raise StateError(
            f"tenant {name} is recorded on {before.group} with number {before.number}, and {number} for {place.group} "
            "is older; another change has moved it since, so that this one must not"
        )
    return Place(place.group, number)


def _renamed(record: EstateRecord, new: str, former: str) -> EstateRecord:
    return replace(record, homes=_moved(record.homes, new, former), tenants=_moved(record.tenants, new, former))


def _moved(entries: Mapping[str, T], new: str, former: str) -> dict[str, T]:
    rest = {name: one for name, one in entries.items() if name != former}
    return {**rest, new: entries[former]} if former in entries else rest


def _without(record: EstateRecord, name: str) -> EstateRecord:
    known = record.tenants.get(name)
    instance = known.instance if known is not None else name
    free = {instance} - {SHARED_INSTANCE}
    return replace(
        record,
        homes={each: one for each, one in record.homes.items() if each != name},
        tenants={each: one for each, one in record.tenants.items() if each != name},
        ports={each: one for each, one in record.ports.items() if each not in free},
    )


def differences(before: EstateRecord, after: EstateRecord) -> list[str]:
    """One line for each thing that a record says in another way than the one before."""
    lines: list[str] = []
    for what, old, new in (
        ("home of", before.homes, after.homes),
        ("tenant", before.tenants, after.tenants),
        ("port of", before.ports, after.ports),
        ("decommissioning of", before.leaving, after.leaving),
    ):
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                lines.append(f"{what} {name}: {_shown(old.get(name))} -> {_shown(new.get(name))}")
    for what, was, now in (("roster", before.roster, after.roster), ("made", before.made, after.made)):
        for sign, hosts in (("+", set(now) - set(was)), ("-", set(was) - set(now))):
            lines += [f"{what}: {sign}{host}" for host in sorted(hosts)]
    return lines


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Place):
        return f"{value.group} ({value.number})"
    if isinstance(value, Leaving):
        return value.phase
    if isinstance(value, Known):
        said = ["" if value.declared else ", not declared", "" if value.made else ", not made yet"]
        return f"tier {value.tier} on instance {value.instance}" + "".join(said)
    return str(value)
