# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan leads to: check mode and a real run report the same. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import Database, Desired, Server
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_steps import (
    Block,
    ChangeOwner,
    Clone,
    ContentStep,
    Create,
    Discard,
    Drop,
    Extend,
    Install,
    Make,
    MakeFromTemplate,
    MoveFilestore,
    Neutralize,
    Open,
    Publish,
    RecycleFilestore,
    Rename,
    SetAdmin,
    SetHome,
    SetParameter,
)


def predict(server: Server, declared: Sequence[Desired], planned: Mapping[str, Sequence[Step]]) -> Server:
    """The server after the steps, as check mode reports it."""
    for want in declared:
        # a template is nothing that is declared
        for step in () if want.sealed else planned.get(want.name, ()):
            server = _after(server, want, step)
    return server


def _after(server: Server, want: Desired, step: Step) -> Server:
    databases, leftovers, filestores = dict(server.databases), dict(server.leftovers), set(server.filestores)
    name = want.name
    if isinstance(step, Drop):
        del databases[name]
    elif isinstance(step, Discard):
        leftovers.pop(unfinished(name), None)
        filestores.discard(unfinished(name))
    elif isinstance(step, RecycleFilestore):
        filestores.discard(name)
    elif isinstance(step, (Rename, MoveFilestore)):
        if isinstance(step, Rename):
            databases[name] = replace(databases.pop(step.former), name=name)
        if step.former in filestores:
            filestores = (filestores - {step.former}) | {name}
    elif isinstance(step, Make):
        databases[name] = _MADE[type(step)](server, want, step)
    elif isinstance(step, ContentStep):
        databases[name] = _changed(databases[name], step)
    elif isinstance(step, Publish):
        databases[name] = replace(databases[name], home=step.home)
    return replace(server, databases=databases, leftovers=leftovers, filestores=frozenset(filestores))


def _created(_server: Server, want: Desired, step: Create) -> Database:
    return Database(want.name, step.owner)


def _cloned(server: Server, want: Desired, step: Clone) -> Database:
    source = server.databases[step.source]
    return Database(want.name, source.owner, blocked=True, installed=source.installed, extensions=source.extensions)


def _copied(server: Server, want: Desired, _step: MakeFromTemplate) -> Database:
    return Database(want.name, server.login, installed=want.addons, extensions=want.extensions)


_MADE: Mapping[type, Callable[[Server, Desired, Any], Database]] = {
    Create: _created,
    Clone: _cloned,
    MakeFromTemplate: _copied,
}


def _changed(found: Database, step: ContentStep) -> Database:
    if isinstance(step, Install):
        return replace(found, installed=found.installed | set(step.addons))
    if isinstance(step, SetParameter):
        return replace(found, parameters=tuple(sorted({**dict(found.parameters), step.key: step.value}.items())))
    if isinstance(step, SetAdmin):
        return replace(
            found,
            admin_login=step.login or found.admin_login,
            admin_password_matches=found.admin_password_matches or bool(step.password),
        )
    if isinstance(step, Extend):
        return replace(found, extensions=found.extensions | {step.extension})
    if isinstance(step, Neutralize):
        return replace(found, neutralized=True, blocked=True)
    if isinstance(step, ChangeOwner):
        return replace(found, owner=step.owner)
    if isinstance(step, SetHome):
        return replace(found, home=step.home)
    if isinstance(step, Block):
        return replace(found, blocked=True, admits=False, lingering=False)
    if isinstance(step, Open):
        return replace(found, blocked=False, admits=False, lingering=False, home=step.home or found.home)
    # a new identity is nothing that a plan looks at
    return found
