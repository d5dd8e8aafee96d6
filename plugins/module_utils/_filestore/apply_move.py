# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves filestores, and keeps those that are given up in the recycle directory.

They lie where Odoo may put a link in the place of a directory, so all of it goes by descriptors of opened directories.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import (
    made_directory,
    opened_below,
    opened_directory,
    opened_file,
    owner_of_directory,
    remove_entry,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import sync_file_system
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import filestore_path, recycled_path
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.read import CHUNK_BYTES, sha1_of


def move(source: str, target: str) -> bool:
    """Rename a directory; False when there is none at `source`.

    Where the file system cannot rename it, as overlayfs cannot a directory of a lower layer, it is copied, compared
    and removed. Raises StateError when something stands at `target` already or the move fails.
    """
    (above, name), (beside, becomes) = os.path.split(source), os.path.split(target)
    if not os.path.lexists(source):
        return False
    try:
        with opened_directory(above) as here, made_directory(beside, owner_of_directory(here)) as there:
            if _stands(there, becomes):
                raise StateError(
                    f"the directory {source} cannot become {target}: something stands there; move it away first"
                )
            try:
                os.rename(name, becomes, src_dir_fd=here, dst_dir_fd=there)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                _move_by_copy(here, name, there, becomes)
    except OSError as error:
        raise StateError(f"the directory {source} cannot become {target}: {error.strerror or error}") from error
    return True


def _stands(directory: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _move_by_copy(here: int, name: str, there: int, becomes: str) -> None:
    staged = f"{becomes}.partial"
    remove_entry(there, staged)
    # only root enters it until it is complete
    os.mkdir(staged, 0o700, dir_fd=there)
    with opened_below(here, name) as source, opened_below(there, staged) as copy:
        _copy_tree(source, copy)
        # the original is removed, and what is only in memory goes with the power
        sync_file_system(copy)
    os.rename(staged, becomes, src_dir_fd=there, dst_dir_fd=there)
    os.fsync(there)
    remove_entry(here, name)


def _copy_tree(source: int, copy: int) -> None:
    """Copy directories and regular files with owner and mode. Raises StateError where a copy differs."""
    with os.scandir(source) as entries:
        listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in listed:
        if is_directory:
            os.mkdir(name, 0o700, dir_fd=copy)
            with opened_below(source, name) as below, opened_below(copy, name) as beside:
                _copy_tree(below, beside)
        else:
            _copy_file(source, copy, name)
    _give_as(source, copy)


def _copy_file(source: int, copy: int, name: str) -> None:
    handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=copy)
    with opened_file(source, name) as original, open(handle, "w+b") as made:
        shutil.copyfileobj(original, made, CHUNK_BYTES)
        made.flush()
        original.seek(0)
        made.seek(0)
        if sha1_of(original) != sha1_of(made):
            raise StateError(f"the copy of {name} is not what the original is, which was left in place; run again")
        _give_as(original.fileno(), made.fileno())


def _give_as(original: int, copy: int) -> None:
    there = os.fstat(original)
    os.fchown(copy, there.st_uid, there.st_gid)
    os.fchmod(copy, stat.S_IMODE(there.st_mode))


def remove(directory: str) -> None:
    """Remove a filestore, or the link in its place; what a link leads to stays. Nothing where there is none."""
    above, name = os.path.split(directory)
    if not os.path.lexists(directory):
        return
    try:
        with opened_directory(above) as here:
            remove_entry(here, name)
    except OSError as error:
        raise StateError(f"the directory {directory} cannot be removed: {error.strerror or error}") from error


def recycle(data_dir: str, database: str, moment: datetime, known_as: str = "") -> None:
    """Put the filestore of a database into the recycle directory, where it can be found again by its date.

    known_as: the name that it is found by, where it is not the one that the database has now.
    """
    move(filestore_path(data_dir, database), recycled_path(data_dir, known_as or database, moment))


def restore_recycled(data_dir: str, database: str, moment: datetime) -> None:
    """Take back out of the recycle directory what was put there with this date, if there was a filestore."""
    move(recycled_path(data_dir, database, moment), filestore_path(data_dir, database))
