# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From declared tenants and what was seen on the database servers to what each host and role is to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._estate.model import (
    INCOMING,
    RETIRED,
    Database,
    Group,
    Tenant,
)

# Names that operations of the collection give to databases beside the tenant's own, and what its roles begin with.
_COPIES = (RETIRED, INCOMING, "__new", "__old")
_OWNER, _TEMPLATE = "odoo_", "gantry-template-"

# What each PostgreSQL server holds; a server that was not asked is missing.
Placement = Mapping[str, Sequence[Database]]


@dataclass(frozen=True)
class Home:
    """Where a tenant lives now."""

    tenant: Tenant
    group: Group
    exists: bool

    @property
    def note(self) -> str | None:
        """A sentence where the estate differs from the declaration, else None."""
        if self.group.name == self.tenant.group:
            return None
        return (
            f"tenant {self.tenant.name} is declared on {self.tenant.group} and lives on {self.group.name}: "
            "declare it there, or move it with gantry.odoo.migrate"
        )


def homes(
    tenants: Sequence[Tenant],
    groups: Mapping[str, Group],
    placement: Placement,
    assume: Mapping[str, str] | None = None,
    unknown: frozenset[str] = frozenset(),
) -> tuple[Home, ...]:
    """The home of each tenant: where its open database stands, else where it is declared.

    unknown: servers that were not asked or did not answer. Raises StateError for a tenant that may be there.

    assume: homes to take for granted, group by tenant, as a move does for the estate that it is about to make; the
    database is not there yet.
    """
    settled = []
    for tenant in tenants:
        home = _home(tenant, groups, placement, unknown)
        group = (assume or {}).get(tenant.name)
        settled.append(home if group is None else replace(home, group=groups[group], exists=False))
    return tuple(settled)


def strangers(tenants: Sequence[Tenant], placement: Placement) -> list[str]:
    """A sentence for each database of an Odoo instance that is no declared tenant's, nor a copy of one."""
    known = {tenant.name + suffix for tenant in tenants for suffix in ("", *_COPIES)}
    return [
        f"{server} holds database {database.name} of {database.owner}, which is no declared tenant: "
        "declare it again, or take a last backup and remove it with gantry.odoo.odoo_database"
        for server, databases in sorted(placement.items())
        for database in databases
        if database.owner.startswith(_OWNER) and database.name not in known and not database.name.startswith(_TEMPLATE)
    ]


def _home(tenant: Tenant, groups: Mapping[str, Group], placement: Placement, unknown: frozenset[str]) -> Home:
    held = {
        server: database
        for server, databases in placement.items()
        for database in databases
        if database.name == tenant.name
    }
    opened = sorted(server for server, database in held.items() if database.open)
    if len(opened) > 1:
        raise StateError(
            f"tenant {tenant.name} has an open database on {' and '.join(opened)}: block the stale one with "
            "gantry.odoo.odoo_database (access: blocked) before anything else is done"
        )
    if not opened and unknown:
        found = f"has only blocked copies on {' and '.join(sorted(held))}" if held else "was not found"
        raise StateError(
            f"tenant {tenant.name} {found}, and {' and '.join(sorted(unknown))} was not asked or did not answer, "
            "so that its home is not known; start PostgreSQL there, and run without a limit"
        )
    declared = groups[tenant.group]
    if not held:
        _refuse_to_recreate(tenant, placement)
        return Home(tenant, declared, exists=False)
    if not opened and len(held) > 1:
        # An interrupted move blocks the source first; the declared side is then the one that never moved.
        opened = [declared.database_server] if declared.database_server in held else []
    server = opened[0] if opened else sorted(held)[0]
    if declared.database_server == server:
        return Home(tenant, declared, exists=True)
    beside = sorted(name for name, group in groups.items() if group.database_server == server)
    if not beside:
        raise StateError(
            f"tenant {tenant.name} has its database on {server}, which serves no declared group; "
            f"move it to the server of {tenant.group} or declare a group there"
        )
    return Home(tenant, groups[beside[0]], exists=True)


def _refuse_to_recreate(tenant: Tenant, placement: Placement) -> None:
    for server, databases in sorted(placement.items()):
        for database in databases:
            if database.name in (tenant.name + RETIRED, tenant.name + INCOMING):
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
    if not home.exists:
        raise InputError(f"tenant {home.tenant.name} has no database yet; run gantry.odoo.site first")
    return {
        "group": name,
        "kind": group.kind,
        "hosts": [host.name for host in group.hosts],
        "leader": group.hosts[0].name,
        "database_server": group.database_server,
        "database_host": group.database_host,
    }
