# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a module is: the lines, the file that it writes, and what a host may send instead."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._core import apply_progress, model_progress
from ansible_collections.gantry.odoo.plugins.module_utils._core.apply_progress import Progress, reporting
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import (
    DUMPING,
    FILES,
    MOST_BYTES,
    PARTS,
    RESTORE,
    Part,
    Snapshot,
    parse,
    text_of,
)
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_progress import (
    duration,
    line,
    rate,
    seconds_left,
    size,
)
from tests.lab.wait import until

MIB = 1024**2
ID = "0123456789abcdef" * 2


def test_the_line_shows_amounts_rates_and_the_time_left() -> None:
    dump = Part(DUMPING, 10, 0, 1000 * MIB, 0, 3000 * MIB, estimated=True)
    files = Part(FILES, 10, 41_200, 400 * MIB, 103_000)
    seen = Snapshot(12, "harbour", 2, 12, (dump, files))
    assert line("db1", [seen]) == (
        "progress: [db1] => harbour (2 of 12), 12 s: dump 1000.0 MiB of about 2.9 GiB, 100.0 MiB/s, 20 s left; "
        "files 41,200 of 103,000 (400.0 MiB), 40.0 MiB/s, 15 s left"
    )


def test_a_single_item_is_not_counted_and_a_part_without_amounts_shows_its_time() -> None:
    seen = Snapshot(75, "harbour", 1, 1, (Part(RESTORE, 70),))
    assert line("db1", [seen]) == "progress: [db1] => harbour, 1 min 15 s: restoring the dump, for 1 min 10 s"
    assert line("db1", [replace(seen, parts=())]).endswith("harbour, 1 min 15 s: preparing or finishing")
    assert line("db1", [Snapshot(1)]) == "progress: [db1] => 1 s: preparing or finishing"


def test_files_without_bytes_have_a_rate_of_files() -> None:
    seen = Snapshot(4, "harbour", 1, 1, (Part(FILES, 4, 8000, 0, 10_000),))
    assert line("db1", [seen]).endswith("files 8,000 of 10,000, 2,000 files/s, 1 s left")


def test_a_rate_is_that_of_the_last_seconds() -> None:
    def seen(seconds: float, mib: int) -> Snapshot:
        return Snapshot(seconds, "harbour", 1, 1, (Part(DUMPING, seconds, 0, mib * MIB, 0, 2000 * MIB),))

    read = [seen(5, 1000), seen(10, 1010), seen(45, 1100)]
    # what was read 35 and 40 s before does not count; what began with the part does
    assert "24.4 MiB/s" in line("db1", read)
    assert "2.0 MiB/s, 7 min 20 s left" in line("db1", [*read, seen(55, 1120)])


def test_a_part_of_another_item_or_one_that_began_anew_is_another_part() -> None:
    first = Snapshot(10, "harbour", 1, 2, (Part(DUMPING, 9, 0, 900 * MIB),))
    anew = Snapshot(15, "north", 2, 2, (Part(DUMPING, 4, 0, 80 * MIB),))
    assert "20.0 MiB/s" in line("db1", [first, anew])
    assert "20.0 MiB/s" in line("db1", [replace(first, item="north"), anew])


@pytest.mark.parametrize(
    ("part", "left"),
    [
        (Part(DUMPING, 10, 0, 50, 0, 100), 10.0),
        (Part(DUMPING, 10, 0, 100, 0, 100), 0.0),
        (Part(DUMPING, 10, 0, 0, 0, 100), None),
        (Part(DUMPING, 10, 0, 50), None),
        # an estimate that was exceeded says nothing
        (Part(DUMPING, 10, 0, 150, 0, 100, estimated=True), None),
        # bytes that are known say more than files
        (Part(FILES, 10, 1, 50, 100, 100), 10.0),
        (Part(FILES, 10, 50, 7, 100), 10.0),
        (Part(FILES, 0, 50, 7, 100), None),
    ],
)
def test_the_time_left(part: Part, left: float | None) -> None:
    assert seconds_left(part, Part(part.name)) == left


def test_an_estimate_that_was_exceeded_is_not_shown() -> None:
    seen = Snapshot(10, "harbour", 1, 1, (Part(DUMPING, 10, 0, 200 * MIB, 0, 100 * MIB, estimated=True),))
    assert line("db1", [seen]).endswith("dump 200.0 MiB, 20.0 MiB/s")


def test_a_rate_is_never_negative() -> None:
    assert rate(Part(DUMPING, 5, 0, 10), Part(DUMPING, 4, 0, 20), "bytes") == 0.0
    assert rate(Part(DUMPING, 5, 0, 10), Part(DUMPING, 5, 0, 5), "bytes") == 0.0


def test_sizes_and_times_for_people() -> None:
    sizes = [size(count) for count in (0, 1023, 1024, 1024**2 - 1, 1.5 * 1024**4, 1024**6)]
    assert sizes == ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "1.5 TiB", "1048576.0 TiB"]
    times = [duration(seconds) for seconds in (0.2, 59.4, 59.6, 3599.6, 7_260)]
    assert times == ["0 s", "59 s", "1 min", "1 h", "2 h 1 min"]


