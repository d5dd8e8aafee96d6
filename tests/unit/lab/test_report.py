# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's summary tells what the ledger and the load generator counted, and fits a screen."""

from __future__ import annotations

from typing import Any

from tests.lab import report


def entry(kind: str, event: str, **facts: Any) -> dict[str, Any]:
    return {"change": {"kind": kind}, "event": event, "facts": facts}


ENTRIES = [
    entry("site", "closed", homes={}),
    entry(
        "backup",
        "backup",
        tenants=[
            {
                "tenant": "harbour",
                "id": "20261122T120958Z",
                "bytes_sent": 5883420,
                "files_total": 420,
                "files_sent": 20,
                "duration_s": 4.571,
            }
        ],
    ),
    entry("restore_drill", "drill", tenants=[{"tenant": "harbour", "rto_s": 33.464, "rpo_s": 53.0}]),
    entry("patch", "proven", host="app1", release_before="2026.11.1", release_after="2026.11.2", away_s=12.4),
    entry(
        "renew_certificates",
        "proven",
        host="edge2",
        certificates=[{"name": "north", "serial_before": "5CAEB0188462DDEC", "serial_after": "18CF6BE4B05AABC6"}],
    ),
    entry(
        "migrate",
        "proven",
        tenant="north",
        **{"from": "app"},
        to="box",
        downtime_s=26.5,
        tables=134,
        rows=15857,
        files=10,
        way_back="ansible-playbook -i inventories/lab gantry.odoo.migrate -e tenant=north -e destination=app",
    ),
]


def made(**given: Any) -> list[str]:
    defaults: dict[str, Any] = {
        "access": [report.Access("https://north.lab.example", "north", "box", ".lab/gantry-lab/secrets/admin_north")],
        "loads": [report.Load("patch", 5613, 0, 0, 0.456, 0)],
        "entries": ENTRIES,
        "addresses": ["172.30.77.10", "172.30.77.11"],
        "authority": ".lab/gantry-lab/acme-root.pem",
        "ledger": ".lab/gantry-lab/store",
        "elapsed_s": 461.2,
        "site_changes": 0,
    }
    return report.summary(**{**defaults, **given}).splitlines()


def test_everything_that_was_proven_is_told() -> None:
    text = "\n".join(made())
    for told in (
        "7 min 41 s",
        "https://north.lab.example  north on box, admin, password in .lab/gantry-lab/secrets/admin_north",
        "hosts file: 172.30.77.10 north.lab.example",
        "hosts file: 172.30.77.11 north.lab.example",
        "nothing to change",
        "backup harbour: 20261122T120958Z, 6 MiB sent, 420 files (20 new), 4.6 s",
        "drill harbour: proven, RTO 33.5 s, RPO 53 s",
        "5613 sent, 0 failed, 0 logged out, 0 connections cut, longest gap 0.46 s",
        "app1: 2026.11.1 -> 2026.11.2, away for 12 s",
        "edge2: north      serial 5CAEB0188462DDEC -> 18CF6BE4B05AABC6",
        "north: app -> box, down for 26.5 s, 134 tables, 15857 rows, 10 files equal",
        "to go back: ansible-playbook -i inventories/lab gantry.odoo.migrate -e tenant=north -e destination=app",
        ".lab/gantry-lab/store, 6 entries of this run",
    ):
        assert told in text, told


def test_what_did_not_happen_is_not_passed_over() -> None:
    assert made(entries=[]).count("  nothing recorded") == 4
