# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tenants of a lost site are restored, in which order, and from which backup. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import PROVEN
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_playbook import listed_input
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration

# What each PostgreSQL server holds, by its name; None where it was not asked or did not answer.
Servers = Mapping[str, "Sequence[Mapping[str, Any]] | None"]


def asked(
    tenants: Mapping[str, Mapping[str, Any]],
    servers: Servers,
    tier: int | None,
    names: Sequence[str],
    given_up: Sequence[str] = (),
) -> dict[str, Any]:
    """The tenants that are asked for: those that are lost, in their order, and those that are there, with the server.

    tenants: all that are declared, in the order of declaration. given_up: servers whose databases are known to be lost.
    faults: a sentence for each fault of what is asked for.
    """
    there = {one["name"]: server for server, held in servers.items() for one in held or ()}
    wanted = [one for one in tenants.values() if (one["name"] in names if names else one["tier"] == tier)]
    ordered = [one["name"] for one in sorted(wanted, key=lambda one: int(one["tier"]))]
    lost = [name for name in ordered if name not in there]
    return {
        "lost": lost,
        "there": {name: there[name] for name in ordered if name in there},
        "faults": _faults(tenants, tier, names, ordered)
        or [
            *_silent(lost, servers, given_up),
            *(_unreached(tenants[name]) for name in lost if not tenants[name]["serves"]),
        ],
    }


def _silent(lost: Sequence[str], servers: Servers, given_up: Sequence[str]) -> list[str]:
    """Why it is not known that tenants are lost: a server that does not answer may hold them."""
    strange = sorted(set(given_up) - set(servers))
    if strange:
        return [
            f"recover_lost_servers names {', '.join(strange)}, which is no PostgreSQL server of the estate; those are "
            f"{', '.join(sorted(servers))}"
        ]
    silent = sorted(name for name, held in servers.items() if held is None and name not in given_up)
    if not (lost and silent):
        return []
    return [
        f"PostgreSQL on {', '.join(silent)} does not answer and may hold {', '.join(lost)}: start it, and run again; "
        "or, where its databases are lost for good, as on a new host, say so with "
        f"{listed_input('recover_lost_servers', silent)}"
    ]


def _unreached(tenant: Mapping[str, Any]) -> str:
    return (
        f"no user would reach {tenant['name']} on {tenant['home']}, as all its hosts are declared with odoo_drained "
        f"({', '.join(tenant['hosts'])}); take odoo_drained from one of them first"
    )


def _faults(tenants: Mapping[str, Any], tier: int | None, names: Sequence[str], found: Sequence[str]) -> list[str]:
    if bool(names) == bool(tier):
        return ["set either recover_tier or recover_tenants, which say what is restored"]
    unknown = [name for name in names if name not in tenants]
    if unknown:
        return [
            f"recover_tenants names {', '.join(unknown)}, which odoo_tenants does not declare; declared are "
            f"{', '.join(tenants) or 'none'}"
        ]
    return [] if found else [f"odoo_tenants declares no tenant of tier {tier}; name another tier"]


def parts(
    wanted: Mapping[str, Any], backups: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any], began: float
) -> dict[str, Any]:
    """The parts of the change with the facts of each, as the tasks that restore a tenant take them.

    wanted: as `asked` returns it. backups: as odoo_backup_info returns them. began: when the playbook did, in seconds
    since 1970. notes: what is done about each tenant. failures: why tenants are left out. faults: why nothing is begun.
    """
    found = [one for one in backups if one["backup"]]
    lacking = [f"no backup of {one['tenant']} can be restored: {one['error']}" for one in backups if not one["backup"]]
    budget = inputs["recover_failures"]
    made = {
        f"tenant:{one['tenant']}": {
            "tenant": one["tenant"],
            "backup": one["backup"],
            "rpo_s": one["age_s"],
            "existed": False,
            "was_open": False,
            "discard": False,
            "missing_files": "list" if inputs["recover_leave_out_files"] else "fail",
            "rolled_back": "accept" if inputs["recover_accept_older"] else "fail",
            "safety": "",
            "began": began,
            "budget": len(backups) if budget is None else budget,
        }
        for one in found
    }
    way_on = "restore the others with -e recover_leave_out=true, or name another repository or moment"
    return {
        "parts": made,
        "notes": [
            *(
                f"backup {one['backup']} of {one['snapshot_time']} is chosen for {one['tenant']}, which is "
                f"{duration(one['age_s'])} old; what was written since is lost"
                for one in found
            ),
            *(f"{name} has its database on {server} and is left alone" for name, server in wanted["there"].items()),
        ],
        "failures": lacking if inputs["recover_leave_out"] else [],
        "faults": [] if inputs["recover_leave_out"] or not lacking else [*lacking, way_on],
    }


def undeclared(
    listed: Sequence[Mapping[str, Any]], change: str, tenants: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[str]]:
    """What becomes of the parts of an interrupted recovery whose tenants are not declared any more.

    listed: the parts of all changes, as change_info returns them. tenants: those that are declared. closed: the parts
    of tenants of which nothing was restored, and notes: a sentence for each. faults: why nothing is begun.
    """
    mine = [
        one
        for one in listed
        if one["change"] == change and one["facts"].get("kind") == "recover" and one["state"] != PROVEN
        if one["facts"]["tenant"] not in tenants
    ]
    untouched = [one for one in mine if one["facts"].get("stage", "maintenance") == "maintenance"]
    return {
        "closed": [one["name"] for one in untouched],
        "notes": [
            f"{one['facts']['tenant']} is not declared any more, so that its part of {change} is closed and nothing of "
            "it is restored; declare it again and run gantry.odoo.recover to have it back"
            for one in untouched
        ],
        "faults": [
            f"{one['facts']['tenant']} is not declared any more, and {change} has restored its database; declare it as "
            "it was until the change is finished"
            for one in mine
            if one not in untouched
        ],
    }


def not_new(backups: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why tenants without a database do not get an empty one: a sentence for each that has backups, or may have.

    backups: as odoo_backup_info returns them.
    """
    return [
        f"tenant {one['tenant']} has no database on any server that answered, and {_held(one)}; restore it with "
        f"gantry.odoo.recover and recover_tenants: [{one['tenant']}], start the server that holds it, or name it in "
        "site_empty_tenants for an empty database"
        for one in backups
        if one["backups"] != 0
    ]


def _held(one: Mapping[str, Any]) -> str:
    if one["backups"] is None:
        return f"its backups cannot be read ({one['error']})"
    newest = f"the newest of {one['snapshot_time']}" if one["backup"] else f"none of which is fit: {one['error']}"
    return f"its repository holds backups ({one['backups']}, {newest})"
