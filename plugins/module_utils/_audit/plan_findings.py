# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies a ledger record by record, and goes on behind a fault, so that all faults are named. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import GENESIS, Entry, unseal
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_witness import Head
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, StateError, excerpt
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_record import decoded

ALTERED, MISSING, UNLINKED, CUT, REWRITTEN, UNWITNESSED, UNREADABLE, UNASKED, OTHER, UNPROVEN = KINDS = (
    "altered",
    "missing",
    "unlinked",
    "cut_off",
    "rewritten",
    "unwitnessed",
    "unreadable",
    "witness_unknown",
    "another_store",
    "approval",
)
# So many faults are kept, beside their number.
MOST = 200


@dataclass(frozen=True)
class Fault:
    """Why the ledger is not what was written. first, last: numbers of entries, 0 where it is about none."""

    kind: str
    sentence: str
    first: int = 0
    last: int = 0


@dataclass(frozen=True)
class Read:
    """A record as the store gave it. why: that of a store that could not read it. data: None where it is not there."""

    number: int
    data: bytes | None
    why: str = ""


@dataclass(frozen=True)
class Examined:
    """A record that was examined. entry: None where it is none. fault: None where it follows from the one before."""

    number: int
    entry: Entry | None
    fault: Fault | None = None


@dataclass(frozen=True)
class Judged:
    """An entry that is one. sound: whether it proves anything. fault: what is wrong with the record."""

    number: int
    entry: Entry | None
    sound: bool
    fault: Fault | None = None


@dataclass(frozen=True)
class Witnessed:
    """What the witness said. where: empty without one. silence: why it did not answer. newest: None before its use.

    begun: the last entry that it took as it was. unknown: the numbers of entries that it does not know.
    """

    where: str = ""
    silence: str = ""
    newest: Head | None = None
    begun: int | None = None
    unknown: Collection[int] = frozenset()

    def knows(self, number: int) -> bool:
        """Whether it was told of an entry, or has nothing to say of any."""
        return number not in self.unknown


def examined(records: Iterable[Read]) -> Iterator[Examined]:
    """The records of a ledger, each examined beside the one before."""
    previous, known = GENESIS, True
    for read in records:
        entry, fault, seal = _entry(read)
        if entry is not None and known and entry.previous != previous:
            fault = Fault(
                UNLINKED,
                f"entry {read.number} does not follow from the one before: one of them was replaced or written by hand",
                read.number,
                read.number,
            )
        # the next one may still follow from what this record says of itself
        known, previous = bool(seal), seal
        yield Examined(read.number, entry, fault)


def judged(records: Iterable[Examined], witness: Witnessed) -> Iterator[Judged]:
    """Whether each entry proves anything: it is sealed, the next one follows from it, and the witness knows it."""
    before: Examined | None = None
    for one in records:
        if before is not None:
            yield _judged(before, one, witness)
        before = one
    if before is not None:
        yield _judged(before, None, witness)


def _judged(one: Examined, following: Examined | None, witness: Witnessed) -> Judged:
    torn = following is not None and following.fault is not None and following.fault.kind == UNLINKED
    sound = one.entry is not None and one.fault is None and not torn and witness.knows(one.number)
    return Judged(one.number, one.entry, sound, one.fault)


def compared(records: Iterable[Examined], heads: Iterable[str]) -> Iterator[Examined]:
    """The records with a fault where the witness knows another hash. heads: its hashes, empty for one it has not."""
    for one, known in zip(records, heads):
        if one.entry is not None and known and one.entry.hash != known:
            said = f"entry {one.number} is not the one that the witness knows: it was written anew or replaced"
            yield Examined(one.number, one.entry, Fault(REWRITTEN, said, one.number, one.number))
        elif one.fault is not None and one.fault.kind == UNLINKED and known:
            # this one is what was written, so the one before is not, which is said of it
            yield Examined(one.number, one.entry)
        else:
            yield one


