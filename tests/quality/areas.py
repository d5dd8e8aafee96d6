# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each area of the test suite took, held against its budget in tests/budgets.yml. Pure, but for `budgets`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

FILE = Path("tests/budgets.yml")
SLOWEST = 10


@dataclass(frozen=True)
class Timed:
    """One test with its area and the seconds that it took, preparation included."""

    area: str
    name: str
    seconds: float


@dataclass(frozen=True)
class Budgets:
    """Minutes of the clock by stage and by area of tests. workers: how many areas run side by side.

    speed: of the machine that they were cut on, as tests/quality/machine.py takes it.
    """

    workers: int
    speed: float
    total: float
    stages: Mapping[str, float]
    tests: Mapping[str, float]


@dataclass(frozen=True)
class Row:
    """What one area used, in minutes of the clock. budget: None where the file gives none.

    share: the part that the run was given of the machine that the budgets were cut on; a budget is for all of it.
    """

    area: str
    minutes: float
    budget: float | None
    share: float = 1.0

    @property
    def fault(self) -> str:
        """Why the row fails the run; empty where it does not."""
        if not self.minutes:
            return f"{self.area} has a budget and no test of it ran; see why, or remove its budget from {FILE}"
        if self.budget is None:
            return (
                f"{self.area} took {self.minutes:.1f} minutes and has no budget; give it one in {FILE}, or see why its "
                "stage left no report of single tests"
            )
        if self.minutes * self.share > self.budget:
            beside = "" if self.share == 1.0 else f" on {self.share:.0%} of the machine that the budgets were cut on"
            return (
                f"{self.area} took {self.minutes:.1f} minutes{beside}, and its budget is {self.budget:g}; make its "
                f"tests faster, or move a budget in {FILE}"
            )
        return ""


def budgets(text: str | None = None) -> Budgets:
    """The budgets of the project."""
    document: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8") if text is None else text)
    return Budgets(document["workers"], document["speed"], document["total"], document["stages"], document["tests"])


def area_of(path: str) -> str:
    """The area of a test by its node or file, with dots or slashes: the directory below tests/integration or
    tests/unit, or the one below tests, such as `molecule`; what pytest reports of itself is of the area `pytest`."""
    parts = path.partition("::")[0].replace(".", "/").split("/")
    return next(part for part in parts if part not in ("tests", "integration", "unit"))


def read(report: str) -> list[Timed]:
    """The tests of a JUnit report as pytest writes it."""
    return [
        Timed(
            area_of(case.attrib["classname"]),
            f"{case.attrib['classname'].replace('.', '/').removeprefix('tests/')}::{case.attrib['name']}",
            float(case.attrib["time"]),
        )
        for case in ElementTree.fromstring(report).iter("testcase")
    ]


def rows(
    stages: Iterable[tuple[str, float]], timed: Sequence[Timed], known: Budgets, clock: float, given: float = 1.0
) -> list[Row]:
    """A row for each stage, given with its seconds, that has no timed tests, one for each area, and their total.

    clock: the seconds that all took, which are shared out among what ran at the same time. given: the part of the
    machine that the budgets were cut on.
    """
    alone = list(stages)
    seconds: dict[str, float] = {}
    expected = known.tests if timed else {}
    for one in timed:
        seconds[one.area] = seconds.get(one.area, 0.0) + one.seconds
    used = sum(taken for _name, taken in alone) + sum(seconds.values())
    share = clock / used / 60 if used else 0.0
    return [
        *(Row(name, taken * share, known.stages.get(name), given) for name, taken in alone),
        *(
            Row(name, seconds.get(name, 0.0) * share, known.tests.get(name), given)
            for name in sorted({*seconds, *expected})
        ),
        Row("total", clock / 60, known.total, given),
    ]


def report(found: Sequence[Row], timed: Sequence[Timed]) -> str:
    """The table of areas, the slowest tests, and a sentence for each fault."""
    width = max(len(row.area) for row in found)
    lines = [f"{'area':<{width}}  minutes  budget"]
    for row in found:
        lines.append(f"{row.area:<{width}}  {row.minutes:7.1f}  {'-' if row.budget is None else f'{row.budget:6.1f}'}")
    if found[0].share < 1.0:
        had = f"{found[0].share:.0%} of the machine that the budgets were cut on"
        lines += ["", f"this run had {had}, by which the minutes count"]
    slowest = sorted(timed, key=lambda one: -one.seconds)[:SLOWEST]
    if slowest:
        lines += ["", f"the {len(slowest)} slowest tests", *(f"{one.seconds:7.1f} s  {one.name}" for one in slowest)]
    faults = [row.fault for row in found if row.fault]
    return "\n".join([*lines, *([""] if faults else []), *faults])
