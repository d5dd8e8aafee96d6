# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps expanded calendars in a file, so that the gate parses a calendar once for each version of it.

An entry is named by all that it depends on: the bytes of its file, zone, horizon, libraries and this format. It holds
for the rules of its zones. Whatever is wrong with the index, the calendars are expanded anew.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import UTC, Calendar, Span, Timeline
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.read_files import read_source, zone_digest
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import BAD_VALUES, sentence_of
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import replace_file
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_files import opened_at_once

FORMAT = 1
MOST_DAYS = 365
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Indexed:
    """Timelines, how many of them were expanded anew, and a warning where the index could not be kept."""

    timelines: tuple[Timeline, ...]
    expanded: int
    warning: str = ""


def indexed_timelines(calendars: Sequence[Calendar], now: datetime, days: int, path: str) -> Indexed:
    """The timelines of calendars from now on, for up to MOST_DAYS days, by the index in the file `path`.

    Raises InputError for a calendar that cannot be read or meant.
    """
    # whole years, so that an entry is good for a year
    since, until = datetime(now.year, 1, 1, tzinfo=UTC), datetime(now.year + 2, 1, 1, tzinfo=UTC)
    former, libraries = _read_index(path), _libraries()
    entries: dict[str, Any] = {}
    digests: dict[str, str] = {}
    timelines, expanded = [], 0
    last = now + timedelta(days=min(days, MOST_DAYS))
    for calendar in calendars:
        content = read_source(calendar)
        name = _name_of(content, calendar.zone, since, libraries)
        entry = entries.get(name) or former.get(name)
        timeline = _timeline_from(entry, calendar, now, last, digests)
        if timeline is None:
            entry = _entry_of(_expanded(calendar, content, since, until))
            expanded += 1
            timeline = _timeline_from(entry, calendar, now, last, digests)
        entries[name] = entry
        timelines += [timeline] if timeline else []
    warning = _write_index(path, entries) if expanded else ""
    return Indexed(tuple(timelines), expanded, warning)


def _expanded(calendar: Calendar, content: bytes, since: datetime, until: datetime) -> Timeline:
    # the libraries take longer to import than a call with a warm index takes in all
    from ansible_collections.gantry.odoo.plugins.module_utils._calendar.read import timeline_of

    return timeline_of(calendar, content, since, until)


def _libraries() -> str:
    """What changes when a library is replaced, without importing it."""
    found = [importlib.util.find_spec(name) for name in ("icalendar", "dateutil")]
    places = [spec.origin for spec in found if spec and spec.origin]
    return " ".join(f"{place} {os.stat(place).st_mtime_ns}" for place in places)


def _name_of(content: bytes, zone: str, since: datetime, libraries: str) -> str:
    front = json.dumps([FORMAT, zone, since.year, libraries]).encode()
    return hashlib.sha256(front + b"\n" + content).hexdigest()


def _entry_of(timeline: Timeline) -> dict[str, Any]:
    """A timeline as the index has it: seconds, and each summary once."""
    summaries = {text: number for number, text in enumerate(dict.fromkeys(span.summary for span in timeline.spans))}
    spans = ((int(one.start.timestamp()), int(one.end.timestamp()), summaries[one.summary]) for one in timeline.spans)
    zones = {name: zone_digest(name) for name in timeline.zones}
    return {"zones": zones, "summaries": list(summaries), "spans": list(chain.from_iterable(spans))}


def _timeline_from(
    entry: Any, calendar: Calendar, since: datetime, until: datetime, digests: dict[str, str]
) -> Timeline | None:
    """The timeline of an entry; None for one that is damaged or was made by other rules of a zone."""
    first, last = since.timestamp(), until.timestamp()
    try:
        for name, digest in entry["zones"].items():
            if digests.setdefault(name, zone_digest(name)) != digest:
                return None
        numbers, summaries = iter(entry["spans"]), entry["summaries"]
        spans = tuple(
            Span(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC), str(summaries[text]))
            for start, end, text in zip(numbers, numbers, numbers)
            if end > first and start < last
        )
    except (*BAD_VALUES, OSError):
        return None
    return Timeline(calendar, since, until, spans, tuple(entry["zones"]))


def _read_index(path: str) -> dict[str, Any]:
    """The entries of the index; none where it is not there, is damaged, or is a file that another account may write."""
    try:
        with opened_at_once(path) as stream:
            seen = os.fstat(stream.fileno())
            if not stat.S_ISREG(seen.st_mode) or seen.st_uid != os.geteuid() or seen.st_mode & 0o022:
                return {}
            entries = json.loads(stream.read(_MOST_BYTES))
    except (OSError, *BAD_VALUES):
        return {}
    return entries if isinstance(entries, dict) else {}


def _write_index(path: str, entries: dict[str, Any]) -> str:
    """A warning where the index cannot be written; the next run expands anew."""
    try:
        replace_file(path, json.dumps(entries, separators=(",", ":")), 0o600, staged=f"{path}.{os.getpid()}")
    except OSError as error:
        return f"the index of calendars is not kept, so each run expands them: {sentence_of(error)}"
    return ""
