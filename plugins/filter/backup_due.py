# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenants whose backups a playbook is asked for, and the estate with those alone that it works on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def backup_asked(estate: Mapping[str, Any]) -> list[str]:
    """The tenants that are asked for, also those that cannot be backed up now."""
    listed = {database["tenant"] for databases in estate["backups"].values() for database in databases}
    return sorted(listed.union(estate["not_backed_up"]))


def backup_due(estate: Mapping[str, Any], due: Iterable[str]) -> dict[str, Any]:
    """The estate, whose `backups` and `not_backed_up` have the tenants `due` alone, and whose `drill_covers` name them.

    A drill reads a backup that is complete, so that backups do not wait for it: its lease is on a part of its own.
    """
    names = set(due)
    chosen = {
        group: [database for database in databases if database["tenant"] in names]
        for group, databases in estate["backups"].items()
    }
    return {
        **estate,
        "backups": {group: databases for group, databases in chosen.items() if databases},
        "not_backed_up": {name: why for name, why in estate["not_backed_up"].items() if name in names},
        "drill_covers": _covers("backup:drill", sorted(names)),
    }


def backup_checked(estate: Mapping[str, Any]) -> dict[str, Any]:
    """The estate, whose `backups` have each tenant that is asked for, and whose `check_covers` name them.

    Backups can be read where the database is gone or its server is off: such a tenant is checked by its home, or by
    the first group where none is known.
    """
    homes = {name: tenant["home"] for name, tenant in estate["tenants"].items()}
    listed = {group: [*databases] for group, databases in estate["backups"].items()}
    for name in sorted(estate["not_backed_up"]):
        listed.setdefault(homes.get(name) or _first_group(estate), []).append({"tenant": name})
    return {
        **estate,
        "backups": listed,
        "not_backed_up": {},
        "check_covers": _covers("backup:check", backup_asked(estate)),
    }


def backup_copied(estate: Mapping[str, Any], tenant: str | None) -> dict[str, Any]:
    """The estate, whose `backups` have the tenants that are copied, all in one group, as one host copies them.

    tenant: the only one; without it all that are known to have backups, also those that are not declared any more. A
    ledger that knows of none may be a new one, and then all are.
    """
    every = [one["tenant"] for one in estate["policies"]]
    known = [name for name in every if name in estate["known_backups"]]
    listed = [{"tenant": name} for name in ([tenant] if tenant else known or every)]
    return {**estate, "backups": {_first_group(estate): listed}, "not_backed_up": {}}


def _first_group(estate: Mapping[str, Any]) -> str:
    """The group whose host works where no home says which. Raises AnsibleFilterError where no group runs Odoo."""
    if not estate["groups"]:
        raise AnsibleFilterError(
            "no group of the inventory runs Odoo, and its hosts read and copy backups; name one in odoo_runtime_groups"
        )
    return str(min(estate["groups"]))


def _covers(part: str, names: Iterable[str]) -> list[str]:
    """What the lease of a playbook is on: the part of each tenant, or the part itself where nothing is due."""
    return [f"{part}:{name}" for name in names] or [part]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {
            "backup_asked": backup_asked,
            "backup_due": backup_due,
            "backup_checked": backup_checked,
            "backup_copied": backup_copied,
        }
