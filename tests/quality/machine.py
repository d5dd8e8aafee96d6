# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test run gets of the machine that its budgets were cut on: less beside other processes, or on a slower one."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ProcessPoolExecutor

# Below this, what is missing is the noise of a machine that does nothing else.
QUIET = 0.95
_WORK = [{"name": f"number {number}", "value": number, "list": list(range(10))} for number in range(20)]


def share(speed: float, seconds: float = 1.0) -> float:
    """The part of the other machine's work that all cores do here now, above 0 and at most 1.

    speed: the rounds that one core of the other machine does in a second.
    """
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores) as pool:
        done = sum(pool.map(_rounds, [seconds] * cores)) / (seconds * cores * speed)
    return 1.0 if done >= QUIET else done


def _rounds(seconds: float) -> int:
    """How often a piece of work, such as Ansible's is made of, is done in `seconds` of the clock; at least once."""
    done, end = 1, time.monotonic() + seconds
    while time.monotonic() < end:
        json.loads(json.dumps(_WORK))
        sorted(str(number) for number in range(200))
        done += 1
    return done
