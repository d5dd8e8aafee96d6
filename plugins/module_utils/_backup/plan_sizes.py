# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups whose sizes do not fit those before them. Pure.

A backup that has collapsed is no measure for the next ones: a database that was emptied stays a finding, however many
backups follow, until it is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import NONE, Entry

# Each backup is compared with the median of so many before it, where there are enough of them.
FORMER, FEWEST = 20, 3
_COLLAPSED, _GROWN = 0.5, 3.0
# Below these, a share says nothing.
FLOOR_BYTES, FLOOR_COUNT = 1024 * 1024, 100
_SIZES: tuple[tuple[str, Callable[[Entry], int], int], ...] = (
    ("bytes of its dump", lambda one: one.dump_bytes, FLOOR_BYTES),
    ("files", lambda one: one.files, FLOOR_COUNT),
    ("bytes of its files", lambda one: one.files_bytes, FLOOR_BYTES),
)


@dataclass(frozen=True)
class Odd:
    """A size of one backup that does not fit. usual: the median of those before it."""

    backup: str
    what: str
    value: int
    usual: float

    @property
    def collapsed(self) -> bool:
        """Whether it is too small, and not too large."""
        return self.value < self.usual


@dataclass(frozen=True)
class Sizes:
    """What the sizes of a tenant's backups say.

    odd: what does not fit, oldest backup first. witnesses: the newest backups before a collapse that still stands, none
    where the newest backup fits.
    """

    odd: tuple[Odd, ...] = ()
    witnesses: tuple[str, ...] = ()


def odd(backup: str, what: str, value: int, former: Sequence[float], floor: int) -> Odd | None:
    """What is wrong with one size, None where it fits.

    former: those before it. floor: a smaller difference says nothing.
    """
    usual = median(former)
    fits = usual * _COLLAPSED <= value <= usual * _GROWN or abs(value - usual) < floor
    return None if fits else Odd(backup, what, value, usual)


def sizes_of(entries: Sequence[Entry], since: str = "") -> Sizes:
    """Each backup against those before it that have not collapsed themselves. entries: the oldest first.

    since: the name of the first backup that is a measure for later ones; empty for all.
    """
    listed = [one for one in entries if one.name >= since and one.restorable != NONE]
    if all(_are_alike([value(one) for one in listed]) for _what, value, _floor in _SIZES):
        return Sizes()
    found: list[Odd] = []
    fitting: list[Entry] = []
    stands = False
    for one in listed:
        former = fitting[-FORMER:] if len(fitting) >= FEWEST else []
        seen = [
            strange
            for what, value, floor in _SIZES
            if former and (strange := odd(one.name, what, value(one), [value(each) for each in former], floor))
        ]
        found += seen
        stands = any(strange.collapsed for strange in seen)
        if not stands:
            fitting.append(one)
    return Sizes(tuple(found), tuple(one.name for one in fitting[-FEWEST:]) if stands else ())


def _are_alike(values: Sequence[int]) -> bool:
    """Whether none of the values can be odd, whichever of the others it is compared with."""
    return not values or min(values) >= max(values) * _COLLAPSED
