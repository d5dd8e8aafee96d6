# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for secrets where every user of a machine may look: the arguments of all processes, and their environment."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PAUSE_S = 0.02


@dataclass
class Seen:
    """What a watch has seen: the number of looks, processes, and the arguments that held a secret."""

    looks: int = 0
    processes: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)


@contextlib.contextmanager
def processes(secrets: Iterable[str]) -> Iterator[Seen]:
    """Look at every process of this machine, and so of every host of the lab, while the block runs."""
    wanted, seen, stop = [secret.encode() for secret in secrets], Seen(), threading.Event()
    thread = threading.Thread(target=_look, args=(wanted, seen, stop))
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def _look(wanted: list[bytes], seen: Seen, stop: threading.Event) -> None:
    while not stop.wait(PAUSE_S):
        seen.looks += 1
        for process in Path("/proc").glob("[0-9]*"):
            # A process may end between the listing and the reading.
            with contextlib.suppress(OSError):
                arguments = (process / "cmdline").read_bytes()
                fresh = process.name not in seen.processes
                environment = (process / "environ").read_bytes() if fresh else b""
                seen.processes.add(process.name)
                if any(secret in arguments or secret in environment for secret in wanted):
                    seen.told.add(arguments.replace(b"\0", b" ").decode(errors="replace")[:300])
