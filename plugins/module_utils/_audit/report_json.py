# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit as JSON: the head with the verdict, each change, and what was counted. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from ansible_collections.gantry.odoo.plugins.module_utils._audit.model import Change, Filters
from ansible_collections.gantry.odoo.plugins.module_utils._audit.model_report import Report, is_open
from ansible_collections.gantry.odoo.plugins.module_utils._audit.plan_findings import Verification

FORMAT = 1


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no part of a report")


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=_plain)


def head(checked: Verification, filters: Filters, now: datetime) -> str:
    """The beginning of the document, up to the first change."""
    found = {
        "format": FORMAT,
        "verified": checked.verified,
        "verdict": checked.sentence,
        "verification": {
            "where": checked.where,
            "last": checked.last,
            "hash": checked.hash,
            "sound": checked.entries,
            "faults": [asdict(one) for one in checked.faults],
            "fault_count": checked.count,
            "witness": {
                "declared": bool(checked.witness.where),
                "where": checked.witness.where,
                "silence": checked.witness.silence,
                "begun": checked.witness.begun,
                "newest": asdict(checked.witness.newest) if checked.witness.newest else None,
            },
        },
        "now": now,
        "filters": {"tenant": filters.tenant, "since": filters.since, "until": filters.until},
    }
    return _ENCODER.encode(found)[:-1] + ',"changes":[\n'


def change_line(change: Change) -> str:
    """A change, without what is empty. What is not recorded is not there; a score is null where the entry has none."""
    body = {
        **{name: value for name, value in vars_of(change).items() if value not in ("", (), None, 0)},
        "sound": change.sound,
        "settled": not is_open(change),
        "approvers": change.approvers,
        "breaks_glass": change.breaks_glass,
        "lacks": change.lacks,
    }
    return _ENCODER.encode(body)


def vars_of(change: Change) -> dict[str, Any]:
    """The fields of a change, with the class by the name that entries have for it."""
    found = {name: getattr(change, name) for name in _FIELDS}
    found["class"] = change.classification
    found["ended_by"] = change.settled
    for name in ("parts", "gates", "approvals", "reviews", "breaks"):
        found[name] = tuple(asdict(one) for one in getattr(change, name))
    return found


def tail(report: Report, open_count: int) -> str:
    """The end of the document, behind the last change."""
    summary = report.summary
    found = {
        "summary": {
            "entries": summary.entries,
            "events": summary.events,
            "outcomes": summary.outcomes,
            "not_settled": open_count,
            "resumed": summary.resumed,
            "recorded_late": summary.late,
            "by": {name: [asdict(one) for one in listed] for name, listed in summary.tallies.items()},
        },
        "evidence": [
            {
                "tenant": one.tenant.name,
                "tier": one.tenant.tier,
                "kind": one.kind,
                "state": one.state,
                "age_s": one.age_s,
                "limit_s": one.limit_s,
                **asdict(one.series),
            }
            for one in report.evidence
        ],
        "unsound_evidence": report.doubted,
        "repository": {"why": report.promises_why, "tenants": [asdict(one) for one in report.promises]},
        "proven_hosts": [asdict(one) for one in report.deeds],
        "certificates": {
            "why": report.scan.why,
            "time": report.scan.time,
            "certificates": [asdict(one) for one in report.scan.certificates],
        },
        "leases_broken": {"count": summary.break_count, "first": [asdict(one) for one in summary.breaks]},
        "calendars": {
            "declared": report.calendars.declared,
            "why": report.calendars.why,
            "count": report.calendars.count,
            "spans": [asdict(one) for one in report.calendars.spans],
        },
        "remarks": [*report.remarks, *summary.remarks],
    }
    return "\n]," + _ENCODER.encode(found)[1:] + "\n"


_FIELDS = (
    "id", "kind", "requester", "approver", "reason", "opened", "ended", "outcome", "why", "tenants", "covers",
    "failures", "resumes", "way", "resumed_by", "request", "first", "last", "late",
)  # fmt: skip
