# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a module is: what it writes while it works, and the controller reads. Seconds and bytes, no secret."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

# A file system in memory, in which root alone makes directories.
DIRECTORY = "/run/gantry-progress"
# What the controller reads of a file at most, in bytes.
MOST_BYTES = 4096
# The parts that a work may have, as they are shown.
DUMPING, FILES, ROWS, COPYING = "dump", "files", "counting rows", "copying"
RESTORE, VERIFY, NEUTRALIZE, REGISTRY = "restoring the dump", "verifying", "neutralizing", "loading the modules"
PARTS = (DUMPING, FILES, ROWS, COPYING, RESTORE, VERIFY, NEUTRALIZE, REGISTRY)
_ID = re.compile(r"[0-9a-f]{32}")
_LONGEST_NAME = 100

# Is called with files and bytes that were done since it was called last.
Count = Callable[[int, int], None]


def uncounted(files: int, size: int) -> None:
    """Count nothing."""


def counted(pieces: Iterable[bytes], count: Count) -> Iterator[bytes]:
    """The same pieces, each counted as it is passed on."""
    for piece in pieces:
        count(0, len(piece))
        yield piece


@dataclass(frozen=True)
class Part:
    """One part of a work. seconds: since it began. files, bytes: done so far. A total is 0 where it is unknown.

    estimated: whether the totals are estimates.
    """

    name: str
    seconds: float = 0.0
    files: int = 0
    bytes: int = 0
    files_total: int = 0
    bytes_total: int = 0
    estimated: bool = False


@dataclass(frozen=True)
class Snapshot:
    """How far a work is. seconds: since it began. item: the one of `items` that is worked on, the first is 1.

    parts: those that have begun and not ended.
    """

    seconds: float
    item: str = ""
    number: int = 0
    items: int = 0
    parts: tuple[Part, ...] = ()


def path_of(identity: str) -> str:
    """The path of the file of one call. Raises InputError for another identity than the controller gives."""
    if not _ID.fullmatch(identity):
        raise InputError(f"progress_id: {identity[:40]!r} is not of the action plugin, which sets it; leave it out")
    return f"{DIRECTORY}/{identity}.json"


def text_of(seen: Snapshot) -> str:
    """The content of the file."""
    return json.dumps(asdict(seen))


def parse(text: str) -> Snapshot | None:
    """What a file says; None where it is not such a file, as a host may send anything."""
    try:
        found = json.loads(text)
        parts = tuple(_part(one) for one in found.pop("parts"))
        seen = Snapshot(**{**found, "parts": parts})
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return None
    numbers = _is_amount(seen.seconds) and _is_count(seen.number) and _is_count(seen.items)
    words = isinstance(seen.item, str) and seen.item.isprintable() and len(seen.item) <= _LONGEST_NAME
    return seen if numbers and words else None


def _part(found: Mapping[str, Any]) -> Part:
    part = Part(**found)
    counts = [getattr(part, one.name) for one in fields(Part) if one.type == "int"]
    if part.name not in PARTS or not _is_amount(part.seconds) or not all(map(_is_count, counts)):
        raise ValueError(part.name)
    return part


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 2**63


def _is_amount(value: object) -> bool:
    return isinstance(value, (int, float)) and 0 <= value < 2**63
