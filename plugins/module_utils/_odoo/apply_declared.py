# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the databases of one server what is declared: read, plan and, outside check mode, carry out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_code import Listed, languages, visible
from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_image import files_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.module import Call, Outcome
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import filestore_path
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import require_movable
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import (
    Database,
    Desired,
    Server,
    desired_from,
    require_distinct,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_config import OdooConfig
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_steps import (
    Clone,
    Drop,
    Install,
    Rename,
    WriteStep,
    moved,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_databases import (
    plan,
    refuse_languages,
    split_readable,
    templates,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_prediction import predict
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_config import read_config
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_server import read_server
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.report_databases import summary, view
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.locks import LostLockError, attempt, hold
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_odoo import Odoo

if TYPE_CHECKING:
    from ansible_collections.gantry.odoo.plugins.module_utils._odoo import apply_plan

# the tier whose databases are dropped only when they are backed up
PROVEN_TIER = 1
# Called with a tier and the databases of it that the plan drops; raises where one may not be.
Permit = Callable[[int, Sequence[Database]], None]


@dataclass(frozen=True)
class Request:
    """What a call asks for. declared: the options of each database, by the path of its instance's configuration.

    cached: new databases are made from templates. parallel: how many are worked on at a time. restore_user: what
    pg_restore logs in as. write_user: what writes in databases. Times are in seconds.
    """

    login: Login
    declared: Mapping[str, Sequence[Mapping[str, Any]]]
    odoo_command: tuple[str, ...]
    odoo_user: str
    cached: bool
    parallel: int
    restore_user: str
    write_user: str
    timeout_s: float
    lock_timeout_s: float


@dataclass(frozen=True)
class Part:
    """The databases of a call that one instance serves: as declared, as found, and what is to be done.

    listed: the addons on disk. declared: without the databases that could not be read, for which `unread` has why.
    wants: what is declared, and the templates that have to be made for it.
    """

    config: OdooConfig
    listed: Mapping[str, Listed] | None
    declared: Sequence[Desired]
    unread: Sequence[str]
    before: Server
    wants: Sequence[Desired]
    planned: Mapping[str, Sequence[Step]]

    @property
    def steps(self) -> list[Step]:
        """All steps of the plan."""
        return [step for steps in self.planned.values() for step in steps]


@dataclass(frozen=True)
class Names:
    """Databases that a run works on, and those that it only copies, which others may copy meanwhile as well."""

    exclusive: frozenset[str]
    shared: frozenset[str]

    def __sub__(self, other: Names) -> Names:
        return Names(self.exclusive - other.exclusive, self.shared - other.shared - other.exclusive)

    def __bool__(self) -> bool:
        return bool(self.exclusive | self.shared)


def converge(request: Request, call: Call, permit: Permit) -> Outcome:
    """Read, plan and, outside check mode, carry out."""
    outcomes: dict[str, apply_plan.Outcome] = {}
    parts: list[Part] = []
    lost = []
    wanted = _declared_names(request)
    alone = nullcontext(False) if call.check_mode else attempt(request.login, wanted.exclusive, wanted.shared)
    try:
        with alone as held:
            parts = _read(request, permit)
            if any(part.planned for part in parts) and not call.check_mode:
                # what this run does not hold yet: everything while another works on it, and the templates
                missing = _planned_names(parts) - (wanted if held else Names(frozenset(), frozenset()))
                with _held(request, missing):
                    # another run may have ended while this one waited
                    parts = _read(request, permit) if missing else parts
                    outcomes = _carry_out(request, parts, call.warn)
    except LostLockError as error:
        # what was done, and why it failed, is told all the same
        lost.append(str(error))
    for note in (note for outcome in outcomes.values() for note in outcome.notes):
        call.warn(note)
    failed = [str(outcome.error) for outcome in outcomes.values() if outcome.error]
    failed += [error for part in parts for error in part.unread] + lost
    if failed:
        planned = [step for part in parts for step in part.steps] if call.check_mode else []
        done = [step for outcome in outcomes.values() for step in outcome.done]
        return Outcome([*planned, *done], failure="; ".join(failed))
    return _outcome(parts, {name: outcome.duration_s for name, outcome in outcomes.items()})


def _declared_names(request: Request) -> Names:
    items = [item for listed in request.declared.values() for item in listed]
    own = frozenset(name for item in items for name in (item["name"], item["rename_from"]) if name)
    return Names(own, frozenset(item["clone_from"] for item in items if item["clone_from"]) - own)


def _planned_names(parts: Iterable[Part]) -> Names:
    steps = [step for part in parts for step in part.steps]
    own = {step.target for step in steps} | {step.former for step in steps if isinstance(step, Rename)}
    return Names(frozenset(own), frozenset(step.source for step in steps if isinstance(step, Clone)) - own)


def _held(request: Request, names: Names) -> Any:
    if not names:
        return nullcontext()
    return hold(request.login, names.exclusive, request.lock_timeout_s, names.shared)


def _read(request: Request, permit: Permit) -> list[Part]:
    """Read what is there and plan, instance by instance."""
    declared = []
    for path, items in request.declared.items():
        config = read_config(path, request.odoo_user)
        declared.append((config, desired_from(items, config.db_user, request.cached)))
    require_distinct([one for _config, wants in declared for one in wants])
    parts: list[Part] = []
    for config, wants in declared:
        addons = visible(config.addons_path, files_of(_odoo(request, config)))
        if addons and any(want.language for want in wants):
            refuse_languages(wants, languages(addons))
        before = read_server(request.login, config, wants, addons)
        readable, unread = split_readable(before, wants)
        # one template serves all instances
        planned = {name for part in parts for name in part.planned}
        everything = [*(one for one in templates(before, readable) if one.name not in planned), *readable]
        part = Part(config, addons, readable, unread, before, everything, plan(before, everything))
        for name in moved(part.steps):
            require_movable(filestore_path(config.data_dir, name))
        if any(isinstance(step, Install) for step in part.steps):
            _odoo(request, config).require()
        parts.append(part)
    given_up = [database for part in parts for database in _given_up(part)]
    if given_up:
        permit(PROVEN_TIER, given_up)
    return parts


def _given_up(part: Part) -> list[Database]:
    tiers = {one.name: one.tier for one in part.declared}
    dropped = [part.before.databases[step.target] for step in part.steps if isinstance(step, Drop)]
    # of one that an interrupted DROP left there is nothing to lose
    return [database for database in dropped if tiers[database.name] == PROVEN_TIER and not database.broken]


def _odoo(request: Request, config: OdooConfig) -> Odoo:
    return Odoo(request.odoo_command, request.odoo_user, config.path, request.login.ca_cert)


def _carry_out(request: Request, parts: Sequence[Part], warn: Callable[[str], None]) -> dict[str, apply_plan.Outcome]:
    # the hands are half of the code, and most calls find nothing to do
    from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_plan import Instance, Job, apply
    from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_write import Writer

    writer = Writer(request.login, request.write_user, request.lock_timeout_s, warn)
    if any(isinstance(step, (Install, WriteStep)) for part in parts for step in part.steps):
        writer.require()
    jobs = []
    for part in parts:
        odoo = _odoo(request, part.config)
        instance = Instance(writer, part.config.data_dir, odoo, part.listed, request.restore_user)
        made_from = {name: template.name for name, template in part.before.templates.items()}
        jobs += [Job(instance, name, steps, made_from.get(name, "")) for name, steps in part.planned.items()]
    return apply(jobs, Deadline(request.timeout_s), request.parallel)


def _outcome(parts: Sequence[Part], durations: Mapping[str, float]) -> Outcome:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    databases: dict[str, Any] = {}
    for part in parts:
        reached = predict(part.before, part.wants, part.planned)
        before.update(view(part.before, part.declared))
        after.update(view(reached, part.declared))
        databases.update(summary(reached, part.declared, durations))
    return Outcome([step for part in parts for step in part.steps], before, after, {"databases": databases})
