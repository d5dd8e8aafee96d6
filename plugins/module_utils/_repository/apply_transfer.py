# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends objects from one store to another as they are, and records of logs under their numbers."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import RefusedError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import Count, counted, uncounted
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_below import Below
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log
from ansible_collections.gantry.odoo.plugins.module_utils._repository.apply_stores import PieceReader

PIECE_BYTES = 1024 * 1024
# Up to this size, an object is one request each way and is held in memory.
SMALL_BYTES = 8 * 1024 * 1024


def transfer(source: Below, target: Below, key: str, size: int, count: Count = uncounted) -> None:
    """Send one object of `size` bytes. Raises StateError, and leaves none behind, where it has another size by then."""
    if size <= SMALL_BYTES:
        target.put(key, b"".join(_whole(source, key, size, count)))
    else:
        target.upload(key, PieceReader(_whole(source, key, size, count)), size)


def transfer_record(source: Below, target: Below, log: str, number: int) -> None:
    """Send one record of a log. Raises RefusedError where the target has another one of that number."""
    key = Log(source, log).key(number)
    data = source.get(key)
    if data is None:
        raise StateError(f"record {number} of {log} in the {source.where} was removed meanwhile; run again")
    # what is there already needs no right to write
    if target.get(key) != data and not target.create(key, data) and target.get(key) != data:
        raise RefusedError(
            f"{key} in the {target.where} is another one than in the {source.where}, so runs have worked on both; "
            f"where the latter is right, remove all below {log}/ in the {target.where}, and run again"
        )


def _whole(source: Below, key: str, size: int, count: Count) -> Iterator[bytes]:
    seen = 0
    for piece in counted(source.pieces(key, PIECE_BYTES), count):
        seen += len(piece)
        if seen > size:
            break
        yield piece
    if seen != size:
        raise StateError(
            f"{key} in the {source.where} has {seen} bytes{' or more' if seen > size else ''}, and had {size} when it "
            "was listed; run again"
        )
