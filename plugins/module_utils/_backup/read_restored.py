# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a restored database and its filestore with the manifest of its backup."""

from __future__ import annotations

from contextlib import closing

from ansible_collections.gantry.odoo.plugins.module_utils._backup import read_database
from ansible_collections.gantry.odoo.plugins.module_utils._backup.apply_files import missing_files
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_restore import (
    differing,
    differing_rows,
    lagging,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import Count
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import shown
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Setting
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_database import read_locale, read_settings

SHOWN = 3


def verify_restored(
    login: Login,
    database: str,
    filestore: str,
    manifest: Manifest,
    left_out: set[Setting],
    files_left_out: set[str],
    count: Count,
) -> None:
    """Raises StateError with what differs: rows, sequences, modules, locale, settings, or files,
    whose contents were proven when they came.

    left_out: settings that could not be made, which the caller tells of, as of files_left_out.
    count: is told the files that were compared.
    """
    facts = manifest.database
    with closing(connect(login, database, autocommit=False)) as connection:
        connection.set_session(readonly=True)
        tables = read_database.row_counts(connection)
        used = read_database.sequences(connection)
        installed, pending = read_database.modules(connection, database)
        with connection.cursor() as cursor:
            locale = read_locale(cursor, database)
            settings = set(read_settings(cursor, database))
        _count, names = read_database.stored_names(connection, database)
        wanted = (name for name in names if name not in files_left_out)
        lost = list(missing_files(filestore, wanted, count))
    wrong = differing_rows(facts.tables, tables) + lagging(facts.sequences, used)
    wrong += differing("module", facts.modules, installed) + differing("pending module", facts.pending, pending)
    wrong += [f"its locale is {locale} instead of {facts.locale}"] if locale != facts.locale else []
    wrong += [f"setting {one.name} is not {one.value}" for one in sorted(set(facts.settings) - left_out - settings)]
    wrong += [f"file {shown(name)} is missing" for name in lost]
    if wrong:
        more = f", and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise StateError(
            f"the restored {database} is not what backup {manifest.tenant}/{manifest.name} says: "
            f"{', '.join(wrong[:SHOWN])}{more}; it was not put in place, use another backup"
        )
