# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies a database with its files while its users go on, and lets nobody enter the copy."""

from __future__ import annotations

import os
from collections.abc import Iterable, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.apply_copy import Copied, copy_blobs
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.apply_move import remove
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import filestore_path
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import blobs, referenced
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_build import Build
from ansible_collections.gantry.odoo.plugins.module_utils._odoo.model_steps import Clone
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_database import (
    FREE_SECONDS,
    end_sessions,
    owner_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.apply_settings import copy_settings
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.connection import Login, connect, psycopg2
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.model import Setting
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_database import read_locale, read_settings
from ansible_collections.gantry.odoo.plugins.module_utils._postgresql.read_tables import require_plain


@dataclass(frozen=True)
class Cloner:
    """The databases of one server and the filestores of one instance. restore_user: what pg_restore logs in as."""

    login: Login
    data_dir: str
    restore_user: str

    def clone(self, step: Clone, deadline: Deadline) -> str:
        """Build a copy of a database, with its files; the note for the user, empty where there is nothing to say.

        While somebody is connected to the source, the server will not copy it as a whole: it is dumped then and
        serves on, unless the step says that its sessions may be ended. Only the login may connect to the copy.
        """
        name, source, files = step.target, step.source, step.files
        build = Build(self.login, self.data_dir, name)
        notes: list[str] = []
        with ThreadPoolExecutor(1) as pool:
            # a file is never written to again, so most can come over while the database does
            present = [one for one, _size in blobs(filestore_path(self.data_dir, source))]
            early = pool.submit(self._files, build, source, present, files)
            if not self._on_server(build, source, step.end_sessions, deadline):
                # most copies need none of it, and it takes a while to import
                from ansible_collections.gantry.odoo.plugins.module_utils._odoo.apply_dump import clone_by_dump

                note = clone_by_dump(build, source, self.restore_user, deadline)
                notes += [note] if note else []
            copied = early.result()
        with closing(connect(self.login, build.at)) as connection, connection.cursor() as cursor:
            refused = copy_settings(cursor, source, build.at)
            _require_same(cursor, source, build.at, set(refused))
        with closing(connect(self.login, build.at, autocommit=False)) as connection, connection.cursor() as cursor:
            require_plain(cursor, ["ir_attachment"])
            found = referenced(cursor)
        names = set(found.files)
        # and those that were stored since then come now
        late = self._files(build, source, names - set(copied.names), files)
        self._remove(build, set(copied.names) - names)
        notes += [f"{one.name} of {source} is not set for {name}: {reason}" for one, reason in refused.items()]
        if late.missing:
            notes.append(f"{source} refers to {len(late.missing)} files that it does not hold, and so does {name}")
        if found.remote:
            notes.append(
                f"{source} and {name} share {len(found.remote)} attachments on object storage; what one deletes there, "
                "the other loses"
            )
        return "; ".join(notes)

    def _files(self, build: Build, source: str, names: Iterable[str], how: str) -> Copied:
        return copy_blobs(filestore_path(self.data_dir, source), build.files, list(names), how)

    def _remove(self, build: Build, names: Iterable[str]) -> None:
        for one in names:
            remove(os.path.join(build.files, one))

    def _on_server(self, build: Build, source: str, cut: bool, deadline: Deadline) -> bool:
        with closing(connect(self.login)) as connection, connection.cursor() as cursor:
            owner = owner_of(cursor, source)

            def made() -> bool | None:
                if cut:
                    end_sessions(cursor, source)
                elif _used(cursor, source):
                    return False
                try:
                    build.create(cursor, owner, template=source, private=True)
                except psycopg2.errors.ObjectInUse:
                    return None if cut else False
                return True

            return Deadline(min(FREE_SECONDS, deadline.remaining)).wait(made, f"the copy of {source}")


def _require_same(cursor: Any, source: str, copy: str, refused: Set[Setting]) -> None:
    """Raise StateError where a copy sorts in another way than its source, or lacks a setting of it."""
    expected, found = read_locale(cursor, source), read_locale(cursor, copy)
    if expected != found:
        raise StateError(f"{copy} was made with {found}, and {source} has {expected}; report this, it is a fault")
    lost = sorted(set(read_settings(cursor, source)) - set(read_settings(cursor, copy)) - refused)
    if lost:
        names = ", ".join(one.name for one in lost)
        raise StateError(f"{copy} did not get the settings {names} of {source}; was one changed meanwhile? run again")


def _used(cursor: Any, database: str) -> bool:
    """Whether somebody is connected: the server would only say so after five seconds of waiting."""
    cursor.execute(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = %s AND usesysid IS NOT NULL "
        "AND application_name <> 'gantry.odoo')",
        (database,),
    )
    return bool(cursor.fetchone()[0])
