# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads files of a repository, many in one request, and proves each by the SHA-1 that names it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_repository import Repository
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import PieceReader
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_index import Piece, Place
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_layout import FILE, data_key

READ_BYTES = 1024 * 1024

# A file in a place of an object.
Placed = tuple[str, Place]


def opened(repository: Repository, piece: Piece) -> Iterator[tuple[str, Place, Iterator[bytes]]]:
    """The files of one request with their contents, each to be read before the next one is asked for.

    The content of a damaged file raises StateError, which does not hold up the others.
    """
    coming = PieceReader(repository.store.pieces(data_key(piece.held), READ_BYTES, piece.offset, piece.length))
    where = f"{data_key(piece.held)} in the {repository.where}"
    at = piece.offset
    for name, place in piece.files:
        coming.skip(place.offset - at)
        sealed = coming.span(place.length)
        at = place.offset + place.length
        yield name, place, repository.keys.open_stream(FILE, name, sealed, where, place.size)
        for _rest in sealed:
            continue


def prove(repository: Repository, piece: Piece) -> dict[Placed, str]:
    """The files of one request that are not what was written, and why."""
    damaged: dict[Placed, str] = {}
    for name, place, content in opened(repository, piece):
        digest = hashlib.sha1()
        try:
            for part in content:
                digest.update(part)
        except StateError as error:
            damaged[name, place] = str(error)
            continue
        if digest.hexdigest() != name[3:]:
            damaged[name, place] = f"{data_key(piece.held)} in the {repository.where} holds another file under {name}"
    return damaged
