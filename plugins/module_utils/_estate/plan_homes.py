# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From declared tenants and what was seen on the database servers to what each host and role is to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import (
    FAILED,
    INCOMING,
    RETIRED,
    TEMPLATE,
    Database,
    Group,
    Tenant,
)

# Names that operations of the collection give to databases beside the tenant's own, and what its roles begin with.
_COPIES = (RETIRED, FAILED, INCOMING, "__new", "__old")
_OWNER = "odoo_"

# What each PostgreSQL server holds; a server that was not asked is missing.
Placement = Mapping[str, Sequence[Database]]


@dataclass(frozen=True)
class Home:
    """Where a tenant lives now. number: of its home, 0 where it has none yet.

    former: the name that its database still has, where it is to be renamed; it does not exist under its own then.
    """

    tenant: Tenant
    group: Group
    exists: bool
    blocked: bool = False
    number: int = 0
    former: str = ""

    def notes(self, in_hand: Mapping[str, str] | None = None) -> list[str]:
        """A sentence for each difference between the estate and its declaration.

        in_hand: the change that is not done with each part that left, by the name of the part.
        """
        change = (in_hand or {}).get(f"tenant:{self.tenant.name}", "")
        said = []
        if self.group.name != self.tenant.group:
            said.append(
                f"tenant {self.tenant.name} is declared on {self.tenant.group} and lives on {self.group.name}: "
                "declare it there, or move it with gantry.odoo.migrate"
            )
        if self.blocked and change:
            said.append(
                f"{change} is not done and has blocked tenant {self.tenant.name} on {self.group.database_server}: run "
                f"gantry.odoo.resume -e change={change} -e way=finish, or the same with -e way=undo"
            )
        elif self.blocked:
            said.append(
                f"tenant {self.tenant.name} is blocked on {self.group.database_server} and left so: resume the change "
                "that left it, or, where gantry.odoo.change_info shows none, open it with gantry.odoo.odoo_database "
                "(access: open)"
            )
        return said


def homes(
    tenants: Sequence[Tenant],
    groups: Mapping[str, Group],
    placement: Placement,
    assume: Mapping[str, str] | None = None,
    unknown: frozenset[str] = frozenset(),
    arrived: Sequence[str] = (),
) -> tuple[Home, ...]:
    """The home of each tenant: where its database with the highest number stands, else where it is declared.

    unknown: servers that were not asked or did not answer. Raises StateError for a tenant that may be there.

    assume: homes to take for granted, group by tenant, as a move does for the estate that it is about to make; the
    database is not there yet, but for tenants that have arrived.
    """
    settled = []
    for tenant in tenants:
        group = (assume or {}).get(tenant.name)
        if group is not None:
            settled.append(Home(tenant, groups[group], exists=tenant.name in arrived))
        else:
            settled.append(_home(tenant, groups, placement, unknown))
    return tuple(settled)


def strangers(tenants: Sequence[Tenant], placement: Placement, former: Iterable[str]) -> list[str]:
    """A sentence for each database of an Odoo instance that is no tenant's, nor a copy of one. former: older names."""
    known = {name + suffix for name in (*former, *(one.name for one in tenants)) for suffix in ("", *_COPIES)}
    return [
        f"{server} holds database {database.name} of {database.owner}, which is no declared tenant: "
        "declare it again, or take a last backup and remove it with gantry.odoo.odoo_database"
        for server, databases in sorted(placement.items())
        for database in databases
        if database.owner.startswith(_OWNER) and database.name not in known and not database.name.startswith(TEMPLATE)
    ]


def _home(tenant: Tenant, groups: Mapping[str, Group], placement: Placement, unknown: frozenset[str]) -> Home:
    held = {
        server: database
        for server, databases in placement.items()
        for database in databases
        if database.name == tenant.name
    }
    if unknown and not any(database.open for database in held.values()):
        found = f"has only blocked copies on {' and '.join(sorted(held))}" if held else "was not found"
        raise StateError(
            f"tenant {tenant.name} {found}, and {' and '.join(sorted(unknown))} was not asked or did not answer, "
            "so that its home is not known; start PostgreSQL there, and run without a limit"
        )
    if not held:
        _refuse_to_recreate(tenant, placement)
        return Home(tenant, groups[tenant.group], exists=False)
    server = _server(tenant, held)
    database = held[server]
    group = _group(tenant, groups, server, database)
    return Home(tenant, group, exists=True, blocked=not database.open, number=database.number)


def _server(tenant: Tenant, held: Mapping[str, Database]) -> str:
    """The server that holds the home: the copy with the highest number, whoever blocked it."""
    highest = max(database.number for database in held.values())
    newest = sorted(server for server, database in held.items() if database.number == highest)
    opened = sorted(server for server, database in held.items() if database.open)
    if highest == 0:
        return _server_without_numbers(tenant, newest, opened)
    if len(newest) > 1:
        raise StateError(
            f"tenant {tenant.name} has a database with the home number {highest} on {' and '.join(newest)}, and one of "
            "them was made by hand: rename or drop that one with gantry.odoo.odoo_database"
        )
    stale = [server for server in opened if server != newest[0]]
    if stale:
        raise StateError(
            f"tenant {tenant.name} has its home on {newest[0]} by the number {highest}, and an older copy of it is "
            f"open on {' and '.join(stale)}: block that one with gantry.odoo.odoo_database (access: blocked), and see "
            "what was written there"
        )
    return newest[0]


