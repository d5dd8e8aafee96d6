# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's file: locked while it is appended to, flushed to disk before a change goes on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._change import model_ledger
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import StateError
from ansible_collections.gantry.odoo.plugins.module_utils._core.files import lock_file, sync_directory


def load(path: Path) -> list[model_ledger.Entry]:
    """All entries, checked; none where there is no file yet."""
    if not path.exists():
        return []
    return model_ledger.read(model_ledger.complete_lines(_content(path)), str(path))


def append(path: Path, body: Mapping[str, Any], deadline: Deadline) -> model_ledger.Entry:
    """Seal `body` and append it. The file and its folder are made for their owner alone.

    Raises StateError where the ledger cannot be written or does not verify.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as stream:
            lock_file(stream.fileno(), deadline, f"locking the ledger {path}")
            lines = model_ledger.complete_lines(stream.read())
            entries = model_ledger.read(lines, str(path))
            entry = model_ledger.seal(body, entries[-1] if entries else None)
            # A line that a kill cut off is taken away; what it was to record never counted.
            stream.seek(sum(len(line) + 1 for line in lines))
            stream.truncate()
            stream.write(entry.line.encode())
            stream.flush()
            os.fsync(stream.fileno())
        if not entries:
            sync_directory(str(path.parent))
    except OSError as error:
        raise StateError(f"ledger {path} cannot be written: {error.strerror}; no change goes on without it") from error
    return entry


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StateError(f"ledger {path} cannot be read: {error.strerror}") from error
