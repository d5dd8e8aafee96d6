# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line that shows how far a module is: amounts, rates and the time left, from what was read one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.gantry.odoo.plugins.module_utils._core.model_progress import Part, Snapshot
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration

# Rates are those of the last seconds, so that a line says how it goes now.
WINDOW_S = 30.0
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def line(host: str, read: Sequence[Snapshot]) -> str:
    """The line for people. read: what was read of one call, the newest last, at least one."""
    now = read[-1]
    item = f"{now.item} ({now.number} of {now.items}), " if now.items > 1 else f"{now.item}, " if now.item else ""
    parts = "; ".join(_words(one, _before(one, read)) for one in now.parts)
    return f"progress: [{host}] => {item}{duration(now.seconds)}: {parts or 'preparing or finishing'}"


def rate(part: Part, before: Part, amount: str) -> float:
    """Files or bytes a second since `before`. amount: the field that counts them."""
    seconds = part.seconds - before.seconds
    done = getattr(part, amount) - getattr(before, amount)
    return done / seconds if seconds > 0 and done > 0 else 0.0


def seconds_left(part: Part, before: Part) -> float | None:
    """The seconds that a part takes from now on at its present rate; None where that cannot be said."""
    for amount in ("bytes", "files"):
        left = getattr(part, f"{amount}_total") - getattr(part, amount)
        now = rate(part, before, amount)
        if left >= 0 and getattr(part, f"{amount}_total"):
            return left / now if now else None
    return None


def size(count: float) -> str:
    """A number of bytes for people."""
    unit = 0
    # what would be rounded to 1024.0 is one of the next unit
    while count >= 1023.95 and unit < len(_UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.1f} {_UNITS[unit]}" if unit else f"{count:.0f} B"


def _before(part: Part, read: Sequence[Snapshot]) -> Part:
    """The same part as it was WINDOW_S ago, or as it began."""
    now = read[-1]
    for seen in read[:-1]:
        if now.seconds - seen.seconds > WINDOW_S or seen.item != now.item:
            continue
        # one that began anew has its first seconds again
        same = [one for one in seen.parts if one.name == part.name and one.seconds < part.seconds]
        if same:
            return same[0]
    return Part(part.name)


def _words(part: Part, before: Part) -> str:
    words = [f"{part.name} {_amounts(part)}".rstrip()]
    if part.bytes:
        words.append(f"{size(rate(part, before, 'bytes'))}/s")
    elif part.files:
        words.append(f"{rate(part, before, 'files'):,.0f} files/s")
    else:
        words.append(f"for {duration(part.seconds)}")
    left = seconds_left(part, before)
    if left is not None:
        words.append(f"{duration(left)} left")
    return ", ".join(words)


def _amounts(part: Part) -> str:
    about = "about " if part.estimated else ""
    files = f"{part.files:,}" + (f" of {about}{part.files_total:,}" if part.files_total else "")
    # an estimate that was exceeded says nothing
    known = part.bytes_total and not (part.estimated and part.bytes > part.bytes_total)
    amount = size(part.bytes) + (f" of {about}{size(part.bytes_total)}" if known else "")
    counted = [files] if part.files or part.files_total else []
    counted += [amount] if part.bytes or part.bytes_total else []
    return f"{counted[0]} ({counted[1]})" if counted[1:] else "".join(counted)
