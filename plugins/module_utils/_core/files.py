# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a change of files last, and keeps two runs apart."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import opened_directory


def sync_directory(path: str) -> None:
    """Put the names in a directory on disk, so that a rename is there after a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file_system(directory: int) -> None:
    """Put all on disk that was written in the file system of an open directory. Raises OSError where that failed."""
    # one call for all files: one for each would wait for the journal as often
    library = ctypes.CDLL(None, use_errno=True)
    if library.syncfs(directory) != 0:
        failed = ctypes.get_errno()
        raise OSError(failed, os.strerror(failed))


def replace_file(path: str, text: str, mode: int, staged: str = "", owner: tuple[int, int] | None = None) -> None:
    """Give a file another content in one step that lasts. staged: where it is written before, `<path>.new` by default.

    owner: numbers of user and group; those of this process by default.
    What an interrupted run left there is removed, so two runs must not do this at once.
    """
    above, name = os.path.split(path)
    beside, made = os.path.split(staged or f"{path}.new")
    with opened_directory(beside) as source, opened_directory(above) as target:
        try:
            with open(_new(source, made), "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                if owner is not None:
                    os.fchown(stream.fileno(), *owner)
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
        except OSError:
            # a part of a file would take the space that the disk lacks
            with contextlib.suppress(OSError):
                os.unlink(made, dir_fd=source)
            raise
        os.rename(made, name, src_dir_fd=source, dst_dir_fd=target)
        os.fsync(target)


def _new(directory: int, name: str) -> int:
    """A new file of an open directory, for the account of this process alone. What had its name before is removed."""
    try:
        return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
    except FileExistsError:
        os.unlink(name, dir_fd=directory)
        return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)


def lock_file(handle: int, deadline: Deadline, what: str) -> None:
    """Lock an open file while it is open here or in a fork. Raises DeadlineError, naming `what`, in the end."""

    def locked() -> bool | None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        return True

    deadline.wait(locked, what)