def _server_without_numbers(tenant: Tenant, held: Sequence[str], opened: Sequence[str]) -> str:
    """The server of a database that no change has given a number yet: only what is open, or alone, can be told."""
    if len(opened) > 1:
        raise StateError(
            f"tenant {tenant.name} has an open database on {' and '.join(opened)}: block the stale one with "
            "gantry.odoo.odoo_database (access: blocked) before anything else is done"
        )
    if not opened and len(held) > 1:
        raise StateError(
            f"tenant {tenant.name} has only blocked copies, on {' and '.join(held)}, and none has a number, so that "
            "the newest is not known: open that one with gantry.odoo.odoo_database (access: open)"
        )
    return opened[0] if opened else held[0]


def _group(tenant: Tenant, groups: Mapping[str, Group], server: str, database: Database) -> Group:
    """The group that serves a database: the recorded one, else the declared one, else the only one of its server.

    Raises StateError where the recorded one is declared with another server, which moves no tenant.
    """
    here = sorted(name for name, group in groups.items() if group.database_server == server)
    recorded = groups.get(database.group)
    if recorded is not None and recorded.name not in here:
        raise StateError(
            f"tenant {tenant.name} has its database on {server} as a home of group {recorded.name}, which is declared "
            f"with odoo_database_server {recorded.database_server}: declare {server} for {recorded.name} again, and "
            "move tenants with gantry.odoo.migrate"
        )
    for name in (database.group, tenant.group):
        if name in here:
            return groups[name]
    if not here:
        raise StateError(
            f"tenant {tenant.name} has its database on {server}, which serves no declared group; "
            f"move it to the server of {tenant.group} or declare a group there"
        )
    if len(here) > 1:
        raise StateError(
            f"tenant {tenant.name} has its database on {server}, which serves {' and '.join(here)}, and none of them "
            "is recorded as its home: declare the tenant on the one that serves it"
        )
    return groups[here[0]]


def _refuse_to_recreate(tenant: Tenant, placement: Placement) -> None:
    for server, databases in sorted(placement.items()):
        for database in databases:
            if database.name in (tenant.name + RETIRED, tenant.name + FAILED, tenant.name + INCOMING):
                raise StateError(
                    f"tenant {tenant.name} has no database, but {server} holds {database.name}: rename or drop that "
                    "one with gantry.odoo.odoo_database, so that no empty tenant takes its place"
                )


def require_databases(settled: Sequence[Home]) -> None:
    """Raise StateError for tenants that have no database yet, for what can only be done to those that have one."""
    missing = [f"{home.tenant.name} on {home.group.database_server}" for home in settled if not home.exists]
    if missing:
        raise StateError(f"no database was found for {', '.join(missing)}; make it with gantry.odoo.site first")


def find(settled: Sequence[Home], name: str) -> Home:
    """The home of the tenant called `name`. Raises InputError where none is declared."""
    for home in settled:
        if home.tenant.name == name:
            return home
    known = ", ".join(home.tenant.name for home in settled)
    raise InputError(f"tenant {name} is not declared in odoo_tenants; declared are {known}")


def destination(home: Home, name: str, groups: Mapping[str, Group]) -> dict:
    """The group that a tenant is to move to. Raises InputError where it cannot go there."""
    if name not in groups:
        raise InputError(f"group {name} runs no Odoo; {home.tenant.name} can move to {', '.join(sorted(groups))}")
    group = groups[name]
    if name == home.group.name:
        raise InputError(f"tenant {home.tenant.name} already lives on {name}; name another group")
    if group.database_server == home.group.database_server:
        raise InputError(
            f"groups {home.group.name} and {name} share the PostgreSQL server {group.database_server}, "
            "and a move goes from one server to another"
        )
    if not home.exists or not home.number:
        what = "number" if home.exists else "database"
        raise InputError(f"tenant {home.tenant.name} has no {what} yet; run gantry.odoo.site first, which gives it one")
    if home.blocked:
        raise InputError(
            f"tenant {home.tenant.name} is blocked on {home.group.database_server}, and a move would open it; open it "
            "with gantry.odoo.odoo_database (access: open) first"
        )
    if not group.serves:
        named = ", ".join(host.name for host in group.hosts)
        raise InputError(
            f"no user would reach {home.tenant.name} on {name}, as all its hosts are declared with odoo_drained "
            f"({named}); take odoo_drained from one of them, or name another group"
        )
    return {
        "group": name,
        "kind": group.kind,
        "hosts": [host.name for host in group.hosts],
        "leader": group.leader,
        "database_server": group.database_server,
        "database_host": group.database_host,
    }
