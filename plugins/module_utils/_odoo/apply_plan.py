# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out a plan: the steps of one database in their order, several databases side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_code import Listed
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_access import block_database, open_database
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_build import Build
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_clone import Cloner
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_content import Content
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_lifecycle import Lifecycle
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_neutralize import Neutralizer
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_templates import Templates
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model import Desired
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.names import unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.plan_databases import DatabaseStep
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_neutralize import scripts_on_disk
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import explaining
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.run_odoo import Odoo

# What stands under the temporary name after one of these, or in the middle of it, is ours to remove.
_MAKES = {"create", "clone", "make_from_template"}


@dataclass
class Outcome:
    """What became of one database: the steps done, notes on them, their seconds, and the error that ended them."""

    done: list[DatabaseStep] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    duration_s: float = 0.0
    error: GantryError | None = None


@dataclass(frozen=True)
class Hands:
    """All that can change a server's databases and an instance's files."""

    lifecycle: Lifecycle
    content: Content
    cloner: Cloner
    templates: Templates
    neutralizer: Neutralizer


def hands_for(login: Login, data_dir: str, odoo: Odoo, listed: Mapping[str, Listed] | None) -> Hands:
    """The hands of one instance. listed: its addons on disk, None where they cannot be seen from here."""
    return Hands(
        Lifecycle(login, data_dir, odoo, listed),
        Content(login),
        Cloner(login, data_dir),
        Templates(login, data_dir),
        Neutralizer(lambda: scripts_on_disk(listed or {})),
    )


@dataclass(frozen=True)
class Job:
    """What is to be done to one database, and with whose hands. needs: the template that has to be made first."""

    hands: Hands
    want: Desired
    steps: Sequence[DatabaseStep]
    needs: str = ""


def apply(jobs: Sequence[Job], deadline: Deadline, parallel: int) -> dict[str, Outcome]:
    """Carry out the steps of each database, by name; one that fails does not stop the others.

    parallel: how many databases are worked on at a time.
    """
    done: dict[str, Outcome] = {}
    for batch in ([job for job in jobs if job.want.sealed], [job for job in jobs if not job.want.sealed]):
        lost = {job.want.name: done[job.needs] for job in batch if job.needs in done and done[job.needs].error}
        done.update({name: Outcome(error=_without(name, template)) for name, template in lost.items()})
        with ThreadPoolExecutor(max_workers=parallel) as pool:
            futures = {
                job.want.name: pool.submit(_database, job, deadline) for job in batch if job.want.name not in lost
            }
            done.update({name: future.result() for name, future in futures.items()})
    return done


def _without(name: str, template: Outcome) -> GantryError:
    return StateError(f"{name} was not made, since its template could not be: {template.error}")


def _database(job: Job, deadline: Deadline) -> Outcome:
    outcome = Outcome()
    started = time.monotonic()
    try:
        for step in job.steps:
            hand = _hand(job, step, _at(job.want, job.steps, outcome), deadline)
            with explaining(f"the step {step.action} of {job.want.name}", job.hands.lifecycle.login):
                note = hand()
            outcome.done.append(step)
            outcome.notes += [note] if note else []
    except OSError as error:
        outcome.error = StateError(f"the step {step.action} of {job.want.name} failed: {error}")
    except GantryError as error:
        outcome.error = error
    if outcome.error is not None:
        outcome.error = _undo(job, outcome.done, outcome.error)
    outcome.duration_s = round(time.monotonic() - started, 3)
    return outcome


def _at(want: Desired, steps: Sequence[DatabaseStep], outcome: Outcome) -> str:
    """The name under which the database is to be found at this moment."""
    waiting = {step.action for step in steps[len(outcome.done) :]}
    return unfinished(want.name) if {"publish", "seal"} & waiting else want.name


def _hand(job: Job, step: DatabaseStep, at: str, deadline: Deadline) -> Callable[[], str | None]:
    lifecycle, content, want = job.hands.lifecycle, job.hands.content, job.want
    cloner, templates = job.hands.cloner, job.hands.templates
    name, detail = want.name, step.detail
    hands: dict[str, Callable[[], str | None]] = {
        "create": lambda: lifecycle.create(name, detail[0], bool(want.sealed)),
        "make_from_template": lambda: templates.make(name, detail[0]),
        "seal": lambda: templates.seal(name, want.sealed),
        "drop_template": lambda: templates.drop(detail[0]),
        "clone": lambda: cloner.clone(name, detail[0], want.clone_cuts, want.clone_files, deadline),
        "neutralize": lambda: _neutralize(job),
        "extend": lambda: lifecycle.extend(at, detail[0]),
        "renew_identity": lambda: content.renew_identity(at),
        "initialise": lambda: lifecycle.initialise(name, detail, want.language, want.demo, deadline),
        "install": lambda: lifecycle.install(name, detail, deadline),
        "publish": lambda: lifecycle.publish(name),
        "discard": lambda: lifecycle.discard(name),
        "rename": lambda: lifecycle.rename(detail[0], name),
        "move_filestore": lambda: lifecycle.move_filestore(detail[0], name),
        "trash_filestore": lambda: lifecycle.trash_filestore(name),
        "drop": lambda: lifecycle.drop(name),
        "set_parameter": lambda: content.set_parameters(at, {detail[0]: dict(want.parameters)[detail[0]]}),
        "set_admin": lambda: content.set_admin(at, want.admin_login, want.admin_password),
        "change_owner": lambda: content.change_owner(at, detail[0]),
        "fence": lambda: block_database(lifecycle.login, at),
        "open": lambda: open_database(lifecycle.login, at),
    }
    return hands[step.action]


def _neutralize(job: Job) -> None:
    hands = job.hands.lifecycle
    job.hands.neutralizer.run(Build(hands.login, hands.data_dir, job.want.name))


def _undo(job: Job, done: Sequence[DatabaseStep], error: GantryError) -> GantryError:
    """Nothing half-made is left: an unfinished creation goes, a filestore in the trash comes back to its database."""
    actions = {step.action for step in done}
    try:
        with explaining(f"removing what was made of {job.want.name}", job.hands.lifecycle.login):
            if _MAKES & {step.action for step in job.steps[: len(done) + 1]} and not {"publish", "seal"} & actions:
                job.hands.lifecycle.discard(job.want.name)
            if job.steps[len(done)].action == "drop" and "trash_filestore" in actions:
                job.hands.lifecycle.restore_filestore(job.want.name)
    except (OSError, GantryError) as another:
        return StateError(f"{error}; and what was begun could not be undone: {another}".replace("\n", " "))
    return error
