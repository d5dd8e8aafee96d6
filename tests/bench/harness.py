# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times commands on a host of the lab, a module among them as Ansible sends it, and sums up."""

from __future__ import annotations

import json
import shlex
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.integration.ansible import run_playbook
from tests.lab.hosts import Host, Lab
from tests.lab.progress import say

RUNS = 3
SENT = "/root/.ansible/tmp"
# Timed where it runs, so that no way to the host counts; the last line of the output tells.
TIMER = """
import json, resource, subprocess, sys, time
begun = time.monotonic()
done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
seconds = time.monotonic() - begun
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps([seconds, done.returncode, done.stdout[-4000000:], done.stderr[-4000:], peak]))
"""


@dataclass(frozen=True)
class Timed:
    """One run: seconds of wall time, and what it wrote to its standard output.

    peak_mib: the most memory that one of its processes had at once.
    """

    seconds: float
    stdout: str
    peak_mib: float = 0.0


@dataclass(frozen=True)
class Contender:
    """One way to do the work. before, after: what every run needs and nobody times."""

    name: str
    run: Callable[[], Timed]
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    # a slow one may be run less often, and says so
    runs: int = RUNS


@dataclass(frozen=True)
class Result:
    """What was measured by contender, in the order of the runs; less is better.

    ours: the first one's name. seconds: measured in `unit`, which is seconds nearly always.
    """

    bench: str
    ours: str
    seconds: Mapping[str, Sequence[float]]
    facts: Mapping[str, Any] = field(default_factory=dict)
    unit: str = "s"

    def median(self, name: str) -> float:
        """The median of a contender's seconds."""
        return statistics.median(self.seconds[name])

    def as_dict(self) -> dict[str, Any]:
        """The line that a benchmark ends with; the peer is the fastest of them, and None where there is none."""
        ours = self.median(self.ours)
        best = min((self.median(name) for name in self.seconds if name != self.ours), default=None)
        others = {name: round(self.median(name), 3) for name in self.seconds if name != self.ours}
        return {
            "bench": self.bench,
            "unit": self.unit,
            "ours": round(ours, 3),
            "peer": None if best is None else round(best, 3),
            "ratio": None if best is None else _ratio(best, ours),
            "runs": len(self.seconds[self.ours]),
            "peers": others,
            "ratios": {name: _ratio(seconds, ours) for name, seconds in others.items()},
            "all": {name: [round(one, 3) for one in seconds] for name, seconds in self.seconds.items()},
            **self.facts,
        }


def _ratio(peer: float, ours: float) -> float | None:
    """How many times ours the peer's is; None where ours is nothing at all."""
    return round(peer / ours, 2) if ours else None


def compare(bench: str, contenders: Sequence[Contender], **facts: Any) -> Result:
    """Run the contenders in turn, round by round; the first one is ours."""
    seconds: dict[str, list[float]] = {one.name: [] for one in contenders}
    for number in range(max(one.runs for one in contenders)):
        for one in [one for one in contenders if number < one.runs]:
            one.before()
            seconds[one.name].append(one.run().seconds)
            one.after()
            say(bench, f"run {number + 1}: {one.name} {seconds[one.name][-1]:.3f} s")
    return Result(bench, contenders[0].name, seconds, facts)


def timed(host: Host, argv: Sequence[str], *, user: str = "root", env: Mapping[str, str] | None = None) -> Timed:
    """Run a command on the host; any exit code but 0 is an error."""
    out = host.run(["python3", "-c", TIMER, *argv], user=user, env=dict(env or {}))
    seconds, code, stdout, stderr, peak_mib = json.loads(out.splitlines()[-1])
    assert code == 0, f"{shlex.join(argv)} ended with {code}: {stdout[-1500:]} {stderr[-2000:]}"
    return Timed(seconds, stdout, peak_mib)


def sent(lab: Lab, host: Host, module: str, args: dict[str, Any]) -> Callable[[], Timed]:
    """A module as Ansible sends it to a host, with its arguments; each call runs it there, start and imports included.

    It is called once to be sent, so its effect is there when this returns.
    """
    host.run(["rm", "-rf", SENT])
    task = {"name": "call", module: args}
    env = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_PIPELINING": "0"}
    play = {"hosts": host.name, "gather_facts": False, "tasks": [task]}
    run_playbook([play], lab.state.inventory, env=env).expect_success()
    short = module.rsplit(".", 1)[-1]
    found = host.run(["find", SENT, "-name", f"AnsiballZ_{short}.py"]).split()
    assert len(found) == 1, f"{module} was kept {len(found)} times on {host.name}"
    kept = f"/root/bench-{short}-{abs(hash(json.dumps(args, sort_keys=True)))}.py"
    host.run(["mv", found[0], kept])

    def call() -> Timed:
        done = timed(host, ["/usr/bin/python3", kept])
        answer = json.loads(done.stdout.strip().splitlines()[-1])
        assert not answer.get("failed"), answer.get("msg")
        return Timed(done.seconds, json.dumps(answer), done.peak_mib)

    return call
