# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The witness knows each entry that was written, whenever a process is killed, and never goes back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible import context

from ansible_collections.gantry.odoo.plugins.action import (
    change_break,
    change_close,
    change_gate,
    change_info,
    change_open,
    change_record,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change import apply_store, apply_witness
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_events import bring, outbox
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_heard import Heard, hear
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import Ledger, open_ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_witness import open_witness
from ansible_collections.gantry.odoo.plugins.module_utils._change.model_event import Event, event
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, StateError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_below import Below
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.options import bucket_from

CHANGE = {"id": "patch-1", "kind": "patch", "requester": "mara"}
STANDARD = {"class": "standard", "requester": "mara", "reason": "", "approver": ""}
EMERGENCY = {"class": "emergency", "requester": "mara", "reason": "disk full", "approver": "tom"}
D = 20


@pytest.fixture
def declared(tmp_path: Path) -> dict[str, Any]:
    """A store with two entries, whose witness knows both."""
    declared = {
        "directory": str(tmp_path / "store"),
        "witness": {"directory": str(tmp_path / "witness")},
        "outbox": str(tmp_path / "outbox"),
    }
    assert heard(declared).facts == {"witness": f"directory {tmp_path}/witness", "witness_new": True}
    for count in range(2):
        assert bring(declared, happened(count), Deadline(D)).unwitnessed == ""
    return declared


def heard(declared: dict[str, Any], papers: dict[str, str] | None = None, **how: bool) -> Heard:
    """What the witness says to a change with those papers, by default a standard one."""
    given = {"resumes": False, "aside": False, "begins": True, **how}
    return hear(open_ledger(declared), papers or STANDARD, **given)


def happened(count: int) -> Callable[[datetime, bool], Event]:
    def make(now: datetime, late: bool) -> Event:
        return event(CHANGE, "applied", {"count": count}, now, None, late)

    return make


def heads(declared: dict[str, Any]) -> list[int]:
    return sorted(Log(Directory(declared["witness"]["directory"]), "heads").numbers())


def away(declared: dict[str, Any]) -> None:
    """Put a file in the place of the witness."""
    place = Path(declared["witness"]["directory"])
    place.rename(f"{place}.away")
    place.write_text("", encoding="utf-8")


def back(declared: dict[str, Any]) -> None:
    place = Path(declared["witness"]["directory"])
    place.unlink()
    Path(f"{place}.away").rename(place)


def waiting(declared: dict[str, Any]) -> list[str]:
    return sorted(path.name for path in Path(declared["outbox"]).rglob("heads-*/*"))


def test_the_witness_knows_each_entry(declared: dict[str, Any]) -> None:
    ledger = open_ledger(declared)
    assert heads(declared) == [1, 2]
    assert [(one.sequence, ledger.witness.head(one.sequence).hash) for one in ledger.entries()] == [
        (one.sequence, one.hash) for one in ledger.entries()
    ]
    assert (ledger.unwitnessed(), ledger.witness.begun) == ([], 0)
    assert heard(declared).facts == {"witness": ledger.witness.where}


class Killed(BaseException):
    """The end of a process, which no handler sees."""


def test_a_process_that_is_killed_leaves_nothing_that_its_witness_does_not_come_to_know(
    declared: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, left = 0, 0

    class Fragile(Directory):
        """A store whose user is killed behind a number of operations on the ledger and its witness."""

        def create(self, key: str, data: bytes) -> bool:
            nonlocal left
            done = super().create(key, data)
            left -= 1
            if left == 0:
                raise Killed
            return done

    for count in range(1, 8):
        with monkeypatch.context() as patch:
            patch.setattr(apply_store, "_opened", lambda place, _named: Fragile(place["directory"]))
            left = count
            try:
                bring(declared, happened(10 + count), Deadline(D))
            except Killed:
                killed += 1
        # another controller goes on meanwhile, and finds nothing wrong
        other = {**declared, "outbox": f"{declared['outbox']}.other"}
        heard(other)
        bring(other, happened(100 + count), Deadline(D))
        assert bring(declared, happened(1000 + count), Deadline(D)).entry
        assert open_ledger(declared).unwitnessed() == []
        assert list(heard(declared).warnings) == []
    assert killed > 1


def test_two_controllers_that_race_do_not_take_the_witness_back(declared: dict[str, Any]) -> None:
    bare = Ledger(Directory(declared["directory"]))
    third, fourth = (bare.append({"event": "applied", "count": count}, Deadline(D)) for count in (3, 4))
    witness = open_witness(declared)
    witness.add(fourth)
    assert (heads(declared), witness.newest().sequence) == ([1, 2, 4], 4)
    heard(declared)
    witness.add(third)
    witness.add(third)
    assert (heads(declared), witness.newest().sequence) == ([1, 2, 3, 4], 4)


def test_an_entry_that_another_controller_is_about_to_tell_is_waited_for(
    declared: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = Ledger(Directory(declared["directory"])).append({"event": "applied"}, Deadline(D))
    monkeypatch.setattr(
        "ansible_collections.gantry.odoo.plugins.module_utils._core.deadline.time.sleep",
        lambda _s: open_witness(declared).add(entry),
    )
    assert list(heard(declared).warnings) == []


def test_work_in_hand_goes_on_without_the_witness_which_is_told_later(declared: dict[str, Any]) -> None:
    away(declared)
    for count in (3, 4):
        brought = bring(declared, happened(count), Deadline(D))
        assert brought.entry
        assert "witness could not read identity: Not a directory" in brought.unwitnessed
    assert (waiting(declared), outbox(declared).held()) == (["000000003", "000000004"], [])
    back(declared)
    assert bring(declared, happened(5), Deadline(D)).unwitnessed == ""
    assert (heads(declared), waiting(declared)) == ([1, 2, 3, 4, 5], [])
    # or by the program that renews the lease
    away(declared)
    bring(declared, happened(6), Deadline(D))
    back(declared)
    outbox(declared).tell_witness()
    assert (heads(declared)[-1], waiting(declared)) == (6, [])


def test_a_witness_that_does_not_answer_is_asked_once_for_an_entry(declared: dict[str, Any]) -> None:
    away(declared)
    ledger = open_ledger(declared)
    with mock.patch.object(apply_witness.Witness, "_write") as written:
        ledger.append({"event": "applied"}, Deadline(D))
    assert not written.called


@pytest.mark.parametrize("fault", [away, lambda one: shutil.rmtree(one["witness"]["directory"])])
def test_no_change_begins_without_the_witness_but_in_an_emergency(
    declared: dict[str, Any], fault: Callable[[dict[str, Any]], None]
) -> None:
    """Also where the witness is not the one that this controller has seen, as it was emptied."""
    fault(declared)
    for papers in (STANDARD, {**EMERGENCY, "approver": "mara"}, {**EMERGENCY, "class": "normal"}):
        with pytest.raises(StateError, match=r"^the witness of the ledger does not answer, and no change begins wit"):
            heard(declared, papers)
    for found in (heard(declared, EMERGENCY), heard(declared, resumes=True), heard(declared, aside=True)):
        assert list(found.facts) == ["witness_away"]
        assert not found.answers
        assert found.warnings[0].startswith("the change begins without the witness of the ledger, which does not ans")


def test_what_the_witness_refuses_does_not_keep_service_from_being_restored(declared: dict[str, Any]) -> None:
    ledger = Log(Directory(declared["directory"]), "ledger")
    ledger.objects.delete([ledger.key(2)])
    for papers in (STANDARD, EMERGENCY):
        with pytest.raises(StateError, match="ends with entry 1, and its witness"):
            heard(declared, papers)
    found = heard(declared, resumes=True)
    assert (list(found.facts), found.answers) == (["witness_refuses"], False)
    # what happens is kept until the ledger is what it was
    brought = bring(declared, happened(3), Deadline(D))
    assert "ends with entry 1" in brought.why
    assert len(outbox(declared).held()) == 1


def test_another_place_takes_the_ledger_as_it_is_and_says_so(declared: dict[str, Any], tmp_path: Path) -> None:
    book = open_ledger(declared)
    book.append({"event": "opened", "facts": dict(heard(declared).facts)}, Deadline(D))
    drill = {"tenants": [{"tenant": "harbour", "ok": True}]}
    book.append({"event": "drill", "time": "2026-11-27T17:30:00+00:00", "facts": drill}, Deadline(D))
    moved = {**declared, "witness": {"directory": str(tmp_path / "new")}}
    found = heard(moved)
    assert found.facts["witness_before"] == f"directory {tmp_path}/witness"
    assert found.warnings[0].startswith(f"the witness in the directory {tmp_path}/new is new, and the ledger had one")
    assert (open_witness(moved).begun, heads(moved), open_ledger(moved).unwitnessed()) == (4, [4], [])
    assert open_ledger(moved).evidence("drill", "harbour").sequence == 4
    assert "witness_new" not in heard(moved).facts
    # no head that waits for the former witness comes to the new one
    away(declared)
    bring(declared, happened(5), Deadline(D))
    bring(moved, happened(6), Deadline(D))
    assert (heads(moved), len(waiting(declared))) == ([4, 6], 1)


def test_a_witness_that_was_told_before_it_began_takes_nothing_on_trust(declared: dict[str, Any]) -> None:
    moved = {**declared, "witness": {"directory": f"{declared['witness']['directory']}.new"}}
    bring(moved, happened(3), Deadline(D))
    Ledger(Directory(declared["directory"])).append({"event": "applied", "by": "hand"}, Deadline(D))
    heard(moved)
    assert (open_witness(moved).begun, open_ledger(moved).unwitnessed()) == (2, [4])


def test_the_first_entry_of_a_ledger_is_known_to_its_witness_or_named(tmp_path: Path) -> None:
    declared = {
        "directory": str(tmp_path / "store"),
        "witness": {"directory": str(tmp_path / "witness")},
        "outbox": str(tmp_path / "outbox"),
    }
    heard(declared)
    Ledger(Directory(declared["directory"])).append({"event": "applied", "by": "hand"}, Deadline(D))
    assert heard(declared).facts["unwitnessed"] == [1]


def test_a_damaged_ledger_gets_no_new_witness(declared: dict[str, Any]) -> None:
    ledger = Log(Directory(declared["directory"]), "ledger")
    ledger.objects.delete([ledger.key(1)])
    moved = {**declared, "witness": {"directory": f"{declared['witness']['directory']}.new"}}
    with pytest.raises(StateError, match="damaged at entry 2: it does not follow"):
        heard(moved)
    assert open_witness(moved).begun is None


UNREAD = "record 3 of the witness in the .* cannot be read"


@pytest.mark.parametrize(
    ("key", "data", "ahead", "said"),
    [
        ("heads/999999/996", '{"hash": "0", "time": ""}', "ends with entry 2", "is not the one that its witness"),
        ("heads/999999/996", '{"hash": 0, "time": ""}', UNREAD, UNREAD),
        ("heads/999999/996", "[]", UNREAD, UNREAD),
        ("heads/000000/000", '{"hash": "0", "time": ""}', "knows entry 999999999", "knows entry 999999999"),
    ],
)
def test_what_is_forged_in_the_witness_lets_no_change_begin(
    declared: dict[str, Any], key: str, data: str, ahead: str, said: str
) -> None:
    """Who can write the witness alone can stop changes, and lets none begin on a forged ledger."""
    place = Path(declared["witness"]["directory"], key)
    place.parent.mkdir(exist_ok=True)
    place.write_text(data, encoding="utf-8")
    with pytest.raises(StateError, match=ahead):
        heard(declared)
    assert bring({**declared, "witness": None}, happened(3), Deadline(D)).entry
    with pytest.raises(StateError, match=said):
        heard(declared)


def test_the_witness_is_another_place(tmp_path: Path) -> None:
    store = {"directory": str(tmp_path), "outbox": str(tmp_path / "outbox")}
    with pytest.raises(InputError, match=r"store.witness: it is the place of the change store itself"):
        open_witness({**store, "witness": {"directory": str(tmp_path)}})
    with pytest.raises(InputError, match=r"store.witness.directory: witness is a relative path"):
        open_witness({**store, "witness": {"directory": "witness"}}).newest()
    assert open_witness({**store, "witness": None}) is None


def test_a_store_in_a_bucket_lies_below_its_prefix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two estates in one bucket, or a store and what is to replace it, are kept apart by it."""
    bucket = Directory(str(tmp_path))
    monkeypatch.setattr(
        "ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_bucket.connect_bucket",
        lambda *_arguments: bucket,
    )
    settings = {"bucket": "odoo-changes", "prefix": "north/", "region": "us-east-1"}
    assert bucket_from("store.s3", settings).prefix == "north/"
    store = apply_store.open_store({"s3": settings, "outbox": None})
    assert isinstance(store, Below)
    assert store.create("identity", b"north")
    assert bucket.get("north/identity") == b"north"
    assert list(store.several(["identity", "absent"])) == [b"north", None]
    assert apply_store.open_store({"s3": {**settings, "prefix": ""}, "outbox": None}) is bucket


class Actions:
    """Runs the actions on a declared store, without the program that renews leases."""

    def __init__(self, declared: dict[str, Any]) -> None:
        self.declared = declared

    def __call__(self, action: Any, check: bool = False, **args: Any) -> dict[str, Any]:
        task = mock.Mock(
            args={"store": self.declared, **args},
            check_mode=check,
            async_val=0,
            action="gantry.odoo.example",
            environment=[],
        )
        templar = mock.Mock()
        templar.template.side_effect = lambda value, **_rest: value
        given = (task, mock.MagicMock(), mock.Mock(), mock.Mock(), templar, mock.Mock())
        result: dict[str, Any] = action.ActionModule(*given).run(None, {})
        return result


@pytest.fixture
def act(declared: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Actions:
    monkeypatch.setattr(change_open.lease_keeper, "start", mock.Mock())
    monkeypatch.setattr(context, "CLIARGS", {"inventory": ["hosts"]})
    return Actions(declared)


def test_a_change_keeps_what_its_witness_says(act: Actions, declared: dict[str, Any]) -> None:
    opened = act(change_open, kind="patch", requester="mara")
    entry = open_ledger(declared).newest()
    assert entry.body["facts"] == {"witness": open_witness(declared).where, "covers": ["estate"]}
    away(declared)
    told = "the witness of the ledger does not know this entry yet; the next run on this controller writes it: the dir"
    assert act(change_record, change=opened["change"], event="applied")["warnings"][0].startswith(told)
    closed = act(change_close, change=opened["change"])
    assert "failed" not in closed
    assert closed["screen"][1].startswith(f"  {told}")
    back(declared)
    assert act(change_open, kind="patch", requester="mara")["change"]["id"].startswith("patch-")
    found = act(change_info, gather=["witness"])["witness"]
    assert {name: found[name] for name in ("declared", "begun", "sequence", "unwitnessed")} == {
        "declared": True,
        "begun": 0,
        "sequence": entry.sequence + 3,
        "unwitnessed": [],
    }
    declared["witness"] = None
    assert act(change_info, gather=["witness"])["witness"] == {"declared": False}


def test_a_change_is_not_opened_on_a_ledger_that_was_cut_off_and_its_lease_is_free(
    act: Actions, declared: dict[str, Any]
) -> None:
    ledger = Log(Directory(declared["directory"]), "ledger")
    ledger.objects.delete([ledger.key(2)])
    assert "ends with entry 1, and its witness" in act(change_open, check=True, kind="patch", requester="m")["refused"]
    refused = act(change_open, kind="patch", requester="mara")
    assert (refused["failed"], "ends with entry 1, and its witness" in refused["msg"]) == (True, True)
    assert act(change_info, gather=["leases"])["leases"] == []
    assert ledger.newest_number() == 1


def test_an_emergency_is_opened_and_broken_without_the_witness(act: Actions, declared: dict[str, Any]) -> None:
    away(declared)
    papers = {"class": "emergency", "reason": "disk full", "approver": "tom", "requester": "mara"}
    assert "no change begins without it" in act(change_open, kind="patch", requester="mara")["msg"]
    opened = act(change_open, kind="patch", **papers)
    assert "the change begins without the witness of the ledger" in opened["warnings"][0]
    entry = Ledger(Directory(declared["directory"])).newest()
    assert (entry.body["event"], "witness_away" in entry.body["facts"]) == ("opened", True)
    gate = act(change_gate, change=opened["change"], tenants=[{"name": "harbour", "tier": 1}])
    assert "does not answer" in gate["warnings"][0]
    assert len(gate["overridden"]) == 2
    assert (
        "does not know this entry yet"
        in act(change_break, change=opened["change"]["id"], requester="tom", reason="x")["warnings"][0]
    )


def test_a_drill_that_was_appended_by_hand_opens_no_gate(act: Actions, declared: dict[str, Any]) -> None:
    opened = act(change_open, kind="patch", requester="mara")
    bare, done = Ledger(Directory(declared["directory"])), {"tenants": [{"tenant": "harbour", "ok": True}]}
    now = bare.objects.now()
    for name in ("backup", "drill"):
        bare.record(now, {"id": "drill-1", "requester": "mara"}, name, done, Deadline(D))
    gate = act(change_gate, change=opened["change"], tenants=[{"name": "harbour", "tier": 1}])
    assert gate["failed"]
    assert len(gate["denials"]) == 2
    assert [one.split()[1] for one in gate["warnings"]] == ["witness", "4", "5"]
    # the same ones, by a run that tells the witness
    for name in ("backup", "drill"):
        open_ledger(declared).record(now, {"id": "drill-2"}, name, done, Deadline(D))
    assert "failed" not in act(change_gate, change=opened["change"], tenants=[{"name": "harbour", "tier": 1}])
    assert json.dumps(gate)
