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
from ansible_collections.gantry.odoo.plugins.module_utils._filestore.model import blob_path
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import PieceReader
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Piece
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import FILE, data_key

READ_BYTES = 1024 * 1024
PARTIAL = ".gantry-part-"


@dataclass(frozen=True)
class Owner:
    """Who the files of a filestore belong to."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Brought:
    """What became of the files of a request. bytes: of the files that are there; damaged: why another one is not."""

    bytes: int
    damaged: dict[str, str]


def bring(repository: Repository, piece: Piece, filestore: str, owner: Owner) -> Brought:
    """Bring the files of one request, whose directories exist. A damaged one does not hold up the others."""
    coming = PieceReader(repository.store.pieces(data_key(piece.held), READ_BYTES, piece.offset, piece.length))
    where = f"{data_key(piece.held)} in the {repository.where}"
    at, size = piece.offset, 0
    damaged: dict[str, str] = {}
    for name, place in piece.files:
        coming.skip(place.offset - at)
        at = place.offset + place.length
        sealed = coming.span(place.length, READ_BYTES)
        try:
            size += _write(filestore, name, repository.keys.open_stream(FILE, name, sealed, where), owner)
        except StateError as error:
            damaged[name] = str(error)
            for _rest in sealed:
                continue
    return Brought(size, damaged)


def _write(filestore: str, name: str, content: Iterator[bytes], owner: Owner) -> int:
    target = blob_path(filestore, name)
    digest = hashlib.sha1()
    unproven = ""
    try:
        descriptor, unproven = tempfile.mkstemp(prefix=PARTIAL, dir=os.path.dirname(target))
        with os.fdopen(descriptor, "wb") as handle:
            for piece in content:
                digest.update(piece)
                handle.write(piece)
            size = handle.tell()
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
    return size
