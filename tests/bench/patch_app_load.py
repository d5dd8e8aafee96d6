# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users notice of a rolling patch of the app nodes: the longest time without an answer, and what failed.

On the estate of the demo, which stays where it was up before. No peer patches an estate.
"""

from __future__ import annotations

import itertools
import time

from tests.bench.erp import Erp
from tests.bench.harness import Result, say
from tests.lab import demo as the
from tests.lab.hosts import Lab
from tests.lab.spec import DEMO

# There and back, twice.
PATCHES = 4
# What a patch needs, such as a backup and a drill, comes before it in the demo.
BEFORE = the.PHASES[: [phase for _title, phase in the.PHASES].index(the.patch)]
BOUND_S, WARM_S = 1.5, 30


def run(_erp: Erp) -> list[Result]:
    """Patch the nodes under load, from one release to the other."""
    lab = Lab(DEMO)
    was_up = bool(lab.status())
    demo = the.Demo(lab, the.Screen(len(BEFORE) + PATCHES))
    for title, phase in BEFORE:
        demo.screen.begin(title)
        demo.screen.end(phase(demo))
    # the first users of a new estate wait as well, and that is no patch's doing
    with demo.load("before"):
        time.sleep(WARM_S)
    demo.loads.clear()
    for release in itertools.islice(itertools.cycle(reversed(the.RELEASES)), PATCHES):
        demo.screen.begin("gantry.odoo.patch")
        with demo.load("patch"):
            demo.run("patch", patch_release=release)
        demo.screen.end(release)
    for number, load in enumerate(demo.loads, 1):
        say(
            "patch-app-load", f"patch {number}: longest gap {load.longest_gap_s} s, {load.failed} of {load.sent} failed"
        )
    if not was_up:
        the.down()
    facts = {
        "failed_requests": sum(load.failed for load in demo.loads),
        "logged_out": sum(load.logged_out for load in demo.loads),
        "sent": sum(load.sent for load in demo.loads),
        "longest_gap_s": max(load.longest_gap_s for load in demo.loads),
        "bound_s": BOUND_S,
    }
    gaps = [load.longest_gap_s for load in demo.loads]
    return [Result("patch-app-load", "gantry.odoo.patch", {"gantry.odoo.patch": gaps}, facts, "s without an answer")]
