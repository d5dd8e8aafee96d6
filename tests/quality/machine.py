# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a machine is while tests run, against the one that their budgets were cut on."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Above this, what is missing is noise.
QUIET = 0.95
EVERY_S = 60.0
_WORK = [{"name": f"number {number}", "value": number, "list": list(range(10))} for number in range(20)]


@contextmanager
def sampled(speed: float, every: float = EVERY_S) -> Iterator[list[float]]:
    """The part of the other machine's speed that this one has: at once, and every so many seconds until the block ends.

    A machine that shares its processors is twice as fast in one minute as in the next one, so two samples say little.
    speed: the rounds that one core of the other machine does in a second.
    """
    found = [share(speed)]
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(every):
            found.append(share(speed))

    sampler = threading.Thread(target=go_on, daemon=True)
    sampler.start()
    try:
        yield found
    finally:
        ended.set()
        sampler.join()


def share(speed: float, seconds: float = 0.3) -> float:
    """The part of the other machine's work that one core does now, above 0 and at most 1."""
    done = rounds(seconds) / (seconds * speed)
    return 1.0 if done >= QUIET else done


def rounds(seconds: float) -> int:
    """How often a piece of work, such as Ansible's is made of, is done in some seconds of a processor; at least once.

    By its own time, since the tests beside it take the machine as well.
    """
    done, end = 1, time.thread_time() + seconds
    while time.thread_time() < end:
        json.loads(json.dumps(_WORK))
        sorted(str(number) for number in range(200))
        done += 1
    return done
