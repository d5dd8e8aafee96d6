# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting that always ends."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Callable, TypeVar

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import DeadlineError

T = TypeVar("T")

# poll(2) counts milliseconds in 32 bits
_LONGEST_S = 2_000_000.0


@dataclass(frozen=True)
class Deadline:
    """A point in monotonic time, `seconds` after it was made."""

    seconds: float
    started: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds since the deadline was set."""
        return time.monotonic() - self.started

    @property
    def remaining(self) -> float:
        """Seconds left, never below zero, and no more than a system call can wait."""
        return min(max(0.0, self.seconds - self.elapsed), _LONGEST_S)

    def wait(self, probe: Callable[[], T | None], what: str, interval: float = 0.2) -> T:
        """Call `probe` until it returns something other than None, and return that.

        Raises DeadlineError, naming `what`, when the time is up.
        """
        while True:
            seen = probe()
            if seen is not None:
                return seen
            if self.remaining <= 0:
                raise DeadlineError(f"{what} did not happen within {self.seconds:g} s")
            time.sleep(min(interval, self.remaining))
