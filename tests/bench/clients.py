# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that keep their connections to a server while it changes, and others that come meanwhile."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

KEPT, PAUSE_S = 4, 0.02
COMES_EACH_S = 0.2
# Makes a connection and returns what asks one question over it.
Opener = Callable[[], Callable[[], None]]


@dataclass
class Clients:
    """Clients of one server. trouble: what their library raises. dropped, refused: what went wrong, in words."""

    name: str
    open: Opener
    trouble: tuple[type[Exception], ...]
    asked: int = 0
    came: int = 0
    dropped: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __enter__(self) -> Clients:
        self._stop, self._ready = threading.Event(), threading.Barrier(KEPT + 1)
        self._threads = [
            threading.Thread(target=self._keep, args=(self.trouble,), daemon=True) for _turn in range(KEPT)
        ]
        self._threads.append(threading.Thread(target=self._come, args=(self.trouble,), daemon=True))
        for thread in self._threads[:KEPT]:
            thread.start()
        self._ready.wait(60)
        self._threads[KEPT].start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _keep(self, trouble: tuple[type[Exception], ...]) -> None:
        """One client: a connection that ends is counted once, and made again."""
        ask = self.open()
        self._ready.wait(60)
        while not self._stop.wait(PAUSE_S):
            try:
                ask()
                self.asked += 1
            except trouble as error:
                self.dropped.append(f"{self.name}: {_words(error)}")
                while not self._stop.wait(COMES_EACH_S):
                    with contextlib.suppress(*trouble):
                        ask = self.open()
                        break

    def _come(self, trouble: tuple[type[Exception], ...]) -> None:
        while not self._stop.wait(COMES_EACH_S):
            try:
                self.open()()
                self.came += 1
            except trouble as error:
                self.refused.append(f"{self.name}: {_words(error)}")


def _words(error: Exception) -> str:
    return f"{time.strftime('%H:%M:%S')} {type(error).__name__} {' '.join(str(error).split())}"
