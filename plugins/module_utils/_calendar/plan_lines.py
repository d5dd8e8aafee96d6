# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content lines of an iCal file that say when its events are, with their numbers. Pure.

Nothing else of a file goes to the library: no description, alarm, attendee or definition of a zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, excerpt

MOST_EVENTS = 5000
_DEEPEST = 8
_NAME = re.compile(r"([A-Za-z0-9-]+)[;:]")
_READ = frozenset(
    "UID SUMMARY STATUS DTSTART DTEND DURATION RRULE EXRULE RDATE EXDATE RECURRENCE-ID".split()  # noqa: SIM905
)
# A message asks for something or takes it back; a calendar is published.
_METHODS = ("", "PUBLISH", "REQUEST")
_AGAIN = "export the calendar again"


@dataclass
class Block:
    """The lines of an event. number: of its first line in the file."""

    number: int
    lines: list[str] = field(default_factory=list)


@dataclass
class Content:
    """What a file says. zone: its X-WR-TIMEZONE."""

    zone: str = ""
    method: str = ""
    scale: str = ""
    blocks: list[Block] = field(default_factory=list)


def content_of(data: bytes, where: str) -> Content:
    """The events of an iCal file. Raises InputError, naming the file `where`, for one that is no complete calendar."""
    content, over = Content(), False
    within: list[str] = []
    for number, line in _unfolded(_text(data, where)):
        name = _name(line, number, where)
        if over or (not within and line.upper() != "BEGIN:VCALENDAR"):
            raise InputError(
                f"{where}: line {number} is {excerpt(line[:80])}, where one VCALENDAR was expected; {_AGAIN}"
            )
        if name == "BEGIN":
            within.append(line[6:].strip().upper())
            _begin(content, within, number, where)
        elif name == "END":
            begun = within.pop()
            if line[4:].strip().upper() != begun:
                raise InputError(f"{where}: line {number} is {excerpt(line[:80])}, where {begun} had to end; {_AGAIN}")
            over = not within
        elif len(within) == 1:
            _calendar_line(content, name, line)
        elif within == ["VCALENDAR", "VEVENT"] and name in _READ:
            content.blocks[-1].lines.append(line)
    if not over:
        raise InputError(f"{where} is no complete calendar: END:VCALENDAR is missing; {_AGAIN}")
    _judge(content, where)
    return content


def _text(data: bytes, where: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where} is not in UTF-8: byte {error.start} is 0x{data[error.start]:02x}; save it in UTF-8"
        ) from error
    if "\0" in text:
        raise InputError(f"{where} has a NUL in line {text[: text.index(chr(0))].count(chr(10)) + 1}; {_AGAIN}")
    return text


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """The content lines, each with the number of its first line in the file."""
    first, parts = 0, [""]
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if line[:1] in (" ", "\t") and first:
            parts.append(line[1:])
            continue
        if parts != [""]:
            yield first, "".join(parts)
        first, parts = number, [line]
    if parts != [""]:
        yield first, "".join(parts)


def _name(line: str, number: int, where: str) -> str:
    found = _NAME.match(line)
    if not found:
        raise InputError(f"{where}: line {number} is no property of iCalendar: {excerpt(line[:80])}; {_AGAIN}")
    return found[1].upper()


def _begin(content: Content, within: list[str], number: int, where: str) -> None:
    if len(within) > _DEEPEST:
        raise InputError(f"{where}: line {number} begins a component in {_DEEPEST} others; {_AGAIN}")
    if within[1:] == ["VEVENT"]:
        if len(content.blocks) == MOST_EVENTS:
            raise InputError(f"{where} has more than {MOST_EVENTS} events; write those that recur by a rule")
        content.blocks.append(Block(number))


def _calendar_line(content: Content, name: str, line: str) -> None:
    value = line.partition(":")[2].strip()
    if name == "X-WR-TIMEZONE":
        content.zone = value
    elif name == "METHOD":
        content.method = value.upper()
    elif name == "CALSCALE":
        content.scale = value.upper()


def _judge(content: Content, where: str) -> None:
    if content.method not in _METHODS:
        raise InputError(
            f"{where} is a message (METHOD:{excerpt(content.method[:80])}) and no published calendar; {_AGAIN}"
        )
    if content.scale not in ("", "GREGORIAN"):
        raise InputError(f"{where} counts by the calendar {excerpt(content.scale[:80])}; only GREGORIAN is read")
