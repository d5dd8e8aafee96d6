# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings files of a backup into a filestore: under its name, each is complete and proven by the SHA-1 that names it."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress

from ansible_collections.gantry.odoo.plugins.module_utils._core.directories import Owner, made_below, made_directory
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import Count, counted, uncounted
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import blob_path
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Piece
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_pieces import opened

PARTIAL = ".gantry-part-"


def bring(
    repository: Repository, piece: Piece, filestore: str, owner: Owner, count: Count = uncounted
) -> dict[str, str]:
    """Bring the files of one request; those that are damaged, and why.

    count: is told each file, and its bytes piece by piece.
    """
    damaged: dict[str, str] = {}
    with made_directory(filestore, owner) as directory:
        for name, _place, content in opened(repository, piece):
            try:
                with made_below(directory, name[:2], owner) as shard:
                    _write(shard, name, content, owner, count)
            except StateError as error:
                damaged[name] = str(error)
            except OSError as error:
                target = blob_path(filestore, name)
                raise UnreachableError(f"file {target} cannot be written: {error.strerror}") from error
            count(1, 0)
    return damaged


def _write(shard: int, name: str, content: Iterator[bytes], owner: Owner, count: Count) -> None:
    digest, unproven = hashlib.sha1(), PARTIAL + secrets.token_hex(8)
    try:
        descriptor = os.open(unproven, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=shard)
        with os.fdopen(descriptor, "wb") as handle:
            for piece in counted(content, count):
                digest.update(piece)
                handle.write(piece)
            os.fchmod(handle.fileno(), 0o640)
            os.fchown(handle.fileno(), owner.uid, owner.gid)
        if digest.hexdigest() != name[3:]:
            raise StateError(f"file {name} of the backup is damaged: its SHA-1 is not its name")
        os.replace(unproven, name[3:], src_dir_fd=shard, dst_dir_fd=shard)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(unproven, dir_fd=shard)
