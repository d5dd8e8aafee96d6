# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A log of records on a directory, and what is asked of a store before it is trusted."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError, UnreachableError
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_directory import Directory
from ansible_collections.gantry.odoo.plugins.module_utils._objectstore.apply_log import (
    Log,
    Record,
    require_conditions,
)


class Overwriting(Directory):
    """A store that takes no notice of the condition, as some servers of S3 do."""

    def create(self, key: str, data: bytes) -> bool:
        """Write an object in any case."""
        self.delete([key])
        return super().create(key, data)


@pytest.fixture
def store(tmp_path: Path) -> Directory:
    return Directory(str(tmp_path / "store"))


def test_the_first_writer_of_a_number_wins_and_is_told_so_again(store: Directory) -> None:
    log = Log(store, "ledger")
    assert log.newest() is None
    assert log.append(Record(1, {"event": "opened"}))
    assert log.append(Record(1, {"event": "opened"}))
    assert not log.append(Record(1, {"event": "closed"}))
    assert log.newest() == Record(1, {"event": "opened"})


def test_records_come_in_their_order_over_more_than_one_directory(store: Directory) -> None:
    log, other = Log(store, "ledger"), Log(store, "ledger-of-another")
    assert all(log.append(Record(number, {"n": number})) for number in range(997, 1004))
    assert other.append(Record(1, {}))
    assert [record.number for record in log.records()] == list(range(997, 1004))
    assert [record.number for record in log.records(after=1001)] == [1002, 1003]
    assert log.records(limit=1) == [log.newest()] == [Record(1003, {"n": 1003})]


def test_of_many_writers_of_one_number_exactly_one_wins(store: Directory) -> None:
    log = Log(store, "leases")
    with ThreadPoolExecutor(8) as pool:
        for number in range(1, 11):
            won = list(pool.map(lambda racer, number=number: log.append(Record(number, {"racer": racer})), range(8)))
            assert won.count(True) == 1


def test_writers_that_plan_at_once_all_write_and_none_twice(store: Directory) -> None:
    def add(writer: int) -> None:
        def follow(newest: Record | None) -> Record:
            seen = newest.body["writers"] if newest else []
            if newest and writer in seen:
                return newest
            return Record(len(seen) + 1, {"writers": [*seen, writer]})

        for _twice in range(2):
            assert writer in Log(store, "parts").write(follow, Deadline(20)).body["writers"]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(8)))
    newest = Log(store, "parts").newest()
    assert newest is not None
    assert (newest.number, sorted(newest.body["writers"])) == (8, list(range(8)))


def test_a_log_keeps_its_newest_records_and_gives_no_number_of_an_old_one_again(store: Directory) -> None:
    log = Log(store, "leases", kept=20)
    for number in range(1, 102):
        assert log.append(Record(number, {"n": number}))
    assert [record.number for record in log.records()] == list(range(81, 102))
    # planned long ago: its key is free, and it counts for nothing
    assert not log.append(Record(3, {"n": "late"}))
    assert log.newest() == Record(101, {"n": 101})
    assert all(log.append(Record(number, {})) for number in range(102, 111))
    assert log.record(3) is None


def test_a_record_that_is_removed_while_it_is_read_is_looked_for_again(store: Directory) -> None:
    class Removing(Directory):
        def get(self, key: str) -> bytes | None:
            if key.endswith("998"):
                assert Log(store, "leases").append(Record(2, {"n": 2}))
                self.delete([key])
            return super().get(key)

    Log(store, "leases").append(Record(1, {"n": 1}))
    assert Log(Removing(store.path), "leases").newest() == Record(2, {"n": 2})


def test_only_its_owner_can_look_into_a_store(store: Directory) -> None:
    os.umask(0)
    Log(store, "ledger").append(Record(1, {}))
    modes = {
        stat.S_IMODE(os.stat(os.path.join(path, name)).st_mode)
        for path, directories, files in os.walk(store.path)
        for name in (*directories, *files)
    }
    assert modes == {0o700, 0o600}
    assert not os.listdir(os.path.join(store.path, ".staged"))


def test_a_store_is_tried_before_it_is_trusted(store: Directory) -> None:
    require_conditions(store)
    assert not store.names("probe/", 10)
    with pytest.raises(StateError, match="writers create one object, or a later one"):
        require_conditions(Overwriting(store.path))
    assert not store.names("probe/", 10)


@pytest.mark.parametrize(("name", "text"), [("999999/998", "no JSON"), ("999999/first", "{}"), ("first", "{}")])
def test_what_is_no_record_is_named(store: Directory, name: str, text: str) -> None:
    log = Log(store, "ledger")
    log.append(Record(1, {}))
    place = Path(store.path, "ledger", name)
    place.write_text(text, encoding="utf-8")
    with pytest.raises(StateError, match=r"is damaged; compare|is no record of ledger; see who"):
        log.records()


def test_a_directory_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("", encoding="utf-8")
    with pytest.raises(UnreachableError, match=r"directory .*store could not write ledger/.*: Not a directory"):
        Log(Directory(str(tmp_path / "store")), "ledger").append(Record(1, {}))
