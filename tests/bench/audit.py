# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies a large ledger and writes the report on it, by one call on the controller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from tests.bench.harness import TIMER, Timed
from tests.bench.ledger import History, sealed, write
from tests.lab.state import ROOT

ENTRIES, TENANTS, YEARS = 100_000, 200, 4
NAMES = tuple(f"t{number:03}" for number in range(TENANTS))
_MODULE = "gantry.odoo.change_audit"


def history(now: datetime) -> History:
    """What happened in a large estate."""
    return History(NAMES, now, timedelta(days=365 * YEARS))


def prepare(place: Path) -> dict[str, Any]:
    """A store with the ledger and its witness in a directory; the option `store` for it."""
    write(sealed(history(datetime.now(timezone.utc)).bodies(ENTRIES)), place / "store", place / "witness")
    return {
        "directory": str(place / "store"),
        "witness": {"directory": str(place / "witness")},
        "outbox": str(place / "outbox"),
    }


def audited(store: Mapping[str, Any], place: Path) -> Timed:
    """One call as its own process, start and imports included; it has to have verified all of the ledger."""
    tenants = [{"name": name, "tier": 1 + number % 3} for number, name in enumerate(NAMES)]
    args = {"store": dict(store), "directory": str(place / "report"), "tenants": tenants}
    command = [str(Path(sys.executable).with_name("ansible")), "localhost", "-m", _MODULE, "-a", json.dumps(args)]
    done = subprocess.run(
        [sys.executable, "-c", TIMER, *command],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, code, stdout, stderr, peak_mib = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, stdout[-2000:] + stderr[-2000:]
    with open(place / "report" / "report.json", encoding="utf-8") as stream:
        report = json.load(stream)
    assert report["verified"] is True
    assert (report["verification"]["sound"] >= ENTRIES, len(report["evidence"])) == (True, 2 * TENANTS)
    return Timed(seconds, stdout, peak_mib)


def facts(place: Path, store: Mapping[str, Any]) -> dict[str, Any]:
    """What `make bench NAME=gate` says of the audit."""
    done = audited(store, place)
    size = {name: round((place / "report" / f"report.{name}").stat().st_size / 2**20, 1) for name in ("json", "html")}
    return {"audit_s": round(done.seconds, 2), "audit_peak_mib": round(done.peak_mib, 1), "audit_mib": size}
