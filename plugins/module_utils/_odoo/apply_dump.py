# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies a database that is in use: as a dump, which reads it like anybody else."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.paths import CHUNK_BYTES
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_lifecycle import CREATE
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.names import unfinished
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, sql
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.statements import mark, owner_of, shut_out

LOCK_SECONDS = 30
JOBS = 2


def clone_by_dump(login: Login, name: str, source: str, deadline: Deadline) -> None:
    """A marked copy of `source` under the temporary name of `name`, which only the login may enter."""
    with closing(connect(login)) as connection, connection.cursor() as cursor:
        owner = owner_of(cursor, source)
        names = sql.Identifier(unfinished(name)), sql.Identifier(owner)
        cursor.execute(sql.SQL(f"{CREATE} ALLOW_CONNECTIONS false").format(*names))
        mark(cursor, unfinished(name))
        shut_out(cursor, unfinished(name), login.user)
        cursor.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(names[0]))
    client = pgtools.client_major("pg_dump", deadline)
    with tempfile.TemporaryFile() as archive:
        with pgtools.dump(login, source, "", client, LOCK_SECONDS, deadline) as stream:
            shutil.copyfileobj(stream, archive, CHUNK_BYTES)
        archive.flush()
        entries = pgtools.contents(archive.fileno(), deadline)
        pgtools.restore(login, unfinished(name), archive.fileno(), entries, owner, JOBS, deadline)
