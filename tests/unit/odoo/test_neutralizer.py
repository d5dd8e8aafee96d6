# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy is neutralized by the scripts of all addons in use, and by what is left of a script that does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._odoo import apply_neutralize
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_neutralize import Neutralizer

SCRIPT = "UPDATE res_partner SET token = NULL, email = NULL"


class Cursor:
    """A database with addons in use, of which one lives in the database alone, and a table without the column token."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self._rows: list[tuple[str, ...]] = []

    def execute(self, statement: str, _arguments: Any = None) -> None:
        if "information_schema.columns" in statement:
            self._rows = [("res_partner", "email")]
        elif "imported" in statement:
            self._rows = [("studio",)]
        elif "ir_module_module" in statement:
            self._rows = [("base",), ("studio",), ("dock",)]
        elif "token" in statement:
            raise apply_neutralize.psycopg2.errors.UndefinedColumn("column token does not exist")
        else:
            self.done.append(statement)

    def fetchall(self) -> list[tuple[str, ...]]:
        return self._rows


def test_an_addon_without_code_ends_it_unless_it_lives_in_the_database() -> None:
    assert Neutralizer._with_code(Cursor(), "trial", {"base": "", "dock": ""}) == ["base", "dock"]
    with pytest.raises(StateError, match="trial has dock installed"):
        Neutralizer._with_code(Cursor(), "trial", {"base": ""})


def test_a_script_that_names_a_missing_column_is_run_without_it() -> None:
    cursor = Cursor()
    apply_neutralize._run_script(cursor, SCRIPT)
    assert cursor.done == ["SAVEPOINT script", "ROLLBACK TO SAVEPOINT script", "UPDATE res_partner SET email = NULL"]


class Copy:
    """A copy after its neutralization. harm: what a count finds, by the table that it counts in."""

    def __init__(self, **harm: int) -> None:
        self.harm = harm
        self._rows: list[tuple[Any, ...]] = []

    def execute(self, statement: str, _arguments: Any = None) -> None:
        if "information_schema.columns" in statement:
            self._rows = [("ir_cron", "active"), ("ir_mail_server", "active")]
        elif "pg_attribute" in statement:
            self._rows = []
        else:
            self._rows = [(count,) for table, count in self.harm.items() if f"FROM public.{table} " in statement]

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows


def test_a_copy_with_harm_left_is_none() -> None:
    Neutralizer._verify(Copy(ir_cron=0, ir_mail_server=0), "trial")
    with pytest.raises(StateError, match="trial is not harmless after its neutralization: 2 scheduled jobs are active"):
        Neutralizer._verify(Copy(ir_cron=2, ir_mail_server=0), "trial")
