# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An area that takes longer than its budget fails `make test` with a sentence that says so."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.quality import machine
from tests.quality.areas import Budgets, Timed, area_of, budgets, read, report, rows

KNOWN = Budgets(workers=2, speed=15800, total=10, stages={"sanity": 3}, tests={"odoo": 1, "redis": 5})
REPORT = """<?xml version="1.0"?><testsuites><testsuite>
<testcase classname="tests.integration.odoo.test_kill" name="test_a[1]" time="90.5"/>
<testcase classname="tests.molecule.test_scenarios" name="test_scenario[redis]" time="30"/>
</testsuite></testsuites>"""


@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("tests/integration/odoo/test_kill.py", "odoo"),
        ("tests.integration.site.test_site", "site"),
        ("tests/unit/redis/test_plan.py", "redis"),
        ("tests/molecule/test_scenarios.py::test_scenario[a/b.c]", "molecule"),
    ],
)
def test_the_area_of_a_test_is_its_directory(path: str, area: str) -> None:
    assert area_of(path) == area


def test_a_report_of_pytest_is_read() -> None:
    assert read(REPORT) == [
        Timed("odoo", "integration/odoo/test_kill::test_a[1]", 90.5),
        Timed("molecule", "molecule/test_scenarios::test_scenario[redis]", 30),
    ]


def test_tests_side_by_side_count_by_their_share_of_the_clock() -> None:
    timed = [Timed("odoo", "a", 60), Timed("odoo", "b", 48), Timed("redis", "c", 120)]
    found = rows([("sanity", 90.0)], timed, KNOWN, clock=159.0)
    assert [(row.area, round(row.minutes, 2), row.budget) for row in found] == [
        ("sanity", 0.75, 3),
        ("odoo", 0.9, 1),
        ("redis", 1.0, 5),
        ("total", 2.65, 10),
    ]
    assert sum(row.minutes for row in found[:-1]) == pytest.approx(found[-1].minutes)
    assert not any(row.fault for row in found)


def test_an_area_over_its_budget_and_one_without_are_faults() -> None:
    timed = [Timed("odoo", "a", 180), Timed("new", "b", 12)]
    found = rows([], timed, KNOWN, clock=96.0)
    text = report(found, timed)
    assert "odoo took 1.5 minutes, and its budget is 1; make its tests faster" in text
    assert "new took 0.1 minutes and has no budget" in text
    assert "redis has a budget and no test of it ran" in text
    assert "  180.0 s  a" in text


def test_a_minute_of_a_slower_machine_counts_by_its_speed() -> None:
    timed = [Timed("odoo", "a", 78), Timed("redis", "b", 60)]
    assert rows([], timed, KNOWN, clock=138.0)[0].fault == (
        "odoo took 1.3 minutes, and its budget is 1; make its tests faster, or move a budget in tests/budgets.yml"
    )
    beside = rows([], timed, KNOWN, clock=138.0, given=0.6)
    assert not any(row.fault for row in beside)
    assert "this run had 60% of the machine that the budgets were cut on, by which the minutes" in report(beside, timed)
    assert "odoo took 1.3 minutes on 90% of the machine that the budgets were cut" in (
        rows([], timed, KNOWN, 138.0, 0.9)[0].fault
    )


def test_the_speed_of_the_machine_is_measured_all_along_the_run() -> None:
    assert machine.share(speed=1, seconds=0.05) == 1
    assert 0 < machine.share(speed=10**9, seconds=0.05) < 0.01
    with machine.sampled(speed=10**9, every=0.01) as shares:
        time.sleep(2)
    assert len(shares) > 2
    assert all(0 < one < 0.01 for one in shares)
    taken = len(shares)
    time.sleep(0.1)
    assert len(shares) == taken


def test_the_project_has_a_total_that_holds_and_a_budget_for_each_area() -> None:
    known = budgets()
    assert known.total == 45
    over = rows([("lint-types", 10.0)], [], known, clock=46 * 60)
    assert [row.fault for row in over if row.area == "total"] == [
        "total took 46.0 minutes, and its budget is 45; make its tests faster, or move a budget in tests/budgets.yml"
    ]
    # an area alone never has so much room that the total says nothing of it
    assert round(sum(known.stages.values()) + sum(known.tests.values()), 1) <= 1.4 * known.total
    directories = {path.parent.name for path in Path("tests/integration").glob("*/test_*.py")} | {"molecule"}
    assert set(known.tests) == directories
