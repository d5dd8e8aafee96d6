# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second process that finishes an operation when the first one dies or hangs in the middle of it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable, Iterator

_DONE, _ALIVE = b".", b"!"


@contextlib.contextmanager
def guarded(recover: Callable[[], None], seconds: float) -> Iterator[Callable[[], None]]:
    """Run the block while a forked process waits for its end.

    The guard calls `recover` when the block ends with an error, when this process is killed, or when the block did not
    call what it is given, to say that it lives, for `seconds`; then it kills this process first. It inherits file
    locks, and no terminal, output or process group, so that whoever ends this process' session does not end it.
    recover: must open its own connections. After an error in the block, the guard's end is waited for.
    """
    reading, writing = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(writing)
        _watch(reading, parent, recover, seconds)
    os.close(reading)
    try:
        yield lambda: _say(writing, _ALIVE)
        _say(writing, _DONE)
    finally:
        os.close(writing)
        os.waitpid(child, 0)


def _watch(reading: int, parent: int, recover: Callable[[], None], seconds: float) -> None:
    """The guard's whole life; it never returns."""
    status = 1
    try:
        os.setsid()
        _leave_streams()
        heard = _ALIVE
        while heard == _ALIVE:
            ready, _writable, _broken = select.select([reading], [], [], seconds)
            heard = os.read(reading, 1) if ready else b"?"
        if heard == _DONE:
            status = 0
            return
        if not ready and os.getppid() == parent:
            os.kill(parent, signal.SIGKILL)
        recover()
        status = 0
    finally:
        os._exit(status)


def _say(writing: int, what: bytes) -> None:
    os.write(writing, what)


def _leave_streams() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
