# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is observed of a tenant whose backups are as they should be, for tests that change one thing of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model import Keep, Policy
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import (
    BUCKET,
    Drill,
    Evidence,
    Judgement,
    Opened,
    StoreFacts,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.plan_compliance import judge_tenant
from ansible_collections.gantry.odoo.plugins.module_utils._repository.model_catalog import Catalog, Entry

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MIB = 1024 * 1024
POLICY = Policy("harbour", 1, 86400, 3600, Keep(last=50), drill_interval_s=28 * 86400, copies=2)
STORE = StoreFacts(BUCKET, NOW, versioning=True, region="eu-central-1")
DRILL = Drill(NOW - 3 * DAY, True, "b01", 600.0, 900.0)


def entry(number: int, age: timedelta, **given: Any) -> Entry:
    """A backup that was stored a minute after the moment that it shows."""
    moment = NOW - age
    fields: dict[str, Any] = {
        "snapshot": moment,
        "stored": moment + timedelta(minutes=1),
        "dump_bytes": 400 * MIB,
        "files": 1000,
        "files_bytes": 900 * MIB,
        "name": f"b{number:02}",
        **given,
    }
    return Entry(number=number, uuid="uuid", odoo_version="19.0", **fields)


def evidence(*entries: Entry, **given: Any) -> Evidence:
    """A tenant with these backups, by default one a day for ten days."""
    listed = entries or tuple(entry(number, (10 - number) * DAY + HOUR) for number in range(1, 11))
    fields: dict[str, Any] = {
        "policy": POLICY,
        "catalog": Catalog(9, 20, 0, listed),
        "written": {one.number: one.stored for one in listed},
        "opened": {one.name: Opened(100_000, 42.5) for one in listed[-5:]},
        "drills": (DRILL,),
        "lock_asked": True,
        **given,
    }
    return Evidence("harbour", **fields)


def judged(seen: Evidence | None = None, store: StoreFacts = STORE, **policy: Any) -> Judgement:
    """What follows; the given values replace those of the policy."""
    seen = seen or evidence()
    if policy and seen.policy:
        seen = replace(seen, policy=replace(seen.policy, **policy))
    return judge_tenant(seen, store)


def states(found: Judgement) -> dict[str, str]:
    """The state of each part."""
    return {one.name: one.state for one in found.parts}


def kinds(found: Judgement) -> list[tuple[str, str, str]]:
    """The findings without their sentences."""
    return [(one.kind, one.severity, one.backup) for one in found.findings]
