# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads iCal files into timelines. What a file costs is bounded: its bytes, events and spans, and the time of all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ansible_collections.gantry.odoo.plugins.module_utils._calendar import read_events, read_spans
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import Calendar, Timeline
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.plan_lines import content_of
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.read_files import read_source
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.read_zones import Zones
from ansible_collections.gantry.odoo.plugins.module_utils._core.errors import LibraryError


def read_timelines(calendars: Iterable[Calendar], since: datetime, until: datetime) -> list[Timeline]:
    """The timelines of calendars, each from its file. Raises InputError for the first that cannot be read or meant."""
    return [timeline_of(calendar, read_source(calendar), since, until) for calendar in calendars]


def timeline_of(
    calendar: Calendar, content: bytes, since: datetime, until: datetime, budget: read_spans.Budget | None = None
) -> Timeline:
    """The spans of a calendar that end after `since` and begin before `until`, from the bytes of its file.

    It depends on its arguments, the library and the time zone database alone. Raises InputError and LibraryError.
    """
    require_libraries()
    spent = budget or read_spans.Budget()
    zones = Zones()
    events = read_events.events_of(content_of(content, calendar.where), calendar.zone, zones, calendar.where)
    spans = read_spans.expand(events, since, until, spent, calendar.where)
    return Timeline(calendar, since, until, spans, zones.used)


def require_libraries() -> None:
    """Raises LibraryError where icalendar or python-dateutil is not on the host."""
    for name, trace in (("icalendar", read_events.IMPORT_ERROR), ("python-dateutil", read_spans.IMPORT_ERROR)):
        if trace is not None:
            raise LibraryError(name, trace)
