# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies a database that is in use: as a dump, which reads it like anybody else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import closing

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import CHUNK_BYTES
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_build import Build
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql import tools as pgtools
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import owner_of
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_extensions import create_extensions
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import connect, psycopg2, sentence
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.plan_extensions import entries_without, privileged
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_database import read_extensions, read_locale

LOCK_SECONDS = 30
JOBS = 2


def clone_by_dump(build: Build, source: str, deadline: Deadline) -> None:
    """A copy of `source` as the database that is built, which only the login may enter."""
    with closing(connect(build.login, source)) as connection, connection.cursor() as cursor:
        owner, locale, extensions = owner_of(cursor, source), read_locale(cursor, source), read_extensions(cursor)
        build.create(cursor, owner, locale=locale, private=True)
    made = privileged(extensions)
    schemas = _extend(build, source, made, owner, extensions.immutable_unaccent)
    client = pgtools.client_major("pg_dump", deadline)
    # as large as the database, so not in a directory for small files
    with tempfile.TemporaryFile(dir=build.data_dir) as archive:
        with pgtools.dump(build.login, source, "", client, LOCK_SECONDS, deadline) as stream:
            shutil.copyfileobj(stream, archive, CHUNK_BYTES)
        archive.flush()
        entries = entries_without(pgtools.contents(archive.fileno(), deadline), made, schemas)
        pgtools.restore(build.login, build.at, archive.fileno(), entries, owner, JOBS, deadline)


def _extend(build: Build, source: str, made: Mapping[str, str], owner: str, immutable_unaccent: bool) -> list[str]:
    """Create the extensions that the owner may not create; the schemas that were created for them."""
    if not made:
        return []
    with closing(connect(build.login, build.at)) as connection, connection.cursor() as cursor:
        try:
            return create_extensions(cursor, made, owner, immutable_unaccent)
        except psycopg2.errors.InsufficientPrivilege as error:
            raise StateError(
                f"{source} is in use, and {build.login.user} may not create the extensions {', '.join(made)} in a "
                f"copy of it ({sentence(error)}); log in as a superuser, or give clone_sessions: end, for which the "
                "server copies the database as it is"
            ) from error
