# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of an audit as prepared rows: its template only goes over them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GOOD, BAD, WARN, PLAIN = "good", "bad", "warn", "plain"


@dataclass(frozen=True)
class Cell:
    """A cell of a table. label: its column, which a narrow screen shows before it. tone: how the state is shown."""

    label: str
    lines: Sequence[str]
    tone: str = PLAIN


@dataclass(frozen=True)
class Table:
    """A table. empty: a sentence where it has no row, none otherwise."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: Sequence[str] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Pair:
    """A term and what is said of it."""

    term: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Card:
    """A change with its details."""

    title: str
    badge: str
    tone: str
    pairs: Sequence[Pair]


@dataclass(frozen=True)
class Text:
    """A text in a figure."""

    x: float
    y: float
    text: str
    style: str = "label"
    anchor: str = "start"


@dataclass(frozen=True)
class Box:
    """A rectangle in a figure. title: what a reader is told of it."""

    x: float
    y: float
    width: float
    height: float
    style: str
    title: str = ""
    radius: float = 1.0


@dataclass(frozen=True)
class Figure:
    """A picture of boxes and texts. text: what it shows, for who does not see it. wide: whether it scrolls sideways."""

    name: str
    title: str
    text: str
    width: float
    height: float
    boxes: Sequence[Box]
    texts: Sequence[Text]
    style: str = "wide"


@dataclass(frozen=True)
class Key:
    """An entry of a legend."""

    style: str
    text: str


@dataclass(frozen=True)
class Tile:
    """A number at the top of the page, and where it leads."""

    number: str
    text: str
    tone: str
    target: str


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    name: str
    title: str
    lead: Sequence[str] = ()
    cards: Sequence[Card] = ()
    keys: Sequence[Key] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True)
class Page:
    """The whole page. alarms: why the ledger does not verify."""

    title: str
    verdict: str
    tone: str
    verdict_title: str
    alarms: Sequence[str]
    facts: Sequence[Pair]
    tiles: Sequence[Tile]
    sections: Sequence[Section]


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Sequence[str] | tuple[str, str]]],
    empty: str,
    notes: Sequence[str] = (),
    tones: Sequence[Sequence[str]] | None = None,
) -> Table:
    """A table of texts. empty: the sentence of a table without rows. tones: of each cell, by row."""
    found = []
    for place, row in enumerate(rows):
        shown = tones[place] if tones else ()
        cells = []
        for number, (label, value) in enumerate(zip(columns, row)):
            lines = (value,) if isinstance(value, str) else tuple(value)
            cells.append(Cell(label, lines, shown[number] if number < len(shown) else PLAIN))
        found.append(tuple(cells))
    return Table(caption, columns, found, () if found else (empty,), notes)
