# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the witness of a ledger knows of it: the hash of each entry, in a second place. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import Entry
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import number, text

# Facts of the entry that opens a change: the witness, that it began with that change, and the one before it.
WITNESS, WITNESS_NEW, WITNESS_BEFORE = "witness", "witness_new", "witness_before"
# Why the change began without it; why it had to, as a change that restores service; what it did not know.
WITNESS_AWAY, WITNESS_REFUSES, UNWITNESSED = "witness_away", "witness_refuses", "unwitnessed"
_ACCEPT = "where that is lost for good, keep this witness as evidence and name another place in witness of change_store"
_NAMED = 5


@dataclass(frozen=True)
class Head:
    """An entry of the ledger as the witness knows it. time: of the entry."""

    sequence: int
    hash: str
    time: str = ""

    def as_body(self) -> dict[str, Any]:
        """The body of the witness's record; its number is that of the entry."""
        return {"hash": self.hash, "time": self.time}


def head_of(entry: Entry) -> Head:
    """What the witness is told of an entry."""
    return Head(entry.sequence, entry.hash, str(entry.body.get("time", "")))


def head_from(sequence: int, body: Any, where: str) -> Head:
    """What a record of the witness says. Raises StateError where it is none of ours."""
    try:
        return Head(number(sequence, 1), text(body["hash"]), text(body["time"]))
    except BAD_VALUES as error:
        raise StateError(
            f"record {sequence} of the witness in the {where} cannot be read: {error!r}; see who wrote it, and bring "
            f"back the one before, or, {_ACCEPT}"
        ) from error


def witness_in(body: Mapping[str, Any]) -> str:
    """The witness that an entry of the ledger names, empty where it names none."""
    facts = body.get("facts")
    return str(facts.get(WITNESS, "")) if isinstance(facts, Mapping) else ""


def require_known(head: Head, found: Entry | None, newest: int, where: str, witness: str) -> None:
    """Raise StateError unless the ledger has the entry that its witness knows.

    found: the entry with that number, None where there is none. newest: the number of the last entry.
    """
    if newest < head.sequence:
        raise StateError(
            f"the ledger in the {where} ends with entry {newest}, and its witness in the {witness} knows entry "
            f"{head.sequence} of {head.time}: what was behind was cut off or lost; bring it back from a copy, or, "
            f"{_ACCEPT}"
        )
    if found is None:
        raise StateError(
            f"the ledger in the {where} has entry {newest} and lacks entry {head.sequence}, which its witness in the "
            f"{witness} knows; bring it back from a copy and find out who removed it, or, {_ACCEPT}"
        )
    if found.hash != head.hash:
        raise StateError(
            f"entry {head.sequence} of the ledger in the {where} is not the one that its witness in the {witness} "
            f"knows: the ledger was written anew, or one of the two is that of another estate; compare both with their "
            f"copies and find out who wrote them, or, {_ACCEPT}"
        )


def begun_in_words(facts: Mapping[str, Any], where: str) -> str:
    """A sentence on a witness that begins with a ledger that had one before, empty where it had none."""
    if WITNESS_BEFORE not in facts:
        return ""
    return (
        f"the witness in the {where} is new, and the ledger had one in the {facts[WITNESS_BEFORE]}; it takes the "
        "ledger as it is, so compare it with the former one where that is not on purpose"
    )


def unknown_in_words(entries: Iterable[Entry], where: str, witness: str) -> str:
    """A sentence on entries at the end of the ledger that its witness does not know."""
    listed = list(entries)
    shown = ", ".join(f"{one.sequence} ({_in_words(one.body)})" for one in listed[-_NAMED:])
    more = f", and {len(listed) - _NAMED} before" if len(listed) > _NAMED else ""
    return (
        f"the witness in the {witness} does not know these entries of the ledger in the {where}: {shown}{more}; they "
        "were written without it, or by hand, and prove nothing to the gate, so see whether those changes were run"
    )


def _in_words(body: Mapping[str, Any]) -> str:
    change = body.get("change")
    named = change if isinstance(change, Mapping) else {}
    return f"{body.get('event')} of {named.get('id')} by {named.get('requester')}"
