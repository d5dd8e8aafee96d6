# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store that vanishes, is emptied, is another one or an older copy does not answer, and nothing is written there."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_known import KnownLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_seen import (
    Seen,
    as_seen,
    directory_of,
    identity_of,
    recall,
    remember,
)
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_store import open_store
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._estate.apply_record import EstateLog
from ansible_collections.gantry.odoo.plugins.module_utils._lease.apply import Register
from ansible_collections.gantry.odoo.plugins.module_utils._lease.model import Holder
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import Log, Record

HOLDER = Holder("patch", "mara", "ctl1")


def use(declared: dict[str, Any]) -> int:
    """Use a store as a change does; the number of its lease."""
    store = open_store(declared)
    identity = identity_of(store)
    lease = Register(store, 60).take(["estate"], HOLDER, Deadline(60))
    Register(store).release(lease.fencing_number, Deadline(60))
    remember(declared, Seen(identity, {"leases": lease.number}))
    return lease.number


@pytest.fixture
def declared(tmp_path: Path) -> dict[str, Any]:
    """A store that this controller has used twice."""
    declared = {"directory": str(tmp_path / "store"), "outbox": str(tmp_path / "outbox")}
    use(declared)
    shutil.copytree(tmp_path / "store", tmp_path / "older")
    use(declared)
    return declared


def emptied(store: Path) -> None:
    shutil.rmtree(store)
    store.mkdir()


def another(store: Path) -> None:
    shutil.rmtree(store)
    for _change in range(5):
        use({"directory": str(store), "outbox": f"{store}.other"})


def older(store: Path) -> None:
    shutil.rmtree(store)
    (store.parent / "older").rename(store)


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (shutil.rmtree, "it holds no change store"),
        (emptied, "it holds no change store"),
        (another, "it holds another change store"),
        (older, "its newest record of leases has number 2"),
    ],
)
def test_another_store_in_the_place_of_the_one_that_was_seen_does_not_answer(
    declared: dict[str, Any], fault: Callable[[Path], None], seen: str
) -> None:
    fault(Path(declared["directory"]))
    before = sorted(Path(declared["directory"]).rglob("*"))
    for use_it in (
        lambda store: store.now(),
        lambda store: store.create("tried", b""),
        lambda store: store.get("tried"),
        lambda store: store.names("leases/", 1),
        lambda store: store.delete(["tried"]),
    ):
        words = f"is not what it was: {seen}, and this controller has seen (lease )?4 there"
        with pytest.raises(UnreachableError, match=words):
            use_it(open_store(declared))
    assert sorted(Path(declared["directory"]).rglob("*")) == before


LOGS = (PartsLog.NAME, "ledger", Register.NAME, EstateLog.NAME, KnownLog.NAME)


@pytest.mark.parametrize("log", LOGS)
def test_a_store_that_lost_the_newest_records_of_a_change_does_not_answer(declared: dict[str, Any], log: str) -> None:
    """It has the identity and the lease that the change was opened with: a standby that was promoted, a copy."""
    for name in LOGS:
        Log(open_store(declared), name).append(Record(5, {}))
    shutil.rmtree(Path(declared["directory"]).with_name("older"), ignore_errors=True)
    shutil.copytree(declared["directory"], Path(declared["directory"]).with_name("older"))
    Log(open_store(declared), log).append(Record(6, {}))
    # another process of this controller writes less, at the same time
    remember(declared, Seen(identity_of(open_store(declared)), dict.fromkeys(LOGS, 5)))
    open_store(declared).now()
    older(Path(declared["directory"]))
    lost = f"is not what it was: its newest record of {log} has number 5, and this controller has seen 6 there; bring"
    for use_it in (
        lambda store: Log(store, "parts").newest(),
        lambda store: Log(store, log).append(Record(6, {"another": "one"})),
        lambda store: store.now(),
    ):
        with pytest.raises(UnreachableError, match=lost):
            use_it(open_store(declared))
    # where nothing can be brought back, the store is taken as it is
    Path(directory_of(declared), "seen").unlink()
    assert open_store(declared).names("parts/", 1)


