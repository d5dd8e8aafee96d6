# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out a plan: the steps of one database in their order, several databases side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import groupby

from ansible_collections.gantry.odoo.plugins.module_utils._addons.read_code import Listed
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Hands, Step, carry_out
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.apply_move import recycle, restore_recycled
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_access import (
    block_database,
    open_database,
    set_home,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_build import Build
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_clone import Cloner
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_content import Content
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_crons import drained
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_install import Installer
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_lifecycle import Lifecycle
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_neutralize import Neutralizer
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_templates import Templates
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_steps import (
    Block,
    ChangeOwner,
    Clone,
    Complete,
    Create,
    Discard,
    Drop,
    DropTemplate,
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
    RenewIdentity,
    Seal,
    SetAdmin,
    SetHome,
    SetParameter,
    WriteStep,
)
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.read_neutralize import scripts_on_disk
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import drop_database
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_owner import change_owner
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_write import Writer, Writing
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, explaining
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model_home import with_home
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_odoo import Odoo


@dataclass
class Outcome:
    """What became of one database: the steps done, notes on them, their seconds, and the error that ended them."""

    done: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    duration_s: float = 0.0
    error: GantryError | None = None


@dataclass(frozen=True)
class Instance:
    """All that can change a server's databases and an instance's files.

    listed: the addons on disk, None where they cannot be seen from here. restore_user: what pg_restore logs in as.
    started: the date of what is given up.
    """

    writer: Writer
    data_dir: str
    odoo: Odoo
    listed: Mapping[str, Listed] | None
    restore_user: str
    started: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    @property
    def login(self) -> Login:
        """Who works on the databases."""
        return self.writer.login

    @contextmanager
    def hands(self, step: Step, deadline: Deadline) -> Iterator[Hands]:
        """The hand for each class of step that may follow `step`: those that write in its database, or the others."""
        if not isinstance(step, WriteStep):
            yield self._outside(deadline)
            return
        with (
            explaining(f"writing in {step.at}", self.login),
            self.writer.inside(step.at, deadline.remaining) as writing,
        ):
            yield self._inside(writing)

    def _inside(self, writing: Writing) -> Hands:
        content, neutralizer = Content(writing), Neutralizer(lambda: scripts_on_disk(self.listed or {}))
        return {
            RenewIdentity: lambda step: content.renew_identity(step.due_from_now),
            Neutralize: lambda step: neutralizer.run(self.build(step), writing),
            SetParameter: lambda step: content.set_parameters({step.key: step.value}),
            SetAdmin: lambda step: content.set_admin(step.login, step.password),
        }

    def _outside(self, deadline: Deadline) -> Hands:
        lifecycle, installer = Lifecycle(self.login, self.data_dir), Installer(self.writer, self.odoo, self.listed)
        templates, cloner = Templates(self.login, self.data_dir), Cloner(self.login, self.data_dir, self.restore_user)
        return {
            Create: lifecycle.create,
            MakeFromTemplate: templates.make,
            Clone: lambda step: cloner.clone(step, deadline),
            Publish: lambda step: self.build(step).publish(with_home(None, step.home) or None),
            Seal: templates.seal,
            DropTemplate: templates.drop,
            Discard: lambda step: self.build(step).discard(),
            Rename: lifecycle.rename,
            MoveFilestore: lifecycle.move_filestore,
            RecycleFilestore: lambda step: recycle(self.data_dir, step.target, self.started),
            Drop: lambda step: drop_database(self.login, step.target),
            Install: lambda step: installer.install(step, deadline),
            Extend: lifecycle.extend,
            ChangeOwner: lambda step: change_owner(self.login, step.at, step.owner),
            Block: self._block,
            Open: lambda step: open_database(self.login, step.at, step.home),
            SetHome: lambda step: set_home(self.login, step.at, step.home),
        }

    def build(self, step: Step) -> Build:
        """What is built of the step's database."""
        return Build(self.login, self.data_dir, step.target)

    def _block(self, step: Block) -> None:
        with drained(self.login, step.at, step.cron_timeout):
            block_database(self.login, step.at)

    def undo(self, failed: Step, done: Sequence[Step]) -> None:
        """Leave nothing half-made: an unfinished building goes, a filestore comes back to its database."""
        with explaining(f"removing what was made of {failed.target}", self.login):
            complete = any(isinstance(step, Complete) for step in done)
            if not complete and any(isinstance(step, Make) for step in [*done, failed]):
                self.build(failed).discard()
            if isinstance(failed, Drop) and any(isinstance(step, RecycleFilestore) for step in done):
                restore_recycled(self.data_dir, failed.target, self.started)


@dataclass(frozen=True)
class Job:
    """What is to be done to one database, and where. needs: the template that has to be made first."""

    instance: Instance
    name: str
    steps: Sequence[Step]
    needs: str = ""

    @property
    def makes_template(self) -> bool:
        """Whether other databases may be made from this one."""
        return any(isinstance(step, Seal) for step in self.steps)


def apply(jobs: Sequence[Job], deadline: Deadline, parallel: int) -> dict[str, Outcome]:
    """Carry out the steps of each database, by name; one that fails does not stop the others.

    parallel: how many databases are worked on at a time.
    """
    done: dict[str, Outcome] = {}
    for batch in ([job for job in jobs if job.makes_template], [job for job in jobs if not job.makes_template]):
        lost = {job.name: done[job.needs] for job in batch if job.needs in done and done[job.needs].error}
        done.update({name: Outcome(error=_without(name, template)) for name, template in lost.items()})
        with ThreadPoolExecutor(max_workers=parallel) as pool:
            futures = {job.name: pool.submit(_database, job, deadline) for job in batch if job.name not in lost}
            done.update({name: future.result() for name, future in futures.items()})
    return done


def _without(name: str, template: Outcome) -> GantryError:
    return StateError(f"{name} was not made, since its template could not be: {template.error}")


def _database(job: Job, deadline: Deadline) -> Outcome:
    outcome = Outcome()
    started = time.monotonic()
    for _writes, group in groupby(job.steps, lambda step: isinstance(step, WriteStep)):
        steps = list(group)
        step = steps[0]
        try:
            with job.instance.hands(step, deadline) as hands:
                for step in steps:
                    with explaining(f"the step {step.action} of {step.target}", job.instance.login):
                        note = carry_out(step, hands)
                    outcome.done.append(step)
                    outcome.notes += [note] if note else []
        except (OSError, GantryError) as error:
            outcome.error = _undone(job.instance, step, outcome.done, error)
            break
    outcome.duration_s = round(time.monotonic() - started, 3)
    return outcome


def _undone(instance: Instance, failed: Step, done: Sequence[Step], error: OSError | GantryError) -> GantryError:
    told = error if isinstance(error, GantryError) else None
    told = told or StateError(f"the step {failed.action} of {failed.target} failed: {error}")
    try:
        instance.undo(failed, done)
    except (OSError, GantryError) as another:
        return StateError(f"{told}; and what was begun could not be undone: {another}".replace("\n", " "))
    return told
