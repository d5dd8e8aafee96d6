# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of expanded calendars: an entry counts for the same file and the same rules of zones alone."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ansible_collections.gantry.odoo.plugins.module_utils._calendar import apply_index
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import Calendar
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from tests.unit.calendar.ics import event, file_of

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)
NIGHTLY = "DTSTART;TZID=Europe/Berlin:20240101T220000\nDURATION:PT2H\nRRULE:FREQ=DAILY\nSUMMARY:Nightly"


@pytest.fixture
def nights(tmp_path: Path) -> Calendar:
    """A calendar of nightly windows."""
    source = tmp_path / "nights.ics"
    source.write_bytes(file_of(event(NIGHTLY)))
    return Calendar("nights", "window", "estate", str(source))


@pytest.fixture
def index(tmp_path: Path) -> str:
    """The path of the index, which is not there yet."""
    return str(tmp_path / "calendars.json")


def read(calendar: Calendar, index: str, now: datetime = NOW, days: int = 30) -> apply_index.Indexed:
    return apply_index.indexed_timelines([calendar], now, days, index)


def test_a_second_call_expands_nothing_and_says_the_same(nights, index, monkeypatch) -> None:
    cold = read(nights, index)
    monkeypatch.setattr(apply_index, "_expanded", None)
    warm = read(nights, index)
    assert (cold.expanded, warm.expanded) == (1, 0)
    assert cold.timelines == warm.timelines
    (timeline,) = warm.timelines
    assert len(timeline.spans) == 30
    assert (timeline.spans[0].start, timeline.spans[0].summary) == (NOW.replace(hour=21), "Nightly")
    assert timeline.until == NOW + timedelta(days=30)
    assert os.stat(index).st_mode & 0o777 == 0o600


def test_the_index_reaches_a_year_ahead_on_the_last_day_of_a_year(nights, index) -> None:
    (timeline,) = read(nights, index, datetime(2026, 12, 31, 23, 59, tzinfo=timezone.utc), 9999).timelines
    assert len(timeline.spans) == apply_index.MOST_DAYS


@pytest.mark.parametrize("what", ["file", "zone", "year", "library", "rules", "content", "owner", "json", "entry"])
def test_whatever_changes_expands_anew(what, nights, index, monkeypatch) -> None:
    before, now = read(nights, index), NOW
    if what == "file":
        Path(nights.source).write_bytes(file_of(event(NIGHTLY.replace("T22", "T23"))))
    elif what == "zone":
        nights = Calendar("nights", "window", "estate", nights.source, "Europe/Berlin")
    elif what == "year":
        now += timedelta(days=60)
    elif what == "library":
        monkeypatch.setattr(apply_index, "_libraries", lambda: "another")
    elif what == "rules":
        monkeypatch.setattr(apply_index, "zone_digest", lambda name: "another")
    elif what == "content":
        Path(index).write_text("{}", encoding="utf-8")
    elif what == "owner":
        os.chmod(index, 0o622)  # noqa: S103
    elif what == "json":
        Path(index).write_text("{", encoding="utf-8")
    else:
        entries = json.loads(Path(index).read_text(encoding="utf-8"))
        Path(index).write_text(
            json.dumps({name: {"zones": {}, "spans": [1, 2, 3]} for name in entries}), encoding="utf-8"
        )
    after = read(nights, index, now)
    assert (after.expanded, after.warning) == (1, "")
    assert (after.timelines == before.timelines) == (what not in ("file", "zone", "year"))
    assert read(nights, index, now).expanded == 0


def test_an_entry_of_a_file_that_is_gone_is_dropped(nights, index) -> None:
    read(nights, index)
    Path(nights.source).write_bytes(file_of(event(NIGHTLY.replace("T22", "T23"))))
    read(nights, index)
    assert len(json.loads(Path(index).read_text(encoding="utf-8"))) == 1


def test_a_file_that_cannot_be_meant_is_refused_in_each_call(nights, index) -> None:
    Path(nights.source).write_bytes(file_of(event(NIGHTLY.replace("DAILY", "SECONDLY"))))
    for _call in range(2):
        with pytest.raises(InputError, match="FREQ=SECONDLY"):
            read(nights, index)
    assert not Path(index).exists()


def test_an_index_that_cannot_be_written_is_a_warning(nights, tmp_path) -> None:
    found = read(nights, str(tmp_path / "nowhere" / "calendars.json"))
    assert len(found.timelines) == 1
    assert found.warning.startswith("the index of calendars is not kept, so each run expands them: ")
