# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a load run counts, and the summary of it. Pure but for a lock."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import Any

SHOWN_PROBLEMS = 20


@dataclass
class Tally:
    """The counts of one tenant; times are monotonic seconds."""

    started: float
    sent: int = 0
    failed: int = 0
    logged_out: int = 0
    reconnects: int = 0
    latencies: list[float] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    longest_gap: float = 0.0
    _last_success: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._last_success = self.started

    def succeeded(self, began: float, ended: float) -> None:
        """Count one answered request."""
        with self._lock:
            self.sent += 1
            self.latencies.append(ended - began)
            self._close_gap(ended)

    def went_wrong(self, at: float, seen: str, *, logged_out: bool = False) -> None:
        """Count one request that failed, or that found the user logged out."""
        with self._lock:
            self.sent += 1
            self.logged_out += logged_out
            self.failed += not logged_out
            self.problems.append({"after_s": round(at - self.started, 3), "seen": seen})

    def reconnected(self, times: int) -> None:
        """Count connections opened after a user's first."""
        with self._lock:
            self.reconnects += times

    def finish(self, at: float) -> None:
        """End the run: a silence that lasts until now is a gap too."""
        with self._lock:
            self._close_gap(at)

    def _close_gap(self, at: float) -> None:
        self.longest_gap = max(self.longest_gap, at - self._last_success)
        self._last_success = max(self._last_success, at)


def percentile(values: list[float], share: float) -> float:
    """The smallest of `values` that at least `share` (0 to 1) of them do not exceed; 0 for no values."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summary(tallies: list[Tally]) -> dict[str, Any]:
    """The counts of `tallies` as one JSON object; latencies in milliseconds, gaps in seconds."""
    latencies = [latency for tally in tallies for latency in tally.latencies]
    problems = [problem for tally in tallies for problem in tally.problems]
    return {
        "sent": sum(tally.sent for tally in tallies),
        "failed": sum(tally.failed for tally in tallies),
        "logged_out": sum(tally.logged_out for tally in tallies),
        "reconnects": sum(tally.reconnects for tally in tallies),
        "longest_gap_s": round(max((tally.longest_gap for tally in tallies), default=0.0), 3),
        "latency_ms": {
            name: round(percentile(latencies, share) * 1000, 1)
            for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
        },
        "problems": sorted(problems, key=lambda problem: problem["after_s"])[:SHOWN_PROBLEMS],
    }
