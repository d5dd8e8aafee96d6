# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recurrence rule may state: what RFC 5545 allows, what programs agree on, and what is short to count. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
MOST_A_DAY = 24
MOST_COUNT = 100_000
MOST_INTERVAL = 1000
# From another first day of a week libical 3 counts other weeks than dateutil does.
WEEK_STARTS = ("MO", "SU")
_LIMITS = {"BYHOUR": (0, 23), "BYMINUTE": (0, 59), "BYSECOND": (0, 59), "BYMONTH": (1, 12)}
_SIGNED = {"BYMONTHDAY": 31, "BYYEARDAY": 366, "BYWEEKNO": 53, "BYSETPOS": 366}
_NAMES = {"FREQ", "UNTIL", "COUNT", "INTERVAL", "WKST", "BYDAY", *_LIMITS, *_SIGNED}
# Parts that RFC 5545 forbids for a frequency.
_FORBIDDEN = {
    "BYWEEKNO": ("MONTHLY", "WEEKLY", "DAILY"),
    "BYYEARDAY": ("MONTHLY", "WEEKLY", "DAILY"),
    "BYMONTHDAY": ("WEEKLY",),
}
_WEEKDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")


def rule_faults(rule: Mapping[str, Sequence[Any]], names: Sequence[str]) -> list[str]:
    """Why a rule is refused, each as the end of a sentence. names: of its parts, as often as they are there."""
    return [*_frequency(rule, names), *_numbers(rule), *_combined(rule)]


def _frequency(rule: Mapping[str, Sequence[Any]], names: Sequence[str]) -> list[str]:
    strange = sorted(set(names) - _NAMES)
    twice = sorted({name for name in names if names.count(name) > 1})
    said = [str(one).upper() for one in rule.get("FREQ", ())]
    faults = [f"has the part {strange[0][:80]}, which is not read; write it without"] if strange else []
    faults += [f"has {twice[0]} twice; leave one"] if twice else []
    if len(said) != 1 or said[0] not in FREQUENCIES:
        faults.append(f"recurs by FREQ={','.join(said)}; windows and freezes recur by {', '.join(FREQUENCIES)}")
    if "WKST" in rule and str(rule["WKST"][0]).upper() not in WEEK_STARTS:
        faults.append(
            f"has WKST={rule['WKST'][0]}, and programs count such weeks differently; use {' or '.join(WEEK_STARTS)}"
        )
    if "COUNT" in rule and "UNTIL" in rule:
        faults.append("has COUNT and UNTIL; leave one")
    return faults


def _numbers(rule: Mapping[str, Sequence[Any]]) -> list[str]:
    faults = []
    for name, most in (("COUNT", MOST_COUNT), ("INTERVAL", MOST_INTERVAL)):
        if name in rule and not 1 <= int(rule[name][0]) <= most:
            faults.append(f"has {name}={rule[name][0]}; 1 to {most} is accepted")
    for name, (least, most) in _LIMITS.items():
        wrong = [one for one in rule.get(name, ()) if not str(one).isdecimal() or not least <= int(one) <= most]
        faults += [f"has {wrong[0]} in {name}; {least} to {most} is accepted"] if wrong else []
    for name, most in _SIGNED.items():
        wrong = [one for one in rule.get(name, ()) if not 1 <= abs(int(one)) <= most]
        faults += [f"has {wrong[0]} in {name}; 1 to {most} or -1 to -{most} is accepted"] if wrong else []
    return faults


def _combined(rule: Mapping[str, Sequence[Any]]) -> list[str]:
    frequency = str(rule["FREQ"][0]).upper() if rule.get("FREQ") else ""
    faults = [
        f"has {name} with FREQ={frequency}, which RFC 5545 forbids; correct it"
        for name, refused in _FORBIDDEN.items()
        if name in rule and frequency in refused
    ]
    days = [_WEEKDAY.fullmatch(str(one).upper()) for one in rule.get("BYDAY", ())]
    numbered = [one[1] for one in days if one and one[1]]
    most = 5 if frequency == "MONTHLY" or "BYMONTH" in rule else 53
    if not all(days) or any(not 1 <= abs(int(one)) <= most for one in numbered):
        faults.append("has a weekday in BYDAY that there is not; correct it")
    if numbered and (frequency not in ("MONTHLY", "YEARLY") or "BYWEEKNO" in rule):
        faults.append("numbers the weekdays in BYDAY, which RFC 5545 allows for months and years alone; correct it")
    if "BYSETPOS" in rule and not any(name.startswith("BY") and name != "BYSETPOS" for name in rule):
        faults.append("has BYSETPOS and no other part that begins with BY; add one")
    often = prod(len(rule.get(name, "1")) for name in ("BYHOUR", "BYMINUTE", "BYSECOND"))
    if often > MOST_A_DAY:
        faults.append(f"begins {often} times a day, and at most {MOST_A_DAY} are read; write one longer span")
    return faults
