# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ledger of 100,000 entries and 200 tenants costs the controller. No peer has one: bounds are the measure."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench import audit, decision
from tests.bench.erp import Erp
from tests.bench.harness import Result
from tests.lab.progress import say


def run(_erp: Erp) -> list[Result]:
    """A decision, and the audit of the ledger, in a store of files."""
    with tempfile.TemporaryDirectory(prefix="gantry-bench-") as directory:
        place = Path(directory)
        say("gate", f"make a ledger of {audit.ENTRIES} entries")
        store = audit.prepare(place)
        decision.prove(store, audit.NAMES)
        cold, warm = decision.decided(place, store, audit.NAMES)
        found = audit.facts(place, store)
    facts = {
        "entries": audit.ENTRIES,
        "tenants": audit.TENANTS,
        "calendars": decision.CALENDARS,
        "cold_s": round(cold, 2),
    }
    name = "gantry.odoo.change_gate"
    return [Result("gate", name, {name: warm}, {**facts, **found})]
