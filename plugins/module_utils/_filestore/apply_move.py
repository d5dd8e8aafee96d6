# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves filestores, and keeps those that are given up in the recycle directory."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import filestore_path, recycled_path
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import sha1_of


def move(source: str, target: str) -> bool:
    """Rename a directory; False when there is none at `source`.

    Where the file system cannot rename it, as overlayfs cannot a directory of a lower layer, it is copied, compared
    and removed. Raises StateError when something stands at `target` already or the move fails.
    """
    if not os.path.lexists(source):
        return False
    if os.path.lexists(target):
        raise StateError(f"the directory {source} cannot become {target}: something stands there; move it away first")
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        try:
            os.rename(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _move_by_copy(source, target)
    except OSError as error:
        raise StateError(f"the directory {source} cannot become {target}: {error.strerror or error}") from error
    return True


def _move_by_copy(source: str, target: str) -> None:
    staged = f"{target}.partial"
    remove(staged)
    shutil.copytree(source, staged, symlinks=True)
    for folder, _folders, files in os.walk(source):
        beside = os.path.join(staged, os.path.relpath(folder, source))
        for name in ("", *files):
            original, copy = os.path.join(folder, name), os.path.join(beside, name)
            there = os.lstat(original)
            os.chown(copy, there.st_uid, there.st_gid, follow_symlinks=False)
            if stat.S_ISREG(there.st_mode) and sha1_of(original) != sha1_of(copy):
                raise StateError(f"{copy} is not what {original} is, so {source} was left where it is; run again")
    os.rename(staged, target)
    shutil.rmtree(source)


def remove(directory: str) -> None:
    """Remove a filestore, or the link in its place; what a link leads to stays. Nothing where there is none."""
    if os.path.isdir(directory) and not os.path.islink(directory):
        shutil.rmtree(directory)
    elif os.path.lexists(directory):
        os.unlink(directory)


def recycle(data_dir: str, database: str, moment: datetime, known_as: str = "") -> None:
    """Put the filestore of a database into the recycle directory, where it can be found again by its date.

    known_as: the name that it is found by, where it is not the one that the database has now.
    """
    move(filestore_path(data_dir, database), recycled_path(data_dir, known_as or database, moment))


def restore_recycled(data_dir: str, database: str, moment: datetime) -> None:
    """Take back out of the recycle directory what was put there with this date, if there was a filestore."""
    move(recycled_path(data_dir, database, moment), filestore_path(data_dir, database))
