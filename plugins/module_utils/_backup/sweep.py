# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a repository no backup refers to any more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Stored:
    """An object as a listing shows it."""

    size: int
    modified: datetime


def garbage(objects: Mapping[str, Stored], referenced: Collection[str], now: datetime, grace_s: int) -> list[str]:
    """The unreferenced objects that may go, sorted by name.

    One younger than `grace_s` seconds may belong to a backup that is being written, and one dated after `now`
    has a time that proves nothing: both stay.
    """
    marked = set(referenced)
    before = now - timedelta(seconds=grace_s)
    return sorted(name for name, stored in objects.items() if name not in marked and stored.modified < min(before, now))
