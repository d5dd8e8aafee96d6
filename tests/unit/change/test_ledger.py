# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger shows each alteration, loses no entry of two writers, and finds evidence without being read."""

from __future__ import annotations

import json
import multiprocessing
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_witness import Witness
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_ledger import GENESIS, Entry, seal
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore import apply_log
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, Record

TIME = "2026-11-27T17:30:00.000+00:00"


def ledger(path: Path) -> Ledger:
    return Ledger(Directory(str(path)))


def fill(path: Path, count: int = 3, writer: int = 0) -> None:
    for number in range(count):
        ledger(path).append({"event": "opened", "number": number, "writer": writer}, Deadline(20))


def files(path: Path) -> list[Path]:
    """The entries' files, the oldest first."""
    return sorted(file for file in (path / "ledger").rglob("*") if file.is_file())[::-1]


def evidence(event: str, *tenants: str, **fields: Any) -> dict[str, Any]:
    facts = {"tenants": [{"tenant": name, "ok": True} for name in tenants]}
    return {"event": event, "time": TIME, "facts": facts, **fields}


def test_entries_follow_one_another(tmp_path: Path) -> None:
    fill(tmp_path)
    entries = ledger(tmp_path).entries()
    assert [entry.sequence for entry in entries] == [1, 2, 3]
    assert entries[0].previous == GENESIS
    assert entries[2].previous == entries[1].hash
    assert ledger(tmp_path).entries(after=2) == entries[2:]
    assert ledger(tmp_path).entries(after=3) == []


def test_an_entry_that_arrived_without_an_answer_is_not_written_twice(tmp_path: Path) -> None:
    body = {"event": "opened", "time": TIME}
    first = ledger(tmp_path).append(body, Deadline(5))
    assert ledger(tmp_path).append(body, Deadline(5)) == first
    assert len(ledger(tmp_path).entries()) == 1


def test_an_entry_is_looked_for_in_all_of_a_ledger_that_was_rolled_back(tmp_path: Path) -> None:
    fill(tmp_path)
    found = ledger(tmp_path).entries()[1]
    assert ledger(tmp_path).append(found.body, Deadline(5), after=40) == found
    assert ledger(tmp_path).append({"event": "closed"}, Deadline(5), after=40).sequence == 4


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_altered_entry_is_found(tmp_path: Path, number: int) -> None:
    fill(tmp_path)
    file = files(tmp_path)[number - 1]
    file.write_text(file.read_text(encoding="utf-8").replace('"opened"', '"closed"'), encoding="utf-8")
    with pytest.raises(StateError, match=f"damaged at entry {number}: it was altered"):
        ledger(tmp_path).entries()


@pytest.mark.parametrize("number", [1, 2])
def test_an_entry_that_was_taken_out_is_found(tmp_path: Path, number: int) -> None:
    fill(tmp_path)
    files(tmp_path)[number - 1].unlink()
    with pytest.raises(StateError, match=f"damaged at entry {number + 1}: it does not follow"):
        ledger(tmp_path).entries()


@pytest.mark.parametrize("text", ["[1]", "1", "{}", '{"previous": ""}', '{"a": "\\ud800", "previous": "", "hash": ""}'])
def test_what_is_no_entry_is_one_sentence(tmp_path: Path, text: str) -> None:
    fill(tmp_path)
    files(tmp_path)[2].write_text(text, encoding="utf-8")
    for use in (ledger(tmp_path).entries, lambda: ledger(tmp_path).append({"event": "closed"}, Deadline(5))):
        with pytest.raises(StateError, match=r"damaged at entry 3: it is not an entry .*; restore the ledger"):
            use()


@pytest.mark.parametrize("facts", [{"day": date(2026, 11, 22)}, {1: "a", "b": 2}])
def test_what_is_no_json_is_refused_and_the_ledger_stays(tmp_path: Path, facts: Mapping[Any, Any]) -> None:
    fill(tmp_path)
    with pytest.raises(InputError, match="cannot hold this entry as JSON"):
        ledger(tmp_path).append({"event": "closed", "facts": facts}, Deadline(5))
    assert len(files(tmp_path)) == 3


