# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the databases as found to the databases as declared: which steps, in which order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import BASE, Database, Desired, Server
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.names import unfinished


@dataclass(frozen=True)
class DatabaseStep(Step):
    """A step on one database. `target` is its name; `detail` says which parameter, addons or former name."""

    detail: tuple[str, ...] = ()


def plan(server: Server, declared: Sequence[Desired]) -> dict[str, list[DatabaseStep]]:
    """The steps for each declared database that needs any, by name.

    Raises InputError or RefusedError before any step of any database is returned.
    """
    planned = {one.name: list(_steps(server, one)) for one in declared}
    return {name: steps for name, steps in planned.items() if steps}


def _steps(server: Server, want: Desired) -> Iterable[DatabaseStep]:
    _refuse_foreign(server, want)
    if not want.present:
        return _drop(server, want)
    found = server.databases.get(want.name)
    if found is not None:
        if want.rename_from in server.databases:
            raise RefusedError(
                f"{want.rename_from} cannot be renamed to {want.name}: both databases exist, drop or rename one of them"
            )
        return _finish_filestore(server, want) + _settle(server, want, found)
    if want.rename_from:
        return _rename(server, want)
    return _create(server, want)


def _refuse_foreign(server: Server, want: Desired) -> None:
    for name in (want.name, want.rename_from, want.clone_from):
        found = server.databases.get(name)
        if found is not None and not found.odoo:
            raise RefusedError(
                f"database {name} is not Odoo's (it has no module table that can be read), so it is left alone"
            )


def _step(action: str, want: Desired, why: str, *detail: str) -> DatabaseStep:
    return DatabaseStep(action, want.name, why, detail)


# -- drop ------------------------------------------------------------------------------------------------------------


def _drop(server: Server, want: Desired) -> list[DatabaseStep]:
    steps = []
    exists = want.name in server.databases
    litter = want.name in server.filestores
    if exists and not want.may_drop:
        raise RefusedError(f"database {want.name} exists and is to be absent: give policy: drop to let it be dropped")
    if litter and want.may_drop:
        steps.append(_step("trash_filestore", want, "the database is to be absent; its files are kept in the trash"))
    if exists:
        steps.append(_step("drop", want, "the database is to be absent and policy is drop"))
    if unfinished(want.name) in server.leftovers:
        steps.append(_discard(server, want))
    return steps


def _discard(server: Server, want: Desired) -> DatabaseStep:
    left = server.leftovers[unfinished(want.name)]
    if not (left.ours or left.empty):
        raise RefusedError(
            f"database {left.name} is in the way and was not left by this module (its comment is another's): "
            "let its maker finish, or drop it by hand"
        )
    return _step("discard", want, f"{left.name} was left by a run that did not end")


# -- make ------------------------------------------------------------------------------------------------------------


def _create(server: Server, want: Desired) -> list[DatabaseStep]:
    owner = want.owner or want.config_user
    _need_owner(server, want, owner)
    if want.config_user and owner != want.config_user:
        raise InputError(
            f"owner: {want.name} would be owned by {owner}, and Odoo logs in as {want.config_user} by its "
            "configuration, so it could not fill it; use the configuration of that owner's instance"
        )
    if not server.creates:
        raise InputError(
            f"login_user: role {server.login} may not create databases, so not {want.name}: give it CREATEDB"
        )
    _need_addons(server, want, want.addons)
    steps = []
    if unfinished(want.name) in server.leftovers or unfinished(want.name) in server.filestores:
        steps.append(
            _discard(server, want)
            if unfinished(want.name) in server.leftovers
            else _step("discard", want, f"a filestore {unfinished(want.name)} was left by a run that did not end")
        )
    if want.name in server.filestores:
        steps.append(_step("trash_filestore", want, "a filestore of this name belongs to no database"))
    if want.clone_from:
        made = _clone(server, want, owner, steps)
    else:
        addons = sorted(want.addons)
        steps.append(_step("create", want, f"the database does not exist; owner is {owner}", owner))
        steps.append(_step("initialise", want, f"addons {', '.join(addons)}", *addons))
        made = Database(want.name, owner, installed=want.addons)
    steps += _content(want, made) + _access(want, made)
    return [*steps, _step("publish", want, "the database is complete and gets its name")]


def _clone(server: Server, want: Desired, owner: str, steps: list[DatabaseStep]) -> Database:
    """Add the steps of a copy, and return what it will be."""
    source = server.databases.get(want.clone_from)
    if source is None:
        raise InputError(f"clone_from: there is no database {want.clone_from} to make {want.name} from")
    steps.append(_step("clone", want, f"the database does not exist; it is a copy of {source.name}", source.name))
    if owner != source.owner:
        steps.append(_step("change_owner", want, f"{source.owner} owns {source.name}, {owner} is to own this", owner))
    steps.append(_step("renew_identity", want, "a copy is another database: new uuid, new secret, no address"))
    missing = sorted(want.addons - source.installed)
    if missing:
        steps.append(_step("initialise", want, f"not installed in {source.name}: {', '.join(missing)}", *missing))
    return Database(want.name, owner, installed=source.installed | want.addons)


