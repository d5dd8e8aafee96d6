# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""iCal files as text, and what this project reads in them."""

from __future__ import annotations

from datetime import datetime, timezone

from ansible_collections.gantry.odoo.plugins.module_utils._calendar.model import Calendar
from ansible_collections.gantry.odoo.plugins.module_utils._calendar.read import timeline_of

UTC = timezone.utc
SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
PAYROLL = Calendar("payroll", "freeze", "tenant:harbour", "/inventory/payroll.ics")
HOUR = "DTSTART:20260105T200000Z\nDTEND:20260105T210000Z"


def event(text: str, uid: str = "one") -> str:
    """A VEVENT with these lines."""
    return f"BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20260101T000000Z\n{text}\nEND:VEVENT\n"


def file_of(*events: str, front: str = "") -> bytes:
    """A file of events. front: further lines of the calendar."""
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//gantry//test//EN\n{front}{''.join(events)}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def spans_in(
    content: bytes, calendar: Calendar = PAYROLL, since: datetime = SINCE, until: datetime = UNTIL
) -> list[tuple[datetime, datetime]]:
    """Start and end of each span."""
    return [(span.start, span.end) for span in timeline_of(calendar, content, since, until).spans]


def starts_in(text: str, zone: str = "", front: str = "") -> list[str]:
    """The starts of one event's spans, in UTC, as text."""
    calendar = Calendar("payroll", "freeze", "tenant:harbour", "/inventory/payroll.ics", zone)
    return [f"{start:%Y-%m-%d %H:%M}" for start, _end in spans_in(file_of(event(text), front=front), calendar)]
