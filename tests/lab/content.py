# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names made from content: the same inputs give the same tag, on any machine and in any order of reading."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def digest(parts: Iterable[bytes]) -> str:
    """Twelve hexadecimal digits over `parts`, each framed by its length so that no two lists of parts are alike."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
    return total.hexdigest()[:12]


def tree_parts(root: Path) -> list[bytes]:
    """Name, executable bit and content of every file below `root`, sorted by name."""
    parts: list[bytes] = []
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        executable = path.stat().st_mode & 0o100
        parts += [str(path.relative_to(root)).encode(), b"x" if executable else b"-", path.read_bytes()]
    return parts