def test_two_writers_do_not_lose_an_entry(tmp_path: Path) -> None:
    writers = [multiprocessing.Process(target=fill, args=(tmp_path, 10, number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    assert len(ledger(tmp_path).entries()) == 30


class Counting(Directory):
    """A store that counts what is asked of it."""

    asked: Counter[str]

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.asked = Counter()

    def create(self, key: str, data: bytes) -> bool:
        """Count, and answer."""
        self.asked["create"] += 1
        return super().create(key, data)

    def get(self, key: str) -> bytes | None:
        """Count, and answer."""
        self.asked["get"] += 1
        return super().get(key)

    def several(self, keys: Sequence[str]) -> Iterator[bytes | None]:
        """Count, and answer."""
        self.asked["get"] += len(keys)
        return super().several(keys)

    def names(self, prefix: str, limit: int) -> list[str]:
        """Count, and answer."""
        self.asked["names"] += limit
        return super().names(prefix, limit)


def planted(path: Path, name: str, newest: int, body: Mapping[str, Any]) -> None:
    """A log that ends with that record: as many directories as it has, and in the last one all files."""
    log = Log(Directory(str(path)), name)
    for number in range(1, newest + 1, 1000):
        (path / log.key(number)).parent.mkdir(parents=True, exist_ok=True)
    for number in range(max(1, newest - 999), newest + 1):
        (path / log.key(number)).parent.mkdir(exist_ok=True)
        (path / log.key(number)).write_text(json.dumps(body), encoding="utf-8")


@pytest.mark.parametrize("witnessed", [False, True])
def test_an_append_asks_the_same_of_a_long_ledger(
    tmp_path: Path, witnessed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = []
    for newest in (10, 100_000):
        store, second = Counting(str(tmp_path / str(newest))), Counting(str(tmp_path / f"{newest}-second"))
        last = seal({"event": "opened", "time": TIME}, Entry(newest - 1, "", "0" * 64, {}))
        planted(Path(store.path), "ledger", newest, last.as_record())
        planted(Path(second.path), "heads", newest, {"hash": last.hash, "time": TIME})
        witness = Witness({}, str(tmp_path / "waiting")) if witnessed else None
        with monkeypatch.context() as patch:
            patch.setattr(Witness, "objects", second)
            drill = Ledger(store, witness).append(evidence("drill", "harbour"), Deadline(5))
        assert drill.sequence == newest + 1
        costs.append((store.asked, second.asked))
    assert costs[0] == costs[1]
    # the newest entry, and the index of the evidence
    assert costs[0][0] == {"names": 3, "get": 1, "create": 2}
    assert costs[0][1] == ({"names": 1, "get": 1, "create": 1} if witnessed else {})


def test_a_ledger_is_verified_without_being_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few entries are read ahead of the one that is looked at."""
    fill(tmp_path, 5)
    monkeypatch.setattr(apply_log, "_AT_ONCE", 2)
    store = Counting(str(tmp_path))
    read = Ledger(store).walk()
    assert next(read).sequence == 1
    assert store.asked["get"] == 2
    assert [entry.sequence for entry in read] == [2, 3, 4, 5]
    log = Log(store, "ledger")
    (tmp_path / log.key(99)).write_bytes((tmp_path / log.key(5)).read_bytes())
    with pytest.raises(
        StateError, match=r"has record 99 of ledger, and none of the numbers 7 to 8; see who put ledger/"
    ):
        list(Ledger(store).walk())


def test_evidence_is_the_newest_of_each_tenant_and_kind(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    for body in (evidence("backup", "harbour", "north"), evidence("drill", "harbour"), evidence("backup", "harbour")):
        book.append({**body, "run": len(files(tmp_path))}, Deadline(5))
    found = {
        (event, name): entry.sequence if entry else 0
        for event in ("backup", "drill")
        for name in ("harbour", "north", "..")
        for entry in [book.evidence(event, name)]
    }
    assert found == {
        ("backup", "harbour"): 3,
        ("backup", "north"): 1,
        ("backup", ".."): 0,
        ("drill", "harbour"): 2,
        ("drill", "north"): 0,
        ("drill", ".."): 0,
    }


def test_a_name_leads_nowhere_else(tmp_path: Path) -> None:
    ledger(tmp_path).append(evidence("backup", "../../leases", ".."), Deadline(5))
    assert {path.name for path in tmp_path.iterdir()} == {".staged", "ledger", "evidence"}
    assert len(list((tmp_path / "evidence/backup").iterdir())) == 2


def test_forged_evidence_is_no_evidence(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.append(evidence("backup", "harbour"), Deadline(5))
    (file,) = files(tmp_path)
    forged = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**forged, "time": "2026-11-28T17:30:00.000+00:00"}), encoding="utf-8")
    with pytest.raises(StateError, match="damaged at entry 1: it was altered"):
        book.evidence("backup", "harbour")


@pytest.mark.parametrize("body", [{"sequence": 3}, {"sequence": 9}, {"sequence": "2"}, {"entry": 2}, [2]])
def test_an_index_that_names_no_such_evidence_hides_none(tmp_path: Path, body: Any) -> None:
    """As that of a ledger that was rolled back, or a forged one. Also the next evidence is found."""
    book = ledger(tmp_path)
    for one in (evidence("backup", "harbour"), evidence("drill", "harbour"), {"event": "closed", "time": TIME}):
        book.append(one, Deadline(5))
    assert Log(book.objects, "evidence/drill/harbour").append(Record(2, body))
    assert book.evidence("drill", "harbour").sequence == 2
    book.append(evidence("drill", "harbour", run=2), Deadline(5))
    assert book.evidence("drill", "harbour").sequence == 4


def test_a_store_that_cannot_be_written_stops_the_change(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UnreachableError, match="could not"):
        ledger(tmp_path / "file").append({"event": "opened"}, Deadline(5))
