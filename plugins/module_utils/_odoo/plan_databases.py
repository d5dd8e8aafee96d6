# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the databases as found to the databases as declared: which steps, in which order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace

from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import BASE
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import Database, Desired, Server
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_steps import (
    Block,
    ChangeOwner,
    Clone,
    Create,
    Discard,
    Drop,
    DropTemplate,
    Extend,
    Install,
    MakeFromTemplate,
    MoveFilestore,
    Neutralize,
    Open,
    Publish,
    RecycleFilestore,
    Rename,
    RenewIdentity,
    Seal,
    SetAdmin,
    SetHome,
    SetParameter,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_neutralize import refuse_lost, refuse_owner
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import refuse_overtaken

_ORPHAN = "a filestore of this name belongs to no database"


def plan(server: Server, declared: Sequence[Desired]) -> dict[str, list[Step]]:
    """The steps for each declared database that needs any, by name.

    Raises InputError or RefusedError before any step of any database is returned.
    """
    planned = {one.name: list(_steps(server, one)) for one in declared}
    return {name: steps for name, steps in planned.items() if steps}


def split_readable(server: Server, declared: Sequence[Desired]) -> tuple[list[Desired], list[str]]:
    """The declared databases that a plan can be made for, and why the others could not be read, each sentence once."""
    wanted = {one.name: [one.name, one.rename_from, one.clone_from] for one in declared}
    reasons = [server.errors[name] for names in wanted.values() for name in names if name in server.errors]
    return [one for one in declared if not server.errors.keys() & set(wanted[one.name])], list(dict.fromkeys(reasons))


def refuse_languages(declared: Sequence[Desired], known: Set[str]) -> None:
    """Raise InputError for a language that Odoo would make up without any translation. known: empty where none is."""
    for language in sorted({want.language for want in declared if want.language} - known if known else ()):
        near = sorted(code for code in known if code[:2] == language[:2])
        raise InputError(
            f"language: {language} is not in Odoo's list of languages; give one of {', '.join(near or sorted(known))}"
        )


def _steps(server: Server, want: Desired) -> Iterable[Step]:
    if want.sealed:
        return _template(server, want)
    _refuse_foreign(server, want)
    _refuse_overtaken(server, want)
    if not want.present:
        return _drop(server, want)
    _refuse_closed(server, want)
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


def _refuse_overtaken(server: Server, want: Desired) -> None:
    for name in (want.name, want.rename_from):
        found = server.databases.get(name)
        refuse_overtaken(name, found.home if found else None, want.fencing_number)


def _refuse_closed(server: Server, want: Desired) -> None:
    for name in (want.name, want.rename_from, want.clone_from):
        found = server.databases.get(name)
        if found is not None and found.broken:
            raise RefusedError(
                f"database {name} was left by a DROP DATABASE that was interrupted, and is lost: remove it with "
                "state: absent and policy: drop, then create or restore it"
            )
        if found is not None and found.closed:
            raise RefusedError(
                f"database {name} accepts no connections (datallowconn is false): let its administrator open it with "
                "ALTER DATABASE, or drop it with state: absent and policy: drop"
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


# -- drop ------------------------------------------------------------------------------------------------------------


def _drop(server: Server, want: Desired) -> list[Step]:
    steps: list[Step] = []
    exists = want.name in server.databases
    litter = want.name in server.filestores
    if exists and not want.may_drop:
        raise RefusedError(f"database {want.name} exists and is to be absent: give policy: drop to let it be dropped")
    if litter and want.may_drop:
        why = "the database is to be absent; its files are kept in the recycle directory"
        steps.append(RecycleFilestore("recycle_filestore", want.name, why))
    if exists:
        steps.append(Drop("drop", want.name, "the database is to be absent and policy is drop"))
    if unfinished(want.name) in server.leftovers:
        steps.append(_discard(server, want))
    return steps


def _discard(server: Server, want: Desired) -> Step:
    left = server.leftovers[unfinished(want.name)]
    if not left.ours:
        raise RefusedError(
            f"database {left.name} is in the way and was not left by this module (its comment is another's): "
            "let its maker finish, or drop it by hand"
        )
    return Discard("discard", want.name, f"{left.name} was left by a run that did not end")


# -- make ------------------------------------------------------------------------------------------------------------


def _create(server: Server, want: Desired) -> list[Step]:
    if not want.create:
        raise StateError(f"database {want.name} does not exist, and create is false; see where it is now")
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
    steps, at = _clear(server, want), unfinished(want.name)
    if want.clone_from:
        made = _clone(server, want, owner, steps)
    elif want.name in server.templates:
        made = _from_template(server.templates[want.name].name, want, server.login, steps)
    else:
        made = _fresh(server, want, owner, steps)
    steps += _extend(server, want, made, at)
    steps += _content(want, made, at)
    if made.owner != owner:
        # last, for the owner may connect from then on
        steps.append(ChangeOwner("change_owner", want.name, f"{owner} is to own the database", at, owner))
    steps += _access(replace(want, blocked=bool(want.blocked), cron_timeout=None, home=None), made, at)
    return [*steps, Publish("publish", want.name, "the database is complete and gets its name", want.home)]


def _clear(server: Server, want: Desired) -> list[Step]:
    """What is in the way of a database that is to be made."""
    steps: list[Step] = []
    if unfinished(want.name) in server.leftovers:
        steps.append(_discard(server, want))
    elif unfinished(want.name) in server.filestores:
        why = f"a filestore {unfinished(want.name)} was left by a run that did not end"
        steps.append(Discard("discard", want.name, why))
    if want.name in server.filestores:
        steps.append(RecycleFilestore("recycle_filestore", want.name, _ORPHAN))
    return steps


def _fresh(server: Server, want: Desired, owner: str, steps: list[Step]) -> Database:
    """Add the steps of an initialization, and return what it will be."""
    addons, at = tuple(sorted(want.addons)), unfinished(want.name)
    why = f"the database does not exist; owner is {owner}"
    # a template's extensions would bind the role that it is made with for as long as it is there
    steps.append(Create("create", want.name, why, owner, own_extensions=bool(want.sealed)))
    # an addon may need them to be installed
    bare = Database(want.name, owner)
    steps += _extend(server, want, bare, at)
    steps.append(Install("initialize", want.name, f"addons {', '.join(addons)}", at, addons, want.language, want.demo))
    return Database(want.name, owner, installed=want.addons, extensions=want.extensions)


def _template(server: Server, want: Desired) -> list[Step]:
    steps = _clear(server, want)
    _fresh(server, want, want.config_user, steps)
    steps.append(Seal("seal", want.name, "it is complete, and databases are made from it", want.sealed))
    old = {other for one in server.templates.values() if one.name == want.name for other in one.superseded}
    return steps + [
        DropTemplate("drop_template", want.name, f"{other} is of other code", other) for other in sorted(old)
    ]


def _from_template(template: str, want: Desired, login: str, steps: list[Step]) -> Database:
    """Add the steps of a database that is made from a template, and return what it will be."""
    why = f"the database does not exist; {template} is what it is"
    steps.append(MakeFromTemplate("make_from_template", want.name, why, template))
    steps.append(replace(_renewed(want), due_from_now=True))
    return Database(want.name, login, installed=want.addons, extensions=want.extensions)


def _clone(server: Server, want: Desired, owner: str, steps: list[Step]) -> Database:
    """Add the steps of a copy, and return what it will be."""
    source = server.databases.get(want.clone_from)
    if source is None:
        raise InputError(f"clone_from: there is no database {want.clone_from} to make {want.name} from")
    _need_series(server, source)
    if want.neutralize:
        if server.addons is None:
            raise InputError(
                f"neutralize: the addons of {want.name} cannot be seen from this host, and each declares how it is "
                "made harmless; run this where the whole addons path is"
            )
        refuse_lost(source.name, source.installed - source.imported - server.addons)
        refuse_owner(want.name, owner, server.login)
    at, why = unfinished(want.name), f"the database does not exist; it is a copy of {source.name}"
    steps.append(Clone("clone", want.name, why, source.name, want.clone_cuts, want.clone_files))
    if owner != source.owner:
        why = f"{source.owner} owns {source.name}, {owner} is to own this"
        steps.append(ChangeOwner("change_owner", want.name, why, at, owner))
    steps.append(_renewed(want))
    made = Database(
        want.name, owner, blocked=True, installed=source.installed | want.addons, extensions=source.extensions
    )
    harmless = Neutralize("neutralize", want.name, "a copy must not send mail, run jobs or take payments", at)
    steps += [harmless] if want.neutralize else []
    missing = sorted(want.addons - source.installed)
    if not missing:
        return made
    steps += _extend(server, want, made, at)
    steps.append(Open("open", want.name, "Odoo has to connect, to install what is missing", at))
    why = f"not installed in {source.name}: {', '.join(missing)}"
    steps.append(Install("initialize", want.name, why, at, tuple(missing), want.language, want.demo))
    # what has just been installed may bring jobs of its own
    steps += [harmless] if want.neutralize else []
    return replace(made, blocked=want.neutralize, extensions=made.extensions | want.extensions)


def _rename(server: Server, want: Desired) -> list[Step]:
    old = server.databases.get(want.rename_from)
    if old is None:
        raise InputError(
            f"rename_from: neither {want.rename_from} nor {want.name} exists, so there is nothing to rename"
        )
    steps: list[Step] = []
    if want.name in server.filestores:
        steps.append(RecycleFilestore("recycle_filestore", want.name, _ORPHAN))
    steps.append(Rename("rename", want.name, f"{want.rename_from} is to be called {want.name}", want.rename_from))
    return steps + _settle(server, want, replace(old, name=want.name))


def _finish_filestore(server: Server, want: Desired) -> list[Step]:
    """The directory follows the database; a run that was killed between the two left it behind."""
    if want.name in server.filestores:
        return []
    candidates = [want.rename_from] if want.rename_from else []
    if unfinished(want.name) not in server.leftovers:
        candidates.append(unfinished(want.name))
    for former in candidates:
        if former in server.filestores and former not in server.databases:
            return [MoveFilestore("move_filestore", want.name, f"the filestore is still called {former}", former)]
    return []


# -- settle ----------------------------------------------------------------------------------------------------------


def _settle(server: Server, want: Desired, found: Database) -> list[Step]:
    steps: list[Step] = []
    _refuse_home(want, found)
    if want.neutralize and not found.neutralized:
        raise RefusedError(
            f"database {want.name} exists and was never neutralized: it may be in use, and is not made harmless in "
            "place; drop it first to have it made again as a copy"
        )
    missing = want.addons - found.installed
    if missing:
        _need_addons(server, want, missing)
        _need_series(server, found)
    if found.blocked and want.blocked is False:
        steps += _access(want, found, want.name)
    if want.owner and want.owner != found.owner:
        _need_owner(server, want, want.owner)
        why = f"{found.owner} owns it, {want.owner} is to"
        steps.append(ChangeOwner("change_owner", want.name, why, want.name, want.owner))
    if missing:
        if found.blocked and want.blocked is not False:
            raise RefusedError(
                f"database {want.name} lacks {', '.join(sorted(missing))} and is blocked, so Odoo cannot install: "
                "set access: open first"
            )
        why = f"not installed: {', '.join(sorted(missing))}"
        steps.append(Install("install", want.name, why, want.name, tuple(sorted(missing))))
    steps += _extend(server, want, found, want.name)
    steps += _content(want, found, want.name)
    if not found.blocked or want.blocked:
        steps += _access(want, found, want.name)
    if want.home and want.home != found.home and not any(isinstance(step, Open) for step in steps):
        steps.append(SetHome("set_home", want.name, f"it is {want.home}", want.name, want.home))
    return steps


def _refuse_home(want: Desired, found: Database) -> None:
    """Raise RefusedError where the database is a later home than it is to be: it must not be taken for an older one."""
    if want.home is None or found.home is None or found.home == want.home:
        return
    if found.home.number >= want.home.number:
        raise RefusedError(
            f"home: database {found.name} is {found.home}, and a number only rises, so it does not become {want.home}; "
            "use the number of a change that was opened since"
        )


def _content(want: Desired, found: Database, at: str) -> list[Step]:
    steps: list[Step] = []
    there = dict(found.parameters)
    for key, value in want.parameters:
        if there.get(key) != value:
            why = f"{key} has another value" if key in there else f"{key} is not set"
            steps.append(SetParameter("set_parameter", want.name, why, at, key, value))
    reasons = []
    if want.admin_login and want.admin_login != found.admin_login:
        reasons.append("the login is another")
    if want.admin_password and not found.admin_password_matches:
        reasons.append("the password is another")
    if reasons:
        why = " and ".join(reasons)
        steps.append(SetAdmin("set_admin", want.name, why, at, want.admin_login, want.admin_password))
    return steps


def _access(want: Desired, found: Database, at: str) -> list[Step]:
    if want.blocked is None or (want.blocked == found.blocked and not (want.blocked and found.leaks)):
        return []
    if want.blocked:
        why = "only the administrating role may connect"
        if found.blocked:
            why = "others than the owner may connect" if found.admits else "sessions outlived the blocking"
        return [Block("block", want.name, why, at, want.cron_timeout)]
    again = f"the owner may connect again{f', and it is {want.home}' if want.home else ''}"
    return [Open("open", want.name, again, at, want.home)]


def _extend(server: Server, want: Desired, found: Database, at: str) -> list[Step]:
    return [Extend("extend", want.name, f"{one} is asked for", at, one) for one in _extensions(server, want, found)]


def _renewed(want: Desired) -> RenewIdentity:
    why = "a copy is another database: new uuid, secret and address"
    return RenewIdentity("renew_identity", want.name, why, unfinished(want.name))


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