def test_what_is_written_is_what_is_read() -> None:
    parts = tuple(Part(name, 1.5, 2**40, 2**60, 2**40, 2**60, estimated=True) for name in PARTS)
    seen = Snapshot(86_400.5, "ä" * 63, 1000, 1000, parts)
    assert parse(text_of(seen)) == seen
    assert len(text_of(seen).encode()) < MOST_BYTES


@pytest.mark.parametrize(
    "change",
    [
        {"item": "\x1b[2J"},
        {"item": "a\nchanged: [db1]"},
        {"item": "x" * 101},
        {"item": 5},
        {"seconds": -1},
        {"seconds": float("nan")},
        {"seconds": "1"},
        {"number": 1.5},
        {"number": 2**70},
        {"parts": [{"name": "\x1b[2J"}]},
        {"parts": [{"name": DUMPING, "bytes": -1}]},
        {"parts": [{"name": DUMPING, "bytes": "1"}]},
        {"parts": [{"name": DUMPING, "other": 1}]},
        {"parts": {"name": DUMPING}},
        {"parts": None},
        {"other": 1},
    ],
)
def test_what_a_host_sends_instead_is_not_shown(change: dict[str, object]) -> None:
    found = {"seconds": 1.0, "item": "harbour", "number": 1, "items": 1, "parts": [{"name": DUMPING}], **change}
    assert parse(json.dumps(found)) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"seconds": 1}', "[" * 5000])
def test_what_is_no_such_file_is_not_shown(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("identity", ["x", "../../etc/passwd", ID + "\n", ID.upper(), ID[1:]])
def test_another_identity_is_refused(identity: str) -> None:
    with (
        pytest.raises(InputError, match="is not of the action plugin, which sets it; leave it out"),
        reporting(identity),
    ):
        pass


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files are, and a second that is short."""
    for module in (apply_progress, model_progress):
        monkeypatch.setattr(module, "DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setattr(apply_progress, "WRITE_S", 0.01)
    return tmp_path / "run"


def awaited(path: Path, part: Part) -> None:
    """Wait until a file says how far a part is."""

    def lacks() -> str | None:
        seen = parse(path.read_text(encoding="utf-8")) if path.exists() else None
        return None if seen and [replace(one, seconds=0) for one in seen.parts] == [part] else str(seen)

    until(lacks, "the part in the file", 10)


def test_the_file_follows_the_work_and_goes_with_it(directory: Path) -> None:
    path = directory / f"{ID}.json"
    with reporting(ID) as progress:
        progress.begin("harbour", 1, 2)
        with progress.part(FILES) as counter:
            counter.expect(3, 9)
            counter.add(1, 3)
            awaited(path, Part(FILES, 0, 1, 3, 3, 9))
            counter.add(2, 6)
            awaited(path, Part(FILES, 0, 3, 9, 3, 9))
        assert directory.stat().st_mode & 0o777 == 0o700
        assert path.stat().st_mode & 0o777 == 0o600
    assert list(directory.iterdir()) == []


def test_the_file_goes_where_the_work_fails(directory: Path) -> None:
    def work() -> None:
        with reporting(ID) as progress, progress.part(FILES):
            awaited(directory / f"{ID}.json", Part(FILES))
            raise InputError("mine")

    with pytest.raises(InputError, match="mine"):
        work()
    assert list(directory.iterdir()) == []


def test_a_call_that_was_killed_leaves_nothing_for_long(directory: Path) -> None:
    directory.mkdir()
    for name, age in (("killed.json", 3600), ("other.json", 1)):
        (directory / name).write_text("", encoding="utf-8")
        moment = (directory / name).stat().st_mtime - age
        os.utime(directory / name, (moment, moment))
    with reporting(ID) as progress, progress.part(FILES):
        awaited(directory / f"{ID}.json", Part(FILES))
        assert {path.name for path in directory.glob("*[!w]")} == {"other.json", f"{ID}.json"}


@pytest.mark.parametrize("obstacle", ["a file", "a link to nowhere", "no parent"])
def test_the_work_is_done_where_the_file_cannot_be_written(
    directory: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    if obstacle == "a file":
        directory.write_text("", encoding="utf-8")
    elif obstacle == "a link to nowhere":
        directory.symlink_to(directory.parent / "nowhere")
    else:
        for module in (apply_progress, model_progress):
            monkeypatch.setattr(module, "DIRECTORY", str(directory / "below"))
    with reporting(ID) as progress, progress.part(FILES) as counter:
        counter.add(1, 1)
        (writer,) = [one for one in apply_progress.threading.enumerate() if one.name.endswith("(_write_until)")]
        writer.join(10)
        assert not writer.is_alive()
    assert not directory.is_dir()


def test_without_an_identity_nothing_is_written(directory: Path) -> None:
    before = apply_progress.threading.active_count()
    with reporting("") as progress, progress.part(FILES):
        assert apply_progress.threading.active_count() == before
    assert not directory.exists()


def test_no_count_is_lost_between_threads() -> None:
    progress = Progress()
    with progress.part(FILES) as counter, ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(lambda: [counter.add(1, 2) for _one in range(5000)]) for _thread in range(8)]:
            done.result()
        assert progress.snapshot().parts[0].files == 40_000
        assert progress.snapshot().parts[0].bytes == 80_000
    assert progress.snapshot().parts == ()
