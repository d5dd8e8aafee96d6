# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database says of its addons, and Odoo's hands that change them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_database
from ansible_collections.gantry.odoo.plugins.module_utils._addons.apply_parameters import store_digests
from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import Code, Found, Module, digests_of
from ansible_collections.gantry.odoo.plugins.module_utils._addons.plan import Plan
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_write import Writer
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import (
    connect,
    psycopg2,
    sentence,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_tables import require_plain
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_odoo import Odoo
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.versions import series_of

STATEMENT_SECONDS = 60
_LOADED = "gantry: the registry is loaded"
_REMOVE = """
names = {names!r}
modules = env["ir.module.module"].search([("name", "in", names), ("state", "not in", ("uninstalled", "uninstallable"))])
modules.button_immediate_uninstall()
env.cr.commit()
"""


@dataclass(frozen=True)
class Database:
    """One database of Odoo, and how Odoo is started for it. lock_s: seconds that an update waits for a table."""

    name: str
    writer: Writer
    odoo: Odoo
    lock_s: float

    def read(self) -> Found:
        """The modules with a state, and the digests of the last proven update."""
        with (
            closing(
                connect(self.writer.login, self.name, autocommit=False, statement_timeout=STATEMENT_SECONDS)
            ) as connection,
            connection.cursor() as cursor,
        ):
            try:
                require_plain(cursor, ["ir_module_module", "ir_config_parameter", "res_lang"])
                cursor.execute(
                    "SELECT name, state, coalesce(latest_version, '') FROM public.ir_module_module "
                    "WHERE state NOT IN ('uninstalled', 'uninstallable')"
                )
                modules = {name: Module(name, state, version) for name, state, version in cursor.fetchall()}
                return Found(
                    modules,
                    read_database.digests(cursor),
                    tuple(read_database.languages(cursor)),
                    frozenset(read_database.database_only(cursor)),
                )
            except psycopg2.errors.UndefinedTable as error:
                raise RefusedError(
                    f"database {self.name} is not Odoo's (it has no module table), so it is left alone"
                ) from error
            except psycopg2.Error as error:
                raise StateError(f"database {self.name} cannot be read: {sentence(error)}") from error

    def carry_out(self, planned: Plan, imported: Collection[str], deadline: Deadline) -> None:
        """Let Odoo do what is planned, and load the registry once more as a worker would.

        imported: the addons without code. An update of what they depend on marks them too, and Odoo leaves the mark.
        """
        if planned.install or planned.upgrade:
            self.odoo.update(self.name, planned.install, planned.upgrade, self.lock_s, deadline)
        if planned.remove:
            what = f"Odoo, removing {', '.join(planned.remove)} from {self.name},"
            self.odoo.shell(self.name, _REMOVE.format(names=list(planned.remove)), deadline, what)
        self.settle(imported, deadline.remaining)
        said = self.odoo.shell(
            self.name, f"print({_LOADED!r})", deadline, f"Odoo, loading the registry of {self.name},"
        )
        if _LOADED not in said:
            raise StateError(f"Odoo ended without an error and did not load the registry of {self.name}; see its log")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except psycopg2.Error as error:
            raise StateError(
                f"database {self.name} did not take what its addons are: {sentence(error)}; the next run does it again"
            ) from error

    def settle(self, imported: Collection[str], seconds: float) -> None:
        """Take back the mark that these addons are to be upgraded, as Odoo itself does where it can."""
        if not imported:
            return
        with (
            self._told(),
            self.writer.inside(self.name, seconds) as writing,
            writing.transaction(["ir_module_module"]) as cursor,
        ):
            cursor.execute(
                "UPDATE public.ir_module_module SET state = 'installed' WHERE state = 'to upgrade' AND name = ANY(%s)",
                (sorted(imported),),
            )

    def store(self, code: Mapping[str, Code], seconds: float) -> None:
        """Remember the code that a proven update was made of."""
        with (
            self._told(),
            self.writer.inside(self.name, seconds) as writing,
            writing.transaction(["ir_module_module", "ir_config_parameter"]) as cursor,
        ):
            store_digests(cursor, digests_of(read_database.in_use(cursor), code))


def series(found: Found) -> str:
    """The series of Odoo that the database was made by. Raises StateError where base has no version."""
    base = found.modules.get("base")
    if base is None or not base.version:
        raise StateError("the database has no version of base, so it was never completed; make it again")
    return series_of(base.version)
