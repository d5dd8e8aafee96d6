# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of an audit: the timeline of changes, and the calendar of windows and freezes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model_page import Box, Figure, Text
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_audit import BUCKETS, Lane, Timeline
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_months import Day, Month
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import FREEZE, WINDOW

_LEFT, _RIGHT, _TOP, _LANE, _STEP = 150.0, 64.0, 26.0, 34.0, 8.0
_WIDTH = _LEFT + BUCKETS * _STEP + _RIGHT
_TICKS = 6
_MOST_LANES = 14
_CELL_X, _CELL_Y, _HEAD = 32.0, 30.0, 22.0
_WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
MARKS = ("break-glass", "denied", "lease broken")


def timeline_figure(timeline: Timeline) -> Figure:
    """The changes of each kind along the time of the report, and above them what is out of the ordinary."""
    lanes = _most(timeline.lanes)
    boxes: list[Box] = []
    texts: list[Text] = []
    y = _TOP
    for name in MARKS:
        counts = timeline.marks.get(name)
        if counts:
            texts += _titles(y + 14, name, sum(counts))
            boxes += _dots(y, name, counts, timeline)
            y += 22
    y += 4
    for lane in lanes:
        top = max((a + b for a, b in zip(lane.done, lane.failed)), default=1) or 1
        texts += _titles(y + _LANE - 10, lane.kind, sum(lane.done) + sum(lane.failed))
        boxes.append(Box(_LEFT, y + _LANE - 5, BUCKETS * _STEP, 1, "rule", radius=0))
        boxes += _bars(y + _LANE - 5, lane, top, timeline)
        y += _LANE
    height = y + 10
    ticks = list(_ticks(timeline))
    boxes = [Box(x, _TOP - 4, 1, height - _TOP, "tick", radius=0) for x, _when in ticks] + boxes
    texts += [Text(x, 14, f"{when:%Y-%m-%d}", "axis", "middle") for x, when in ticks]
    changes = sum(sum(lane.done) + sum(lane.failed) for lane in timeline.lanes)
    text = (
        f"{changes} changes of {len(timeline.lanes)} kinds from {timeline.since:%Y-%m-%d} until "
        f"{timeline.until:%Y-%m-%d}; the tables below have the same"
    )
    return Figure("figure-timeline", "Timeline of the changes", text, _WIDTH, height, boxes, texts)


def _most(lanes: Sequence[Lane]) -> list[Lane]:
    """The lanes with the most changes, and the rest as one."""
    ordered = sorted(lanes, key=lambda one: (-sum(one.done) - sum(one.failed), one.kind))
    if len(ordered) <= _MOST_LANES:
        return ordered
    shown, rest = ordered[: _MOST_LANES - 1], ordered[_MOST_LANES - 1 :]
    done, failed = (
        [sum(column) for column in zip(*(getattr(one, name) for one in rest))] for name in ("done", "failed")
    )
    return [*shown, Lane(f"{len(rest)} other kinds", tuple(done), tuple(failed))]


def _titles(y: float, name: str, count: int) -> Iterator[Text]:
    yield Text(_LEFT - 10, y, name if len(name) <= 22 else f"{name[:21]}…", "label", "end")
    yield Text(_WIDTH - 8, y, f"{count:,}", "count", "end")


def _bars(base: float, lane: Lane, top: int, timeline: Timeline) -> Iterator[Box]:
    """A column for each bucket: what is not done stands on what is done."""
    for place, (done, failed) in enumerate(zip(lane.done, lane.failed)):
        x, y = _LEFT + place * _STEP + 1, base
        for count, style, word in ((done, "done", "done"), (failed, "failed", "not done")):
            if count:
                height = max(3.0, round(24.0 * count / top, 1))
                y -= height
                yield Box(x, y, _STEP - 2, height, style, f"{_when(timeline, place)}: {count} {lane.kind} {word}")


def _dots(y: float, name: str, counts: Sequence[int], timeline: Timeline) -> Iterator[Box]:
    style = name.replace(" ", "-")
    for place, count in enumerate(counts):
        if count:
            yield Box(_LEFT + place * _STEP, y + 5, 8, 10, style, f"{_when(timeline, place)}: {count} {name}", 2)


def _when(timeline: Timeline, place: int) -> str:
    """The beginning of a bucket."""
    return f"{timeline.since + (timeline.until - timeline.since) * place / BUCKETS:%Y-%m-%d %H:%M}"


def _ticks(timeline: Timeline) -> Iterator[tuple[float, datetime]]:
    length: timedelta = timeline.until - timeline.since
    for place in range(_TICKS + 1):
        yield round(_LEFT + BUCKETS * _STEP * place / _TICKS, 1), timeline.since + length * place / _TICKS


def month_figure(month: Month) -> Figure:
    """The days of a month, by weeks. A bar in a day spans its 24 hours: windows below, freezes over all of it."""
    boxes: list[Box] = []
    texts = [Text(place * _CELL_X + 16, 14, name, "axis", "middle") for place, name in enumerate(_WEEKDAYS)]
    for day in month.days:
        row = (day.date.day - 1 + month.first.weekday()) // 7
        x, y = day.date.weekday() * _CELL_X, _HEAD + row * _CELL_Y
        boxes += _day_boxes(day, x, y)
        texts.append(Text(x + 5, y + 12, str(day.date.day), "day"))
    weeks = (month.days[-1].date.day - 1 + month.first.weekday()) // 7 + 1
    frozen, open_ = (sum(any(p.kind == kind for p in day.pieces) for day in month.days) for kind in (FREEZE, WINDOW))
    text = f"{frozen} days with a freeze, {open_} days with a window"
    name = f"figure-{month.first:%Y-%m}"
    title = f"{month.first:%B %Y}"
    return Figure(name, title, text, 7 * _CELL_X, _HEAD + weeks * _CELL_Y, boxes, texts, "month")


def _day_boxes(day: Day, x: float, y: float) -> Iterator[Box]:
    yield Box(x + 1, y + 1, _CELL_X - 2, _CELL_Y - 2, "today" if day.today else "cell", radius=3)
    for piece in day.pieces:
        begin, wide = x + 1 + (_CELL_X - 2) * piece.begin, max(1.5, (_CELL_X - 2) * (piece.end - piece.begin))
        title = f"{day.date:%Y-%m-%d}: {piece.kind} {_clock(piece.begin)} to {_clock(piece.end)} UTC"
        if piece.kind == FREEZE:
            yield Box(round(begin, 1), y + 1, round(wide, 1), _CELL_Y - 2, "freeze", title, 2)
        else:
            yield Box(round(begin, 1), y + _CELL_Y - 9, round(wide, 1), 7, "window", title, 1.5)


def _clock(share: float) -> str:
    minutes = round(share * 1440)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
