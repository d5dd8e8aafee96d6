# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger in a change store that is a directory, read by other means than the collection's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def entries(store: Path) -> list[dict[str, Any]]:
    """The entries in their order: the names of the files count down."""
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((store / "ledger").rglob("*"))[::-1]
        if path.is_file()
    ]


def text(store: Path) -> str:
    """All that the store holds, leases included."""
    return "\n".join(path.read_text(encoding="utf-8") for path in store.rglob("*") if path.is_file())


def held(store: Path) -> list[dict[str, Any]]:
    """The leases in the newest record."""
    (newest, *_older) = sorted(path for path in (store / "leases").rglob("*") if path.is_file())
    found: list[dict[str, Any]] = json.loads(newest.read_text(encoding="utf-8"))["held"]
    return found


def parts(store: Path) -> list[dict[str, Any]]:
    """The parts in the newest record."""
    (newest, *_older) = sorted(path for path in (store / "parts").rglob("*") if path.is_file())
    found: list[dict[str, Any]] = json.loads(newest.read_text(encoding="utf-8"))["parts"]
    return found
