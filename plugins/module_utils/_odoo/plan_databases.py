# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the databases as found to the databases as declared: which steps, in which order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import BASE
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import Database, Desired, Server
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.names import unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_neutralize import refuse_lost, refuse_owner


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
    if want.sealed:
        return _template(server, want)
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


def templates(server: Server, declared: Sequence[Desired]) -> list[Desired]:
    """The templates that have to be made for the declared databases, each once, as databases to declare before them."""
    wants = {one.name: one for one in declared}
    missing = {made.name: (made, wants[name]) for name, made in server.templates.items() if not made.exists}
    return [
        Desired(
            name,
            config_user=want.config_user,
            addons=want.addons,
            language=want.language,
            demo=want.demo,
            extensions=want.extensions,
            sealed=template.kind,
        )
        for name, (template, want) in missing.items()
    ]


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
    if not left.ours:
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
    steps = _clear(server, want)
    if want.clone_from:
        made = _clone(server, want, owner, steps)
    elif want.name in server.templates:
        made = _from_template(server.templates[want.name].name, want, server.login, steps)
    else:
        made = _fresh(server, want, owner, steps)
    steps += [_step("extend", want, f"{one} is asked for", one) for one in _extensions(server, want, made)]
    steps += _content(want, made)
    if made.owner != owner:
        # last, for the owner may connect from then on
        steps.append(_step("change_owner", want, f"{owner} is to own the database", owner))
    steps += _access(replace(want, fenced=bool(want.fenced)), made)
    return [*steps, _step("publish", want, "the database is complete and gets its name")]


def _clear(server: Server, want: Desired) -> list[DatabaseStep]:
    """What is in the way of a database that is to be made."""
    steps = []
    if unfinished(want.name) in server.leftovers or unfinished(want.name) in server.filestores:
        steps.append(
            _discard(server, want)
            if unfinished(want.name) in server.leftovers
            else _step("discard", want, f"a filestore {unfinished(want.name)} was left by a run that did not end")
        )
    if want.name in server.filestores:
        steps.append(_step("trash_filestore", want, "a filestore of this name belongs to no database"))
    return steps


def _fresh(server: Server, want: Desired, owner: str, steps: list[DatabaseStep]) -> Database:
    """Add the steps of an initialisation, and return what it will be."""
    addons = sorted(want.addons)
    steps.append(_step("create", want, f"the database does not exist; owner is {owner}", owner))
    # an addon may need them to be installed
    bare = Database(want.name, owner)
    steps += [_step("extend", want, f"{one} is asked for", one) for one in _extensions(server, want, bare)]
    steps.append(_step("initialise", want, f"addons {', '.join(addons)}", *addons))
    return Database(want.name, owner, installed=want.addons, extensions=want.extensions)


def _template(server: Server, want: Desired) -> list[DatabaseStep]:
    steps = _clear(server, want)
    _fresh(server, want, want.config_user, steps)
    steps.append(_step("seal", want, "it is complete, and databases are made from it"))
    old = {other for one in server.templates.values() if one.name == want.name for other in one.superseded}
    return steps + [_step("drop_template", want, f"{other} is of other code", other) for other in sorted(old)]


def _from_template(template: str, want: Desired, login: str, steps: list[DatabaseStep]) -> Database:
    """Add the steps of a database that is made from a template, and return what it will be."""
    steps.append(_step("make_from_template", want, f"the database does not exist; {template} is what it is", template))
    steps.append(_step("renew_identity", want, "a copy is another database: new uuid, new secret, no address"))
    return Database(want.name, login, installed=want.addons, extensions=want.extensions)


def _clone(server: Server, want: Desired, owner: str, steps: list[DatabaseStep]) -> Database:
    """Add the steps of a copy, and return what it will be."""
    source = server.databases.get(want.clone_from)
    if source is None:
        raise InputError(f"clone_from: there is no database {want.clone_from} to make {want.name} from")
    _need_series(server, source)
    if want.neutralize:
        if server.addons is None:
            raise InputError(
                f"neutralize: the addons of {want.name} cannot be seen from this host, and each tells how it is made "
                "harmless; run this where the whole addons path is"
            )
        refuse_lost(source.name, source.installed - source.imported - server.addons)
        refuse_owner(want.name, owner, server.login)
    steps.append(_step("clone", want, f"the database does not exist; it is a copy of {source.name}", source.name))
    if owner != source.owner:
        steps.append(_step("change_owner", want, f"{source.owner} owns {source.name}, {owner} is to own this", owner))
    steps.append(_step("renew_identity", want, "a copy is another database: new uuid, new secret, no address"))
    made = Database(
        want.name, owner, fenced=True, installed=source.installed | want.addons, extensions=source.extensions
    )
    harmless = [_step("neutralize", want, "a copy must not send mail, run jobs or take payments")]
    steps += harmless if want.neutralize else []
    missing = sorted(want.addons - source.installed)
    if not missing:
        return made
    steps += [_step("extend", want, f"{one} is asked for", one) for one in _extensions(server, want, made)]
    steps.append(_step("open", want, "Odoo has to connect, to install what is missing"))
    steps.append(_step("initialise", want, f"not installed in {source.name}: {', '.join(missing)}", *missing))
    # what has just been installed may bring jobs of its own
    steps += harmless if want.neutralize else []
    return replace(made, fenced=want.neutralize, extensions=made.extensions | want.extensions)


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
    if want.neutralize and not found.neutralized:
        raise RefusedError(
            f"database {want.name} exists and was never neutralized: it may be in use, and is not made harmless in "
            "place; drop it first to have it made again as a copy"
        )
    missing = want.addons - found.installed
    if missing:
        _need_addons(server, want, missing)
        _need_series(server, found)
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
    steps += [_step("extend", want, f"{one} is asked for", one) for one in _extensions(server, want, found)]
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


def _extensions(server: Server, want: Desired, found: Database) -> list[str]:
    """Those that are asked for and are not there. Raises InputError for one that the server does not know."""
    unknown = sorted(want.extensions - server.extensions - found.extensions)
    if unknown:
        raise InputError(
            f"extensions: the server of {want.name} does not have {', '.join(unknown)}, or {server.login} may not "
            "create it there; install its package, or log in as a superuser"
        )
    return sorted(want.extensions - found.extensions)


def _need_series(server: Server, found: Database) -> None:
    if server.series and found.series and server.series != found.series:
        raise InputError(
            f"config: database {found.name} is of Odoo {found.series}, and the code of this instance is "
            f"{server.series}; use an instance of its own version"
        )


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
