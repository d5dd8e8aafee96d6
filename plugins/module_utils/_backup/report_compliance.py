# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What backup_compliance returns: each promise, what proves it, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_compliance import (
    NOT_REQUIRED,
    OK,
    Drill,
    Judgement,
)
from ansible_collections.gantry.odoo.plugins.module_utils._backup.model_manifest import stamp
from ansible_collections.gantry.odoo.plugins.module_utils._core.report_time import duration

SHOWN = 3
Entry = Mapping[str, Any]


def entry(judged: Judgement, now: datetime) -> dict[str, Any]:
    """The return value for one tenant. now: by the store's clock."""
    moment, good, policy = judged.latest_moment, judged.last_good_drill, judged.policy
    age_s = (now - moment).total_seconds() if moment else None
    return {
        "tenant": judged.tenant,
        "tier": policy.tier if policy else None,
        "compliant": judged.compliant,
        "score": judged.score,
        "rules": dict(judged.rules),
        "parts": [asdict(one) for one in judged.parts],
        "findings": [asdict(one) for one in judged.findings],
        "backup": judged.latest.name if judged.latest else "",
        "last_success": stamp(moment) if moment else "",
        "age_s": None if age_s is None else round(age_s, 3),
        "age": "" if age_s is None else duration(age_s),
        "rpo_s": policy.rpo_s if policy else None,
        "drill_age_s": round((now - good.begun).total_seconds(), 3) if good else None,
        "drill_interval_s": policy.drill_interval_s if policy else None,
        "copies": {"proven": judged.proven_copies, "required": policy.copies if policy else None},
        "immutability": policy.immutability if policy else "",
        "locked_until": stamp(judged.locked_until) if judged.locked_until else "",
        "backups": judged.backups,
        "expired": judged.expired,
        "holds": judged.holds,
        "last_full_check": stamp(judged.checked) if judged.checked else "",
        "last_drill": _drill(judged.drills[0] if judged.drills else None),
        "last_proven_drill": _drill(good),
    }


def failure(judged: Sequence[Entry]) -> str:
    """One sentence for all tenants of which a promise is not proven; empty where there is none. judged: as `entry`."""
    faults = [
        f"tenant {one['tenant']}: {part['name']} is {part['state']}, {part['sentence']}; {part['remedy']}"
        for one in judged
        for part in one["parts"]
        if part["state"] not in (OK, NOT_REQUIRED)
    ]
    if not faults:
        return ""
    count = sum(not one["compliant"] for one in judged)
    more = f"; and {len(faults) - SHOWN} more, see the return value compliance" if len(faults) > SHOWN else ""
    return f"the backups of {count} of {len(judged)} tenants do not comply: {'; '.join(faults[:SHOWN])}{more}"


def _drill(drill: Drill | None) -> dict[str, Any] | None:
    return None if drill is None else {**asdict(drill), "begun": stamp(drill.begun)}
