# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the files of a report into a directory for the account of this process alone, each in one step."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress

from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import made_directory, opened_directory
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

DIRECTORY_MODE, FILE_MODE = 0o700, 0o600


def make_directory(path: str) -> None:
    """Make the directory of a report where it is missing. Raises InputError where others may write or read there."""
    with made_directory(path, None, DIRECTORY_MODE) as directory:
        seen = os.fstat(directory)
        if seen.st_uid != os.geteuid() or seen.st_mode & 0o077:
            raise InputError(
                f"directory: {path} belongs to another account or is open to others (mode {seen.st_mode & 0o777:04o}), "
                "and a report names tenants, people and reasons; give one with the mode 0700 of your own"
            )


def write_pieces(directory: str, name: str, pieces: Iterable[str]) -> str:
    """Write a file piece by piece and put it in its place at once; the SHA-256 of its content."""
    digest, made = hashlib.sha256(), f".{name}.{os.getpid()}"
    with opened_directory(directory) as handle:
        with suppress(FileNotFoundError):
            os.unlink(made, dir_fd=handle)
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE, dir_fd=handle)
        try:
            with open(descriptor, "wb") as stream:
                for piece in pieces:
                    data = piece.encode("utf-8", "backslashreplace")
                    digest.update(data)
                    stream.write(data)
                stream.flush()
                os.fchmod(stream.fileno(), FILE_MODE)
                os.fsync(stream.fileno())
            os.rename(made, name, src_dir_fd=handle, dst_dir_fd=handle)
        except BaseException:
            # a part of a report would be taken for one
            with suppress(OSError):
                os.unlink(made, dir_fd=handle)
            raise
        os.fsync(handle)
    return digest.hexdigest()
