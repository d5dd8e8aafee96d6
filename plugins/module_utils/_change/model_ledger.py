# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's form: JSON lines, each sealed with the hash of the one before, so that no line can change unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError

GENESIS = "0" * 64


@dataclass(frozen=True)
class Entry:
    """One sealed line."""

    sequence: int
    previous: str
    hash: str
    body: Mapping[str, Any]

    @property
    def line(self) -> str:
        """The line as the file holds it, with its line feed."""
        return _canonical({**self.body, "sequence": self.sequence, "previous": self.previous, "hash": self.hash}) + "\n"


def seal(body: Mapping[str, Any], last: Entry | None) -> Entry:
    """The entry that follows `last`. The hash is SHA-256 over the canonical JSON of all but itself."""
    sequence = 1 if last is None else last.sequence + 1
    previous = GENESIS if last is None else last.hash
    return Entry(sequence, previous, _digest(body, sequence, previous), dict(body))


def read(lines: Iterable[bytes], where: str) -> list[Entry]:
    """Parse and check a whole ledger. Raises StateError at the first line that does not follow from the one before."""
    entries: list[Entry] = []
    for number, line in enumerate(lines, start=1):
        try:
            raw = json.loads(line)
            if not isinstance(raw, dict):
                raise ValueError("no mapping")
            entry = Entry(raw.pop("sequence"), raw.pop("previous"), raw.pop("hash"), raw)
            expected = seal(entry.body, entries[-1] if entries else None)
        except (ValueError, KeyError) as error:
            seen = f"it has no {error.args[0]}" if isinstance(error, KeyError) else str(error)
            raise StateError(
                f"ledger {where} is damaged at line {number}: it is not an entry ({seen}); restore the ledger from its "
                "copy before the next change"
            ) from error
        if entry != expected:
            raise StateError(
                f"ledger {where} is damaged at line {number}: it does not follow from the line before; "
                "compare it with its copy and find out who changed it before the next change"
            )
        entries.append(entry)
    return entries


def complete_lines(content: bytes) -> list[bytes]:
    """The complete lines: a last line without its line feed was cut off by a kill and never counted."""
    return content.split(b"\n")[:-1]


def _digest(body: Mapping[str, Any], sequence: int, previous: str) -> str:
    whole = _canonical({**body, "sequence": sequence, "previous": previous})
    return hashlib.sha256(whole.encode()).hexdigest()


def _canonical(value: Mapping[str, Any]) -> str:
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except TypeError as error:
        raise InputError(
            f"the ledger cannot hold this entry as JSON: {error}; give texts, numbers, lists and mappings of texts"
        ) from error
