# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan leads to, and how it is shown: check mode and a real run tell the same. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import Database, Desired, Server
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.names import unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_databases import DatabaseStep

# Steps that change nothing of what a plan looks at.
_UNSEEN = ("publish", "renew_identity")
_MAKING = ("create", "clone", "make_from_template")
_MOVING = ("rename", "move_filestore")


def predict(server: Server, declared: Sequence[Desired], planned: dict[str, list[DatabaseStep]]) -> Server:
    """The server after the steps, as check mode reports it."""
    wants = {one.name: one for one in declared}
    for name, steps in planned.items():
        for step in steps:
            server = _after(server, wants[name], step)
    return server


def _after(server: Server, want: Desired, step: DatabaseStep) -> Server:
    if want.sealed:
        # a template is nothing that is declared
        return server
    databases, leftovers, filestores = dict(server.databases), dict(server.leftovers), set(server.filestores)
    name = want.name
    if step.action == "drop":
        del databases[name]
    elif step.action == "discard":
        leftovers.pop(unfinished(name), None)
        filestores.discard(unfinished(name))
    elif step.action == "trash_filestore":
        filestores.discard(name)
    elif step.action in _MOVING:
        databases, filestores = _moved(databases, filestores, name, step)
    elif step.action in _MAKING:
        databases[name] = _made(server, want, step)
    elif step.action not in _UNSEEN:
        databases[name] = _changed(databases[name], want, step)
    return replace(server, databases=databases, leftovers=leftovers, filestores=frozenset(filestores))


def _moved(
    databases: dict[str, Database], filestores: set[str], name: str, step: DatabaseStep
) -> tuple[dict[str, Database], set[str]]:
    former = step.detail[0]
    if step.action == "rename":
        databases = {**databases, name: replace(databases[former], name=name)}
        del databases[former]
    return databases, (filestores - {former}) | {name} if former in filestores else filestores


def _made(server: Server, want: Desired, step: DatabaseStep) -> Database:
    if step.action == "clone":
        source = server.databases[step.detail[0]]
        return Database(want.name, source.owner, fenced=True, installed=source.installed, extensions=source.extensions)
    if step.action == "make_from_template":
        return Database(want.name, server.login, installed=want.addons, extensions=want.extensions)
    return Database(want.name, step.detail[0])


def _changed(found: Database, want: Desired, step: DatabaseStep) -> Database:
    if step.action in ("initialise", "install"):
        return replace(found, installed=found.installed | set(step.detail))
    if step.action == "set_parameter":
        values = {**dict(found.parameters), step.detail[0]: dict(want.parameters)[step.detail[0]]}
        return replace(found, parameters=tuple(sorted(values.items())))
    if step.action == "set_admin":
        return replace(
            found,
            admin_login=want.admin_login or found.admin_login,
            admin_password_matches=found.admin_password_matches or bool(want.admin_password),
        )
    if step.action == "extend":
        return replace(found, extensions=found.extensions | set(step.detail))
    if step.action == "neutralize":
        return replace(found, neutralized=True, fenced=True)
    if step.action == "change_owner":
        return replace(found, owner=step.detail[0])
    return replace(found, fenced=step.action == "fence", lingering=False)


def view(server: Server, declared: Sequence[Desired]) -> dict[str, object]:
    """The declared databases as a diff shows them; no value of a parameter that may be a secret, no password."""
    return {one.name: _view(server.databases.get(one.name), one) for one in declared} | {
        one.rename_from: "present" for one in declared if one.rename_from in server.databases
    }


def _view(found: Database | None, want: Desired) -> object:
    if found is None:
        return "absent"
    if not want.present:
        return "present"
    there = dict(found.parameters)
    seen: dict[str, object] = {
        "owner": found.owner,
        "access": _access_words(found),
        "addons": sorted(found.installed & want.addons),
        **({"extensions": sorted(found.extensions & want.extensions)} if want.extensions else {}),
        **({"neutralized": found.neutralized} if want.neutralize else {}),
        "parameters": {key: _shown(key, there.get(key), value) for key, value in want.parameters},
    }
    if want.admin_login:
        seen["admin_login"] = found.admin_login
    if want.admin_password:
        seen["admin_password"] = "as declared" if found.admin_password_matches else "another"
    return seen


def _access_words(found: Database) -> str:
    if not found.fenced:
        return "open"
    return "fenced, with sessions" if found.lingering else "fenced"


def _shown(key: str, value: str | None, wanted: str) -> str | None:
    if value is None or key.startswith("web.base.url"):
        return value
    # a parameter may hold a key of some service: only whether it is right is shown
    return "as declared" if value == wanted else "another"
