# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.bench NAME` runs one benchmark, without a name all of them, which then fill docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from datetime import date

from tests.bench import (
    addons_noop,
    backup,
    cert_rotate,
    cert_scan,
    clone,
    converge,
    create,
    estate,
    gate,
    patch_app_load,
    policy,
    redis_converge,
    redis_switch,
    route_churn,
    routes_1000,
)
from tests.bench.erp import Erp
from tests.bench.harness import Result
from tests.lab.hosts import Lab
from tests.lab.spec import BENCH
from tests.lab.state import ROOT

# What is measured in one go is asked for by any of its names.
BENCHES: dict[tuple[str, ...], Callable[[Erp], list[Result]]] = {
    ("estate",): estate.run,
    ("redis-switch",): redis_switch.run,
    ("redis-converge",): redis_converge.run,
    ("create",): create.run,
    ("addons-noop",): addons_noop.run,
    ("clone", "clone-copied"): clone.run,
    ("backup-noop", "backup-first", "backup-delta", "restore", "backup-delta-10x"): backup.run,
    ("policy",): policy.run,
    ("gate",): gate.run,
    ("patch-app-load",): patch_app_load.run,
    ("cert-scan",): cert_scan.run,
    ("cert-rotate",): cert_rotate.run,
    ("routes-1000",): routes_1000.run,
    ("route-churn",): route_churn.run,
    # last, for it ends with the removal of a thousand databases, which slows whoever makes files after it
    ("converge", "converge-1000"): converge.run,
}
PAGE = ROOT / "docs" / "benchmarks.md"


def table(results: Sequence[Result]) -> str:
    """The page of benchmarks."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`: medians, ours and the peers' in turn on the same host; seconds are wall time, of a",
        "module as its own process, start and imports included. More than 1 is in our favor. Compare ratios, not",
        "seconds: those are of this machine.",
        "",
        f"{date.today().isoformat()}, {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB; Odoo 19.0, "
        "PostgreSQL 17, Redis 8.0 and Traefik 3.7 in containers.",
        "",
        "| Benchmark | Unit | Runs | Ours | Peer | The peer's | Ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in results:
        told = one.as_dict()
        ours = (told["bench"], told["unit"], told["runs"], f"{told['ours']:.2f}")
        peers = [(name, f"{seconds:.2f}", told["ratios"][name] or "-") for name, seconds in told["peers"].items()]
        lines += [f"| {' | '.join(map(str, (*ours, *peer)))} |" for peer in peers or [("-", "-", "-")]]
    return "\n".join(lines) + "\n"


def main(names: Sequence[str]) -> int:
    """Run benchmarks; each ends with a line of JSON."""
    known = [name for group in BENCHES for name in group]
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"there is no benchmark {unknown[0]}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    results: list[Result] = []
    try:
        for group, run in BENCHES.items():
            if names and not set(names) & set(group):
                continue
            found = run(Erp())
            results += found
            # those that were asked for come last, and else the one that the group is called by
            for one in sorted(found, key=lambda result: (result.bench in names, result.bench == group[0])):
                print(json.dumps(one.as_dict()), flush=True)
    finally:
        if os.environ.get("GANTRY_KEEP_LAB") != "1":
            Lab(BENCH).down()
    if not names:
        PAGE.write_text(table(results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
