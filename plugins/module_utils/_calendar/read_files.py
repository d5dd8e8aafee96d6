# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what spans of time depend on, calendars and rules of zones, without the libraries that expand them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import stat
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import Calendar
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError
from ansible_collections.gantry.odoo.plugins.module_utils._core.read_files import opened_at_once

MOST_BYTES = 4 * 1024 * 1024
ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")


def read_source(calendar: Calendar) -> bytes:
    """The bytes of a calendar's file. Raises InputError for one that is no file, or too large."""
    try:
        with opened_at_once(calendar.source) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise InputError(f"{calendar.where} is not a file; name an iCal file in source")
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"{calendar.where} cannot be read: {error.strerror or error}; correct source, or the file"
        ) from error
    if len(content) > MOST_BYTES:
        raise InputError(
            f"{calendar.where} has more than {MOST_BYTES} bytes; export the events of the coming years alone"
        )
    return content


def zone_digest(name: str) -> str:
    """The digest of a zone's rules on this host, which change with its time zone database; empty where it has none."""
    for directory in _directories() if ZONE_NAME.fullmatch(name) else ():
        try:
            return hashlib.sha256((directory / name).read_bytes()).hexdigest()
        except OSError:
            continue
    return ""


def _directories() -> Iterator[Path]:
    """Where the module zoneinfo looks, in its order."""
    yield from map(Path, zoneinfo.TZPATH)
    package = importlib.util.find_spec("tzdata")
    for found in (package.submodule_search_locations if package else None) or ():
        yield Path(found) / "zoneinfo"