def _rename(server: Server, want: Desired) -> list[DatabaseStep]:
    old = server.databases.get(want.rename_from)
    if old is None:
        raise InputError(
            f"rename_from: neither {want.rename_from} nor {want.name} exists, so there is nothing to rename"
        )
    steps = []
    if want.name in server.filestores:
        steps.append(_step("trash_filestore", want, "a filestore of this name belongs to no database"))
    steps.append(_step("rename", want, f"{want.rename_from} is to be called {want.name}", want.rename_from))
    return steps + _settle(server, want, replace(old, name=want.name))


def _finish_filestore(server: Server, want: Desired) -> list[DatabaseStep]:
    """The directory follows the database; a run that was killed between the two left it behind."""
    if want.name in server.filestores:
        return []
    candidates = [want.rename_from] if want.rename_from else []
    if unfinished(want.name) not in server.leftovers:
        candidates.append(unfinished(want.name))
    for former in candidates:
        if former in server.filestores and former not in server.databases:
            return [_step("move_filestore", want, f"the filestore is still called {former}", former)]
    return []


# -- settle ----------------------------------------------------------------------------------------------------------


def _settle(server: Server, want: Desired, found: Database) -> list[DatabaseStep]:
    steps = []
    missing = want.addons - found.installed
    if missing:
        _need_addons(server, want, missing)
    if found.fenced and want.fenced is False:
        steps += _access(want, found)
    if want.owner and want.owner != found.owner:
        _need_owner(server, want, want.owner)
        steps.append(_step("change_owner", want, f"{found.owner} owns it, {want.owner} is to", want.owner))
    if missing:
        if found.fenced and want.fenced is not False:
            raise RefusedError(
                f"database {want.name} lacks {', '.join(sorted(missing))} and is fenced, so Odoo cannot install: "
                "set access: open first"
            )
        steps.append(_step("install", want, f"not installed: {', '.join(sorted(missing))}", *sorted(missing)))
    steps += _content(want, found)
    if not found.fenced or want.fenced:
        steps += _access(want, found)
    return steps


def _content(want: Desired, found: Database) -> list[DatabaseStep]:
    steps = []
    there = dict(found.parameters)
    for key, value in want.parameters:
        if there.get(key) != value:
            why = f"{key} has another value" if key in there else f"{key} is not set"
            steps.append(_step("set_parameter", want, why, key))
    reasons = []
    if want.admin_login and want.admin_login != found.admin_login:
        reasons.append("the login is another")
    if want.admin_password and not found.admin_password_matches:
        reasons.append("the password is another")
    if reasons:
        steps.append(_step("set_admin", want, " and ".join(reasons)))
    return steps


def _access(want: Desired, found: Database) -> list[DatabaseStep]:
    if want.fenced is None or (want.fenced == found.fenced and not (want.fenced and found.lingering)):
        return []
    if want.fenced:
        why = "sessions outlived the fence" if found.fenced else "only the administrating role may connect"
        return [_step("fence", want, why)]
    return [_step("open", want, "the owner may connect again")]


def _need_owner(server: Server, want: Desired, owner: str) -> None:
    if not owner:
        raise InputError(f"owner: {want.name} needs an owner, and the configuration names no db_user")
    if owner not in server.roles:
        raise InputError(f"owner: role {owner}, to own {want.name}, does not exist on the server; create it first")
    if not server.roles[owner]:
        raise InputError(
            f"login_user: role {server.login} cannot act for {owner}, to own {want.name}: grant it membership"
        )


def _need_addons(server: Server, want: Desired, addons: Iterable[str]) -> None:
    if server.addons is None:
        return
    unknown = sorted(set(addons) - server.addons - {BASE})
    if unknown:
        raise InputError(f"addons: {', '.join(unknown)} for {want.name} is in no directory of the addons path")


# -- prediction ------------------------------------------------------------------------------------------------------


def predict(server: Server, declared: Sequence[Desired], planned: dict[str, list[DatabaseStep]]) -> Server:
    """The server after the steps, as check mode reports it."""
    wants = {one.name: one for one in declared}
    for name, steps in planned.items():
        for step in steps:
            server = _after(server, wants[name], step)
    return server


def _after(server: Server, want: Desired, step: DatabaseStep) -> Server:
    databases, leftovers, filestores = dict(server.databases), dict(server.leftovers), set(server.filestores)
    name = want.name
    if step.action == "drop":
        del databases[name]
    elif step.action == "discard":
        leftovers.pop(unfinished(name), None)
        filestores.discard(unfinished(name))
    elif step.action == "trash_filestore":
        filestores.discard(name)
    elif step.action == "create":
        databases[name] = Database(name, step.detail[0])
    elif step.action == "clone":
        source = databases[step.detail[0]]
        databases[name] = Database(name, source.owner, installed=source.installed)
    elif step.action in ("rename", "move_filestore"):
        if step.action == "rename":
            databases[name] = replace(databases.pop(step.detail[0]), name=name)
        if step.detail[0] in filestores:
            filestores = (filestores - {step.detail[0]}) | {name}
    elif step.action not in ("publish", "renew_identity"):
        databases[name] = _changed(databases[name], want, step)
    return replace(server, databases=databases, leftovers=leftovers, filestores=frozenset(filestores))


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
