# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One decision of the gate on a change of 200 tenants: a ledger of years, their evidence, and 50 calendars."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_ledger import open_ledger
from ansible_collections.gantry.odoo.plugins.module_utils._change.apply_parts import PartsLog
from ansible_collections.gantry.odoo.plugins.module_utils._change.plan_parts import plan_open, plan_undo
from ansible_collections.gantry.odoo.plugins.module_utils._core.deadline import Deadline
from tests.bench.ledger import entry
from tests.lab.state import ROOT

CALENDARS, YEARS, RUNS = 50, 5, 5
_ZONES = ("Europe/Berlin", "America/Toronto", "Asia/Kolkata")
_HOUR, _SECONDS = timedelta(hours=1), 600


def prove(store: Mapping[str, Any], tenants: Sequence[str]) -> None:
    """Give each tenant a backup and a drill of today, by the ledger itself, which keeps where they are."""
    ledger, now = open_ledger(store), datetime.now(timezone.utc)
    # a store whose ledger has parts has a log of them
    PartsLog(ledger.objects).write(lambda seen: plan_open(seen, "patch-1", ["app1"], {}, now), Deadline(_SECONDS))
    PartsLog(ledger.objects).write(lambda seen: plan_undo(seen, "patch-1", ""), Deadline(_SECONDS))
    for event in ("backup", "drill"):
        for first in range(0, len(tenants), 10):
            outcomes = [{"tenant": one, "ok": True, "error": "", "number": 1} for one in tenants[first : first + 10]]
            change = {"id": f"{event}-{first}", "kind": event, "requester": "timer", "class": "standard"}
            body = entry(now - _HOUR, change, event, host="app1", repository="main", tenants=outcomes)
            ledger.append(body, Deadline(_SECONDS))


def calendars(place: Path, tenants: Sequence[str]) -> list[dict[str, str]]:
    """Files of calendars as an inventory declares them: windows that are open, and freezes that begin within a day."""
    place.mkdir()
    listed = []
    for number in range(CALENDARS):
        path, kind = place / f"{number}.ics", "window" if number % 5 == 0 else "freeze"
        path.write_text(_calendar(number, kind), encoding="utf-8")
        concerns = ("estate", "group:app", f"tenant:{tenants[number % len(tenants)]}")[number % 3]
        listed.append({"name": f"calendar {number}", "kind": kind, "concerns": concerns, "source": str(path)})
    return listed


def _calendar(number: int, kind: str) -> str:
    """Five years around now: an event of its own each week and, by rules, another one each week and each month."""
    zone, now = _ZONES[number % len(_ZONES)], datetime.now(timezone.utc).replace(microsecond=0)
    starts = now - _HOUR if kind == "window" else now + _HOUR * (6 + number % 12)
    weeks = range(-26 * YEARS, 26 * YEARS)
    events = [_event(f"{number}-{week}", starts + timedelta(weeks=week)) for week in weeks]
    first = starts + timedelta(weeks=weeks[0])
    # the day of the month that is ahead, where the first month has it
    monthly = first.replace(day=min(starts.day, 28))
    events.append(_event(f"{number}-weekly", first, zone, f"FREQ=WEEKLY;COUNT={len(weeks)}"))
    events.append(_event(f"{number}-monthly", monthly, zone, f"FREQ=MONTHLY;COUNT={12 * YEARS}"))
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//gantry//bench//EN", *events, "END:VCALENDAR", ""]
    return "\r\n".join(lines)


def _event(uid: str, start: datetime, zone: str = "UTC", rule: str = "") -> str:
    """An event of four hours."""
    begins, ends = (f"{one.astimezone(ZoneInfo(zone)):%Y%m%dT%H%M%S}" for one in (start, start + 4 * _HOUR))
    lines = ["BEGIN:VEVENT", f"UID:{uid}", f"DTSTAMP:{start:%Y%m%dT%H%M%S}Z"]
    lines += [f"DTSTART;TZID={zone}:{begins}", f"DTEND;TZID={zone}:{ends}"]
    return "\r\n".join([*lines, *([f"RRULE:{rule}"] if rule else []), "END:VEVENT"])


def decided(place: Path, store: Mapping[str, Any], tenants: Sequence[str]) -> tuple[float, list[float]]:
    """The seconds of the gate's task without an index of the calendars, and with it; each has to let the change go on.

    As ansible-playbook tells them, so its own start does not count.
    """
    play = place / "gate.yml"
    play.write_text(yaml.safe_dump(_play(store, tenants, calendars(place / "calendars", tenants))), encoding="utf-8")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(play)],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    tasks = json.loads(done.stdout[done.stdout.index("{") :])["plays"][0]["tasks"]
    asked = [one for one in tasks if one["task"]["name"].startswith("Ask")]
    assert len(asked) == 1 + RUNS
    assert all(one["hosts"]["localhost"]["allowed"] for one in asked)
    seconds = [_moment(one["end"]) - _moment(one["start"]) for one in (each["task"]["duration"] for each in asked)]
    return seconds[0].total_seconds(), [one.total_seconds() for one in seconds[1:]]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _play(store: Mapping[str, Any], tenants: Sequence[str], declared: Sequence[Mapping[str, str]]) -> list[Any]:
    """A change that is opened, decided on again and again, and closed."""
    touched = [{"name": one, "tier": 1, "groups": ["app"]} for one in tenants]
    papers = {"kind": "patch_redis", "requester": "mara", "reason": "a benchmark", "approver": "tom"}
    asked = {"gantry.odoo.change_gate": {"store": dict(store), "change": "{{ opened.change }}", "tenants": touched}}
    opened = {**papers, "store": dict(store), "calendars": [*declared], "tenants": touched, "groups": ["redis"]}
    index = str(Path(store["outbox"]) / "calendars")
    tasks = [
        {"name": "Open the change", "gantry.odoo.change_open": opened, "register": "opened"},
        {"name": "Remove the index", "ansible.builtin.file": {"path": index, "state": "absent"}},
        {"name": "Ask without an index", **asked},
        *({"name": f"Ask, time {number}", **asked} for number in range(1, RUNS + 1)),
        {
            "name": "Close the change",
            "gantry.odoo.change_close": {"store": dict(store), "change": "{{ opened.change }}"},
        },
    ]
    return [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]