def _entry(read: Read) -> tuple[Entry | None, Fault | None, str]:
    """The entry, what is wrong with it, and the hash that the next one follows from, empty where that is unknown."""
    number = read.number
    if read.why:
        return None, Fault(UNREADABLE, f"entry {number} cannot be read: {read.why}", number, number), ""
    if read.data is None:
        return None, Fault(MISSING, f"entry {number} is missing: it was removed or lost", number, number), ""
    try:
        body = decoded(read.data)
    except BAD_VALUES as error:
        said = f"entry {number} is no JSON of ours: it was altered or damaged ({excerpt(str(error))})"
        return None, Fault(ALTERED, said, number, number), ""
    said_hash = body.get("hash") if isinstance(body, dict) else None
    seal = said_hash if isinstance(said_hash, str) else ""
    try:
        return unseal(number, body, ""), None, seal
    except (StateError, *BAD_VALUES):
        said = f"entry {number} was altered: its content is not the one that it was sealed with"
        return None, Fault(ALTERED, said, number, number), seal


def end_faults(newest: int, last: Entry | None, witness: Witnessed, seen: int = 0) -> list[Fault]:
    """What is wrong with the end of a ledger. last: its last entry. seen: the number that this controller has seen."""
    head = witness.newest
    found = []
    known = max(head.sequence if head else 0, seen)
    if newest < known:
        lost = f"entries {newest + 1} to {known}" if known > newest + 1 else f"entry {known}"
        by = f"its witness knows entry {known} of {excerpt(head.time)}" if head and head.sequence == known else ""
        by = by or f"this controller has seen entry {known}"
        said = f"the ledger ends with entry {newest}, and {by}: {lost} were cut off or lost"
        found.append(Fault(CUT, said, newest + 1, known))
    elif head and last and last.sequence == head.sequence and last.hash != head.hash:
        said = (
            f"entry {head.sequence}, the newest one of the witness, is another one there: the ledger was written anew"
        )
        found.append(Fault(REWRITTEN, said, head.sequence, head.sequence))
    return found


def unknown_faults(witness: Witnessed) -> Iterator[Fault]:
    """The entries that the witness was not told of, one fault for those in a row."""
    runs: list[list[int]] = []
    for number in sorted(witness.unknown):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    for first, last in runs:
        which = f"entry {first}" if first == last else f"entries {first} to {last}"
        said = f"the witness does not know {which}: written by hand or without the witness, and no proof"
        yield Fault(UNWITNESSED, said, first, last)


@dataclass(frozen=True)
class Verification:
    """The ledger as it was verified. entries: how many are sound by themselves. last: the number of the newest.

    faults: up to MOST of them; count: of all.
    """

    where: str
    entries: int = 0
    last: int = 0
    hash: str = ""
    faults: tuple[Fault, ...] = ()
    count: int = 0
    witness: Witnessed = Witnessed()

    @property
    def verified(self) -> bool:
        """Whether nothing speaks against the ledger, and its witness was heard where it has one."""
        return not self.count

    @property
    def sentence(self) -> str:
        """The verdict, as a sentence."""
        if not self.verified:
            more = f"; {self.count} faults were found" if self.count > 1 else ""
            first = self.faults[0].sentence
            return f"the ledger in the {self.where} does not verify: {first}{more}"
        entries = f"all {self.entries:,} entries of the ledger in the {self.where} verify"
        return entries + (f" and agree with the witness in the {self.witness.where}" if self.witness.where else "")


class Faults:
    """The faults that were found, the first MOST of them kept."""

    def __init__(self) -> None:
        self.kept: list[Fault] = []
        self.count = 0

    def add(self, faults: Iterable[Fault | None]) -> None:
        """Take some more."""
        for one in faults:
            if one is None:
                continue
            self.count += 1
            if len(self.kept) < MOST:
                self.kept.append(one)
