# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets Odoo install addons, and verifies what it did."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_code as code
from ansible_collections.gantry.odoo.plugins.module_utils._addons import read_database
from ansible_collections.gantry.odoo.plugins.module_utils._addons.apply_parameters import store_digests
from ansible_collections.gantry.odoo.plugins.module_utils._addons.model import digests_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import INSTALLED
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_steps import Install
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_write import Writer, Writing
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import connect
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_tables import require_plain
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.apply_odoo import Odoo
from ansible_collections.gantry.odoo.plugins.module_utils._runtime.versions import series_of


@dataclass(frozen=True)
class Installer:
    """The databases of one server, and the addons of one instance.

    listed: the addons on disk, None where they cannot be seen from here.
    """

    writer: Writer
    odoo: Odoo
    listed: Mapping[str, code.Listed] | None

    def install(self, step: Install, deadline: Deadline) -> None:
        """Let Odoo install addons into a database."""
        self.odoo.load(step.at, step.addons, deadline, language=step.language, demo=step.demo)
        self._verify(step.at, step.addons)
        if step.language or self.listed is not None:
            with self.writer.inside(step.at, deadline.remaining) as writing:
                if step.language:
                    self._speak(writing, step.language)
                if self.listed is not None:
                    self._record(writing, self.listed)

    def _verify(self, database: str, addons: tuple[str, ...]) -> None:
        """Odoo ends with 0 although a module was not found or could not be loaded: look at what it left."""
        login = self.writer.login
        with closing(connect(login, database, autocommit=False)) as connection, connection.cursor() as cursor:
            require_plain(cursor, ["ir_module_module"])
            cursor.execute(
                "SELECT name, state FROM public.ir_module_module WHERE name = ANY(%s) OR state LIKE 'to %%'",
                (list(addons),),
            )
            states = dict(cursor.fetchall())
        missing = sorted(set(addons) - {name for name, state in states.items() if state in INSTALLED})
        pending = sorted(name for name, state in states.items() if state.startswith("to "))
        if missing or pending:
            seen = [f"{name} is {states.get(name, 'unknown to Odoo')}" for name in [*missing, *pending]]
            raise StateError(
                f"Odoo ended without an error, and yet in {database} {', '.join(dict.fromkeys(seen))}; "
                "look for the addon and its dependencies in the addons path"
            )

    def _record(self, writing: Writing, listed: Mapping[str, code.Listed]) -> None:
        """Remember the code of what has just been installed, so that the first update need not do it again."""
        with writing.transaction(["ir_module_module", "ir_config_parameter", "res_lang"]) as cursor:
            names, known = read_database.in_use(cursor), read_database.digests(cursor)
            cursor.execute("SELECT latest_version FROM public.ir_module_module WHERE name = 'base'")
            found = code.read(listed, names, series_of(cursor.fetchone()[0]), read_database.languages(cursor))
            store_digests(cursor, {**digests_of(names, found), **known})

    def _speak(self, writing: Writing, language: str) -> None:
        with writing.transaction(["res_lang", "res_users", "res_company", "res_partner"]) as cursor:
            cursor.execute("SELECT 1 FROM public.res_lang WHERE code = %s AND active", (language,))
            if cursor.fetchone() is None:
                raise StateError(
                    f"language: Odoo did not load {language} into {writing.database}; is it a code that it knows"
                )
            cursor.execute(
                "UPDATE public.res_partner SET lang = %s "
                "WHERE id IN (SELECT partner_id FROM public.res_users UNION SELECT partner_id FROM public.res_company)",
                (language,),
            )
