# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times and ages for people, the same in each table, sentence and screen. Pure."""

from __future__ import annotations

_UNITS = (("day", 86400), ("h", 3600), ("min", 60), ("s", 1))


def duration(seconds: float) -> str:
    """A time for people: two units at most, and none that is zero."""
    left = round(seconds)
    first = next((place for place, (_unit, size) in enumerate(_UNITS) if left >= size), len(_UNITS) - 1)
    said: list[str] = []
    for unit, size in _UNITS[first : first + 2]:
        count, left = divmod(left, size)
        said += [f"{count} {unit}{'s' * (unit == 'day' and count > 1)}"] if count or not said else []
    return " ".join(said)


def brief(seconds: float) -> str:
    """A time for a column of a table: as `duration`, and of two days or more the days alone."""
    return duration(seconds // 86400 * 86400 if seconds >= 2 * 86400 else seconds)
