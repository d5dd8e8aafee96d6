# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings files of a backup into a filestore: under its name, each is complete and proven by the SHA-1 that names it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import Count, uncounted
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import blob_path
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Piece
from ansible_collections.gantry.odoo.plugins.module_utils._repository.read_pieces import opened

PARTIAL = ".gantry-part-"


@dataclass(frozen=True)
class Owner:
    """Who the files of a filestore belong to."""

    uid: int
    gid: int


def bring(
    repository: Repository, piece: Piece, filestore: str, owner: Owner, count: Count = uncounted
) -> dict[str, str]:
    """Bring the files of one request, whose directories exist; those that are damaged, and why.

    count: is told each file, and its bytes piece by piece.
    """
    damaged: dict[str, str] = {}
    for name, _place, content in opened(repository, piece):
        try:
            _write(filestore, name, content, owner, count)
        except StateError as error:
            damaged[name] = str(error)
        count(1, 0)
    return damaged


def _write(filestore: str, name: str, content: Iterator[bytes], owner: Owner, count: Count) -> None:
    target = blob_path(filestore, name)
    digest = hashlib.sha1()
    unproven = ""
    try:
        descriptor, unproven = tempfile.mkstemp(prefix=PARTIAL, dir=os.path.dirname(target))
        with os.fdopen(descriptor, "wb") as handle:
            for piece in content:
                digest.update(piece)
                handle.write(piece)
                count(0, len(piece))
            os.fchmod(handle.fileno(), 0o640)
            os.fchown(handle.fileno(), owner.uid, owner.gid)
        if digest.hexdigest() != name[3:]:
            raise StateError(f"file {name} of the backup is damaged: its SHA-1 is not its name")
        os.replace(unproven, target)
    except OSError as error:
        raise UnreachableError(f"file {target} cannot be written: {error.strerror}") from error
    finally:
        if unproven:
            with suppress(FileNotFoundError):
                os.unlink(unproven)
