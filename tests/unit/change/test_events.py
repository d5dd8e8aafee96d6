# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened while the store was away is kept, and comes into the store once, whenever a process is killed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change import apply_events
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_events import bring, outbox, users_first, write
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import patiently
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import Event, event
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_parts import PROVEN, Part
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import (
    UNDO,
    plan_open,
    plan_resume,
    with_part,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory

NOW = datetime(2026, 11, 27, 17, 30, tzinfo=timezone.utc)
CHANGE = {"id": "patch-1", "kind": "patch", "requester": "mara"}
NODES = ("app1", "app2", "app3")


class Killed(BaseException):
    """The end of a process, which no handler sees."""


class Fragile(Directory):
    """A store whose user is killed before or after the operation with the number `last`."""

    def __init__(self, path: str, last: int = 10**9, before: bool = True) -> None:
        super().__init__(path)
        self.left, self.before = last, before

    def _counted(self, operation: Callable[[], Any]) -> Any:
        self.left -= 1
        if self.left == 0 and self.before:
            raise Killed
        done = operation()
        if self.left == 0:
            raise Killed
        return done

    def create(self, key: str, data: bytes) -> bool:
        return bool(self._counted(lambda: super(Fragile, self).create(key, data)))

    def get(self, key: str) -> bytes | None:
        found: bytes | None = self._counted(lambda: super(Fragile, self).get(key))
        return found

    def delete(self, keys: Iterable[str]) -> int:
        return int(self._counted(lambda: super(Fragile, self).delete(keys)))


@pytest.fixture
def declared(tmp_path: Path) -> dict[str, Any]:
    """A store with an open change of three nodes."""
    PartsLog(Directory(str(tmp_path / "store"))).write(
        lambda seen: plan_open(seen, CHANGE["id"], NODES, {"release": "r2"}, NOW), Deadline(60)
    )
    return {"directory": str(tmp_path / "store"), "outbox": str(tmp_path / "outbox")}


def proven(name: str) -> Callable[[datetime, bool], Event]:
    def make(now: datetime, late: bool) -> Event:
        return event(CHANGE, PROVEN, {"node": name}, now, Part(name, CHANGE["id"], PROVEN, now), late)

    return make


def away(declared: dict[str, Any]) -> dict[str, Any]:
    """Put a file in the place of the store; the same option."""
    Path(declared["directory"]).rename(declared["directory"] + ".away")
    Path(declared["directory"]).write_text("", encoding="utf-8")
    return declared


def back(declared: dict[str, Any]) -> Directory:
    Path(declared["directory"]).unlink()
    Path(declared["directory"] + ".away").rename(declared["directory"])
    return Directory(declared["directory"])


def entries(declared: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(entry.body) for entry in Ledger(Directory(declared["directory"])).entries()]


def states(declared: dict[str, Any]) -> dict[str, str]:
    return {part.name: part.state for part in PartsLog(Directory(declared["directory"])).read().parts}


def test_an_event_is_in_the_store_and_no_file_is_left(declared: dict[str, Any]) -> None:
    brought = bring(declared, proven("app1"), Deadline(60))
    assert (brought.entry and brought.entry.sequence, brought.why) == (1, "")
    assert outbox(declared).held() == []
    assert states(declared) == {"app1": "proven", "app2": "planned", "app3": "planned"}
    (entry,) = entries(declared)
    assert entry["facts"] == {"part": "app1", "node": "app1"}
    assert "late" not in entry


def test_what_happens_while_the_store_is_away_is_kept_in_its_order(declared: dict[str, Any]) -> None:
    os.umask(0)
    for name in ("app2", "app1"):
        brought = bring(away(declared), proven(name), Deadline(60))
        assert brought.entry is None
        assert "could not tell its time: Not a directory" in brought.why
        assert "; it is kept in " in brought.why
        back(declared)
    box = outbox(declared)
    assert len(box.held()) == 2
    assert {stat.S_IMODE(os.stat(path).st_mode) for path in box.held()} == {0o600}
    assert stat.S_IMODE(os.stat(box.directory).st_mode) == 0o700
    # the next that reaches the store brings what was before it
    bring(declared, proven("app3"), Deadline(60))
    assert [(entry["facts"]["part"], entry.get("late")) for entry in entries(declared)] == [
        ("app2", True),
        ("app1", True),
        ("app3", None),
    ]
    assert set(states(declared).values()) == {"proven"}
    assert box.held() == []


@pytest.mark.parametrize("before", [True, False])
def test_a_process_that_is_killed_loses_nothing_and_doubles_nothing(
    declared: dict[str, Any], before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = 0
    for count in range(1, 12):
        store = Fragile(declared["directory"], count, before)
        monkeypatch.setattr(apply_events, "open_store", lambda _declared, store=store: store)
        known = len(entries(declared))
        try:
            bring(declared, proven("app1"), Deadline(60))
        except Killed:
            killed += 1
        kept = outbox(declared).held()
        # another operator writes meanwhile
        Ledger(Directory(declared["directory"])).append({"event": "opened", "count": count}, Deadline(60))
        outbox(declared).deliver(Directory(declared["directory"]), Deadline(60))
        found = [entry for entry in entries(declared)[known:] if entry["event"] == PROVEN]
        # it was killed before it was kept, or it is in the ledger once
        assert len(found) == 1 or (not kept and not found)
    assert killed > 4


@pytest.mark.parametrize("step", ["replace_file", "unlink"])
def test_a_process_that_is_killed_between_file_and_store(
    declared: dict[str, Any], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(away(declared), proven("app1"), Deadline(60))
    store = back(declared)

    def killed(*_arguments: Any, **_options: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(apply_events.os if step == "unlink" else apply_events, step, killed)
        with pytest.raises(Killed):
            outbox(declared).deliver(store, Deadline(60))
    Ledger(store).append({"event": "opened"}, Deadline(60))
    outbox(declared).deliver(store, Deadline(60))
    assert [entry["event"] for entry in entries(declared)].count(PROVEN) == 1


@pytest.mark.parametrize("others", [3, 0])
def test_what_happened_is_recorded_in_a_ledger_that_was_rolled_back(
    declared: dict[str, Any], others: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event names an entry that the ledger has lost. It comes into the ledger once, wherever that ends now."""
    store, box = Directory(declared["directory"]), outbox(declared)
    for count in range(others):
        Ledger(store).append({"event": "opened", "count": count}, Deadline(60))
    box.add(proven("app1")(NOW, True).tried(40))

    def killed(*arguments: Any) -> None:
        write(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(apply_events, "write", killed)
        with pytest.raises(Killed):
            box.deliver(store, Deadline(60))
    # the ledger grows beyond the entry that the event named
    for count in range(50):
        Ledger(store).append({"event": "closed", "count": count}, Deadline(60))
    assert [one.sequence for one in box.deliver(store, Deadline(60)).values()] == [others + 1]
    assert [entry["event"] for entry in entries(declared)].count(PROVEN) == 1
    assert (states(declared)["app1"], box.held()) == (PROVEN, [])


def test_a_part_that_another_change_has_taken_over_is_left_to_it(declared: dict[str, Any]) -> None:
    bring(away(declared), proven("app1"), Deadline(60))
    parts = PartsLog(back(declared))
    begun = Part("app1", CHANGE["id"], "begun", datetime.now(timezone.utc))
    parts.write(lambda seen: with_part(seen, begun), Deadline(60))
    parts.write(lambda seen: plan_resume(seen, "resume-9", CHANGE["id"], UNDO), Deadline(60))
    before = states(declared)
    bring(declared, proven("app2"), Deadline(60))
    assert states(declared) == before == {"app1": "interrupted", "app2": "proven", "app3": "proven"}
    told = [(entry["facts"]["part"], entry.get("overtaken")) for entry in entries(declared)]
    assert told == [("app1", True), ("app2", True)]


def test_what_was_written_before_another_change_took_the_part_over_is_not_written_again(
    declared: dict[str, Any],
) -> None:
    store, box = Directory(declared["directory"]), outbox(declared)
    path = Path(box.add(proven("app1")(NOW, True).tried(0)))
    text = path.read_text(encoding="utf-8")
    box.deliver(store, Deadline(60))
    parts = PartsLog(store)
    parts.write(lambda seen: plan_resume(seen, "resume-9", CHANGE["id"], UNDO), Deadline(60))
    # the controller was killed before it removed the file
    path.write_text(text, encoding="utf-8")
    box.deliver(store, Deadline(60))
    assert [(entry["event"], entry.get("overtaken")) for entry in entries(declared)] == [(PROVEN, None)]


def test_a_file_holds_no_secret_and_stores_are_told_apart(tmp_path: Path) -> None:
    declared = {
        "directory": None,
        "postgresql": {"host": "127.0.0.1", "port": 1, "user": "gantry", "password": "a-secret", "dbname": "gantry",
                       "ssl_mode": "require", "ca_cert": None},
        "s3": None,
        "outbox": str(tmp_path),
    }  # fmt: skip
    assert bring(declared, proven("app1"), Deadline(60)).entry is None
    (path,) = outbox(declared).held()
    assert "a-secret" not in Path(path).read_text(encoding="utf-8")
    renewed = {**declared, "postgresql": {**declared["postgresql"], "password": "another"}}  # type: ignore[dict-item]
    assert outbox(renewed).held() == [path]
    other = {**declared, "postgresql": {**declared["postgresql"], "dbname": "other"}}  # type: ignore[dict-item]
    assert outbox(other).held() == []


def test_a_controller_without_room_for_files_records_all_the_same(declared: dict[str, Any]) -> None:
    Path(declared["outbox"]).write_text("", encoding="utf-8")
    brought = bring(declared, proven("app1"), Deadline(60))
    assert brought.entry is not None
    assert states(declared)["app1"] == "proven"


def test_what_is_no_event_is_named(declared: dict[str, Any]) -> None:
    box = outbox(declared)
    os.makedirs(box.directory)
    Path(box.directory, "000000001-a.json").write_text("[]", encoding="utf-8")
    with pytest.raises(StateError, match="holds no event of a change"):
        box.deliver(Directory(declared["directory"]), Deadline(60))


def test_what_is_no_json_is_refused_before_it_is_kept(declared: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="cannot hold this entry as JSON"):
        bring(declared, lambda now, late: event(CHANGE, "applied", {"at": NOW}, now, None, late), Deadline(60))
    assert outbox(declared).held() == []


def test_a_store_that_is_away_for_a_moment_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([UnreachableError("gone"), UnreachableError("gone"), "here"])

    def attempt() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def gone() -> str:
        raise UnreachableError("gone")

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    assert patiently(attempt, Deadline(60)) == "here"
    with pytest.raises(UnreachableError):
        patiently(gone, Deadline(0))


def test_a_damaged_ledger_stops_all_but_what_is_resumed(declared: dict[str, Any]) -> None:
    store, said = Directory(declared["directory"]), list[str]()
    Ledger(store).append({"event": "opened"}, Deadline(60))
    (entry,) = (path for path in Path(declared["directory"], "ledger").rglob("*") if path.is_file())
    entry.write_bytes(entry.read_bytes().replace(b"opened", b"closed"))
    with pytest.raises(StateError, match="damaged at entry 1"):
        users_first(False, Ledger(store).entries, said.append)
    assert not said
    assert users_first(True, Ledger(store).entries, said.append) == ()
    assert "damaged at entry 1" in "".join(said)
