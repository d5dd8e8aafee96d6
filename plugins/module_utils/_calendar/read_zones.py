# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the rules of time zones by their names in the IANA database.

A file's own definition of a zone (VTIMEZONE) is not read: it is a copy of unknown age, with rules of its own to expand.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator

from ansible_collections.gantry.odoo.plugins.module_utils._calendar.read_files import ZONE_NAME
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError, excerpt

try:
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON
except ImportError:
    WINDOWS_TO_OLSON = {}  # read.py says which library is missing

# Files beside the zones: the zone of this host, and copies that count leap seconds.
_NO_ZONES = re.compile(r"localtime|posixrules|Factory|(?:posix|right)(?:/.*)?")


class Zones:
    """The zones that a file names. used: their IANA names."""

    def __init__(self) -> None:
        self._found: dict[str, zoneinfo.ZoneInfo] = {}

    @property
    def used(self) -> tuple[str, ...]:
        """The IANA names of the zones that were asked for."""
        return tuple(sorted({zone.key for zone in self._found.values()}))

    def zone(self, name: str, where: str) -> zoneinfo.ZoneInfo:
        """The zone of a TZID: an IANA name, also behind the prefix of a vendor, or a name of Windows.

        Raises InputError, naming `where`, for another one.
        """
        if name not in self._found:
            self._found[name] = _read_zone(name, where)
        return self._found[name]


def _read_zone(name: str, where: str) -> zoneinfo.ZoneInfo:
    for known in _known_names(name):
        if not ZONE_NAME.fullmatch(known) or _NO_ZONES.fullmatch(known):
            continue
        try:
            return zoneinfo.ZoneInfo(known)
        except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
            continue
    raise InputError(
        f"{where}: the time zone {excerpt(name[:80])!r} is unknown; use an IANA name, such as Europe/Berlin"
    )


def _known_names(name: str) -> Iterator[str]:
    yield WINDOWS_TO_OLSON.get(name, name)
    if name.startswith("/"):
        parts = name.strip("/").split("/")
        yield from ("/".join(parts[first:]) for first in range(len(parts)))
