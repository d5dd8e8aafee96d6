# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of this machine's cores a test run gets while other processes work too."""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor

# Below this, what is missing is the noise of a machine that does nothing else.
QUIET = 0.95


def share(seconds: float = 1.0) -> float:
    """The part of all cores that processes which never wait are given, above 0 and at most 1."""
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores) as pool:
        given = sum(pool.map(_worked, [seconds] * cores)) / (seconds * cores)
    return 1.0 if given >= QUIET else given


def _worked(seconds: float) -> float:
    """The seconds of a core that this process got in `seconds` of the clock."""
    begun, end = time.process_time(), time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return time.process_time() - begun
