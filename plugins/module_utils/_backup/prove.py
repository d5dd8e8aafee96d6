# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof that a restored database and its filestore are what the manifest says."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from ansible_collections.gantry.odoo.plugins.module_utils._backup import source
from ansible_collections.gantry.odoo.plugins.module_utils._backup.blobs import damaged
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Manifest
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect

SHOWN = 3


def prove(login: Login, database: str, filestore: str, manifest: Manifest, deadline: Deadline) -> None:
    """Raises StateError with what differs: rows, sequences, the files referred to, or their contents."""
    with closing(connect(login, database)) as connection:
        tables = source.row_counts(connection)
        used = source.sequences(connection)
        names = set(source.stored_names(connection, database))
    wrong = differing_rows(manifest.database.tables, tables) + lagging(manifest.database.sequences, used)
    lost = set(manifest.filestore.missing)
    spoilt = damaged(filestore, sorted(names - lost), deadline)
    wrong += [f"file {name} is missing or damaged" for name in spoilt]
    if wrong:
        more = f", and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise StateError(
            f"the restored {database} is not what backup {manifest.tenant}/{manifest.backup_id} says: "
            f"{', '.join(wrong[:SHOWN])}{more}; it was not put in place, use another backup"
        )


def neutralized(login: Login, database: str) -> None:
    """Raises StateError when Odoo did not mark the database as neutralised."""
    with closing(connect(login, database)) as connection:
        marked = source.rows(
            connection, "SELECT FROM ir_config_parameter WHERE key = 'database.is_neutralized' AND value = 'true'"
        )
    if not marked:
        raise StateError(f"Odoo ended without having neutralised {database}; it was not put in place")


def differing_rows(recorded: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """In words, each table whose number of rows is not the recorded one."""
    return [
        f"{table} has {found.get(table, 'no table')} rows instead of {recorded.get(table, 'no table')}"
        for table in sorted({*recorded, *found})
        if recorded.get(table) != found.get(table)
    ]


def lagging(recorded: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """In words, each sequence that would give out a number again that the source had given out."""
    return [
        f"sequence {name} stands at {found.get(name, 'its start')} instead of {value}"
        for name, value in sorted(recorded.items())
        if found.get(name, value - 1) < value
    ]
