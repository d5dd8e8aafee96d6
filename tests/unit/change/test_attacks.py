# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be done to a ledger by who can write its store, and which call finds it, with a witness and without one.

The store is a directory; the other kinds share all of it but the way in which an object is written.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_heard import hear
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger, open_ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import Entry, seal
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, Record

OLD, NEW = "2026-10-27T17:30:00.000+00:00", "2026-11-29T10:00:00.000+00:00"
PAPERS = {"class": "standard", "requester": "mara", "reason": "", "approver": ""}
EVENTS = ("opened", "backup", "drill", "applied", "closed")


def body(event: str, time: str = OLD) -> dict[str, Any]:
    facts = {"tenants": [{"tenant": "harbour", "ok": True}]} if event in ("backup", "drill") else {}
    return {"event": event, "time": time, "change": {"id": f"{event}-1", "requester": "mara"}, "facts": facts}


def log(store: Path, name: str = "ledger") -> Log:
    return Log(Directory(str(store)), name)


def file(store: Path, number: int) -> Path:
    return store / log(store).key(number)


def entries(store: Path) -> list[Entry]:
    return Ledger(Directory(str(store))).entries()


def put(store: Path, entry: Entry) -> None:
    file(store, entry.sequence).write_text(json.dumps(entry.as_record()), encoding="utf-8")


def index(store: Path, what: Any) -> None:
    assert log(store, "evidence/drill/harbour").append(Record(2, what))


def tail(store: Path) -> None:
    """Cut off the last two entries."""
    file(store, 5).unlink()
    file(store, 4).unlink()


def emptied(store: Path) -> None:
    """Remove all entries."""
    shutil.rmtree(store / "ledger")


def deleted(store: Path) -> None:
    """Remove the store."""
    shutil.rmtree(store)


def last_byte(store: Path) -> None:
    """Cut the last byte of the newest entry, as a file of lines loses its last newline."""
    file(store, 5).write_bytes(file(store, 5).read_bytes()[:-1])


def rewritten(store: Path) -> None:
    """Write all entries anew, each rightly chained to the one before."""
    last = None
    for entry in entries(store):
        last = seal({**entry.body, "change": {"id": "patch-1", "requester": "nobody"}}, last)
        put(store, last)


def appended(store: Path) -> None:
    """Append a drill by hand, rightly chained."""
    put(store, seal(body("drill", NEW), entries(store)[-1]))


def indexed(store: Path) -> None:
    """Append a drill by hand, and name it in the index of the evidence."""
    appended(store)
    index(store, {"sequence": 6})


def middle(store: Path) -> None:
    """Remove an entry in the middle."""
    file(store, 3).unlink()


def altered(store: Path) -> None:
    """Alter an entry in the middle."""
    file(store, 3).write_text(file(store, 3).read_text(encoding="utf-8").replace("mara", "nobody"), encoding="utf-8")


def replaced(store: Path) -> None:
    """Put another entry in the middle in the place of one, with its own right hash."""
    put(store, seal(body("drill", NEW), entries(store)[1]))


def misled(store: Path) -> None:
    """Let the index of the evidence name an entry that is none."""
    index(store, {"sequence": 5})


def lost(store: Path) -> None:
    """Let the index of the evidence name no entry."""
    index(store, {"entry": "five"})


CUT = "ends with entry 3, and its witness in the directory .*witness knows entry 5 of 2026-10-27T17:30:00.000"
GONE = CUT.replace("entry 3", "entry 0")
TORN = "record 5 of ledger .* is damaged; compare it with a copy"
ANOTHER = "entry 5 of the ledger .* is not the one that its witness .* knows: the ledger was written anew"
UNKNOWN = r"does not know these entries of the ledger in the directory .*: 6 \(drill of drill-1 by mara\); they were"
GAP = "damaged at entry 4: it does not follow from the one before"
ALTERED = "damaged at entry 3: it was altered"
FORGED = "entry 3 of the ledger .* is not the one that its witness"

