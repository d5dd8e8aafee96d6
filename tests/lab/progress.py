# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress lines that a person can follow while several things happen at once."""

from __future__ import annotations

import time

_STARTED = time.monotonic()


def say(subject: str, words: str) -> None:
    """Print one line: seconds since the start, the subject, what happens to it."""
    print(f"[{time.monotonic() - _STARTED:6.1f} s] {subject:<10} {words}", flush=True)
