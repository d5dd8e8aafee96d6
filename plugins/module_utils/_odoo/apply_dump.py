# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies a database that is in use: as a dump, which reads it like anybody else."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import CHUNK_BYTES
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_build import Build
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import owner_of
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import connect
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Locale

LOCK_SECONDS = 30
JOBS = 2


def clone_by_dump(build: Build, source: str, deadline: Deadline) -> None:
    """A copy of `source` as the database that is built, which only the login may enter."""
    with closing(connect(build.login)) as connection, connection.cursor() as cursor:
        owner = owner_of(cursor, source)
    build.create(owner, locale=Locale(), private=True)
    client = pgtools.client_major("pg_dump", deadline)
    with tempfile.TemporaryFile() as archive:
        with pgtools.dump(build.login, source, "", client, LOCK_SECONDS, deadline) as stream:
            shutil.copyfileobj(stream, archive, CHUNK_BYTES)
        archive.flush()
        entries = pgtools.contents(archive.fileno(), deadline)
        pgtools.restore(build.login, build.at, archive.fileno(), entries, owner, JOBS, deadline)
