# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's form: entries, each sealed with the hash of the one before, so that none can change unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError

GENESIS = "0" * 64
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
# The key of what happened to a part that another change had taken over: no outcome of that one.
OVERTAKEN = "overtaken"


@dataclass(frozen=True)
class Entry:
    """One sealed entry. sequence: its number in the ledger, from 1."""

    sequence: int
    previous: str
    hash: str
    body: Mapping[str, Any]

    def as_record(self) -> dict[str, Any]:
        """The entry as the ledger's record holds it; the number is the record's."""
        return {**self.body, "previous": self.previous, "hash": self.hash}


def says_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two bodies are of one event; the part may have been taken over between two attempts to write it."""
    return {**one, OVERTAKEN: None} == {**other, OVERTAKEN: None}


def seal(body: Mapping[str, Any], last: Entry | None) -> Entry:
    """The entry that follows `last`. The hash is SHA-256 over the canonical JSON of all but itself."""
    sequence = 1 if last is None else last.sequence + 1
    previous = GENESIS if last is None else last.hash
    return Entry(sequence, previous, _digest(body, sequence, previous), dict(body))


def unseal(number: int, record: Any, where: str) -> Entry:
    """The entry in a record. Raises StateError where its hash is not that of its contents."""
    try:
        if not isinstance(record, dict):
            raise ValueError("no mapping")
        body = dict(record)
        entry = Entry(number, body.pop("previous"), body.pop("hash"), body)
        digest = _digest(body, number, entry.previous)
    except (ValueError, KeyError) as error:
        seen = f"it has no {error.args[0]}" if isinstance(error, KeyError) else str(error)
        raise StateError(
            f"the ledger in the {where} is damaged at entry {number}: it is not an entry ({seen}); restore the ledger "
            "from its copy before the next change"
        ) from error
    if digest != entry.hash:
        raise StateError(
            f"the ledger in the {where} is damaged at entry {number}: it was altered; "
            "compare it with its copy and find out who changed it before the next change"
        )
    return entry


def chained(entries: Iterable[Entry], where: str, first: Entry | None = None) -> Iterator[Entry]:
    """The same entries. Raises StateError at the first that does not follow from the one before.

    first: the one before all.
    """
    last = first
    for entry in entries:
        sequence, previous = (1, GENESIS) if last is None else (last.sequence + 1, last.hash)
        if (entry.sequence, entry.previous) != (sequence, previous):
            raise StateError(
                f"the ledger in the {where} is damaged at entry {entry.sequence}: it does not follow from the one "
                "before; compare it with its copy and find out who changed it before the next change"
            )
        yield entry
        last = entry


def _digest(body: Mapping[str, Any], sequence: int, previous: str) -> str:
    try:
        text = _CANONICAL.encode({**body, "sequence": sequence, "previous": previous})
    except TypeError as error:
        raise InputError(
            f"the ledger cannot hold this entry as JSON: {error}; give texts, numbers, lists and mappings of texts"
        ) from error
    return hashlib.sha256(text.encode()).hexdigest()