def test_records_that_are_lost_between_two_operations_are_missed(declared: dict[str, Any]) -> None:
    store = open_store(declared)
    parts = Log(store, "parts")
    assert parts.append(Record(1, {}))
    shutil.copytree(declared["directory"], f"{declared['directory']}.copy")
    # another controller writes, and this one reads it
    assert Log(Directory(declared["directory"]), "parts").append(Record(2, {}))
    assert parts.newest_number() == 2
    shutil.rmtree(declared["directory"])
    Path(f"{declared['directory']}.copy").rename(declared["directory"])
    for use_it in (parts.newest, lambda: parts.append(Record(2, {}))):
        with pytest.raises(UnreachableError, match="its newest record of parts has number 1, and this controller has"):
            use_it()
    shutil.rmtree(Path(declared["directory"]) / "parts")
    with pytest.raises(UnreachableError, match="its newest record of parts has number 0, and this controller has"):
        parts.newest()


def test_what_many_processes_have_seen_is_the_highest(declared: dict[str, Any]) -> None:
    identity = identity_of(open_store(declared))
    with ThreadPoolExecutor(8) as pool:
        for seen in pool.map(lambda number: remember(declared, Seen(identity, {f"log{number}": number})), range(16)):
            assert seen is None
    kept = recall(declared)
    assert kept is not None
    assert {name: number for name, number in kept.numbers.items() if name != "leases"} == {
        f"log{number}": number for number in range(16)
    }


def test_what_an_operator_removed_is_not_made_again_by_a_process_that_runs(declared: dict[str, Any]) -> None:
    store = open_store(declared)
    store.now()
    Path(directory_of(declared), "seen").unlink()
    Log(store, "parts").append(Record(1, {}))
    assert recall(declared) is None


def test_a_store_that_vanishes_between_two_operations_holds_nothing(declared: dict[str, Any]) -> None:
    store = open_store(declared)
    assert store.names("leases/", 1)
    emptied(Path(declared["directory"]))
    for use_it in (
        lambda: store.get("identity"),
        lambda: store.names("parts/", 1),
        lambda: store.create("tried", b""),
    ):
        with pytest.raises(UnreachableError, match="it holds no change store"):
            use_it()


def test_a_store_is_verified_again_after_a_while(declared: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(declared)
    assert store.names("leases/", 1)
    another(Path(declared["directory"]))
    assert store.names("leases/", 1)
    later = time.monotonic() + 6
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with pytest.raises(UnreachableError, match="it holds another change store"):
        store.names("leases/", 1)


def test_what_refuses_every_key_does_not_answer(declared: dict[str, Any]) -> None:
    """As a table that was dropped."""

    class Dropped(Directory):
        def get(self, key: str) -> bytes | None:
            raise StateError(f"could not read {key}: relation does not exist")

    store = as_seen(Dropped(declared["directory"]), declared)
    with pytest.raises(UnreachableError, match="relation does not exist"):
        store.names("parts/", 1)


def test_a_store_that_does_not_show_what_was_written_has_no_identity(tmp_path: Path) -> None:
    class Late(Directory):
        def get(self, key: str) -> bytes | None:
            return None

    with pytest.raises(StateError, match=r"does not show what was written into it; see whether it is consistent"):
        identity_of(Late(str(tmp_path / "store")))


def test_what_was_seen_is_kept_until_it_is_removed(declared: dict[str, Any], tmp_path: Path) -> None:
    assert recall({**declared, "directory": str(tmp_path / "unused")}) is None
    emptied(Path(declared["directory"]))
    Path(directory_of(declared), "seen").unlink()
    assert use(declared) == 1
    Path(directory_of(declared), "seen").write_text("no number", encoding="utf-8")
    with pytest.raises(StateError, match=r"seen cannot be read: .*; remove it"):
        open_store(declared)
    # no place for files on this controller
    (tmp_path / "file").touch()
    remember({**declared, "outbox": str(tmp_path / "file/outbox")}, Seen("one", {"leases": 1}))
