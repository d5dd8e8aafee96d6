# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies a database that is in use: as a dump, which reads it like anybody else."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import opened_directory
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import CHUNK_BYTES
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_build import Build
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_names import UNFINISHED
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import owner_of
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_fill import Filling, fill
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import connect
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Extensions
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_extensions import privileged
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_database import (
    is_superuser,
    read_extensions,
    read_locale,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_lent_role import require_restore_role
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_tables import require_dumped

LOCK_SECONDS = 30
JOBS = 2


def clone_by_dump(build: Build, source: str, restore_user: str, deadline: Deadline) -> str:
    """A copy of `source` as the database that is built, which only the login may enter; a note, empty without one."""
    login = build.login
    with closing(connect(login, source)) as connection, connection.cursor() as cursor:
        owner, locale, extensions = owner_of(cursor, source), read_locale(cursor, source), read_extensions(cursor)
        require_restore_role(cursor, login, restore_user, owner, UNFINISHED)
        require_dumped(cursor, source)
        _refuse_extensions(source, login.user, extensions, is_superuser(cursor))
        build.create(cursor, owner, locale=locale, private=True)
    client = pgtools.client_major("pg_dump", deadline)
    # as large as the database, so not in a directory for small files
    with opened_directory(build.data_dir) as data, tempfile.TemporaryFile(dir=f"/proc/self/fd/{data}") as archive:
        with pgtools.dump(login, source, "", client, LOCK_SECONDS, deadline) as stream:
            shutil.copyfileobj(stream, archive, CHUNK_BYTES)
        archive.flush()
        filling = Filling(build.at, owner, restore_user, extensions, JOBS, deadline.remaining)
        filled = fill(login, filling, archive.fileno(), deadline)
    lost = [f"{one.removesuffix(';')} was left out: {why}" for one, why in filled.left_out.items()]
    return "; ".join([*([filled.note] if filled.note else []), *lost])


def _refuse_extensions(source: str, login: str, extensions: Extensions, superuser: bool) -> None:
    """Raise StateError where the copy needs extensions that neither its owner nor the login may create."""
    special = privileged(extensions)
    if special and not superuser:
        raise StateError(
            f"{source} is in use, and {login} may not create the extensions {', '.join(special)} in a copy of it; log "
            "in as a superuser, or give clone_sessions: end, for which the server copies the database as it is"
        )
