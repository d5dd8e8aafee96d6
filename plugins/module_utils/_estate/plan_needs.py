# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a playbook needs of the inventory, and the inventory lacks. Never a value of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

Values = Mapping[str, Any]


def passwords(
    estate: Mapping[str, Any],
    groups: Collection[str],
    of_roles: Values,
    of_databases: Values | None = None,
    also: Collection[str] = (),
) -> list[str]:
    """A clause for each variable that lacks passwords: of the modules' login, of instances, and of databases.

    estate: as estate_info returns it. groups: those whose instances are managed. of_roles: the passwords by role of
    PostgreSQL. of_databases: those of administrators by database, None where no database is made. also: further roles.
    """
    managed = [group for name, group in estate["groups"].items() if name in groups]
    roles = {one["user"] for one in estate["logins"].values()} | set(also)
    for server in {group["database_server"] for group in managed}:
        # one that declares a password, or none, needs none of these
        roles |= {one["name"] for one in estate["roles"][server] if "password" not in one}
    databases = {one["name"] for group in managed for one in group["databases"]} if of_databases is not None else set()
    lacking = {
        "odoo_db_passwords": sorted(name for name in roles if not of_roles.get(name)),
        "odoo_admin_passwords": sorted(name for name in databases if not (of_databases or {}).get(name)),
    }
    return [f"{variable} lacks {', '.join(names)}" for variable, names in lacking.items() if names]


def variables(
    needs: Mapping[str, Sequence[str]],
    groups: Mapping[str, Sequence[str]],
    hostvars: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """A clause for each variable that hosts lack. needs: the variables that each host of a group has to have."""
    lacking: dict[str, list[str]] = {}
    for group, names in needs.items():
        for host in groups.get(group, ()):
            for name in names:
                if not hostvars[host].get(name):
                    lacking.setdefault(name, []).append(host)
    return [f"{name} is not set for {', '.join(hosts)}" for name, hosts in lacking.items()]
