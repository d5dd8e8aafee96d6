# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run make targets and end with a table of them: `python -m tests.quality.stages lint unit -- sanity -- test-parts`.

The stages before the first two hyphens run one after the other; then those of each later group, all groups at once,
since tests leave a core idle while they wait. Every stage runs, also after one that failed; the exit code is 1 when any
did, or when an area took longer than its budget. The output of each goes to the terminal, where a line begins with the
name of its stage while another one runs too, and to .build/log/<stage>.log; one of tests leaves a JUnit report beside
it, <stage>.xml, by which the time of each area is known.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from tests.quality import areas, machine

LOGS = Path(".build/log")
_COUNT = re.compile(r"(\d+) ([a-z]+)")
_CLOSING = re.compile(r"^(=+ )?(\d+ [a-z]+( passed)?(, )?)+( in [\d.]+s.*)?$")
# What a closing line counts that is neither a test that passed nor one that did not.
_ASIDE = ("warning", "warnings", "deselected", "rerun", "subtests")
_FINDING = re.compile(r"^(FAILED|ERROR) ")
_COLOUR = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True)
class Outcome:
    """How one stage ended."""

    stage: str
    exit_code: int
    seconds: float
    passed: int
    failed: int
    findings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the stage counts as passed."""
        return self.exit_code == 0 and self.failed == 0


def count(lines: Iterable[str], exit_code: int) -> tuple[int, int]:
    """The checks that passed and failed, as the closing lines of the output say; one check where there is none."""
    totals = {"passed": 0, "failed": 0}
    for line in lines:
        if _CLOSING.match(line.strip()):
            for number, word in _COUNT.findall(line.partition(" in ")[0]):
                if word not in _ASIDE:
                    totals["passed" if word == "passed" else "failed"] += int(number)
    if not any(totals.values()):
        return (1, 0) if exit_code == 0 else (0, 1)
    if exit_code != 0 and not totals["failed"]:
        totals["failed"] = 1
    return totals["passed"], totals["failed"]


def run(stage: str, prefix: str = "") -> Outcome:
    """Run `make <stage>`, showing and keeping what it prints. prefix: what each line begins with on the terminal."""
    print(f"\n##### {stage}", flush=True)
    started = time.monotonic()
    lines: list[str] = []
    with (
        (LOGS / f"{stage}.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(
            ["make", "--no-print-directory", stage],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(f"{prefix}{line}")
            sys.stdout.flush()
            log.write(line)
            lines.append(_COLOUR.sub("", line))
    passed, failed = count(lines, process.returncode)
    findings = tuple(line.strip() for line in lines if _FINDING.match(line))
    return Outcome(stage, process.returncode, time.monotonic() - started, passed, failed, findings)


def table(outcomes: Sequence[Outcome]) -> str:
    """The summary: a row a stage, the findings of those that failed, and the closing count on a line of its own."""
    width = max(len(outcome.stage) for outcome in outcomes)
    rows = [f"{'stage':<{width}}  result  seconds  passed  failed"]
    for each in outcomes:
        word = "ok" if each.ok else "FAILED"
        rows.append(f"{each.stage:<{width}}  {word:<6}  {each.seconds:7.0f}  {each.passed:6d}  {each.failed:6d}")
    total = sum(each.seconds for each in outcomes)
    passed, failed = sum(each.passed for each in outcomes), sum(each.failed for each in outcomes)
    rows.append(f"{'total':<{width}}  {'':6}  {total:7.0f}  {passed:6d}  {failed:6d}")
    for each in outcomes:
        if not each.ok:
            rows.append(
                f"\n{each.stage} failed with exit code {each.exit_code}; its output is in {LOGS}/{each.stage}.log"
            )
            rows.extend(f"  {finding}" for finding in each.findings[:20])
    rows.append(f"\n{passed} passed, {failed} failed")
    return "\n".join(rows)


def timed_tests(stage: str) -> list[areas.Timed]:
    """The tests that a stage reported one by one."""
    report = LOGS / f"{stage}.xml"
    return areas.read(report.read_text(encoding="utf-8")) if report.exists() else []


def side_by_side(groups: Sequence[Sequence[str]]) -> list[Outcome]:
    """Run the groups at the same time, and the stages of each one after the other."""
    width = max((len(stage) for group in groups for stage in group), default=0)
    with ThreadPoolExecutor(max(1, len(groups))) as pool:
        lanes = [pool.submit(lambda group: [run(one, f"{one:<{width}} | ") for one in group], each) for each in groups]
    return [outcome for lane in lanes for outcome in lane.result()]


def grouped(words: Sequence[str]) -> list[list[str]]:
    """The groups of stages in the words of a command, which two hyphens part."""
    groups: list[list[str]] = [[]]
    for word in words:
        if word == "--":
            groups.append([])
        else:
            groups[-1].append(word)
    return groups


def main(words: Sequence[str]) -> int:
    """Run all stages and print the table."""
    first, *others = grouped(words)
    if not first:
        print("usage: python -m tests.quality.stages TARGET... [-- TARGET...]...", file=sys.stderr)
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    for old in LOGS.glob("*.xml"):
        old.unlink()
    started = time.monotonic()
    with machine.sampled(areas.budgets().speed) as shares:
        outcomes = [*(run(stage) for stage in first), *side_by_side(others)]
    clock = time.monotonic() - started
    timed = {outcome.stage: timed_tests(outcome.stage) for outcome in outcomes}
    alone = [(outcome.stage, outcome.seconds) for outcome in outcomes if not timed[outcome.stage]]
    tests = [test for listed in timed.values() for test in listed]
    rows = areas.rows(alone, tests, areas.budgets(), clock, fmean(shares))
    print(f"\n##### areas\n{areas.report(rows, tests)}")
    print(f"\n##### summary\n{table(outcomes)}")
    return 0 if all(outcome.ok for outcome in outcomes) and not any(row.fault for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
