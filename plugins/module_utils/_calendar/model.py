# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendars of maintenance windows and freezes, what they concern, and the spans of time that they hold. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import InputError

WINDOW, FREEZE = "window", "freeze"
KINDS = (WINDOW, FREEZE)
ESTATE = "estate"
UTC = timezone.utc
_CONCERNS = re.compile(r"estate|(?:group|tenant):[^\s:]+")


@dataclass(frozen=True)
class Subject:
    """A tenant that a change touches, with the groups of hosts that it runs on."""

    tenant: str
    groups: tuple[str, ...] = ()

    @property
    def scopes(self) -> frozenset[str]:
        """What a calendar may name to concern this tenant."""
        return frozenset((ESTATE, f"tenant:{self.tenant}", *(f"group:{name}" for name in self.groups)))


@dataclass(frozen=True)
class Calendar:
    """An iCal file of windows or freezes.

    concerns: `estate`, `group:NAME` or `tenant:NAME`. source: path of the file.
    zone: of all-day events and of times without a zone, where the file states none; empty where there is none either.
    """

    name: str
    kind: str
    concerns: str
    source: str
    zone: str = ""

    @property
    def title(self) -> str:
        """The calendar as a sentence names it."""
        return f"the {self.kind} calendar {self.name} ({self.concerns})"

    @property
    def where(self) -> str:
        """The calendar as a sentence about its file begins."""
        return f"calendar {self.name}, {self.source}"


@dataclass(frozen=True)
class Span:
    """Time in which a window is open or a freeze holds, in UTC. Its end does not belong to it."""

    start: datetime
    end: datetime
    summary: str = ""

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies in the span."""
        return self.start <= moment < self.end


@dataclass(frozen=True)
class Timeline:
    """The spans of a calendar, by start, that end after `since` and begin before `until`.

    zones: the IANA names of those that its file counts by.
    """

    calendar: Calendar
    since: datetime
    until: datetime
    spans: tuple[Span, ...]
    zones: tuple[str, ...] = ()


def calendar_from(raw: Mapping[str, Any]) -> Calendar:
    """The calendar that an inventory declares. Raises InputError for one that cannot be meant."""
    name = str(raw.get("name") or "")
    if not name:
        raise InputError(f"a calendar without a name is declared, with the file {raw.get('source')}; give it a name")
    kind, concerns, source = (str(raw.get(key) or "") for key in ("kind", "concerns", "source"))
    if kind not in KINDS:
        raise InputError(f"calendar {name}: kind must be one of {', '.join(KINDS)}, not {kind!r}")
    if not _CONCERNS.fullmatch(concerns):
        raise InputError(f"calendar {name}: concerns must be estate, group:NAME or tenant:NAME, not {concerns!r}")
    if not PurePosixPath(source).is_absolute():
        raise InputError(f"calendar {name}: source must be the absolute path of an iCal file, not {source!r}")
    return Calendar(name, kind, concerns, source, str(raw.get("zone") or ""))
