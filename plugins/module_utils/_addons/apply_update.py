# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings databases to the code of one instance: plan, update, prove, record."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_code as code
from ansible_collections.gantry.odoo.plugins.module_utils._addons.apply import Database, series
from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import Code, Found, Wish, digests_of
from ansible_collections.gantry.odoo.plugins.module_utils._addons.plan import Plan, plan, unproven
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import GantryError, InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.steps import Step
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_write import Writer
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_odoo import Odoo


@dataclass(frozen=True)
class Updates:
    """The instance whose code databases are brought to. lock_s: seconds that an update waits for a table."""

    listed: Mapping[str, code.Listed]
    writer: Writer
    odoo: Odoo
    lock_s: float
    deadline: Deadline

    def plan(self, wishes: Sequence[Wish]) -> list[Step]:
        """What is to be done to all databases. Raises InputError where Odoo would be needed and cannot be run."""
        planned = [self._planned(wish) for wish in wishes]
        if any(one.starts_odoo for _found, one, _code, _steps in planned):
            self.odoo.require()
        return [step for _found, _one, _code, steps in planned for step in steps]

    def carry_out(self, wishes: Sequence[Wish]) -> tuple[list[Step], dict[str, float], str]:
        """What was done, the seconds by database, and why the first that failed has; those after it are not begun."""
        done: list[Step] = []
        durations: dict[str, float] = {}
        for wish in wishes:
            begun = time.monotonic()
            try:
                done += self._update(wish)
            except GantryError as error:
                return done, durations, str(error)
            durations[wish.database] = round(time.monotonic() - begun, 3)
        return done, durations, ""

    def _database(self, wish: Wish) -> Database:
        return Database(wish.database, self.writer, self.odoo, self.lock_s)

    def _planned(self, wish: Wish) -> tuple[Found, Plan, dict[str, Code], list[Step]]:
        found = self._database(wish).read()
        on_disk = self._code(found, wish)
        planned = plan(found, wish, on_disk)
        steps = list(planned.steps)
        if not steps and digests_of(found.in_use, on_disk) != dict(found.digests):
            steps = [Step("record", wish.database, "the code in use was never recorded")]
        return found, planned, on_disk, steps

    def _code(self, found: Found, wish: Wish) -> dict[str, Code]:
        made_by, here = series(found), code.series(self.listed)
        if here and made_by != here:
            raise InputError(
                f"config: database {wish.database} is of Odoo {made_by}, and the code of this instance is {here}: an "
                "update would not be a migration; use an instance of its own version"
            )
        names = set(found.modules) | wish.installed | wish.upgraded
        return code.read(self.listed, names, made_by, found.languages)

    def _update(self, wish: Wish) -> list[Step]:
        database = self._database(wish)
        found, planned, on_disk, steps = self._planned(wish)
        imported = found.imported - set(on_disk)
        if planned.starts_odoo:
            database.carry_out(planned, imported, self.deadline)
        elif planned.settle:
            database.settle(imported, self.deadline.remaining)
        found = database.read()
        # what was installed on the way has code that nobody had asked for
        on_disk = {**self._code(found, wish), **on_disk}
        faults = unproven(found, planned, wish, on_disk)
        if faults:
            raise StateError(
                f"Odoo ended without an error, and yet in {wish.database} {'; '.join(faults)}; see Odoo's log and run "
                "again, no digest was stored"
            )
        if steps:
            database.store(on_disk, self.deadline.remaining)
        return steps