# What a call says: an error or a warning; a number is that of the entry that it takes for the newest drill.
# alone: append, gate and read. witnessed: begin, append, gate and read.
ATTACKS: dict[Callable[[Path], None], tuple[tuple[Any, Any, Any], tuple[Any, Any, Any, Any]]] = {
    tail: (("", 3, ""), (CUT, CUT, 3, "")),
    emptied: (("", 0, ""), (GONE, GONE, 0, "")),
    deleted: (("", 0, ""), (GONE, GONE, 0, "")),
    last_byte: ((TORN, 3, TORN), (TORN, TORN, 3, TORN)),
    rewritten: (("", 3, ""), (ANOTHER, ANOTHER, FORGED, "")),
    appended: (("", 3, ""), (UNKNOWN, "", 3, "")),
    indexed: (("", 6, ""), (UNKNOWN, "", 3, "")),
    middle: (("", 0, GAP), ("", "", 0, GAP)),
    altered: (("", ALTERED, ALTERED), ("", "", ALTERED, ALTERED)),
    replaced: (("", GAP, GAP), ("", "", FORGED, GAP)),
    misled: (("", 3, ""), ("", "", 3, "")),
    lost: (("", 3, ""), ("", "", 3, "")),
}  # fmt: skip


@pytest.fixture
def declared(tmp_path: Path) -> dict[str, Any]:
    """A store with five entries, whose witness knows them, and that this controller has not used before."""
    declared = {"directory": str(tmp_path / "store"), "witness": {"directory": str(tmp_path / "witness")}}
    writer = {**declared, "outbox": str(tmp_path / "another controller")}
    hear(open_ledger(writer), PAPERS, resumes=False, aside=False, begins=True)
    for event in EVENTS:
        open_ledger(writer).append(body(event), Deadline(20))
    return {**declared, "outbox": str(tmp_path / "outbox")}


def said(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except StateError as error:
        return str(error)


def begin(declared: dict[str, Any]) -> str:
    heard = hear(open_ledger(declared), PAPERS, resumes=False, aside=False, begins=True)
    return " ".join(heard.warnings)


def append(declared: dict[str, Any]) -> str:
    open_ledger(declared).append(body("opened", NEW), Deadline(20))
    return ""


def gate(declared: dict[str, Any]) -> int:
    found = open_ledger(declared).evidence("drill", "harbour")
    return found.sequence if found else 0


def read(declared: dict[str, Any]) -> str:
    open_ledger(declared).entries()
    return ""


def require(expected: Any, found: Any) -> None:
    if isinstance(expected, str) and expected:
        assert isinstance(found, str)
        assert re.search(expected, found)
        assert "\n" not in found
    else:
        assert found == expected


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_what_is_found_of_an_attack(attack: Callable[[Path], None], declared: dict[str, Any]) -> None:
    attack(Path(declared["directory"]))
    alone = {**declared, "witness": None}
    found_alone, found_witnessed = ATTACKS[attack]
    for expected, call in zip(found_alone[1:], (gate, read)):
        require(expected, said(lambda call=call: call(alone)))
    for expected, call in zip((*found_witnessed[:1], *found_witnessed[2:]), (begin, gate, read)):
        require(expected, said(lambda call=call: call(declared)))
    # what is written comes last
    require(found_witnessed[1], said(lambda: append(declared)))
    require(found_alone[0], said(lambda: append(alone)))


def test_a_forged_entry_proves_nothing_also_when_others_follow_on_it(declared: dict[str, Any]) -> None:
    indexed(Path(declared["directory"]))
    append(declared)
    doubts: list[str] = []
    found = open_ledger(declared).evidence("drill", "harbour", doubt=doubts.append)
    assert found is not None
    assert found.sequence == 3
    assert doubts == [
        f"entry 6 of the ledger says that harbour had a drill at {NEW}, which its witness does not know, so that it "
        "proves nothing; see who wrote it, and run the drill again"
    ]
    assert begin(declared) == ""
    assert open_ledger(declared).unwitnessed() == [6]


def test_a_store_and_a_witness_that_are_rewritten_together_are_not_found(declared: dict[str, Any]) -> None:
    """What the rights of the witness's account are for: it may create, and neither replace nor remove."""
    rewritten(Path(declared["directory"]))
    witness = Directory(declared["witness"]["directory"])
    heads = Log(witness, "heads")
    heads.objects.delete([heads.key(number) for number in heads.numbers()])
    for entry in entries(Path(declared["directory"])):
        assert heads.append(Record(entry.sequence, {"hash": entry.hash, "time": OLD}))
    assert begin(declared) == ""
