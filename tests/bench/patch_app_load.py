# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users notice of a rolling patch of the app nodes: the longest time without an answer, and what failed.

On the estate of the demo, which stays where it was up before. No peer patches an estate.
"""

from __future__ import annotations

from tests.bench.erp import Erp
from tests.bench.harness import Result, say
from tests.lab import demo as the
from tests.lab.hosts import Lab
from tests.lab.spec import DEMO

# There and back, twice.
PATCHES = 4
BOUND_S = 1.5


def run(_erp: Erp) -> list[Result]:
    """Patch the nodes under load, from one release to the other."""
    lab = Lab(DEMO)
    was_up = bool(lab.status())
    demo = the.Demo(lab, the.Screen(3 + PATCHES))
    patches = [("gantry.odoo.patch", the.patch)] * PATCHES
    for title, phase in [*the.PHASES[:2], ("gantry.odoo.backup", the.backup), *patches]:
        demo.screen.begin(title)
        demo.screen.end(phase(demo))
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
